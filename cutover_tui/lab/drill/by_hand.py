"""Tells a world what somebody at the screens does, as the scripted engineer tells it by himself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cutover_tui.core.gate import WAVE
from cutover_tui.engine.session import Session
from cutover_tui.lab.drill.engineer import kind_of
from cutover_tui.record.asking import guests
from cutover_tui.record.events import ActionIntended

Happened = Callable[[str, str, str | None, str], None]
"""What it was (`step`, `mark`, `action`, `provocation`), its id, on which host (None = the wave), `started` or `done`."""


def follow(session: Session, happened: Happened) -> Callable[[], None]:
    """Tell of everything that is done in this session from now on; returns how to stop."""
    return session.subscribe(_Followed(session, happened).look)


@dataclass(slots=True)
class _Followed:
    session: Session
    happened: Happened
    _told: set[tuple[str, str, str, str]] = field(default_factory=set)
    _running: dict[int, ActionIntended] = field(default_factory=dict)

    def look(self) -> None:
        """After events; each thing is told once."""
        state = self.session.recorder.state
        for (name, host), at in state.steps.items():
            step = self.session.runbook.step(name)
            if step is None or at.status == "todo":
                continue
            self._tell("step", name, host, "started")
            if (
                step.mark
                and not {g.name for g in guests(self.session.runbook, step, host)} - state.marks.keys()
            ):
                self._tell("mark", name, host, "done")
            if at.status == "done":
                self._tell("step", name, host, "done")
        for seq in self._running.keys() - state.intents.keys():
            self._act(self._running.pop(seq), "done")
        for seq in state.intents.keys() - self._running.keys():
            self._running[seq] = state.intents[seq]
            self._act(state.intents[seq], "started")

    def _tell(self, on: str, name: str, host: str, when: str) -> None:
        if (on, name, host, when) not in self._told:
            self._told.add((on, name, host, when))
            self.happened(on, name, None if host == WAVE else host, when)

    def _act(self, intent: ActionIntended, when: str) -> None:
        step = self.session.runbook.step(intent.step)
        if step is not None:
            self.happened(kind_of(step, intent.action), intent.action, intent.host, when)
