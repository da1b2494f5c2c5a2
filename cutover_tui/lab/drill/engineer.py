"""A scripted engineer: walks a runbook through the same session calls as the screens.

He starts a step on every host, runs what the play says, and marks it done host by host. What
comes by waiting he waits for; what a measurement refuses he mends where the play lets him,
and otherwise gives up there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from cutover_tui.core.finding import Decision, Verdict
from cutover_tui.core.gate import WAVE, hosts_of
from cutover_tui.core.runbook import Step
from cutover_tui.engine.port import Refused
from cutover_tui.engine.session import Session
from cutover_tui.lab.drill.closing import closed_by, regressed
from cutover_tui.lab.drill.patience import AGAIN_NS, Patience, settle_of
from cutover_tui.lab.world_file.play import Play, PlayedAction
from probes.seam import Clock

SECOND = 1_000_000_000
FIX_NS = 20 * SECOND
"""How long a check fails before its action is run: a daemon that just started fails for a few seconds."""

PROVE_NS = 60 * SECOND
"""How long the engineer leaves a guest alone after asking it for fresh exchanges."""

WANTS_PROOF = frozenset({"not-approved", "void", "old"})
"""Reason codes of a check that waits for fresh exchanges, which a person may ask for now."""

NOT_STARTED = ("start", "refused")
"""In the place of a finding: the step could not even be started."""


class CannotPlay(Exception):  # noqa: N818 - what the play asks for
    """The play asks for what this runbook or session does not have; `str()` says what."""


class Crashed(Exception):  # noqa: N818 - on purpose
    """The program ended in the middle of an action, as the play wants it."""


class Stopped(msgspec.Struct, frozen=True):
    """Where the gate stayed closed: every missing thing as (check id or rule, reason code or verdict)."""

    step: str
    host: str
    findings: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Engineer:
    """Plays once; after `Crashed`, call `walk` again with the resumed session.

    `happened(on, id, host, when)` tells the world what the engineer did. With `unhurried` he
    takes the `expected` time for every step before marking it done, once for all hosts: a
    checklist without a soak would otherwise be through before anything could go wrong.
    """

    play: Play
    clock: Clock
    happened: Callable[[str, str, str | None, str], None]
    unhurried: bool = False
    _started: dict[tuple[str, str], int] = field(default_factory=dict)  # when, BOOTTIME
    _acted: set[tuple[str, str, str]] = field(default_factory=set)
    _asked: set[tuple[str, str, str, str]] = field(default_factory=set)  # acknowledgements, as asked
    _paused: set[tuple[str, str]] = field(default_factory=set)
    _proves_from: dict[str, int] = field(
        default_factory=dict
    )  # when exchanges may be asked for again, BOOTTIME
    _since: dict[tuple[str, str], int] = field(
        default_factory=dict
    )  # the last thing done to a step, BOOTTIME

    async def walk(self, session: Session) -> Stopped | None:
        """All steps in order; None when the last one is done.

        Raises:
            CannotPlay: the play does not fit.
            Crashed: the session is gone and can be resumed.
        """
        for step in session.runbook.steps():
            columns = hosts_of(step, session.runbook.hosts)
            for host in columns:
                if not await self._begin(session, step, host):
                    return Stopped(step.id, host, (NOT_STARTED,))
            for host in columns:
                stopped = await self._finish(session, step, host)
                if stopped is not None:
                    return stopped
        return None

    async def _begin(self, session: Session, step: Step, host: str) -> bool:
        """Start it and act; False when it cannot be started (a mark without a baseline)."""
        if (step.id, host) not in self._started:
            self._touch(step, host)
            while await session.start_step(step.id, host) is not None:
                if self._age(step, host) > settle_of(self.play):
                    return False
                await asyncio.sleep(AGAIN_NS / SECOND)
            self._started[step.id, host] = self.clock.mono_ns()
            self._touch(step, host)
            self._tell("step", step.id, host, "started")
            if step.mark:
                self._tell("mark", step.id, host, "done")
        for played in self.play.actions:
            if played.step == step.id:
                for guest in self._guests(session, host):
                    if played.host in (WAVE, guest):
                        await self._act(session, step, host, guest, played)
        return True

    async def _act(self, session: Session, step: Step, column: str, host: str, played: PlayedAction) -> None:
        key = (step.id, host, played.action)
        if key in self._acted:
            return
        self._acted.add(key)
        early = self._started[step.id, column] + played.after - self.clock.mono_ns()
        await asyncio.sleep(max(0, early) / SECOND)
        if played.crash:
            await self._crash(session, step, host, played.action)
        await self._run(session, step, host, played.action)

    async def _run(self, session: Session, step: Step, host: str, action: str) -> None:
        kind = kind_of(step, action)
        self._tell(kind, action, host, "started")
        _ok(await session.run_action(step.id, host, action))
        self._tell(kind, action, host, "done")
        self._touch(step, host)

    async def _crash(self, session: Session, step: Step, host: str, action: str) -> None:
        """The command goes out, and nobody is there any more to record how it ended."""
        intended = asyncio.Event()

        def look() -> None:
            if any(i.action == action and i.host == host for i in session.recorder.state.intents.values()):
                intended.set()

        stop = session.subscribe(look)
        running = asyncio.create_task(session.run_action(step.id, host, action))
        try:
            await intended.wait()
            self._tell(kind_of(step, action), action, host, "started")
            await session.recorder.close()
            await running
        finally:
            stop()
            running.cancel()
        self._touch(step, host)
        raise Crashed

    async def _finish(self, session: Session, step: Step, host: str) -> Stopped | None:
        """Mark it done, as soon as that is possible."""
        await self._pause(session, step, host)
        patience = Patience.of(self.play, self.clock.mono_ns())
        while True:
            decision = await session.mark_done(step.id, host)
            if isinstance(decision, Refused):
                if session.recorder.state.status(step.id, host) == "done":
                    return None
                raise CannotPlay(f"{step.id} on {host}: {decision.reason}")
            if decision.outcome == "open":
                self._tell("step", step.id, host, "done")
                return None
            if await self._acknowledge(session, step, decision) or await self._prove(session, decision):
                continue
            if await self._mend(session, step, decision) or await self._go_back(session, decision):
                patience.acted()
                continue
            back = bool(regressed(session, decision))
            wait = patience.wait(decision, self.clock.mono_ns(), regressed=back)
            if wait is None:
                return Stopped(step.id, host, closed_by(session, decision))
            await asyncio.sleep(wait / SECOND)

    async def _pause(self, session: Session, step: Step, host: str) -> None:
        """Where the play lets the engineer dawdle: once the gate is open, and not before."""
        waits = [p.lasts for p in self.play.pauses if p.step == step.id and p.host in (WAVE, host)]
        if self.unhurried and host == hosts_of(step, session.runbook.hosts)[0]:
            waits.append(step.expected)
        if waits and (step.id, host) not in self._paused:
            self._paused.add((step.id, host))
            until = self.clock.mono_ns() + int(self.play.patience)
            while self.clock.mono_ns() < until:
                if session.step(step.id, host).live.outcome == "open":
                    break
                await asyncio.sleep(AGAIN_NS / SECOND)
            await asyncio.sleep(max(waits) / SECOND)

    async def _acknowledge(self, session: Session, step: Step, decision: Decision) -> bool:
        """Accept what the play says, once a cause and ticket, where it fails; False where that changed nothing.

        The session may refuse it: what can never be acknowledged keeps its gate closed.
        """
        if self._age(step, decision.host) < FIX_NS:
            return False
        accepted = False
        for finding in decision.findings:
            for told in self.play.acknowledge:
                if finding.verdict is not Verdict.FAIL or finding.acknowledged is not None:
                    continue
                if told.check != finding.check or told.host not in (WAVE, finding.host):
                    continue
                ask = (finding.check, finding.reason_code, told.host, told.ticket)
                if ask not in self._asked:
                    self._asked.add(ask)
                    accepted |= await session.acknowledge(*ask) is None
        return accepted

    async def _prove(self, session: Session, decision: Decision) -> bool:
        """Approve the exchanges a finding waits for, or repeat them now, at most once a minute on a guest."""
        for host in sorted({f.host for f in decision.findings if f.reason_code in WANTS_PROOF}):
            view, now = session.proof(host), self.clock.mono_ns()
            if view.refused is None and not view.running and now >= self._proves_from.get(host, 0):
                self._proves_from[host] = now + PROVE_NS
                _ok(await session.prove(host, view.commands))
                return True
        return False

    async def _mend(self, session: Session, step: Step, decision: Decision) -> bool:
        """Run the action a failing finding names, once; False where there is none to run."""
        if not self.play.fix:
            return False
        for finding in decision.findings:
            key = (step.id, finding.host, finding.action or "")
            if finding.verdict is not Verdict.FAIL or finding.action is None or key in self._acted:
                continue
            if self._age(step, decision.host) < FIX_NS:
                return False
            self._acted.add(key)
            await self._run(session, step, finding.host, finding.action)
            return True
        return False

    async def _go_back(self, session: Session, decision: Decision) -> bool:
        """Turn to a step that fails now: done again where it holds, mended where the play lets him."""
        for step, column in regressed(session, decision):
            again = await session.mark_done(step.id, column)
            if isinstance(again, Refused):
                continue
            if again.outcome == "open" or await self._mend(session, step, again):
                return True
            if await self._go_back(session, again):
                return True
        return False

    def _guests(self, session: Session, host: str) -> tuple[str, ...]:
        return tuple(h.name for h in session.runbook.hosts) if host == WAVE else (host,)

    def _touch(self, step: Step, host: str) -> None:
        self._since[step.id, host] = self._since[step.id, WAVE] = self.clock.mono_ns()

    def _age(self, step: Step, host: str) -> int:
        return self.clock.mono_ns() - self._since.get((step.id, host), 0)

    def _tell(self, on: str, name: str, host: str, when: str) -> None:
        self.happened(on, name, None if host == WAVE else host, when)


def kind_of(step: Step, action: str) -> str:
    """What world files call it: `provocation` or `action`."""
    return "provocation" if any(p.id == action for p in step.provocations) else "action"


def _ok(answer: Refused | None) -> None:
    if answer is not None:
        raise CannotPlay(answer.reason)
