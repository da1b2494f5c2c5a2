"""Setting a guest's mark: what must come before, the baseline, the event that separates before from after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from cutover_tui.core.arrival import arrived
from cutover_tui.core.owed import owed
from cutover_tui.core.runbook import MINUTE, Runbook, Step
from cutover_tui.engine.port import Refused
from cutover_tui.engine.recording.recorder import Recorder
from cutover_tui.engine.turns import Turns
from cutover_tui.record.asking import guests
from cutover_tui.record.baseline import capture
from cutover_tui.record.events import Marked
from probes.observation import Instant


@dataclass(frozen=True, slots=True)
class Marking:
    """What a step with `mark: true` does when it is started."""

    runbook: Runbook
    recorder: Recorder
    turns: Turns
    now: Callable[[], Instant]

    def unmarked(self, step: Step, host: str) -> tuple[str, ...]:
        """The guests whose mark this step has yet to set."""
        marks = self.recorder.state.marks
        names = (g.name for g in guests(self.runbook, step, host))
        return tuple(n for n in names if n not in marks) if step.mark else ()

    def _arrived(self, name: str) -> str | None:
        return arrived(self.runbook, self.recorder.logs.of(name), None, self.now())

    async def unready(self, step: Step, names: tuple[str, ...], moved: bool) -> Refused | None:
        """A mark cannot be taken back: what must come before it is asked for first.

        Of a guest that is on the target already nothing can come before it any more.
        """
        state = self.recorder.state
        still = tuple(n for n in names if self._arrived(n) is None)
        before = owed(self.runbook, step, still, state.status, {}, second="not asked to start")
        for missing in before if still else ():
            return Refused(missing.reason, missing.remedy)
        await self.turns.read(names)
        since_ns = self.now().boottime_ns - MINUTE
        for name in names:
            seen = reversed(self.recorder.logs.of(name).observations)
            if not any(o.reader == "boot" and o.facts and o.ended.boottime_ns > since_ns for o in seen):
                return Refused(
                    f"Nothing could be read from {name} in the last minute, so it would have no baseline.",
                    "Bring its link up first; what is not captured before the mark can never be compared.",
                )
        for name in names if not moved else ():
            if (platform := self._arrived(name)) is not None:
                return Refused(
                    f"{name} runs on {platform} already: nothing was measured before the move.",
                    "If that is so, start it again and type the name: it gets a mark, and no baseline.",
                )
        return None

    async def mark(self, step: Step, host: str) -> None:
        """Capture the baseline of a guest and set its mark, in the same turn.

        Raises:
            RecordError: neither is on the record.
        """
        await self.recorder.seal()
        async with self.recorder.alone():
            state, now = self.recorder.state, self.now()
            body = capture(self.runbook, state, self.recorder.logs, host, now, state.seals)
            # From the capture to these appends nothing awaits: the mark follows its baseline at once.
            journal, who = self.recorder.journal, self.recorder.operator
            await asyncio.gather(
                journal.append(body, now, who), journal.append(Marked(host, step.id), now, who)
            )
