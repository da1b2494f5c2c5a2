"""The slopes that are possible at all: lines through every interval [low, high].

The set of slopes of lines through vertical intervals is exactly
[max (low_j − high_i)/(x_j − x_i), min (high_j − low_i)/(x_j − x_i)] over all i < j: each pair
limits the slope, and any slope within all limits has an intercept. Only a hull of the lows
can limit it further, and the point of touch moves only forward, so that adding is O(1)
amortised (J. O'Rourke, "An on-line algorithm for fitting straight lines between data
ranges", Communications of the ACM 24 (9), 1981).
"""

from __future__ import annotations

PPB = 1_000_000_000


class _Steepest:
    """The greatest slope of a line that stays above every low and below every later high."""

    __slots__ = ("_dx", "_dy", "_first", "_hull")

    def __init__(self) -> None:
        self._hull: list[tuple[int, int]] = []  # upper hull of the lows, from the point of touch on
        self._first = 0
        self._dy = 0
        self._dx = 0  # 0: no limit yet

    def copy(self) -> _Steepest:
        other = _Steepest()
        other._hull, other._first, other._dy, other._dx = self._hull[:], self._first, self._dy, self._dx
        return other

    def add(self, x: int, low: int, high: int) -> None:
        hull = self._hull
        if hull:
            first = self._first
            px, py = hull[first]
            dx, dy = x - px, high - py
            if not self._dx or dy * self._dx < self._dy * dx:
                last = len(hull) - 1
                while first < last:
                    px, py = hull[first + 1]
                    next_dx, next_dy = x - px, high - py
                    if next_dy * dx > dy * next_dx:
                        break
                    dx, dy, first = next_dx, next_dy, first + 1
                self._first, self._dx, self._dy = first, dx, dy
            while len(hull) - self._first >= 2:
                (ax, ay), (bx, by) = hull[-2], hull[-1]
                if (by - ay) * (x - bx) > (low - by) * (bx - ax):
                    break
                hull.pop()
        hull.append((x, low))

    @property
    def slope(self) -> tuple[int, int] | None:
        """As a fraction dy/dx with dx > 0; None before there are two intervals."""
        return (self._dy, self._dx) if self._dx else None


class HardSlope:
    """The interval of slopes of all lines through the intervals seen, x ascending."""

    __slots__ = ("_falling", "_rising")

    def __init__(self) -> None:
        self._rising = _Steepest()
        self._falling = _Steepest()  # the same, upside down

    def copy(self) -> HardSlope:
        """An independent one in the same state."""
        other = HardSlope()
        other._rising, other._falling = self._rising.copy(), self._falling.copy()
        return other

    def add(self, x_ns: int, offset_ns: int, bound_ns: int) -> bool:
        """Take the interval offset ± bound at x (later than all before); False when no line goes through all."""
        self._rising.add(x_ns, offset_ns - bound_ns, offset_ns + bound_ns)
        self._falling.add(x_ns, -offset_ns - bound_ns, bound_ns - offset_ns)
        top, bottom = self._rising.slope, self._falling.slope
        return top is None or bottom is None or -bottom[0] * top[1] <= top[0] * bottom[1]

    def ppb(self) -> tuple[int, int] | None:
        """Lowest and highest slope in ppb, rounded outwards; None before there are two intervals."""
        top, bottom = self._rising.slope, self._falling.slope
        if top is None or bottom is None:
            return None
        return -bottom[0] * PPB // bottom[1], -(-top[0] * PPB // top[1])
