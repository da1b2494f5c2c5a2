"""The view of the clock screen over a real session: the same figures as the checks', and what happened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cutover_tui.core.finding import Finding, Soak, Verdict
from cutover_tui.engine.clock.clock_view import clock_looks
from cutover_tui.engine.loopback import Loopback
from cutover_tui.engine.port import ClockLooks, ClockView
from tests.tui.scripted_port import finding
from tests.unit.honest_guest import Guest, moved
from tests.unit.honest_session import B1, B2, MS, RUNBOOK, Script, Walk, resuming, story, walking

S = 1_000_000_000
BOTH = ("app01", "app02")
EVERYTHING = 10**6
WITH_REBOOT = RUNBOOK.replace(
    "          - {check: time.offset, soak: 1min}\n",
    "          - {check: time.offset, soak: 1min}\n          - {check: time.reboot}\n",
)


def seen(walk: Walk, until_ns: int | None = None) -> ClockView:
    return Loopback(walk.session).clock(BOTH, 0, EVERYTHING, until_ns)


def events(view: ClockView) -> list[tuple[str, str, str | None]]:
    return [(m.letter, m.label, m.host) for m in view.marks]


async def test_what_happened_is_on_the_time_axis_and_still_there_after_a_resume(tmp_path: Path) -> None:
    script = Script()
    async with walking(tmp_path / "s", script) as walk:
        await story(walk)
        before = seen(walk)
        assert events(before) == [
            ("M", "mark", "app01"),
            ("B", "boot", "app01"),
            ("D", "another platform", "app01"),
            ("T", "Tools removed", "app01"),
        ]
        times = [m.mono_ns for m in before.marks]
        assert times == sorted(times)
    async with resuming(tmp_path / "s", script) as walk:
        walk.connect("app01")
        again = seen(walk)
        assert again.marks == before.marks
        assert [p.mono_ns for p in again.series[0].points][: len(before.series[0].points)] == [
            p.mono_ns for p in before.series[0].points
        ]


async def test_an_action_that_leaves_tools_in_place_stays_an_action(tmp_path: Path) -> None:
    script = Script()
    async with walking(tmp_path / "s", script) as walk:
        script.guests["app01"] = Guest(B1, "vmware", booted_ns=100 * S)
        walk.connect("app01")
        await walk.pass_time(20)
        for step in ("base", "move", "time"):
            await walk.session.start_step(step, "app01")
        assert await walk.session.run_action("time", "app01", "fix") is None
        await walk.pass_time(20)
        assert ("A", "Install chrony", "app01") in events(seen(walk))
        # Somebody removes them by hand: seen at a reading.
        script.guests["app01"] = replace(script.guests["app01"], tools=False)
        began = script.ns
        await walk.pass_time(20)
        (gone,) = [m for m in seen(walk).marks if m.letter == "T"]
        assert began < gone.mono_ns <= script.ns
        assert ("A", "Install chrony", "app01") in events(seen(walk))


async def test_a_step_of_the_clock_is_marked_and_stays_marked(tmp_path: Path) -> None:
    script = Script()
    async with walking(tmp_path / "s", script) as walk:
        script.guests["app01"] = Guest(B1, "vmware", booted_ns=100 * S)
        walk.connect("app01")
        await walk.pass_time(120)
        stepped = script.ns
        script.offset_ns = lambda ns: 4 * MS if ns < stepped else 3_204 * MS
        for _ in range(70):
            await walk.pass_time(60)
            seen(walk)
        found = [m for m in seen(walk).marks if m.letter == "S"]
        assert [(m.label, m.host) for m in found] == [("step +3.20 s", "app01")]
        assert abs(found[0].mono_ns - stepped) < 10 * S
        # The estimate itself has long begun anew.
        assert seen(walk).series[0].rate is not None
        assert seen(walk).series[0].rate.step_count == 0


async def test_soak_and_provider_are_the_checks_own(tmp_path: Path) -> None:
    script, compared = Script(), 0
    async with walking(tmp_path / "s", script) as walk:
        script.guests["app01"] = Guest(B1, "ahv", booted_ns=100 * S, chrony=True, tools=False)
        walk.connect("app01")
        for n in range(30):
            if n == 9:
                script.offset_ns = lambda _ns: 7 * S
            if n == 11:
                script.offset_ns = lambda _ns: 4 * MS
            if n == 20:
                walk.lose("app01")
                walk.gap("app01", 4, "no connection")
                walk.connect("app01")
            await walk.pass_time(7)
            series = seen(walk).series[0]
            checks = {f.check: f for f in walk.session.step("time", "app01").live.findings}
            assert series.kept is checks["time.provider"].verdict
            passes = checks["time.provider"].verdict is Verdict.PASS
            assert series.provider == (checks["time.provider"].reason if passes else None)
            soak = checks["time.offset"].soak
            if soak is not None and series.soak is not None:
                assert (series.soak.held_ns, series.soak.needed_ns) == (soak.held_ns, soak.needed_ns)
                compared += 1
        assert compared >= 25
        script.ns += 6 * S  # the clock has not been read for too long
        assert seen(walk).series[0].soak is None


async def test_the_past_holds_nothing_newer_and_says_its_end(tmp_path: Path) -> None:
    script = Script()
    async with walking(tmp_path / "s", script) as walk:
        await story(walk)
        now = seen(walk)
        middle = now.series[0].points[len(now.series[0].points) // 2].mono_ns
        then = seen(walk, middle)
        assert then.until_ns == middle
        assert then.series[0].points[-1].mono_ns == middle
        assert all(m.mono_ns <= middle for m in then.marks)
        assert all(p.mono_ns <= middle for c in then.clocks for p in c.points)
        assert then.series[0].provider == now.series[0].provider


async def test_the_clocks_are_there_with_their_kind(tmp_path: Path) -> None:
    script = Script()
    async with walking(tmp_path / "s", script) as walk:
        await walk.pass_time(60)
        view = seen(walk)
        assert [(c.server, c.kind) for c in view.clocks] == [
            ("dc1", "controller"),
            ("ntp1", "reference"),
            ("ntp2", "reference"),
        ]
        assert all(len(c.points) >= 3 for c in view.clocks)
        assert view.kerberos_ns == 300 * S


async def test_the_looks_after_a_boot_are_asked_of_the_check_one_guest_at_a_time(tmp_path: Path) -> None:
    script = Script()
    async with walking(tmp_path / "s", script, WITH_REBOOT) as walk:
        script.guests["app01"] = Guest(B1, "vmware", booted_ns=100 * S, chrony=True)
        walk.lose("app02", "no route to host")
        walk.connect("app01")
        await walk.pass_time(40)
        await walk.session.start_step("base", "app01")
        await walk.done("base", "app01")
        assert await walk.session.start_step("move", "app01") is None
        walk.lose("app01")
        script.guests["app01"] = moved(script.guests["app01"], B2, script.ns)
        walk.connect("app01")
        await walk.pass_time(60)
        for _ in BOTH:
            seen(walk)
        looks = seen(walk).series[0].looks
        assert looks is not None
        assert (looks.state, looks.passed) == ("waiting", 1)
        assert looks.rest_ns is not None
        await walk.pass_time(1_200)
        assert seen(walk).series[0].looks is None or seen(walk).series[0].looks.state != "waiting"
        for _ in BOTH:
            seen(walk)
        assert seen(walk).series[0].looks == ClockLooks("passed", 2)


async def test_a_runbook_without_a_reboot_has_no_looks(tmp_path: Path) -> None:
    script = Script()
    async with walking(tmp_path / "s", script) as walk:
        await story(walk)
        assert [s.looks for s in seen(walk).series] == [None, None]


@pytest.mark.parametrize(
    ("found", "looks"),
    [
        (finding("time.reboot", "unknown", "", code="waiting"), ClockLooks("waiting")),
        (
            finding("time.reboot", "unknown", "", code="waiting", soak=Soak(400 * S, 1_200 * S)),
            ClockLooks("waiting", 1, 800 * S),
        ),
        (finding("time.reboot", "unknown", "", code="first-look-missed"), ClockLooks("missed")),
        (finding("time.reboot", "fail", "", code="offset-after-boot"), ClockLooks("failed")),
        (finding("time.reboot", "fail", "", code="whole-quarter-hours"), ClockLooks("failed")),
        (finding("time.reboot", "fail", "", code="not-rebooted"), ClockLooks("none")),
        (finding("time.reboot", "unknown", "", code="no-mark"), ClockLooks("none")),
        (finding("time.reboot", "pass", ""), ClockLooks("passed", 2)),
    ],
)
def test_what_the_check_says_becomes_a_number_of_looks(found: Finding, looks: ClockLooks) -> None:
    assert clock_looks(found) == looks


@pytest.mark.parametrize(
    ("platform", "tools", "set_by"),
    [("vmware", True, "somebody"), ("ahv", True, "nobody"), ("ahv", False, "nobody")],
)
async def test_who_else_sets_a_clock_that_nobody_keeps(
    tmp_path: Path, platform: str, tools: bool, set_by: str
) -> None:
    script = Script()
    async with walking(tmp_path / "s", script) as walk:
        script.guests["app01"] = Guest(B1, platform, booted_ns=100 * S, tools=tools)
        walk.connect("app01")
        await walk.pass_time(60)
        series = seen(walk).series[0]
        assert series.provider is None
        assert series.set_by == set_by
