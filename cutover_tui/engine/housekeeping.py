"""What a session does by itself: seals, verdict changes, recovery of a full disk, forgetting."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from cutover_tui.core.checks.registry import CHECKS
from cutover_tui.core.finding import Finding, Verdict
from cutover_tui.core.gate import decide, hosts_of
from cutover_tui.core.runbook import HOUR, Runbook, Step
from cutover_tui.engine.failing import Failing
from cutover_tui.engine.internal import words_of
from cutover_tui.engine.recording.recorder import Recorder
from cutover_tui.record.asking import question
from cutover_tui.record.events import Regressed, VerdictChanged
from cutover_tui.record.files import RecordError
from cutover_tui.record.regression import can_regress, fails
from probes.observation import JUMP, Instant

FORGET_NS = 12 * HOUR
"""How long samples and references are kept in memory; the tape keeps them for ever."""

LASTING = frozenset(
    reader
    for check in CHECKS.values()
    for reader in (*check.witnesses, *(() if check.judges is None else (check.judges.reader,)))
)
"""Readers of a guest that checks look back at as far as at its samples."""

SEAL_EVERY_S = 30.0
"""At least once a minute (DESIGN); half of that, so that a crash loses little evidence."""

ASSESS_EVERY_S = 4.0
QUIET_AFTER, QUIET_EVERY = 5, 3
"""A step whose verdicts stayed the same for five turns, as in a soak, is looked at every third: guests are read every 15 s."""

DONE_EVERY = 6
"""Done steps are looked at again every sixth turn: they regress by a minute of failing in ten."""


@dataclass(slots=True)
class Housekeeping:
    """Runs beside the intents of a session, on the main loop."""

    runbook: Runbook
    recorder: Recorder
    now: Callable[[], Instant]
    tell: Callable[[], None]
    _failing: Failing = field(default_factory=Failing)
    _same: dict[tuple[str, str], int] = field(default_factory=dict)
    """For how many looks nothing of a step under way has changed."""

    def parts(self) -> tuple[tuple[str, Callable[[], Awaitable[None]]], ...]:
        """What lasts for the session, each by itself: where one breaks the other must go on."""
        return ("what seals", self._sealing), ("what judges steps", self._assessing)

    async def _sealing(self) -> None:
        while True:
            await asyncio.sleep(SEAL_EVERY_S)
            try:
                if self.recorder.problem is not None:
                    await self.recorder.recover()
                    self.tell()
                await self.recorder.seal()
            except RecordError:
                self.tell()  # shown as `recording`; the next turn tries to recover
            now_ns = self.now().boottime_ns
            for name, log in self.recorder.logs.by_host.items():
                since_ns = now_ns - (FORGET_NS if name == JUMP else HOUR)
                log.forget(since_ns, now_ns - FORGET_NS, LASTING)

    async def _assessing(self) -> None:
        """Journal verdict changes of steps under way, and done steps that fail now."""
        turn = 0
        while True:
            await asyncio.sleep(ASSESS_EVERY_S)
            turn += 1
            for step, host in self._due(turn):
                try:
                    self._assess(step, host, self.recorder.state.status(step.id, host))
                except Exception as error:  # noqa: BLE001 - the boundary between steps
                    self.recorder.defect(f"judging {step.id} on {host}", words_of(error))
                    self.tell()
                await asyncio.sleep(0)

    def _due(self, turn: int) -> Iterator[tuple[Step, str]]:
        """What is looked at in this turn."""
        for step in self.runbook.steps():
            for host in hosts_of(step, self.runbook.hosts):
                every = self._every(step.id, host, self.recorder.state.status(step.id, host))
                if every and turn % every == 0:
                    yield step, host

    def _every(self, step: str, host: str, status: str) -> int:
        """Every how many turns it is looked at; 0 = never."""
        if status in ("started", "refused"):
            return QUIET_EVERY if self._same.get((step, host), 0) >= QUIET_AFTER else 1
        return 0 if status == "todo" else DONE_EVERY

    def _assess(self, step: Step, host: str, status: str) -> None:
        state = self.recorder.state
        counting = frozenset(g.check for g in step.gate)
        if status in ("done", "regressed"):
            counting = can_regress(self.runbook, state, step, host)
        if not counting:
            return
        decision = decide(
            question(
                self.runbook, state, self.recorder.logs, step, host, self.now(), upto=state.seq, seals=None
            )
        )
        self._same[step.id, host] = self._same.get((step.id, host), 0) + 1
        for f in decision.findings:
            if f.check not in counting:
                continue
            seen = state.verdicts.get((step.id, f.host, f.check))
            now = VerdictChanged(step.id, f.host, f.check, f.verdict, f.reason_code, f.reason, f.acknowledged)
            if seen is None or _said(seen[0]) != _said(now):
                self._same[step.id, host] = 0
                self.recorder.record_soon(now)
            if status == "done" and self._back(step, host, f, decision.at):
                self.recorder.record_soon(Regressed(step.id, host, f.check, f.reason))
                break

    def _back(self, step: Step, host: str, finding: Finding, at: Instant) -> bool:
        """A guest that boots fails for a while and is well again; that is no regression. One that flaps is not well."""
        done_by = self.recorder.state.steps[step.id, host].decision_seq
        key = (step.id, host, finding.check, finding.host, done_by)
        return self._failing.look(key, at.boottime_ns, fails=fails(finding))


def _said(change: VerdictChanged) -> tuple[Verdict, str, str | None]:
    return change.verdict, change.reason_code, change.acknowledged
