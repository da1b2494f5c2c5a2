"""References asked by a guest: real bash over loopback, what chronyd prints, and what counts of it as a witness."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from cutover_tui.core.checks.clocks.witness import BRACKET_NS, seen_from_guest
from probes.clocks import ntp_guest
from probes.facts_time import GuestNtpFacts
from probes.observation import Failure, FailureKind, Observation, Raw, Sample

from . import evidence_builders as b
from .test_ntp import serving

S = 10**9


async def bash(host: str, port: int, program: str = "bash") -> Raw:
    """The command as a guest would run it, on this machine."""
    command = ntp_guest.by_bash(host, port)
    process = await asyncio.create_subprocess_exec(
        program, *command.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await process.communicate()
    return Raw(command.argv, process.returncode, out.decode(), err.decode())


def kind(raw: Raw) -> FailureKind:
    found = ntp_guest.parse((raw,))
    assert isinstance(found, Failure), found
    return found.kind


@pytest.mark.parametrize("offset_s", [0, -301, 86_400])
async def test_bash_shows_how_far_this_clock_is_off_the_server(offset_s: int) -> None:
    async with serving(offset_ns=offset_s * S) as (_, port):
        facts = ntp_guest.parse((await bash("127.0.0.1", port),))
    assert isinstance(facts, GuestNtpFacts)
    assert (facts.server, facts.by) == (f"127.0.0.1:{port}", "sntp")
    assert abs(facts.apart_ns + offset_s * S) <= facts.bound_ns


async def test_the_answer_has_to_return_what_was_asked() -> None:
    async with serving(origin=b"00000000") as (_, port):
        assert kind(await bash("127.0.0.1", port)) is FailureKind.NOT_UNDERSTOOD


async def test_a_server_without_time_is_no_answer() -> None:
    async with serving(leap=3) as (_, port):
        assert kind(await bash("127.0.0.1", port)) is FailureKind.NOT_UNDERSTOOD


async def test_nobody_listens_nobody_answers_and_no_such_name_are_told_apart() -> None:
    assert kind(await bash("127.0.0.1", 9)) is FailureKind.UNREACHABLE
    assert kind(await bash("nosuch.invalid", 123)) is FailureKind.UNREACHABLE
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("127.0.0.1", 0))
    try:
        silent = await bash("127.0.0.1", transport.get_extra_info("sockname")[1])
    finally:
        transport.close()
    assert kind(silent) is FailureKind.TIMEOUT


async def test_values_are_parameters_and_never_part_of_the_text(tmp_path) -> None:
    hostile = f"x; touch {tmp_path}/gone; $(touch {tmp_path}/gone)"
    assert kind(await bash(hostile, 123)) is not None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("out", "err", "rc", "expected"),
    [
        ("", "bash: not found", 127, FailureKind.TOOL_ABSENT),
        ("asked 12345678  \n", "", 0, FailureKind.TOOL_ABSENT),  # bash 4: no EPOCHREALTIME
        ("", "bash: line 1: /dev/udp/ntp1/123: No such file or directory", 1, FailureKind.TOOL_ABSENT),
        (
            "asked 12345678 1.000000 1.000001\n",
            "bash: line 1: od: command not found",
            0,
            FailureKind.TOOL_ABSENT,
        ),
        ("asked 12345678 1.000000 1.000001\n", "", 0, FailureKind.TIMEOUT),
        (" 1c zz\nasked 12345678 1.000000 1.000001\n", "", 0, FailureKind.NOT_UNDERSTOOD),
        (" 1c 02\nasked 12345678 1.000000 1.000001\n", "", 0, FailureKind.NOT_UNDERSTOOD),
    ],
)
def test_what_bash_says_when_it_cannot(out: str, err: str, rc: int, expected: FailureKind) -> None:
    assert kind(Raw(ntp_guest.by_bash("ntp1", 123).argv, rc, out, err)) is expected


# chrony 4.3, `chronyd -Q -t 6 'server …'` as nobody, recorded
_START = "2026-11-26T03:46:44Z chronyd version 4.3 starting (+CMDMON +NTP +REFCLOCK +RTC)\n"
_START += "2026-11-26T03:46:44Z Disabled control of system clock\n"


@pytest.mark.parametrize(
    ("said", "rc", "expected"),
    [
        ("System clock wrong by -0.000001 seconds (ignored)", 0, 1000),
        ("System clock wrong by 41.999871 seconds (ignored)", 0, -41_999_871_000),
        ("System clock wrong by -0.250000 seconds (ignored)", 0, 250_000_000),
        ("Timeout reached", 1, FailureKind.TIMEOUT),
        ("Fatal error : Could not open /etc/chrony.keys", 1, FailureKind.NOT_UNDERSTOOD),
        ("System clock wrong by nan seconds (ignored)", 0, FailureKind.NOT_UNDERSTOOD),
    ],
)
def test_what_chronyd_says(said: str, rc: int, expected: int | FailureKind) -> None:
    text = f"{_START}2026-11-26T03:46:49Z {said}\n2026-11-26T03:46:49Z chronyd exiting\n"
    raw = Raw(ntp_guest.by_chronyd("ntp1", 123).argv, rc, "", text)
    if isinstance(expected, FailureKind):
        assert kind(raw) is expected
        return
    facts = ntp_guest.parse((raw,))
    assert isinstance(facts, GuestNtpFacts)
    assert (facts.server, facts.by, facts.apart_ns) == ("ntp1", "chronyd", expected)
    assert facts.bound_ns >= 200_000_000


@settings(max_examples=200)
@given(st.text(max_size=300), st.text(max_size=100), st.integers(0, 255), st.booleans())
def test_no_output_breaks_the_parser(out: str, err: str, rc: int, chronyd: bool) -> None:
    way = ntp_guest.by_chronyd if chronyd else ntp_guest.by_bash
    assert isinstance(ntp_guest.parse((Raw(way("ntp1", 123).argv, rc, out, err),)), Failure | GuestNtpFacts)


# What counts of it


def seen(apart_ms: float, bound_ms: float = 1, began: float = 100.0, ended: float = 100.1) -> Observation:
    facts = GuestNtpFacts(
        "ntp1", "sntp", round(apart_ms * b.MS), round(bound_ms * b.MS), 2, "normal", "0A000001"
    )
    o = b.observed("ntp-guest", ended, facts)
    return structs.replace(o, began=b.at(began))


def samples(*pairs: tuple[float, float]) -> Sequence[Sample]:
    return tuple(b.sample(seconds, offset) for seconds, offset in pairs)


def test_the_guests_own_clock_cancels_out_and_bounds_add_up() -> None:
    found = seen_from_guest(seen(-300_000), samples((99.5, -300_040), (100.5, -300_040)), b.ANCHOR)
    assert found is not None
    assert (found.server, found.kind, found.offset_ns) == ("ntp1", "guest", -40 * b.MS)
    assert found.bound_ns == 2 * b.MS + 10_000  # half of 2 ms, 1 ms, 100 ppm of 100 ms


@pytest.mark.parametrize(
    "around",
    [
        (),
        ((99.5, 0),),
        ((100.5, 0),),
        ((100.05, 0), (100.5, 0)),  # inside of the exchange is not before it
        ((99.5, 0), (100.05, 0)),
        ((100.0 - BRACKET_NS / S - 0.1, 0), (100.5, 0)),
    ],
)
def test_a_clock_not_read_before_and_after_it_says_nothing(around: tuple[tuple[float, float], ...]) -> None:
    assert seen_from_guest(seen(0), samples(*around), b.ANCHOR) is None


def test_a_step_of_the_guests_clock_around_the_exchange_is_left_open() -> None:
    found = seen_from_guest(seen(0), samples((99.5, 0), (100.5, 800)), b.ANCHOR)
    assert found is not None
    assert found.bound_ns >= 400 * b.MS
    assert abs(found.offset_ns - 400 * b.MS) < b.MS


@settings(max_examples=200)
@given(
    st.integers(-400_000, 400_000),  # guest off true time, ms
    st.integers(-5000, 5000),  # reference off true time, ms
    st.lists(st.integers(0, 40), min_size=4, max_size=4),  # one-way delays, ms
)
def test_it_is_true_within_its_bound_whatever_the_paths_do(guest: int, server: int, ways: list[int]) -> None:
    """Truth is known: sample and exchange are computed with delays that no formula is told."""
    there, back, down, up = ways
    apart = guest - server + (back - there) / 2  # what NTP's four stamps give
    taken = [
        Sample(
            round(at * S),
            (down + up) * b.MS,
            round((guest + (down - up) / 2) * b.MS),
        )
        for at in (99.5, 100.5)
    ]
    found = seen_from_guest(seen(apart, (there + back) / 2), taken, b.ANCHOR)
    assert found is not None
    assert abs(found.offset_ns - server * b.MS) <= found.bound_ns


def test_the_script_is_one_line_and_needs_no_root() -> None:
    assert "\n" not in ntp_guest.SCRIPT
    for command in (ntp_guest.by_bash("ntp1", 123), ntp_guest.by_chronyd("ntp1", 123)):
        assert not command.elevate
