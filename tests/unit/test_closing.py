"""The last step of a runbook: not done over a guest that nobody can measure."""

from __future__ import annotations

from pathlib import Path

from tests.unit.honest_guest import Guest
from tests.unit.honest_session import B1, RUNBOOK, S, Script, walking

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
