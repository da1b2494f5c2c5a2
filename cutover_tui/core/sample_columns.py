"""Samples of one host in memory, as columns."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass, field

from probes.observation import Sample


@dataclass(slots=True)
class SampleColumns:
    """Samples of one host as columns: 40 bytes a sample, twelve hours of a wave fit in memory."""

    lines: array[int] = field(default_factory=lambda: array("q"))
    mono: array[int] = field(default_factory=lambda: array("q"))
    rtt: array[int] = field(default_factory=lambda: array("q"))
    offset: array[int] = field(default_factory=lambda: array("q"))
    grain: array[int] = field(default_factory=lambda: array("q"))

    def add(self, line: int, sample: Sample) -> None:
        self.lines.append(line)
        self.mono.append(sample.mono_ns)
        self.rtt.append(sample.rtt_ns)
        self.offset.append(sample.offset_ns)
        self.grain.append(sample.grain_ns)

    def __len__(self) -> int:
        return len(self.mono)

    def between(self, after_ns: int, until_ns: int, upto_line: int | None = None) -> tuple[Sample, ...]:
        """Samples with `after_ns` < mono ≤ `until_ns`, up to a tape line, oldest first."""
        first = bisect_right(self.mono, after_ns)
        last = bisect_right(self.mono, until_ns)
        if upto_line is not None:
            last = min(last, bisect_right(self.lines, upto_line))
        columns = (self.mono, self.rtt, self.offset, self.grain)
        return tuple(map(Sample, *(column[first:last] for column in columns)))

    def cut_after(self, line: int) -> None:
        """Forget everything after that line of the tape."""
        keep = bisect_right(self.lines, line)
        for column in (self.lines, self.mono, self.rtt, self.offset, self.grain):
            del column[keep:]

    def forget(self, before_ns: int) -> None:
        """Drop what is older from memory; the tape keeps it."""
        keep = bisect_right(self.mono, before_ns)
        for column in (self.lines, self.mono, self.rtt, self.offset, self.grain):
            del column[:keep]
