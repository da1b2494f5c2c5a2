"""A guest on which an action that breaks rollback was run cannot go back, and that is said from then on."""

from __future__ import annotations

from pathlib import Path

import pytest

from cutover_tui.engine.port import SessionView
from cutover_tui.engine.recording.recorder import FORMAT
from cutover_tui.record.events import NEVER_RAN, ActionEnded, ActionIntended, Event, SessionStarted
from cutover_tui.record.journal import read
from cutover_tui.record.report.build import build
from cutover_tui.record.report.html import html
from cutover_tui.record.report.markdown import markdown
from cutover_tui.record.report.ticket import ticket
from cutover_tui.record.state import State, fold
from probes.observation import Family, Raw
from probes.reader import Command
from screens.header import rollback
from tests.unit import evidence_builders as b
from tests.unit.honest_session import B1, RUNBOOK, Guest, S, Script, walking

BREAKING = RUNBOOK.replace(
    "            disturbs: [time]\n", "            disturbs: [time]\n            breaks_rollback: true\n"
)


def folded(*ended: ActionEnded) -> State:
    started = SessionStarted("s", "0", "r", "digest", "", b.ANCHOR, (), "ana", "jump")
    intent = ActionIntended("time", "app01", "fix", ("x",), (Family.TIME,), True, False)
    return fold(Event(n, "", b.at(n), "ana", body) for n, body in enumerate((started, intent, *ended), 1))


@pytest.mark.parametrize(
    "ended",
    [
        (),
        (ActionEnded(2, 0, ""),),
        (ActionEnded(2, 100, "half removed"),),
        (ActionEnded(2, None, "", "the program ended before the action did"),),
    ],
    ids=["no end", "exit 0", "exit 100", "end unknown"],
)
def test_however_it_ended_the_way_back_is_gone(ended: tuple[ActionEnded, ...]) -> None:
    assert folded(*ended).no_way_back["app01"].action == "fix"


def test_what_never_ran_broke_nothing() -> None:
    assert folded(ActionEnded(2, None, "", NEVER_RAN)).no_way_back == {}


def test_a_second_run_that_never_began_does_not_mend_the_first() -> None:
    state = folded(ActionEnded(2, 0, ""))
    intent = ActionIntended("time", "app01", "fix", ("x",), (Family.TIME,), True, False)
    state.apply(Event(4, "", b.at(4), "ana", intent))
    state.apply(Event(5, "", b.at(5), "ana", ActionEnded(4, None, "", NEVER_RAN)))
    assert set(state.no_way_back) == {"app01"}


async def test_screens_and_reports_say_it(tmp_path: Path) -> None:
    script = Script(guests={"app01": Guest(B1, "vmware", booted_ns=100 * S)})

    def half(_host: str, command: Command) -> Raw:
        return Raw(command.argv, 100, "dpkg was interrupted")

    seen: list[SessionView] = []
    async with walking(tmp_path / "session", script, BREAKING) as walk:
        walk.probes.on_act = half
        walk.connect("app01")
        await walk.pass_time(40)
        await walk.session.start_step("time", "app01")
        seen.append(walk.session.view())
        await walk.session.run_action("time", "app01", "fix")
        seen.append(walk.session.view())
    assert [h.no_way_back for h in seen[0].hosts] == [None, None]
    assert [h.no_way_back for h in seen[1].hosts] == ["Install chrony", None]
    assert rollback(seen[1]) == ("rollback: not app01", "bad")
    journal = read(tmp_path / "session" / "journal.jsonl", FORMAT.decode)
    report = build(journal.events, {}, "ab" * 32, "0.1.0", 0)
    assert "NO ROLLBACK: app01, since Install chrony was run there" in ticket(report)
    for page in (markdown(report), html(report)):
        assert "No rollback any more" in page
        assert "app01, since Install chrony was run there" in page
