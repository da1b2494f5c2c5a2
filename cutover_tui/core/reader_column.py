"""What one reader saw of one host, in memory, found by time and tape line without walking over it."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass, field

from probes.observation import Observation


@dataclass(slots=True)
class ReaderColumn:
    """Observations of one reader in the order of their lines, which is that of their ends but for what crossed late."""

    observations: list[Observation] = field(default_factory=list)
    lines: array[int] = field(default_factory=lambda: array("q"))
    ended: array[int] = field(default_factory=lambda: array("q"))

    def add(self, line: int, observation: Observation) -> None:
        self.observations.append(observation)
        self.lines.append(line)
        self.ended.append(observation.ended.boottime_ns)

    def between(self, since_ns: int, until_ns: int, upto_line: int | None) -> list[Observation]:
        """Those that ended after `since_ns` and by `until_ns`, up to a tape line, oldest first."""
        last = bisect_right(self.ended, until_ns)
        if upto_line is not None:
            last = min(last, bisect_right(self.lines, upto_line))
        return self.observations[bisect_right(self.ended, since_ns) : last]

    def cut_after(self, line: int) -> None:
        """Forget everything after that line of the tape."""
        keep = bisect_right(self.lines, line)
        del self.observations[keep:], self.lines[keep:], self.ended[keep:]

    def forget(self, before_ns: int) -> None:
        """Drop what is older from memory; the tape keeps it."""
        old = bisect_right(self.ended, before_ns)
        del self.observations[:old], self.lines[:old], self.ended[:old]
