"""Durations, timestamps and addresses as a runbook writes them."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutover_tui.core import durations
from cutover_tui.core.addresses import is_user, parse_host, parse_host_port, parse_jump
from cutover_tui.core.durations import format_duration, parse_duration
from cutover_tui.core.timestamps import utc_ns

MS = 1_000_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("250ms", 250),
        ("90s", 90_000),
        ("10min", 600_000),
        ("2h", 7_200_000),
        ("1h30min", 5_400_000),
        ("3d", 259_200_000),
        ("1d2h3min4s5ms", 93_784_005),
        ("0s", 0),
        ("366d", 366 * 86_400_000),
    ],
)
def test_durations(text: str, ms: int) -> None:
    assert parse_duration(text) == ms * MS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10",
        "-10s",
        "1.5h",
        "10 s",
        "10sec",
        "5m",
        "s",
        "min",
        "30min1h",
        "1h1h",
        "1e3s",
        "١s",
        "10s\n",
        "367d",
        "9" * 99 + "s",
    ],
)
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(is|has) "):
        parse_duration(text)


@given(st.integers(0, durations.LONGEST // MS))
def test_a_duration_survives_writing_and_reading(ms: int) -> None:
    text = format_duration(ms * MS)
    assert parse_duration(text) == ms * MS
    assert re.fullmatch(durations.PATTERN, text, re.ASCII)
    assert json.dumps(text) == f'"{text}"'


def test_less_than_a_millisecond_is_still_told() -> None:
    assert format_duration(1) == "1ns"
    assert format_duration(1_500_000_001) == "1s500ms"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-03-14T22:00:00+01:00", 1_773_522_000),
        ("2026-03-14T21:00:00Z", 1_773_522_000),
        ("2106-02-07T06:28:16Z", 1 << 32),
        ("1969-12-31T23:59:59Z", -1),
    ],
)
def test_timestamps(text: str, seconds: int) -> None:
    assert utc_ns(text) == seconds * 1_000_000_000


def test_fractions_of_a_second_are_exact() -> None:
    assert utc_ns("1970-01-01T00:00:00.000001Z") == 1000


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-03-14", "2026-03-14T22:00:00", "2026-03-14 22:00:00Z", "2026-13-01T00:00:00Z", "2026-03-14T24:01:00Z", "2026-03-14T22:00:00+25:00", "2026-03-14T22:00:00Z\n"],
)  # fmt: skip
def test_no_timestamps(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(is|has|does) "):
        utc_ns(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("host", ("host", None)),
        ("host.example.com:22", ("host.example.com", 22)),
        ("10.0.0.1:11123", ("10.0.0.1", 11123)),
        ("2001:db8::1", ("2001:db8::1", None)),
        ("fe80::1%eth0", ("fe80::1%eth0", None)),
        ("[::1]:123", ("::1", 123)),
        ("[::1]", ("::1", None)),
    ],
)
def test_hosts_and_ports(text: str, parts: tuple[str, int | None]) -> None:
    assert parse_host_port(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-h",
        "a b",
        "h:",
        "h:0",
        "h:65536",
        "h:+1",
        "h:١",
        "[h]:1",
        "[::1",
        "u@h",
        "h;x",
        "h\n",
        "é.example",
        "a/b",
        "$(x)",
    ],
)
def test_no_hosts(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(is|has) "):
        parse_host_port(text)


def test_a_host_has_no_port() -> None:
    assert parse_host("[::1]") == "::1"
    with pytest.raises(ValueError, match="has a port in it"):
        parse_host("h:22")


def test_jump_hosts() -> None:
    assert parse_jump("ops@bastion:2222") == ("ops", "bastion", 2222)
    assert parse_jump("bastion") == (None, "bastion", None)
    assert parse_jump("ops@corp@bastion") == ("ops@corp", "bastion", None) if is_user("ops@corp") else True
    for text in ("a,b", "@b", "-o@b", "ops@", "o ps@b"):
        with pytest.raises(ValueError, match=r"^(is|has|names) "):
            parse_jump(text)


def test_users() -> None:
    for good in ("ops", "svc@CORP.EXAMPLE.COM", "CORP\\svc", "x"):
        assert is_user(good), good
    for bad in ("", "-l", "a b", "a:b", "a\n", "a\x1b"):
        assert not is_user(bad), bad
