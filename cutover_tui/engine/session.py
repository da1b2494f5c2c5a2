"""A running session: the port screens speak, over a recorder and a probe loop.

Every intent goes onto the record before it has an effect. `mark_done` is compare-and-set:
it decides on sequence N and appends `done` in the same turn of the loop, so that nothing
of the step's families can come between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from cutover_tui.core.finding import Decision
from cutover_tui.core.gate import WAVE, decide, hosts_of
from cutover_tui.core.loading import Loaded as LoadedRunbook
from cutover_tui.core.runbook import Runbook, Step
from cutover_tui.core.timestamps import utc_ns
from cutover_tui.core.words import action_argv
from cutover_tui.engine import views
from cutover_tui.engine.actions import act
from cutover_tui.engine.clock.clock_marks import ClockMarks
from cutover_tui.engine.clock.clock_view import clock_view
from cutover_tui.engine.housekeeping import Housekeeping
from cutover_tui.engine.identity.look import Looks
from cutover_tui.engine.identity.view import IdentityView
from cutover_tui.engine.internal import words_of
from cutover_tui.engine.kept import kept
from cutover_tui.engine.marking import Marking
from cutover_tui.engine.port import (
    ClockView,
    ProofView,
    Refused,
    SecretRequest,
    SessionView,
    StepView,
)
from cutover_tui.engine.proofs.proving import Proving
from cutover_tui.engine.recording.intake import Intake
from cutover_tui.engine.recording.recorder import Recorder
from cutover_tui.engine.recording.unrecorded import unrecorded
from cutover_tui.engine.turns import Turns
from cutover_tui.engine.watches.probes_port import Probes
from cutover_tui.engine.watches.reading import record_reading
from cutover_tui.record.acknowledging import accept
from cutover_tui.record.asking import guests, question
from cutover_tui.record.events import (
    Decided,
    Disturbed,
    Done,
    Event,
    Marked,
    Noted,
    SessionClosed,
    StepStarted,
)
from cutover_tui.record.files import RecordError
from probes.observation import Instant, Observation

SECOND = 1_000_000_000
NOTE_LIMIT = 4000


@dataclass(slots=True)
class Session:
    """Implements `cutover_tui.engine.port.SessionPort`. Use from the main loop only."""

    loaded: LoadedRunbook
    recorder: Recorder
    probes: Probes
    intake: Intake
    now: Callable[[], Instant]
    exporter: Callable[[Path], str]
    _running: set[tuple[str, str, str]] = field(default_factory=set)
    _marks: ClockMarks = field(init=False)
    _listeners: list[Callable[[], None]] = field(default_factory=list)
    _deciding: asyncio.Lock = field(default_factory=asyncio.Lock)
    _turns: Turns = field(init=False)
    _live: views.Live | None = None
    _proving: Proving | None = None
    _looks: Looks = field(init=False)

    def __post_init__(self) -> None:
        self._proving = Proving(self.runbook, self.recorder, self.probes, self.now, self.tell)
        self._turns = Turns(self.intake, self.probes, self.now)
        self._looks = Looks(self.runbook, self.recorder.state, self.recorder.logs)
        self.recorder.changed = self._on_event
        self.intake.on_seen = self._on_seen
        self._marks = ClockMarks(self.now().boot_id, self._title)
        for event in self.recorder.happened:
            self._marks.take(event)
        self._live = views.Live(
            self.runbook, self.recorder.state, self.recorder.logs, self._running, self._marks
        )

    @property
    def runbook(self) -> Runbook:
        return self.loaded.runbook

    # Views

    def view(self) -> SessionView:
        """Where are we?"""
        window = self.runbook.change.window
        until = window.rollback_until
        return views.session_view(
            self._views(),
            self.now(),
            window=(utc_ns(window.start), utc_ns(window.end), utc_ns(until) if until else None),
            operator=self.recorder.operator,
            recording=self.recorder.problem,
            head=self.recorder.journal.head,
            notices=tuple(self.recorder.notices),
            warnings=tuple(map(str, self.loaded.warnings)),
        )

    def step(self, step: str, host: str) -> StepView:
        """One step in one column, judged on what is known now.

        Raises:
            KeyError: the runbook has no such step.
        """
        found = self.runbook.step(step)
        if found is None:
            raise KeyError(step)
        return views.step_view(self._views(), found, host, self.now())

    def clock(
        self, hosts: tuple[str, ...], since_ns: int, points: int, until_ns: int | None = None
    ) -> ClockView:
        """Offsets over time."""
        return clock_view(self._views(), hosts, since_ns, points, self.now(), until_ns)

    def identity(self, host: str) -> IdentityView:
        """Who can authenticate to whom, as it is known of one guest.

        Raises:
            KeyError: the runbook has no such host.
        """
        return self._looks.look(host, self.now(), self.proof(host))

    def secrets(self) -> tuple[SecretRequest, ...]:
        """What is being asked of a person now."""
        return tuple(self.intake.secrets.values())

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` after events; returns how to stop."""
        self._listeners.append(changed)

        def stop() -> None:
            if changed in self._listeners:
                self._listeners.remove(changed)

        return stop

    # Intents

    async def start_step(self, step: str, host: str, moved: bool = False) -> Refused | None:
        """Begin a step; the mark step captures the baseline and sets the mark."""
        found = self._find(step, host)
        if isinstance(found, Refused):
            return found
        host = WAVE if found.scope == "wave" else host
        marking = Marking(self.runbook, self.recorder, self._turns, self.now)
        unmarked = marking.unmarked(found, host)
        if self.recorder.state.status(step, host) != "todo" and not unmarked:
            return None
        if unmarked and (refusal := await marking.unready(found, unmarked, moved)) is not None:
            return refusal
        try:
            await self.recorder.record(StepStarted(step, host))
            for name in unmarked:
                await marking.mark(found, name)
        except RecordError as error:
            return unrecorded(error)
        return None

    async def run_action(self, step: str, host: str, action: str) -> Refused | None:
        """Intent on the record, then the command, then what came of it."""
        found = self._find(step, host)
        if isinstance(found, Refused):
            return found
        if host == WAVE:
            return Refused("An action runs on one guest.", "Choose a host first.")
        column = WAVE if found.scope == "wave" else host
        if self.recorder.state.status(step, column) == "todo":
            return Refused("This step has not been started.", "Start it first: s")
        wanted = next((a for a in (*found.actions, *found.provocations) if a.id == action), None)
        target = self.runbook.host(host)
        argv = action_argv(wanted, target.os) if wanted is not None and target is not None else None
        if wanted is None or argv is None:
            return Refused(f"{step} has no action {action} for {host}.", "Look at the step's actions.")
        key = (step, host, action)
        if key in self._running:
            return Refused("It is running already.", "Wait for it to end.")
        self._running.add(key)
        try:
            await act(self.recorder, self.probes, found.id, host, wanted, argv, self.now)
        except RecordError as error:
            return unrecorded(error)
        finally:
            self._running.discard(key)
            self.tell()
        return None

    async def mark_done(self, step: str, host: str, second: str | None = None) -> Decision | Refused:
        """Seal, decide, and append `done` in the same turn if the gate is open."""
        found = self._find(step, host)
        if isinstance(found, Refused):
            return found
        host = WAVE if found.scope == "wave" else host
        state = self.recorder.state
        if state.status(step, host) == "done":
            return Refused("It is done already.", "")
        if state.status(step, host) == "todo":
            return Refused("This step has not been started.", "Start it first: s")
        if self.recorder.problem is not None:
            return Refused(
                f"Not recorded, so nothing can be done: {self.recorder.problem}", "Make room on the disk."
            )
        names = tuple(g.name for g in guests(self.runbook, found, host))
        asked = await self._turns.read(
            names
        )  # before it is our turn to decide: a slow guest delays its own step
        async with self._deciding:
            try:
                await self.recorder.seal()
                async with self.recorder.alone():
                    if state.status(step, host) == "done":  # by somebody else meanwhile
                        return Refused("It is done already.", "")
                    decision = decide(
                        question(
                            self.runbook,
                            state,
                            self.recorder.logs,
                            found,
                            host,
                            self.now(),
                            upto=state.seq,
                            seals=state.seals,
                            operator=self.recorder.operator,
                            second=second,
                            asked=asked,
                        )
                    )
                    # From the question to these appends nothing awaits: their sequences are N+1, N+2.
                    journal, at = self.recorder.journal, self.now()
                    seq = journal.next_seq
                    waiting = [journal.append(Decided(decision, second, asked), at, self.recorder.operator)]
                    if decision.outcome == "open":
                        waiting.append(journal.append(Done(step, host, seq), at, self.recorder.operator))
                    await asyncio.gather(*waiting)
            except RecordError as error:
                return unrecorded(error)
        return decision

    async def acknowledge(self, check: str, reason_code: str, host: str, ticket: str) -> Refused | None:
        """Seal, judge the fault anew, and put its acceptance on the record in the same turn."""
        if host != WAVE and self.runbook.host(host) is None:
            return Refused(f"The runbook has no host {host}.", "Choose one of its hosts.")
        async with self._deciding:
            try:
                await self.recorder.seal()
                async with self.recorder.alone():
                    recorder, state, now = self.recorder, self.recorder.state, self.now()
                    cause, number = (check, reason_code), ticket.strip()
                    body = accept(self.runbook, state, recorder.logs, cause, host, number, now, state.seals)
                    if isinstance(body, str):
                        return Refused(body, "What cannot be accepted has to be mended.")
                    await recorder.journal.append(body, now, recorder.operator)
            except RecordError as error:
                return unrecorded(error)
        return None

    def proof(self, host: str) -> ProofView:
        """What the proof of this guest's exchanges would run."""
        return self._proofs().view(host)

    async def prove(self, host: str, shown: tuple[tuple[str, ...], ...]) -> Refused | None:
        """Approve the commands that were shown, and make one series of attempts."""
        return await self._proofs().prove(host, shown)

    async def read_clock(self, first: str, second: str, utc_ns: int) -> Refused | None:
        """What people read, onto the record."""
        return await record_reading(self.recorder, first, second, utc_ns)

    async def look_again(self, host: str) -> None:
        """Read everything of this host (`*`: of all) now; a person asks, so what was refused is tried once more."""
        for name in self._names(host):
            self.probes.retry(name)

    async def note(self, text: str, step: str | None, host: str | None) -> Refused | None:
        """A person's words onto the record."""
        words = text.strip()[:NOTE_LIMIT]
        if not words:
            return Refused("A note needs words.")
        try:
            await self.recorder.record(Noted(words, step, host))
        except RecordError as error:
            return unrecorded(error)
        return None

    async def answer(self, request: str, value: str | None) -> None:
        """A person's answer goes to the probe loop and nowhere else."""
        if self.intake.secrets.pop(request, None) is not None:
            self.probes.answer(request, value)
            self.tell()

    async def export(self, directory: str) -> str | Refused:
        """Seal and write the evidence; returns the chain head."""
        try:
            await self.recorder.seal()
            await self.recorder.settle()
            return await asyncio.to_thread(self.exporter, Path(directory))
        except RecordError as error:
            return Refused(str(error), "Choose another directory, or make room on the disk.")

    # Life

    async def run(self) -> None:
        """Housekeeping and repeated proofs until cancelled; what breaks is told and begun again."""
        housekeeping = Housekeeping(self.runbook, self.recorder, self.now, self.tell)
        async with asyncio.TaskGroup() as group:
            for part, work in (*housekeeping.parts(), ("what repeats proofs", self._proofs().run)):
                group.create_task(self._kept(part, work), name=part)

    async def _kept(self, part: str, work: Callable[[], Awaitable[None]]) -> None:
        def told(error: BaseException) -> None:
            self.recorder.defect(part, words_of(error))
            self.tell()

        async def pause(wait_ns: int) -> None:
            await asyncio.sleep(wait_ns / SECOND)

        await kept(work, told, lambda: self.now().boottime_ns, pause)

    async def close(self) -> None:
        """Seal what there is and leave the session in order; it can be resumed."""
        try:
            if self.recorder.problem is None:
                await self.recorder.seal()
                await self.recorder.record(SessionClosed())
        finally:
            await self.recorder.close()

    # Inside

    def _views(self) -> views.Live:
        assert self._live is not None  # noqa: S101 - made in __post_init__
        return self._live

    def _proofs(self) -> Proving:
        assert self._proving is not None  # noqa: S101 - made in __post_init__
        return self._proving

    def _find(self, step: str, host: str) -> Step | Refused:
        found = self.runbook.step(step)
        if found is None:
            return Refused(f"The runbook has no step {step}.", "Choose one of its steps.")
        columns = hosts_of(found, self.runbook.hosts)
        if host not in columns and not (columns == (WAVE,) and self.runbook.host(host) is not None):
            return Refused(f"{step} has no host {host}.", "Choose one of the runbook's hosts.")
        return found

    def _names(self, host: str) -> tuple[str, ...]:
        return tuple(h.name for h in self.runbook.hosts) if host == WAVE else (host,)

    def _on_seen(self, observation: Observation) -> None:
        self._proofs().seen(observation)
        self._turns.seen(observation)

    def _on_event(self, event: Event) -> None:
        body = event.body
        if isinstance(body, Disturbed | Marked):
            self.probes.look(body.host)  # what is void is read again at once, not at its next turn
        self._marks.take(event)
        self.tell()

    def _title(self, step: str, action: str) -> str:
        """What the runbook calls an action."""
        found = self.runbook.step(step)
        actions = (*found.actions, *found.provocations) if found is not None else ()
        return next((a.title for a in actions if a.id == action), action)

    def tell(self) -> None:
        """Tell every subscriber that something happened."""
        for listener in tuple(self._listeners):
            listener()
