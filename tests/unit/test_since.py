"""Since when a fault is seen does not begin with the key that opened the step."""

from __future__ import annotations

from pathlib import Path

from cutover_tui.core.finding import Verdict
from tests.unit.honest_session import B1, B2, Guest, S, Script, moved, walking


async def test_a_fault_of_the_baseline_is_seen_since_the_baseline(tmp_path: Path) -> None:
    script = Script(guests={"app01": Guest(B1, "vmware", booted_ns=100 * S)})
    async with walking(tmp_path / "session", script) as walk:
        walk.connect("app01")
        await walk.pass_time(40)
        await walk.session.start_step("base", "app01")
        assert (await walk.done("base", "app01")).outcome == "open"
        assert await walk.session.start_step("move", "app01") is None
        captured = walk.recorder.state.baselines["app01"]
        assert captured.findings["time.provider"].verdict is Verdict.FAIL
        walk.lose("app01")
        script.guests["app01"] = moved(script.guests["app01"], B2, script.ns - 15 * S)
        walk.connect("app01")
        await walk.pass_time(95)
        await walk.session.start_step("time", "app01")
        view = walk.session.step("time", "app01")
        failed = {f.check for f in view.live.findings if f.verdict is Verdict.FAIL}
        assert "time.provider" in failed
        assert ("time.provider", "app01", captured.at) in view.since
