"""A done step goes back when its check fails for a minute in all, however often it is well in between."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from cutover_tui.engine.failing import Failing, Key
from cutover_tui.engine.housekeeping import Housekeeping
from tests.unit.honest_guest import Guest
from tests.unit.honest_session import B1, RUNBOOK, S, Script, walking

KEY: Key = ("time", "app01", "time.provider", "app01", 7)


def went_back(looks: Iterable[tuple[int, bool]]) -> int | None:
    """The second of the look at which it went back."""
    failing = Failing()
    for second, fails in looks:
        if failing.look(KEY, second * S, fails=fails):
            return second
    return None


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([(n, True) for n in range(0, 120, 12)], 60),
        ([(n, n < 48) for n in range(0, 600, 12)], None),  # a boot
        ([(n, (n // 12) % 3 == 0) for n in range(0, 900, 12)], 180),  # a third of the time
        ([(n, n % 240 == 0) for n in range(0, 3600, 12)], None),  # 12 s in 4 min are less than 60 s in 10
        ([(0, True), (30, False), (900, True), (930, False), (960, True)], None),
        ([(0, True), (61, True)], 61),
        ([(0, True), (700, False)], None),  # well now
    ],
)
def test_failing_time_adds_up(looks: list[tuple[int, bool]], expected: int | None) -> None:
    assert went_back(looks) == expected


def test_a_step_that_is_done_anew_starts_anew() -> None:
    failing = Failing()
    assert not failing.look(KEY, 0, fails=True)
    again = (*KEY[:4], 9)
    assert not failing.look(again, 70 * S, fails=True)
    assert failing.look(KEY, 70 * S, fails=True)


BOOK = (
    RUNBOOK.partition("hosts:")[0]
    + """\
hosts:
  - {name: app01, address: 192.0.2.10}
phases:
  - id: all
    title: All
    steps:
      - {id: base, title: Base, gate: [{check: time.provider}]}
"""
)


async def test_a_step_that_flaps_regresses(tmp_path: Path) -> None:
    script = Script()
    script.guests["app01"] = Guest(B1, "vmware", booted_ns=100 * S, chrony=True)
    async with walking(tmp_path / "session", script, BOOK) as walk:
        walk.connect("app01")
        await walk.pass_time(60)
        await walk.session.start_step("base", "app01")
        assert (await walk.done("base", "app01")).outcome == "open"
        keeping = Housekeeping(walk.session.runbook, walk.recorder, script.now, lambda: None)
        step = walk.session.runbook.step("base")
        assert step is not None
        status = walk.recorder.state.status
        for turn in range(24):
            script.guests["app01"] = replace(script.guests["app01"], chrony=turn % 3 == 2)
            await walk.pass_time(16)
            keeping._assess(step, "app01", status("base", "app01"))
            await walk.recorder.settle()
        assert status("base", "app01") == "regressed"
