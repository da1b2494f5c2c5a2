"""The journal: JSON Lines, each event with the SHA-256 of the one before, durable before it counts.

An event is confirmed when its bytes were written *and* fdatasynced. Many appends share one
sync (group commit). What failed is cut off again; nothing confirmed is ever lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from cutover_tui.record.chain import Linked, follow
from cutover_tui.record.events import GENESIS
from cutover_tui.record.files import AppendFile, RecordError, make_directory
from cutover_tui.record.writer import Writer, tell
from probes.observation import Instant

B = TypeVar("B")
E = TypeVar("E", bound=Linked)


@dataclass(frozen=True, slots=True)
class Format(Generic[B, E]):
    """How bodies become events and events become lines: `Format(Event, encoder.encode, decoder.decode)`."""

    make: Callable[[int, str, Instant, str, B], E]
    encode: Callable[[E], bytes]
    decode: Callable[[bytes], E]


@dataclass(frozen=True, slots=True)
class Loaded(Generic[E]):
    """A journal as read: its events, the SHA-256 of the last line, and what was left out, if anything."""

    events: list[E]
    head: str
    size: int  # bytes of the intact lines
    notice: str | None


@dataclass(frozen=True, slots=True, eq=False)
class _Append(Generic[E]):
    event: E
    line: bytes
    head: str
    confirmed: asyncio.Future[E]


def read(path: Path, decode: Callable[[bytes], E]) -> Loaded[E]:
    """All events of a journal, its chain verified. Blocks.

    A torn last line is left out with a notice. Raises Damaged with file and line for
    anything else that is wrong, RecordError when the file cannot be read.
    """
    events: list[E] = []
    try:
        with path.open("rb", buffering=0) as file:
            chain = follow(path, file, decode, events)
    except OSError as error:
        raise RecordError(f"cannot read {path}: {error.strerror}") from error
    return Loaded(events, chain.head, chain.size, chain.notice)


class Journal(Generic[B, E]):
    """The single writer of a journal file, used from one event loop.

    Sequence numbers are given out synchronously, in the order of the calls of `append`.
    So a compare-and-set needs no lock: look at `next_seq` and at what was folded, decide,
    and call `append` with no `await` between; nothing can come in between. `next_seq - 1 -
    seq` appends are on their way to the disk: a decider that must see them too waits for
    its own earlier append first, as appends are confirmed in order.
    """

    def __init__(self, file: AppendFile, form: Format[B, E], writer: Writer, seq: int, head: str) -> None:
        self._file = file
        self._form = form
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._seq, self._head = seq, head  # durable
        self._next, self._prev = seq + 1, head  # given out
        self._failed: RecordError | None = None
        self._closed = False
        self._queue: SimpleQueue[_Append[E]] = SimpleQueue()
        self._broken: RecordError | None = None  # the thread's own view of `_failed`
        self.on_confirmed: Callable[[E], None] | None = None
        self.admit: Callable[[E], None] | None = None
        """Asked before an event gets its place in the chain; what it raises leaves `append`, and nothing is written."""

    @classmethod
    async def create(cls, path: Path, form: Format[B, E], writer: Writer) -> Journal[B, E]:
        """Start an empty journal (0600, in a directory of 0700 that is made if missing).

        Raises RecordError, also when the file exists.
        """

        def start() -> AppendFile:
            make_directory(path.parent)
            return AppendFile.create(path)

        return cls(await writer.call(start), form, writer, 0, GENESIS)

    @classmethod
    async def open(cls, path: Path, form: Format[B, E], writer: Writer) -> tuple[Journal[B, E], Loaded[E]]:
        """Lock, read and verify a journal; a torn last line is cut off, `Loaded.notice` says so.

        Raises Locked, Damaged, RecordError.
        """

        def resume() -> tuple[AppendFile, Loaded[E]]:
            file = AppendFile.open(path)
            try:
                loaded = read(path, form.decode)
                if loaded.notice is not None:
                    file.rollback(loaded.size)
            except BaseException:
                file.close()
                raise
            return file, loaded

        file, loaded = await writer.call(resume)
        return cls(file, form, writer, len(loaded.events), loaded.head), loaded

    @property
    def path(self) -> Path:
        return self._file.path

    @property
    def seq(self) -> int:
        """Sequence of the last durable event; 0 when there is none."""
        return self._seq

    @property
    def head(self) -> str:
        """SHA-256 of the last durable line."""
        return self._head

    @property
    def next_seq(self) -> int:
        """The sequence the next call of `append` will get."""
        return self._next

    @property
    def failed(self) -> RecordError | None:
        """Why nothing is accepted until `recover`; None while all is well."""
        return self._failed

    def append(self, body: B, at: Instant, by: str) -> Awaitable[E]:
        """Give the event its place in the chain now; the awaitable returns it when it is durable.

        An ordinary function on purpose: the sequence is taken when it is *called*. A caller
        that is cancelled while it waits has still recorded the event; `on_confirmed` is
        called on the loop for every durable event, in order, before anyone waiting is told.

        Raises RecordError (from the call or the await): then the event is not in the
        journal, and every further append is refused until `recover` succeeded. What `admit`
        raises concerns this event alone.
        """
        if self._closed:
            raise RecordError(f"cannot write {self.path}: it is closed")
        if self._failed is not None:
            raise self._refusal(self._failed)
        event = self._form.make(self._next, self._prev, at, by, body)
        line = self._form.encode(event)
        if b"\n" in line:
            raise ValueError("an event must encode to one line")
        if self.admit is not None:
            self.admit(event)
        head = sha256(line).hexdigest()
        confirmed: asyncio.Future[E] = self._loop.create_future()
        self._next, self._prev = self._next + 1, head
        self._queue.put(_Append(event, line, head, confirmed))
        self._writer.wake(self)
        return confirmed

    async def recover(self) -> None:
        """After a failure: cut off what was not confirmed and prove that the disk takes writes again.

        Raises RecordError while it does not; the journal then stays failed.
        """
        if self._failed is None:
            return

        def repair() -> None:
            self._file.rollback(self._file.size)
            self._file.prove_writable()
            self._broken = None

        await self._writer.call(repair)
        self._failed = None

    async def close(self) -> None:
        """Wait for what was appended, then give the lock back. Further appends are refused."""
        if self._closed:
            return
        self._closed = True
        await self._writer.call(self._file.close)

    def commit(self) -> None:
        """In the writer thread: one write and one sync for everything queued."""
        batch: list[_Append[E]] = []
        try:
            while True:
                batch.append(self._queue.get_nowait())
        except Empty:
            pass
        if not batch:
            return
        if self._broken is None:
            self._broken = self._write(b"".join([item.line + b"\n" for item in batch]))
        error = self._broken
        tell(self._loop, lambda: self._settle(batch, error))

    def _write(self, data: bytes) -> RecordError | None:
        try:
            self._file.append_durably(data)
        except RecordError as error:
            return error
        return None

    def _settle(self, batch: list[_Append[E]], error: RecordError | None) -> None:
        if error is not None:
            self._failed = error
            self._next, self._prev = self._seq + 1, self._head
            for item in batch:
                if not item.confirmed.done():
                    item.confirmed.set_exception(self._refusal(error))
            return
        for item in batch:
            self._seq, self._head = item.event.seq, item.head
            if not item.confirmed.done():
                item.confirmed.set_result(item.event)
        if self.on_confirmed is not None:  # still before any waiter runs
            for item in batch:
                self.on_confirmed(item.event)

    def _refusal(self, error: RecordError) -> RecordError:
        return RecordError(f"not recorded: {error}; everything up to event {self._seq} is safe")
