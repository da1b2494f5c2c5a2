"""Offsets over time, thinned as they arrive: a look at two hours costs what it shows, not what was measured.

A curve keeps its newest points as they are, and for each longer stretch the first, least, greatest and last
of every bucket. Buckets lie on multiples of their width, so that a point once chosen stays chosen while
time moves on.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from cutover_tui.core.runbook import HOUR, MINUTE, SECOND
from cutover_tui.engine.port import ClockPoint

Level = tuple[int, int]
"""Width of a bucket (0: every point) and how long its points are kept, in ns."""

READ_EVERY_SECOND: tuple[Level, ...] = (
    (0, 30 * MINUTE),
    (8 * SECOND, 2 * HOUR),
    (32 * SECOND, 4 * HOUR),
    (128 * SECOND, 12 * HOUR),
)
"""For a guest: about 1 MB in twelve hours."""

ASKED_EVERY_16_S: tuple[Level, ...] = ((0, 2 * HOUR), (128 * SECOND, 12 * HOUR))
"""For a clock that is asked for the time."""

_GENEROUS = 3
"""Levels are a factor of four apart: up to three times the points asked for, never less than three quarters."""


class Curve:
    """Points of one clock in order of time. A stretch longer than `gap_ns` without a point is a gap."""

    __slots__ = ("_gap_ns", "_kept_ns", "_last", "_levels", "gaps")

    def __init__(self, levels: Sequence[Level], gap_ns: int) -> None:
        self._levels = [_Thinned(width, kept) for width, kept in levels]
        self._kept_ns = max(kept for _, kept in levels)
        self._gap_ns = gap_ns
        self._last: ClockPoint | None = None
        self.gaps: list[tuple[int, int]] = []

    @property
    def last(self) -> ClockPoint | None:
        """The newest point."""
        return self._last

    def extend(self, points: Iterable[ClockPoint]) -> None:
        """Take newer points, in order."""
        for point in points:
            before = self._last
            if before is not None and point.mono_ns - before.mono_ns > self._gap_ns:
                self.gaps.append((before.mono_ns, point.mono_ns))
            self._last = point
            for level in self._levels:
                level.add(point)
        if self._last is not None:
            for level in self._levels:
                level.forget(self._last.mono_ns)
            oldest = self._last.mono_ns - self._kept_ns
            if self.gaps and self.gaps[0][1] < oldest:
                del self.gaps[: bisect_left(self.gaps, oldest, key=_end)]

    def between(self, since_ns: int, until_ns: int, points: int) -> list[ClockPoint]:
        """About `points` of those from `since_ns` to `until_ns`, extremes kept."""
        for level in self._levels:
            if level.reaches(since_ns) and level.count(since_ns, until_ns) <= _GENEROUS * points:
                return level.between(since_ns, until_ns)
        return self._levels[-1].between(since_ns, until_ns)

    def gaps_between(self, since_ns: int, until_ns: int) -> list[tuple[int, int]]:
        """The gaps that lie there at least in part."""
        first = bisect_right(self.gaps, since_ns, key=_end)
        last = bisect_left(self.gaps, until_ns, key=_begin)
        return self.gaps[first:last]


class _Thinned:
    """A curve's points at one width. The bucket that is not full yet is kept apart."""

    __slots__ = ("_bucket", "_first", "_high", "_kept_ns", "_last", "_low", "_oldest_ns", "_points", "_width")

    def __init__(self, width_ns: int, kept_ns: int) -> None:
        self._width = width_ns
        self._kept_ns = kept_ns
        self._oldest_ns: int | None = None  # before this all has been dropped; None: nothing has
        self._points: list[ClockPoint] = []
        self._bucket = 0
        self._first: ClockPoint | None = None
        self._low = self._high = self._last = ClockPoint(0, 0, 0)

    def add(self, point: ClockPoint) -> None:
        if not self._width:
            self._points.append(point)
            return
        bucket = point.mono_ns // self._width
        if self._first is None or bucket != self._bucket:
            self._points += self._open()
            self._bucket = bucket
            self._first = self._low = self._high = self._last = point
            return
        if point.offset_ns < self._low.offset_ns:
            self._low = point
        elif point.offset_ns > self._high.offset_ns:
            self._high = point
        self._last = point

    def _open(self) -> list[ClockPoint]:
        """What has been chosen of the bucket that is not full."""
        if self._first is None:
            return []
        chosen = {p.mono_ns: p for p in (self._first, self._low, self._high, self._last)}
        return [chosen[at] for at in sorted(chosen)]

    def forget(self, now_ns: int) -> None:
        """Drop what is too old, a quarter at once: each point is moved few times."""
        points = self._points
        if points and now_ns - points[0].mono_ns > self._kept_ns * 5 // 4:
            self._oldest_ns = now_ns - self._kept_ns
            del points[: bisect_left(points, self._oldest_ns, key=_when)]

    def reaches(self, since_ns: int) -> bool:
        """Whether nothing of what came since then has been dropped."""
        return self._oldest_ns is None or self._oldest_ns <= since_ns

    def count(self, since_ns: int, until_ns: int) -> int:
        """How many points there are in a stretch, the bucket that is not full left out."""
        points = self._points
        return bisect_right(points, until_ns, key=_when) - bisect_left(points, since_ns, key=_when)

    def between(self, since_ns: int, until_ns: int) -> list[ClockPoint]:
        points = self._points
        found = points[bisect_left(points, since_ns, key=_when) : bisect_right(points, until_ns, key=_when)]
        return found + [p for p in self._open() if since_ns <= p.mono_ns <= until_ns]


def _when(point: ClockPoint) -> int:
    return point.mono_ns


def _begin(gap: tuple[int, int]) -> int:
    return gap[0]


def _end(gap: tuple[int, int]) -> int:
    return gap[1]
