"""A tape: what one host showed, at machine rate, as JSON Lines sealed into the journal.

Line numbers count from 1. Raw outputs are interned: written once a digest, before the
first observation that cites them. A digest is the SHA-256 of the raw's bytes in its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import msgspec

from cutover_tui.core.finding import Window
from cutover_tui.record.chain import UNDECODABLE
from cutover_tui.record.files import Damaged, RecordError
from probes.observation import Facts, Failure, Identity, Instant, Observation, Raw, Sample, Vantage

Seal = Window
"""Lines `first`..`last` of the tape named `tape`, their SHA-256, how many samples and gaps they hold."""

MAX_STEM = 180


class Opened(msgspec.Struct, frozen=True, tag_field="t", tag="open"):
    """A process began to write: whose tape, its anchor of the timescale, its version."""

    tape: str
    anchor: Instant
    tool: str


class RawLine(msgspec.Struct, frozen=True, tag_field="t", tag="raw"):
    """One command's outcome; `raw` are the very bytes that were hashed."""

    sha256: str
    raw: msgspec.Raw


class ObservationLine(msgspec.Struct, frozen=True, tag_field="t", tag="obs"):
    """`Observation` with digests in place of its raws; the other fields are the same."""

    id: str
    reader: str
    version: int
    host: str
    identity: Identity
    vantage: Vantage
    began: Instant
    ended: Instant
    attempt: int
    raw: tuple[str, ...]
    facts: Facts | None = None
    failure: Failure | None = None


class SampleLine(msgspec.Struct, frozen=True, tag_field="t", tag="s"):
    """One reading of the host's clock: `[mono_ns, rtt_ns, offset_ns, grain_ns]`."""

    v: Sample


class Gap(msgspec.Struct, frozen=True, tag_field="t", tag="gap"):
    """No data from `begin_ns` to `end_ns` (CLOCK_BOOTTIME of the jump host), and why."""

    begin_ns: int
    end_ns: int
    why: str


Line = Opened | RawLine | ObservationLine | SampleLine | Gap

encode_line = msgspec.json.Encoder().encode
decode_line = msgspec.json.Decoder(Line).decode
decode_raw = msgspec.json.Decoder(Raw).decode


@dataclass(frozen=True, slots=True)
class TapeContents:
    """A tape as read, everything with its line number.

    Lines after `sealed` are not evidence yet. `size` is the length in bytes of the intact
    lines, `sealed_size` of the sealed ones; `raw_lines` are the digests it holds.
    """

    observations: tuple[tuple[int, Observation], ...]
    samples: tuple[tuple[int, Sample], ...]
    gaps: tuple[tuple[int, Gap], ...]
    anchors: tuple[tuple[int, Opened], ...]
    lines: int
    size: int
    sealed: int
    sealed_size: int
    raw_lines: dict[str, int]
    notice: str | None = None

    @property
    def unsealed_lines(self) -> int:
        return self.lines - self.sealed


def tape_path(directory: Path, host: str) -> Path:
    """Where the tape of `host` lies in the directory of tapes. Different hosts, different files."""
    stem = re.sub(r"^\.", "%2E", quote(host, safe="@"))
    if not stem or len(stem) > MAX_STEM:
        stem = f"{stem[:MAX_STEM]}%{sha256(host.encode()).hexdigest()}"
    return directory / f"{stem}.jsonl"


def read_tape(path: Path, seals: Sequence[Seal]) -> TapeContents:
    """Read a tape and verify it against its seals, given in the order of the journal. Blocks.

    The tail after the last seal is kept up to its first line that cannot be read; what
    follows is left out with a notice. Raises Damaged with file and line when a sealed
    line is not what was sealed, RecordError when the file cannot be read.
    """
    try:
        with path.open("rb", buffering=1 << 20) as file:
            return scan(path, file, seals)
    except OSError as error:
        raise RecordError(f"cannot read {path}: {error.strerror}") from error


def scan(path: Path, lines: Iterable[bytes], seals: Sequence[Seal]) -> TapeContents:
    """`read_tape` over the lines of the file, each with its newline. Raises Damaged."""
    sealed = _check_order(path, seals)
    waiting = list(reversed(seals))
    running: list[_Running] = []
    tape = _Contents(path, seals[0].tape if seals else None)
    for line in lines:
        number = tape.lines + 1
        if number > sealed:
            tape.settle()
        try:
            tape.take(number, line)
        except _Unreadable as error:
            if number <= sealed:
                raise Damaged(path, number, f"{error}, yet it was sealed") from None
            tape.notice = f"{path.name}:{number}: {error}; never sealed, cut off from here"
            break
        while waiting and waiting[-1].first == number:
            running.append(_Running(waiting.pop(), tape))
        running = [seal for seal in running if not seal.take(path, number, line, tape)]
    if tape.lines < sealed:
        raise Damaged(path, tape.lines + 1, f"the tape ends here, but lines up to {sealed} were sealed")
    tape.settle()
    return tape.contents(sealed)


