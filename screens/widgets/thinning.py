"""Points to dot columns: least and greatest value a column, broken at gaps. Pure but for what it remembers.

The work is linear in the points at first, and afterwards in those that are new: a look that comes with the
points of the last one and some more thins the new ones only. A gap breaks the line: between two points more than
two and a half intervals apart, and at a `None`, at least one dot column stays empty.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import islice

import msgspec

from screens.widgets.raster import Point, Series

_MIN_COLUMNS_FOR_FORCED_GAPS = 8
_AT_ONCE = 64  # points are compared so many at a time
_WORTH_IT = 3  # bins
_ENOUGH = 64  # bins of a series whose bounds say how wide its band is


class TimeBase(msgspec.Struct, frozen=True):
    """Dot columns as absolute multiples of `step_ns`: a sample never changes its place within a cell.

    The origin moves on by whole blocks of columns, so that most refreshes touch the right end only.
    """

    step_ns: int
    first: int
    columns: int

    @classmethod
    def of(cls, t0_ns: int, t1_ns: int, columns: int, block: int = 1) -> TimeBase:
        """`columns` that hold `t0_ns` and `t1_ns`, with less than `block` unused ones after `t1_ns`.

        Needs more than `block` columns for that; of fewer only the newest part is held.
        """
        step = max(1, -(-(t1_ns - t0_ns) // max(1, columns - block)))
        last = (t1_ns // step // block + 1) * block - 1
        return cls(step, last - columns + 1, columns)

    def column(self, mono_ns: int) -> int:
        return mono_ns // self.step_ns - self.first


class Bin(msgspec.Struct, gc=False, eq=False):
    """The points of one dot column: first, last and extreme values, extremes of value ± bound."""

    column: int
    first: int
    last: int
    low: int
    high: int
    band_low: int
    band_high: int
    joined: bool  # no gap to the bin before


class Decimated(msgspec.Struct, frozen=True):
    """A series reduced to bins; `blank` are dot columns kept empty for a gap too short to show by itself."""

    bins: list[Bin]
    blank: frozenset[int]
    last: Point | None  # the newest point shown
    live: bool  # whether that one is no older than a gap


class Thinner:
    """One series' bins, kept from one drawing to the next. A bin that did not change is the same object."""

    def __init__(self) -> None:
        self._key: tuple[TimeBase, int] | None = None
        self._points: list[Point | None] = []
        self._begin = 0  # the first point that is not in a bin yet
        self._bins: list[Bin] = []
        # Of each bin: the index of its first point, and the column that was emptied for the gap before it.
        self._starts: list[int] = []
        self._blanks: list[int | None] = []

    def update(self, series: Series, base: TimeBase, t1_ns: int) -> Decimated:
        """The bins of a series up to `t1_ns`.

        A gap that begins and ends in the same or in neighbouring columns empties one of them, but never two in
        a row: a lossy link shows as a dotted line, not as no data.
        """
        points, key, limit = list(series.points), (base, series.interval_ns), series.interval_ns * 5 // 2
        if key != self._key or not self._keep(points):
            self._bins, self._starts, self._blanks, self._begin = [], [], [], 0
        self._key, self._points = key, points
        newest, cut = self._thin(base, limit)
        live = newest is not None and not cut and t1_ns - newest.mono_ns <= limit
        blank = frozenset(column for column in self._blanks if column is not None)
        return Decimated(list(self._bins), blank, newest, live)

    def _keep(self, points: list[Point | None]) -> bool:
        """Keep the bins whose points all came again; False where hardly any did."""
        dropped = _index(self._points, points[0]) if points else None
        if dropped is None:
            return False
        same = _same(self._points, dropped, points)
        bins, starts, blanks = self._bins, self._starts, self._blanks
        first = bisect_left(starts, dropped)
        last = bisect_right(starts, dropped + same - 1) - 1  # this one may have got more points
        if last - first < _WORTH_IT:
            return False
        self._begin = starts[last] - dropped
        del bins[last:], starts[last:], blanks[last:]
        if dropped:
            del bins[:first], starts[:first], blanks[:first]
            rest = [p for p in points[: starts[0] - dropped] if p is not None]
            if not rest and bins[0].joined:
                bins[0] = msgspec.structs.replace(bins[0], joined=False)
            if rest and self._key is not None:  # what is left of a bin begins the line
                bins.insert(0, _bin(self._key[0].column(rest[0].mono_ns), rest))
                starts.insert(0, dropped)
                blanks.insert(0, None)
            self._starts = [start - dropped for start in starts]
        return True

    def _thin(self, base: TimeBase, limit: int) -> tuple[Point | None, bool]:
        """Go on after the bins there are; returns the newest point and whether a gap follows it."""
        step, origin, columns = base.step_ns, base.first, base.columns
        forced = columns >= _MIN_COLUMNS_FOR_FORCED_GAPS
        bins, starts, blanks, points = self._bins, self._starts, self._blanks, self._points
        blank = {column for column in blanks if column is not None}
        current: Bin | None = None
        column = before = edge = 0
        newest: Point | None = None
        cut = True
        if bins:
            current, column = bins[-1], bins[-1].column
            newest = next(p for p in reversed(points[: self._begin]) if p is not None)
            before, cut = newest.mono_ns, points[self._begin - 1] is None
            edge = (column + origin + 1) * step
        for index, point in enumerate(islice(points, self._begin, None), self._begin):
            if point is None:
                cut = True
                continue
            mono, value, bound = point.mono_ns, point.offset_ns, point.bound_ns
            if current is not None:
                if not cut and before <= mono < edge and mono - before <= limit:
                    if value < current.low:
                        current.low = value
                    elif value > current.high:
                        current.high = value
                    if value - bound < current.band_low:
                        current.band_low = value - bound
                    if value + bound > current.band_high:
                        current.band_high = value + bound
                    current.last = value
                    before, newest = mono, point
                    continue
                cut = cut or not 0 <= mono - before <= limit
            at = mono // step - origin
            if at >= columns:
                break
            short = forced and cut and current is not None and 0 <= at - column <= 1
            emptied = column if short and not (column in blank or column - 1 in blank) else None
            if emptied is not None:
                blank.add(emptied)
            current = Bin(at, value, value, value, value, value - bound, value + bound, not cut)
            bins.append(current)
            starts.append(index)
            blanks.append(emptied)
            column, before, newest, cut = at, mono, point, False
            edge = (at + origin + 1) * step
        return newest, cut


