"""Writing tapes: buffered appends at machine rate, made durable and sealed together.

An append costs the event loop microseconds and touches no file. A record is evidence only
once it lies in a seal that the journal holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from cutover_tui.record.files import AppendFile, RecordError, make_directory
from cutover_tui.record.tape import (
    Gap,
    Line,
    ObservationLine,
    Opened,
    RawLine,
    SampleLine,
    Seal,
    TapeContents,
    encode_line,
    read_tape,
    tape_path,
)
from cutover_tui.record.writer import Writer
from probes.observation import Instant, Observation, Sample

BUFFER_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class _Mark:
    """A place on the tape between two lines, with the totals up to it."""

    line: int
    offset: int
    samples: int
    gaps: int
    reached_ns: int = 0  # CLOCK_BOOTTIME up to which this process has recorded samples and gaps


class TapeWriter:
    """The single writer of one host's tape, used from one event loop.

    After a failed write it refuses everything until `recover`; it is then back at its last
    durable line, and line numbers given out since are void.
    """

    def __init__(self, name: str, writer: Writer, file: AppendFile, contents: TapeContents) -> None:
        self.name = name
        self.path = file.path
        self.notice = contents.notice
        self._file = file
        self._writer = writer
        sealed = contents.sealed
        self._confirmed = _Mark(
            line=sealed,
            offset=contents.sealed_size,
            samples=sum(line <= sealed for line, _ in contents.samples),
            gaps=sum(line <= sealed for line, _ in contents.gaps),
        )
        self._durable = self._now = _Mark(
            contents.lines, contents.size, len(contents.samples), len(contents.gaps)
        )
        self._marks: dict[int, _Mark] = {}  # ends of seals that wait to be confirmed
        self._interned = dict(contents.raw_lines)
        self._buffer = bytearray()
        self._failed: RecordError | None = None
        self._broken: RecordError | None = None  # the thread's own view of `_failed`
        self._closed = False

    @property
    def lines(self) -> int:
        """Number of the last line appended."""
        return self._now.line

    @property
    def failed(self) -> RecordError | None:
        """Why nothing is accepted until `recover`; None while all is well."""
        return self._failed

    def append_opened(self, anchor: Instant, tool: str) -> int:
        """Say which process writes from here on and where its timescale is anchored. Raises RecordError."""
        self._check_open()
        return self._append(Opened(self.name, anchor, tool), reached_ns=anchor.boottime_ns)

    def append_observation(self, observation: Observation) -> int:
        """Append an observation and those of its raws that are new; returns its line. Raises RecordError."""
        self._check_open()
        encoded = [encode_line(raw) for raw in observation.raw]
        digests = [(sha256(data).hexdigest(), data) for data in encoded]
        for digest, data in digests:
            if digest not in self._interned:
                self._append(RawLine(digest, msgspec.Raw(data)))
                self._interned[digest] = self._now.line
        return self._append(
            ObservationLine(
                id=observation.id,
                reader=observation.reader,
                version=observation.version,
                host=observation.host,
                identity=observation.identity,
                vantage=observation.vantage,
                began=observation.began,
                ended=observation.ended,
                attempt=observation.attempt,
                raw=tuple(digest for digest, _ in digests),
                facts=observation.facts,
                failure=observation.failure,
            )
        )

    def append_sample(self, sample: Sample) -> int:
        """Append a reading of the clock; returns its line. Raises RecordError."""
        self._check_open()
        return self._append(SampleLine(sample), samples=1, reached_ns=sample.mono_ns)

    def append_gap(self, begin_ns: int, end_ns: int, why: str) -> int:
        """Say that there is no data between two CLOCK_BOOTTIMEs; returns the line. Raises RecordError."""
        self._check_open()
        return self._append(Gap(begin_ns, end_ns, why), gaps=1, reached_ns=end_ns)

    async def sync(self) -> Seal | None:
        """Make everything appended durable; the seal over all lines no confirmed seal covers yet.

        None when there is no such line. The hash is taken from the file itself. Journal the
        seal, then `confirm` it; an unconfirmed seal is simply covered by the next one.
        Raises RecordError; nothing appended since the last durable line is then kept.
        """
        self._check_open()
        begin, end = self._confirmed, self._now
        if begin.line == end.line:
            return None
        chunk = self._take_buffer()
        try:
            digest = await self._writer.call(lambda: self._sync_and_hash(chunk, begin.offset, end.offset))
        except RecordError as error:
            self._fail(error)
            raise
        self._durable = self._marks[end.line] = end
        return Seal(
            tape=self.name,
            first=begin.line + 1,
            last=end.line,
            sha256=digest,
            n=end.samples - begin.samples,
            gaps=end.gaps - begin.gaps,
        )

    def confirm(self, seal: Seal) -> None:
        """The journal holds this seal durably; the next one begins after it."""
        self._confirmed = self._marks[seal.last]
        self._marks = {line: mark for line, mark in self._marks.items() if line > seal.last}

    async def recover(self, now_ns: int) -> int | None:
        """After a failure: go back to the last durable line and note what was lost as a gap up to `now_ns`.

        Returns that durable line, None without a failure. The gap has the number a lost line had: what
        is kept elsewhere of later lines must go in the same turn of the loop.
        Raises RecordError while the disk takes no writes; the tape then stays failed.
        """
        failure = self._failed
        if failure is None:
            return None
        offset = self._durable.offset

        def repair() -> None:
            self._file.rollback(offset)
            self._file.prove_writable()
            self._broken = None

        await self._writer.call(repair)
        self._failed = None
        kept = self._durable.line
        self.append_gap(min(self._durable.reached_ns or now_ns, now_ns), now_ns, f"not recorded: {failure}")
        return kept

    async def close(self) -> None:
        """Write what is buffered and give the lock back. Raises RecordError when that cannot be written."""
        if self._closed:
            return
        self._closed = True
        chunk = self._take_buffer()

        def finish() -> None:
            try:
                if self._broken is None:
                    self._file.append_durably(chunk)
            finally:
                self._file.close()

        await self._writer.call(finish)

    def _check_open(self) -> None:
        if self._closed:
            raise RecordError(f"cannot write {self.path}: it is closed")
        if self._failed is not None:
            raise RecordError(f"not recorded: {self._failed}")

    def _append(self, line: Line, samples: int = 0, gaps: int = 0, reached_ns: int = 0) -> int:
        data = encode_line(line)
        now = self._now
        self._buffer += data
        self._buffer += b"\n"
        self._now = _Mark(
            now.line + 1,
            now.offset + len(data) + 1,
            now.samples + samples,
            now.gaps + gaps,
            reached_ns or now.reached_ns,
        )
        if len(self._buffer) >= BUFFER_BYTES:
            chunk = self._take_buffer()
            self._writer.call(lambda: self._write(chunk)).add_done_callback(self._written)
        return self._now.line

    def _take_buffer(self) -> bytes:
        chunk = bytes(self._buffer)
        self._buffer.clear()
        return chunk

    def _written(self, done: asyncio.Future[None]) -> None:
        error = None if done.cancelled() else done.exception()
        if isinstance(error, RecordError):
            self._fail(error)

    def _fail(self, error: RecordError) -> None:
        if self._failed is None:
            self._failed = error
            self._buffer.clear()
            self._now = self._durable
            kept = self._durable.line
            self._marks = {line: mark for line, mark in self._marks.items() if line <= kept}
            self._interned = {digest: line for digest, line in self._interned.items() if line <= kept}

    # In the writer thread:

    def _write(self, chunk: bytes) -> None:
        if self._broken is not None:
            raise self._broken
        try:
            self._file.append(chunk)
        except RecordError as error:
            self._broken = error
            raise

    def _sync_and_hash(self, chunk: bytes, start: int, end: int) -> str:
        self._write(chunk)
        try:
            self._file.sync()
            return sha256(self._file.read(start, end)).hexdigest()
        except RecordError as error:
            self._broken = error
            raise


class Tapes:
    """The tapes of a session, one a host, on one writer thread and one event loop."""

    def __init__(self, directory: Path, writer: Writer, tool: str) -> None:
        self._directory = directory
        self._writer = writer
        self._tool = tool
        self._tapes: dict[str, TapeWriter] = {}
        self._sealing = asyncio.Lock()

    def __getitem__(self, host: str) -> TapeWriter:
        """The open tape of `host`. Raises KeyError."""
        return self._tapes[host]

    @property
    def failed(self) -> RecordError | None:
        """Why one of the tapes accepts nothing until `recover`; None while all is well."""
        return next((tape.failed for tape in self._tapes.values() if tape.failed is not None), None)

    async def open(self, host: str, anchor: Instant, seals: Sequence[Seal] = ()) -> TapeWriter:
        """Start the tape of `host`, or take it up again and verify it against its `seals`.

        Complete lines no seal covers are kept for the next seal; a torn tail is cut off
        and `TapeWriter.notice` says so. Raises Locked, Damaged, RecordError.
        """
        path = tape_path(self._directory, host)

        def start() -> tuple[AppendFile, TapeContents]:
            make_directory(self._directory)
            file = AppendFile.open(path) if seals or path.exists() else AppendFile.create(path)
            try:
                contents = read_tape(path, seals)
                if contents.notice is not None:
                    file.rollback(contents.size)
            except BaseException:
                file.close()
                raise
            return file, contents

        tape = TapeWriter(host, self._writer, *await self._writer.call(start))
        tape.append_opened(anchor, self._tool)
        self._tapes[host] = tape
        return tape

    async def seal_all(self, record: Callable[[tuple[Seal, ...]], Awaitable[object]]) -> tuple[Seal, ...]:
        """Sync every tape and have `record` journal the seals durably; () when nothing is new.

        `record` is called once with all seals. If it fails or is cancelled, the next call
        seals the same lines again. Raises RecordError, after recording the others' seals,
        when a tape could not be sealed, and whatever `record` raises.
        """
        async with self._sealing:
            seals: list[Seal] = []
            errors: list[RecordError] = []
            for tape in list(self._tapes.values()):
                try:
                    seal = await tape.sync()
                except RecordError as error:
                    errors.append(error)
                else:
                    if seal is not None:
                        seals.append(seal)
            if seals:
                await record(tuple(seals))
                for seal in seals:
                    self._tapes[seal.tape].confirm(seal)
            if errors:
                raise errors[0]
            return tuple(seals)

    async def recover(self, now_ns: int, cut: Callable[[str, int], None] | None = None) -> None:
        """`TapeWriter.recover` for every failed tape. Raises RecordError at the first that stays failed.

        `cut` is told of each at once which line is the last that was kept.
        """
        for tape in list(self._tapes.values()):
            kept = await tape.recover(now_ns)
            if kept is not None and cut is not None:
                cut(tape.name, kept)

    async def close(self) -> None:
        """Close every tape; what was not sealed stays in the files. Raises RecordError after closing all."""
        errors: list[RecordError] = []
        for tape in self._tapes.values():
            try:
                await tape.close()
            except RecordError as error:
                errors.append(error)
        if errors:
            raise errors[0]
