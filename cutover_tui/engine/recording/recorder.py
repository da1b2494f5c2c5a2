"""The session's pen: journal and tapes on disk, state and logs in memory, always in that order.

State changes when an event is durable, never before. Evidence enters memory with its tape
line; a decision may cite it once that line is sealed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

import msgspec

from cutover_tui.core.finding import Window
from cutover_tui.engine.internal import words_of
from cutover_tui.engine.sessions import SessionDirectory
from cutover_tui.record.asking import Logs
from cutover_tui.record.events import (
    ActionEnded,
    ActionIntended,
    Body,
    Defect,
    Disturbed,
    Event,
    Marked,
    Regressed,
    Sealed,
    VerdictChanged,
)
from cutover_tui.record.files import DoesNotFollow, RecordError
from cutover_tui.record.journal import Format, Journal, Loaded
from cutover_tui.record.machine import Machine, machine_of
from cutover_tui.record.reels import logs_of, seals_by_tape
from cutover_tui.record.state import ALL_FAMILIES, Contradiction, State, fold
from cutover_tui.record.tape import TapeContents, read_tape, tape_path
from cutover_tui.record.tape_writer import Tapes
from cutover_tui.record.writer import Writer
from probes.observation import Instant, Observation, Sample

FORMAT: Format[Body, Event] = Format(Event, msgspec.json.Encoder().encode, msgspec.json.Decoder(Event).decode)

DEFECTS = 100
"""So many are said in one session; more would say nothing new."""

_ON_GRAPHS = Marked | ActionIntended | ActionEnded | Disturbed


@dataclass(slots=True)
class Recorder:
    """One session's record. Every method belongs to the main loop."""

    directory: SessionDirectory
    journal: Journal[Body, Event]
    tapes: Tapes
    writer: Writer
    state: State
    logs: Logs
    now: Callable[[], Instant]
    operator: str
    changed: Callable[[Event], None]
    notices: list[str] = field(default_factory=list)
    machines: dict[str, Machine] = field(default_factory=dict)
    """Who answered last behind each name, also before this process."""
    happened: list[Event] = field(default_factory=list)
    """Before this process: marks, actions and disturbances, which a graph of the clocks shows."""
    owed: list[Body] = field(default_factory=list)
    """What happened and must still be journaled once that is possible again."""
    defects: set[tuple[str, str]] = field(default_factory=set)
    """What of this program failed, part and words: each is said once."""
    _ahead: State = field(default_factory=State)  # as it will be once all that was appended is durable
    _contradiction: str | None = None  # why what is on the disk can no longer be folded
    _unwritten: int = 0  # measurements that could not be taped since the record failed
    _waiting: set[asyncio.Future[Event]] = field(default_factory=set)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    async def create(
        cls,
        directory: SessionDirectory,
        now: Callable[[], Instant],
        operator: str,
        tool: str,
        make_writer: Callable[[], Writer] = Writer,
    ) -> Recorder:
        """A new, empty record.

        Raises:
            RecordError: the disk refuses.
        """
        writer = make_writer()
        try:
            journal = await Journal.create(directory.journal, FORMAT, writer)
        except BaseException:
            await writer.aclose()
            raise
        recorder = cls(
            directory=directory,
            journal=journal,
            tapes=Tapes(directory.tapes, writer, tool),
            writer=writer,
            state=State(),
            logs=Logs(),
            now=now,
            operator=operator,
            changed=_nobody,
        )
        recorder._listen()
        return recorder

    @classmethod
    async def reopen(
        cls,
        directory: SessionDirectory,
        now: Callable[[], Instant],
        operator: str,
        tool: str,
        make_writer: Callable[[], Writer] = Writer,
    ) -> tuple[Recorder, Loaded[Event]]:
        """Take a record up again; its journal is verified and folded.

        Raises:
            RecordError: in use by another process, damaged, or not readable.
            Contradiction: its events do not follow from one another.
        """
        writer = make_writer()
        journal: Journal[Body, Event] | None = None
        try:
            journal, loaded = await Journal.open(directory.journal, FORMAT, writer)
            state = fold(loaded.events)
        except BaseException:
            if journal is not None:
                await journal.close()
            await writer.aclose()
            raise
        recorder = cls(
            directory=directory,
            journal=journal,
            tapes=Tapes(directory.tapes, writer, tool),
            writer=writer,
            state=state,
            logs=Logs(),
            now=now,
            operator=operator,
            changed=_nobody,
            notices=[loaded.notice] if loaded.notice is not None else [],
            happened=[e for e in loaded.events if isinstance(e.body, _ON_GRAPHS)],
        )
        recorder._listen()
        return recorder, loaded

    async def open_tapes(self, names: Iterable[str], anchor: Instant, events: list[Event]) -> None:
        """Open a tape for every name and bring back to memory what belongs to this boot.

        Raises:
            RecordError: damaged (with file and line), in use, or not writable.
        """
        seals = seals_by_tape(events)
        for name in names:
            mine = seals.get(name, [])
            tape = await self.tapes.open(name, anchor, mine)
            if tape.notice is not None:
                self.notices.append(tape.notice)
            if mine or tape.lines > 1:
                path = tape_path(self.directory.tapes, name)
                contents = await asyncio.to_thread(read_tape, path, mine)
                self._recognise_again(name, contents)
                boots = logs_of(contents)
                if anchor.boot_id in boots:
                    self.logs.by_host[name] = boots[anchor.boot_id]

    def _recognise_again(self, name: str, contents: TapeContents) -> None:
        """Who answered last; a change that was taped but perhaps not journaled is owed to the journal."""
        machine = machine_of(o for line, o in contents.observations if line <= contents.sealed)
        for line, o in contents.observations:
            if line > contents.sealed:
                since = machine.void_since(None, o.began)
                for change in machine.see(o):
                    self.owed.append(Disturbed(name, ALL_FAMILIES, change.kind, change.cause, since))
        self.machines[name] = machine

    @property
    def problem(self) -> str | None:
        """Why nothing can be recorded now; None while all is well."""
        if self._contradiction is not None:
            return self._contradiction
        if self.journal.failed is not None:
            return str(self.journal.failed)
        if self.tapes.failed is not None:
            return str(self.tapes.failed)
        if self._unwritten:
            return f"{self._unwritten} measurements could not be written"
        return None

    async def record(self, body: Body) -> Event:
        """Append an event; returns when it is durable and the state knows it.

        Raises:
            RecordError: it is not on the record.
        """
        async with self._turn:
            waiting = self._append(body)
        return await waiting

    def record_soon(self, body: Body) -> None:
        """Append an event nobody waits for; a failure shows as `problem`."""
        try:
            waiting = asyncio.ensure_future(self._append(body))
        except DoesNotFollow:
            return  # said already; at no other time would it follow
        except RecordError:
            self._lost(body)
            return
        self._waiting.add(waiting)
        waiting.add_done_callback(partial(self._settled, body))

    async def tell(self, *bodies: Body) -> None:
        """Append these in their order; returns when they are durable. A caller that is cancelled has told them too.

        Raises:
            RecordError: not all are on the record; they are owed to it.
        """
        for body in bodies:
            self.record_soon(body)
        await self.settle()
        if any(owed is body for owed in self.owed for body in bodies):
            raise RecordError(self.problem or "it could not be recorded")

    def _append(self, body: Body) -> Awaitable[Event]:
        at = self.now()
        if isinstance(body, Disturbed) and body.kind == "action":
            body = msgspec.structs.replace(body, since=at)  # it may have waited for its turn
        return self.journal.append(body, at, self.operator)

    def defect(self, part: str, detail: str) -> None:
        """Something of this program failed that never should: on the screen and on the record, once for its words."""
        if (part, detail) in self.defects or len(self.defects) >= DEFECTS:
            return
        self.defects.add((part, detail))
        self.notices.append(f"a defect of this program in {part}: {detail}")
        self.record_soon(Defect(part, detail))

    def _settled(self, body: Body, waiting: asyncio.Future[Event]) -> None:
        self._waiting.discard(waiting)
        if not waiting.cancelled() and isinstance(waiting.exception(), RecordError):
            self._lost(body)

    def _lost(self, body: Body) -> None:
        self._unwritten += 1
        if not isinstance(body, VerdictChanged | Regressed):  # those are judged again anyway
            self.owed.append(body)

    def pay_owed(self) -> None:
        """Append what is owed, in its order and before anything else can be."""
        owed, self.owed = self.owed, []
        for body in owed:
            self.record_soon(body)

    def observation(self, observation: Observation) -> None:
        """Tape an observation and remember it."""
        try:
            line = self.tapes[observation.host].append_observation(observation)
        except RecordError:
            self._unwritten += 1
            return
        self.logs.of(observation.host).add_observation(line, observation)

    def sample(self, host: str, sample: Sample) -> None:
        """Tape a sample and remember it."""
        try:
            line = self.tapes[host].append_sample(sample)
        except RecordError:
            self._unwritten += 1
            return
        self.logs.of(host).add_sample(line, sample)

    def gap(self, host: str, begin_ns: int, end_ns: int, why: str) -> None:
        """Tape that there is nothing for a stretch."""
        try:
            self.tapes[host].append_gap(begin_ns, end_ns, why)
        except RecordError:
            self._unwritten += 1

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Everything appended so far is durable and folded, or refused; intents wait until the block is left.

        Without that a decider would wait for ever for a moment in which nobody records anything.
        """
        async with self._turn:
            while self.journal.next_seq - 1 != self.journal.seq:
                await self.writer.call(_nothing)
            yield

    async def settle(self) -> None:
        """Return when every event appended so far is durable and folded, or refused."""
        async with self.alone():
            pass

    async def seal(self) -> dict[str, Window]:
        """Sync the tapes and journal their seals; returns the newest seal of every tape.

        Raises:
            RecordError: not everything is on disk; nothing may be decided on it.
        """
        await self.tapes.seal_all(lambda seals: self.record(Sealed(seals)))
        return dict(self.state.seals)

    async def recover(self) -> None:
        """After a full disk was emptied: continue where the durable record ends.

        Raises:
            RecordError: it still cannot be written.
        """
        await self.journal.recover()
        self.pay_owed()
        await self.tapes.recover(
            self.now().boottime_ns, lambda name, line: self.logs.of(name).cut_after(line)
        )
        self._unwritten = 0

    async def close(self) -> None:
        """Write out what is buffered and give the locks back.

        Raises:
            RecordError: something buffered could not be written.
        """
        try:
            await self.tapes.close()
        finally:
            await self.journal.close()
            await self.writer.aclose()

    def _listen(self) -> None:
        self._ahead = self.state.copy()
        self.journal.admit = self._admit
        self.journal.on_confirmed = self._confirmed

    def _admit(self, event: Event) -> None:
        """Nothing is written that the fold would refuse: a resume would refuse the session for it.

        Raises:
            DoesNotFollow: the event contradicts those before it, the ones under way to the disk included.
        """
        if self._contradiction is not None:
            raise DoesNotFollow(f"not recorded: {self._contradiction}")
        if self._ahead.seq != event.seq - 1:  # what it was ahead by was lost with the disk
            self._ahead = self.state.copy()
        try:
            self._ahead.apply(event)
        except Contradiction as error:
            what = event.body.__struct_config__.tag
            self.notices.append(f"not recorded, as it does not follow from what is: {what}: {error.why}")
            raise DoesNotFollow(f"not recorded, as it does not follow from what is: {error.why}") from error

    def _confirmed(self, event: Event) -> None:
        """Each event is taken by itself: what goes wrong with one must not keep the next from the state."""
        if self._contradiction is not None:
            return
        try:
            self.state.apply(event)
        except Contradiction as error:
            self._contradiction = f"the journal contradicts itself at {error}; nothing more is recorded"
            return
        try:
            self.changed(event)
        except Exception as error:  # noqa: BLE001 - who listens must not end the record
            self.defect("what follows an event", words_of(error))


def _nothing() -> None:
    """A turn of the writer thread."""


def _nobody(_event: Event) -> None:
    """Until a session listens."""