def _index(points: Sequence[Point | None], wanted: Point | None) -> int | None:
    """Where `wanted` is; few points go between two drawings, so it is near the beginning."""
    if wanted is None:
        return None
    for index, point in enumerate(points):
        if point is not None and point.mono_ns >= wanted.mono_ns:
            return index if point == wanted else None
    return None


def _same(old: Sequence[Point | None], dropped: int, new: Sequence[Point | None]) -> int:
    """How many of `new` are as they were from `dropped` on."""
    most = min(len(old) - dropped, len(new))
    done = 0
    while done < most:
        size = min(_AT_ONCE, most - done)
        if old[dropped + done : dropped + done + size] != new[done : done + size]:
            while old[dropped + done] == new[done]:
                done += 1
            return done
        done += size
    return most


def _bin(column: int, points: Sequence[Point]) -> Bin:
    values = [p.offset_ns for p in points]
    return Bin(
        column,
        values[0],
        values[-1],
        min(values),
        max(values),
        min(p.offset_ns - p.bound_ns for p in points),
        max(p.offset_ns + p.bound_ns for p in points),
        False,
    )


def decimate(series: Series, base: TimeBase, t1_ns: int) -> Decimated:
    """The bins of one series, drawn once."""
    return Thinner().update(series, base, t1_ns)


def extent(decimated: Sequence[Decimated]) -> tuple[int, int] | None:
    """Least and greatest visible value, widened by the median bound so that one slow answer flattens nothing."""
    visible = [[b for b in d.bins if b.column >= 0] for d in decimated]
    bins = [b for mine in visible for b in mine]
    if not bins:
        return None
    low, high = min(b.low for b in bins), max(b.high for b in bins)
    some = [b for mine in visible for b in mine[:: len(mine) // _ENOUGH + 1]]
    below = sorted(b.low - b.band_low for b in some)[len(some) // 2]
    above = sorted(b.band_high - b.high for b in some)[len(some) // 2]
    return low - max(0, below), high + max(0, above)
