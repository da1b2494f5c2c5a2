"""The last step of a runbook: not done over a guest that nobody can measure, or what fails there now."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cutover_tui.core.finding import Decision
from cutover_tui.engine import turns
from cutover_tui.engine.housekeeping import Housekeeping
from tests.unit.honest_guest import Guest, moved
from tests.unit.honest_session import B1, B2, RUNBOOK, S, Script, Walk, walking
from tests.unit.test_audit import verified

_HEAD = RUNBOOK.partition("hosts:")[0]
BOOK = (
    _HEAD
    + """\
hosts:
  - {name: app01, address: 192.0.2.10}
phases:
  - id: all
    title: All
    steps:
      - {id: base, title: Our own clock, gate: [{check: time.jump-host}]}
      - {id: next, title: Nothing to measure, depends_on: [base]}
      - {id: close, title: Close, scope: wave, depends_on: [base]}
"""
)


async def test_a_guest_whose_link_is_lost_closes_the_last_gate_and_no_other(tmp_path: Path) -> None:
    script = Script()
    script.guests["app01"] = Guest(B1, "vmware", booted_ns=100 * S)
    async with walking(tmp_path / "session", script, BOOK) as walk:
        walk.connect("app01")
        await walk.pass_time(40)
        for step, host in (("base", "app01"), ("next", "app01"), ("close", "*")):
            await walk.session.start_step(step, host)
        assert (await walk.done("base", "app01")).outcome == "open"
        walk.lose("app01")
        assert (await walk.done("next", "app01")).outcome == "open"
        refused = await walk.done("close", "*")
        assert [(m.what, str(m.verdict)) for m in refused.missing] == [("link", "unknown")]
        assert "the connection broke" in refused.missing[0].reason
        walk.connect("app01")
        assert (await walk.done("close", "*")).outcome == "open"


MEASURED = BOOK.replace(
    "{check: time.jump-host}",
    "{check: time.jump-host}, {check: time.provider}, {check: time.offset, soak: 1min}",
)


@asynccontextmanager
async def about_to_close(path: Path) -> AsyncIterator[Walk]:
    """A guest whose step is done by what it showed, and the last step under way."""
    script = Script()
    script.guests["app01"] = Guest(B1, "vmware", booted_ns=100 * S, chrony=True)
    async with walking(path / "session", script, MEASURED) as walk:
        walk.connect("app01")
        await walk.pass_time(90)
        for step, host in (("base", "app01"), ("close", "*")):
            await walk.session.start_step(step, host)
        assert (await walk.done("base", "app01")).outcome == "open"
        yield walk


def missing(decision: Decision) -> list[tuple[str, str]]:
    return [(m.what, str(m.verdict)) for m in decision.missing]


async def test_it_opens_over_what_still_holds(tmp_path: Path) -> None:
    async with about_to_close(tmp_path) as walk:
        decision = await walk.done("close", "*")
        assert (decision.outcome, decision.findings) == ("open", ())
        assert dict(decision.rules).keys() == {"time.jump-host", "time.provider", "time.offset"}
    assert verified(tmp_path / "session").answer == "follows"


async def test_what_fails_now_closes_it_before_anybody_calls_it_regressed(tmp_path: Path) -> None:
    async with about_to_close(tmp_path) as walk:
        guests = walk.script.guests
        guests["app01"] = replace(guests["app01"], chrony=False)
        await walk.pass_time(30)
        assert walk.recorder.state.status("base", "app01") == "done"
        refused = await walk.done("close", "*")
        assert missing(refused) == [("time.provider", "fail")]
        assert refused.missing[0].reason.startswith(
            "base Our own clock was done, and what it rests on fails now on app01: "
        )
        guests["app01"] = replace(guests["app01"], chrony=True)
        await walk.pass_time(30)
        assert (await walk.done("close", "*")).outcome == "open"
    assert verified(tmp_path / "session").answer == "follows"


async def test_what_nobody_can_measure_any_more_closes_it_though_the_link_is_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "FRESH_TIMEOUT_S", 0.05)
    async with about_to_close(tmp_path) as walk:
        look, walk.look = walk.look, lambda _host: None  # type: ignore[method-assign]
        walk.probes.on_look = walk.look
        await walk.pass_time(600)
        assert missing(await walk.done("close", "*")) == [("time.provider", "unknown")]
        walk.look = look  # type: ignore[method-assign]
        walk.probes.on_look = look
        await walk.pass_time(30)
        assert (await walk.done("close", "*")).outcome == "open"
    assert verified(tmp_path / "session").answer == "follows"


async def test_a_soak_that_began_anew_and_is_right_so_far_does_not(tmp_path: Path) -> None:
    async with about_to_close(tmp_path) as walk:
        walk.gap("app01", 5, "a pause")
        await walk.pass_time(20)
        assert [f.reason_code for f in walk.session.step("base", "app01").live.findings][-1] == "soaking"
        assert (await walk.done("close", "*")).outcome == "open"
    assert verified(tmp_path / "session").answer == "follows"


async def test_the_step_shows_what_was_journaled_of_it(tmp_path: Path) -> None:
    async with about_to_close(tmp_path) as walk:
        keeping = Housekeeping(walk.session.runbook, walk.recorder, walk.script.now, lambda: None)
        step = walk.session.runbook.step("base")
        assert step is not None
        assert missing(walk.session.step("close", "*").live) == []
        walk.script.guests["app01"] = replace(walk.script.guests["app01"], chrony=False)
        await walk.pass_time(30)
        keeping._assess(step, "app01", "done")
        await walk.recorder.settle()
        assert missing(walk.session.step("close", "*").live) == [("time.provider", "fail")]


async def test_what_was_done_on_the_source_is_not_asked_of_the_target(tmp_path: Path) -> None:
    """Before the mark `base` judged our own clock, which no move touches, and nothing else of that step counts."""
    book = RUNBOOK.replace("  - {name: app02, address: 192.0.2.11}\n", "").replace(
        "gate: [{check: time.jump-host}]", "gate: [{check: time.jump-host}, {check: time.single-master}]"
    )
    async with walking(tmp_path / "session", Script(), book) as walk:
        script, session = walk.script, walk.session
        script.guests["app01"] = Guest(B1, "vmware", booted_ns=100 * S)
        walk.connect("app01")
        await walk.pass_time(40)
        await session.start_step("base", "app01")
        assert (await walk.done("base", "app01")).outcome == "open"
        await session.start_step("move", "app01")
        await walk.done("move", "app01")
        walk.lose("app01")
        script.guests["app01"] = moved(script.guests["app01"], B2, script.ns)
        walk.connect("app01")
        await walk.pass_time(30)
        await session.start_step("close", "*")
        decision = await walk.done("close", "*")
        assert [m.what for m in decision.missing] == ["step time"]
        assert dict(decision.rules).keys() == {"time.jump-host"}
    assert verified(tmp_path / "session").answer == "follows"
