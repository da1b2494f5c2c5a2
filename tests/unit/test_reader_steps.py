"""Whose lines of the journal count, and what one line that nobody understands costs."""

from __future__ import annotations

import json

import pytest

from probes.facts_writers import StepsFacts
from probes.linux.timekeeping.steps import READER
from probes.observation import Failure, Raw

BOOT = "ab" * 16
CURSOR = f"-- cursor: s={BOOT};i=1;b={BOOT};m=1;t=1;x=1"


def line(
    name: object = "chronyd", text: object = "System clock was stepped by -2.5 seconds", **fields: str
) -> str:
    known = {"__CURSOR": "c", "__REALTIME_TIMESTAMP": "9", "__MONOTONIC_TIMESTAMP": "7", "_BOOT_ID": BOOT}
    return json.dumps({**known, "SYSLOG_IDENTIFIER": name, "MESSAGE": text, "_UID": "0", **fields})


def read(*lines: str) -> StepsFacts:
    out = "".join(f"{one}\n" for one in (*lines, CURSOR))
    journal, uptime = (command.argv for command in READER.commands)
    facts = READER.parse((Raw(journal, 0, out, ""), Raw(uptime, 0, "10.00 3.00\n", "")))
    assert isinstance(facts, StepsFacts), facts
    return facts


@pytest.mark.parametrize(
    "fields",
    [
        {"_UID": "1000"},
        {"_UID": "1000", "_SYSTEMD_UNIT": "user@1000.service"},
        {"_UID": "998", "_SYSTEMD_UNIT": "ntpd.service"},  # another daemon's service
        {"_UID": "00"},
    ],
)
def test_a_name_that_anybody_may_write_is_not_believed(fields: dict[str, str]) -> None:
    assert read(line(**fields)) == StepsFacts((), False, 10**10, skipped=1)


@pytest.mark.parametrize(
    ("name", "unit"),
    [("chronyd", "chronyd.service"), ("chronyd", "chrony.service"), ("ntpd", "ntpsec.service")],
)
def test_a_daemon_in_its_own_service_is_believed_under_any_account(name: str, unit: str) -> None:
    text = "CLOCK: time stepped by 1.5" if name == "ntpd" else "System clock was stepped by 1.5 seconds"
    (one,) = read(line(name, text, _UID="998", _SYSTEMD_UNIT=unit)).sets or ()
    assert (one.by, one.amount_ns) == (name, 1_500_000_000)


@pytest.mark.parametrize(
    "odd",
    [
        line(text="System clock was stepped by a lot"),
        line(text=[83, 121, 255]),  # bytes that are no text
        line(text=None),  # longer than journalctl shows
        line(name=["chronyd", "ntpd"]),  # a field given twice
    ],
)
def test_a_line_that_is_not_understood_costs_itself_and_is_counted(odd: str) -> None:
    facts = read(line(), odd, line())
    assert (len(facts.sets or ()), facts.skipped, facts.more) == (2, 1, False)


def test_lines_that_were_skipped_take_up_room_in_the_list() -> None:
    assert read(*[line(text="stepped by a lot")] * 40) == StepsFacts((), True, 10**10, skipped=40)


def test_what_is_no_entry_is_no_list() -> None:
    out = f"{line()}\n{{}}\n{CURSOR}\n"
    raws = tuple(
        Raw(c.argv, 0, text, "") for c, text in zip(READER.commands, (out, "10.00 3.00\n"), strict=True)
    )
    assert isinstance(READER.parse(raws), Failure)
