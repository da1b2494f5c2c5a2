"""What a baseline holds: the newest good reading of the machine that is moved, and what it lacks is said before."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from cutover_tui.core.checks.codes import CLOSING
from cutover_tui.core.checks.registry import CHECKS
from cutover_tui.engine.messages import Seen
from cutover_tui.record.baseline import capture, lacking
from cutover_tui.record.events import BaselineCaptured, Disturbed
from probes.observation import Failure, FailureKind, Family, Observation
from tests.unit.honest_guest import Guest
from tests.unit.honest_session import B1, RUNBOOK, S, Script, Walk, walking

BOOK = RUNBOOK.replace(
    "{check: time.single-master}", "{check: time.single-master}\n          - {check: time.rtc}"
)


def script() -> Script:
    made = Script()
    made.guests["app01"] = Guest(B1, "vmware", booted_ns=100 * S)
    return made


def taken(walk: Walk) -> BaselineCaptured:
    state = walk.recorder.state
    return capture(walk.session.runbook, state, walk.recorder.logs, "app01", walk.script.now(), state.seals)


def lacks(walk: Walk) -> tuple[str, ...]:
    return lacking(walk.session.runbook, walk.recorder.state, walk.recorder.logs, "app01", walk.script.now())


def newest(walk: Walk, reader: str) -> Observation:
    return [o for o in walk.recorder.logs.of("app01").observations if o.reader == reader][-1]


def fail(walk: Walk, reader: str, kind: FailureKind = FailureKind.TIMEOUT) -> None:
    """One more turn in which that reader, and it alone, failed."""
    began = walk.script.now()
    failed = msgspec.structs.replace(
        newest(walk, reader),
        id=f"app01/{reader}/{began.boottime_ns}",
        began=began,
        ended=walk.script.now(),
        facts=None,
        failure=Failure(kind, "no answer within 10 s"),
    )
    walk.intake.take([Seen(failed)], 0)


async def test_a_failure_of_the_moment_takes_no_good_reading_away(tmp_path: Path) -> None:
    async with walking(tmp_path / "session", script(), BOOK) as walk:
        walk.connect("app01")
        await walk.pass_time(40)
        fail(walk, "rtc")
        fail(walk, "services")
        await walk.recorder.seal()
        baseline = taken(walk)
        assert {"rtc", "services"} <= {reader for reader, _ in baseline.facts}
        assert {s.family: s.state for s in baseline.sections}[Family.TIME] == "captured"
        assert lacks(walk) == ()


async def test_a_tool_that_is_gone_is_gone(tmp_path: Path) -> None:
    async with walking(tmp_path / "session", script(), BOOK) as walk:
        walk.connect("app01")
        await walk.pass_time(40)
        fail(walk, "vmtools", FailureKind.TOOL_ABSENT)
        await walk.recorder.seal()
        assert "vmtools" not in {reader for reader, _ in taken(walk).facts}


async def test_a_good_reading_of_more_than_ten_minutes_ago_is_none(tmp_path: Path) -> None:
    async with walking(tmp_path / "session", script(), BOOK) as walk:
        walk.connect("app01")
        await walk.pass_time(40)
        walk.script.ns += 601 * S
        fail(walk, "rtc")
        await walk.recorder.seal()
        assert taken(walk).facts == ()


async def test_what_was_read_before_a_disturbance_is_of_another_machine(tmp_path: Path) -> None:
    async with walking(tmp_path / "session", script(), BOOK) as walk:
        walk.connect("app01")
        await walk.pass_time(40)
        walk.probes.on_look = lambda _host: None
        voided = (Family.TIME, Family.IDENTITY)
        await walk.recorder.record(Disturbed("app01", voided, "restored", "a snapshot", walk.script.now()))
        fail(walk, "rtc")
        await walk.recorder.seal()
        baseline = taken(walk)
        assert baseline.facts == ()
        assert baseline.boot_id is None
        time = next(s for s in baseline.sections if s.family is Family.TIME)
        assert (time.state, time.reason) == ("not-visible", "rtc: no answer within 10 s")
        assert lacks(walk) == (
            "time.rtc will have nothing to compare with: rtc was not read (no answer within 10 s)",
        )


async def test_who_sets_the_mark_is_told_what_it_takes_away(tmp_path: Path) -> None:
    async with walking(tmp_path / "session", script(), BOOK) as walk:
        walk.connect("app01")
        await walk.pass_time(10)
        assert walk.session.step("move", "app01").lacks == ()
        walk.probes.on_look = lambda _host: None
        void = Disturbed("app01", (Family.TIME,), "restored", "a snapshot", walk.script.now())
        await walk.recorder.record(void)
        (lack,) = walk.session.step("move", "app01").lacks
        assert lack == (
            "app01: time.rtc will have nothing to compare with: rtc was not read since the last disturbance"
        )
        assert walk.session.step("time", "app01").lacks == ()
        time = next(s for s in taken(walk).sections if s.family is Family.TIME)
        assert time.state == "not-visible"


@pytest.mark.parametrize("check", sorted(CHECKS))
def test_a_check_that_cannot_do_without_a_baseline_says_so(check: str) -> None:
    assert bool(CHECKS[check].compares) == ("no-baseline" in CLOSING[check])