class _Unreadable(Exception):  # noqa: N818 - never leaves this module
    """A line that makes no sense where it stands."""


@dataclass(slots=True)
class _Contents:
    path: Path
    name: str | None
    lines: int = 0
    size: int = 0
    sealed_size: int | None = None
    notice: str | None = None
    observations: list[tuple[int, Observation]] = field(default_factory=list)
    samples: list[tuple[int, Sample]] = field(default_factory=list)
    gaps: list[tuple[int, Gap]] = field(default_factory=list)
    anchors: list[tuple[int, Opened]] = field(default_factory=list)
    raws: dict[str, Raw] = field(default_factory=dict)
    raw_lines: dict[str, int] = field(default_factory=dict)

    def settle(self) -> None:
        """All sealed lines have been taken."""
        if self.sealed_size is None:
            self.sealed_size = self.size

    def take(self, number: int, line: bytes) -> None:
        """Understand one line, or raise _Unreadable and take nothing."""
        if line[-1:] != b"\n":
            raise _Unreadable("the line is torn")
        try:
            self._dispatch(number, decode_line(line))
        except UNDECODABLE as error:
            raise _Unreadable(f"not a line of a tape: {error}") from None
        self.lines = number
        self.size += len(line)

    def _dispatch(self, number: int, record: Line) -> None:
        match record:
            case SampleLine(v=sample):
                self.samples.append((number, sample))
            case ObservationLine():
                self.observations.append((number, self._whole(record)))
            case RawLine():
                if sha256(record.raw).hexdigest() != record.sha256:
                    raise _Unreadable("the raw output is not the one its digest names")
                self.raws[record.sha256] = decode_raw(record.raw)
                self.raw_lines.setdefault(record.sha256, number)
            case Gap():
                self.gaps.append((number, record))
            case Opened():
                if self.name is not None and record.tape != self.name:
                    raise _Unreadable(f"this is the tape of {record.tape}, not of {self.name}")
                self.name = record.tape
                self.anchors.append((number, record))

    def _whole(self, line: ObservationLine) -> Observation:
        missing = [digest for digest in line.raw if digest not in self.raws]
        if missing:
            raise _Unreadable(f"the raw output {missing[0][:12]}… is not on the tape")
        return Observation(
            id=line.id,
            reader=line.reader,
            version=line.version,
            host=line.host,
            identity=line.identity,
            vantage=line.vantage,
            began=line.began,
            ended=line.ended,
            attempt=line.attempt,
            raw=tuple(self.raws[digest] for digest in line.raw),
            facts=line.facts,
            failure=line.failure,
        )

    def contents(self, sealed: int) -> TapeContents:
        return TapeContents(
            observations=tuple(self.observations),
            samples=tuple(self.samples),
            gaps=tuple(self.gaps),
            anchors=tuple(self.anchors),
            lines=self.lines,
            size=self.size,
            sealed=sealed,
            sealed_size=self.size if self.sealed_size is None else self.sealed_size,
            raw_lines=self.raw_lines,
            notice=self.notice,
        )


class _Running:
    """A seal being checked while its lines pass."""

    def __init__(self, seal: Seal, tape: _Contents) -> None:
        self._seal = seal
        self._hash = sha256()
        self._samples = self._gaps = 0

    def take(self, path: Path, number: int, line: bytes, tape: _Contents) -> bool:
        """True once the seal's last line has passed and everything agrees. Raises Damaged."""
        seal = self._seal
        self._hash.update(line)
        self._samples += bool(tape.samples) and tape.samples[-1][0] == number
        self._gaps += bool(tape.gaps) and tape.gaps[-1][0] == number
        if number < seal.last:
            return False
        if self._hash.hexdigest() != seal.sha256:
            raise Damaged(
                path, seal.first, f"lines {seal.first} to {seal.last} are not the ones that were sealed"
            )
        if (self._samples, self._gaps) != (seal.n, seal.gaps):
            raise Damaged(
                path,
                seal.first,
                f"{self._samples} samples and {self._gaps} gaps, but the seal says {seal.n} and {seal.gaps}",
            )
        return True


def _check_order(path: Path, seals: Sequence[Seal]) -> int:
    """The last sealed line. Seals may overlap (one that was not confirmed is made again), never leave a hole."""
    sealed, begin = 0, 1
    for seal in seals:
        if seal.tape != seals[0].tape:
            raise Damaged(path, max(seal.first, 1), f"seals of two tapes: {seals[0].tape} and {seal.tape}")
        if not begin <= seal.first <= sealed + 1 or seal.last < seal.first:
            raise Damaged(path, sealed + 1, f"the next seal covers lines {seal.first} to {seal.last}")
        sealed, begin = max(sealed, seal.last), seal.first
    return sealed
