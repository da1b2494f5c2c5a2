"""An approved proof leaves its trace for a step that somebody started, and for no other."""

from __future__ import annotations

from pathlib import Path

from cutover_tui.record.events import Disturbed
from probes.linux import KEYTAB
from probes.observation import Family
from tests.unit.honest_guest import Guest
from tests.unit.honest_session import B1, S, Script, walking
from tests.unit.test_proving import CASES, RUNBOOK, Prover, prove, proving

HOUR = 3600 * S


async def test_nothing_is_tried_for_a_step_nobody_started(tmp_path: Path) -> None:
    script = Script()
    script.guests["app01"] = Guest(B1, "vmware", booted_ns=100 * S)
    async with walking(tmp_path / "session", script, RUNBOOK) as walk:
        walk.connect("app01")
        prover = Prover(walk)
        walk.probes.attempt = prover.attempt  # type: ignore[attr-defined]
        prover.see("app01", KEYTAB, CASES["keytab/mit-1.20.1/joined"], script.now())
        assert await prove(walk) is None, "a person may"
        script.ns += HOUR
        due = walk.session._proofs()._due
        assert walk.recorder.state.status("tickets", "app01") == "todo"
        assert due("app01") == ()
        await walk.session.start_step("tickets", "app01")
        assert due("app01"), "the series is an hour old"


async def test_nothing_is_tried_for_a_step_that_is_done(tmp_path: Path) -> None:
    """Neither when its proof is old nor when a disturbance voided it, as long as nobody closes over it."""
    async with proving(tmp_path) as (walk, prover):
        assert await prove(walk) is None
        assert (await walk.done("tickets", "app01")).outcome == "open"
        walk.script.ns += HOUR
        assert walk.session._proofs()._due("app01") == ()
        why = "somebody set the clock"
        await walk.recorder.record(Disturbed("app01", (Family.TIME,), "action", why, walk.script.now()))
        assert walk.recorder.state.status("tickets", "app01") == "done"
        assert walk.session._proofs()._due("app01") == ()
        assert prover.made == [1, 2, 3]
