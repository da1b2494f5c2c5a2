"""A symmetric logarithmic scale: milliseconds and hours on one axis, on both sides of zero. Pure integers.

Within ± `LINEAR_NS` it is linear, beyond it a decade has the same height everywhere. Between powers of two the
logarithm is drawn as a straight piece, which is nowhere more than 0.03 of a decade off, and makes it exactly
monotone.
"""

from __future__ import annotations

from screens.widgets.axis import MIN_SPAN_NS, fit_range
from screens.widgets.glyphs import UNICODE, Charset, decimal, unit_name

LINEAR_NS = 1_000_000
"""A kept clock stays within milliseconds, and so do the bounds of most paths: finer there is only noise."""

_UNIT = 1 << 20  # the height of a factor of two
_LINEAR_HEIGHT = 3 * _UNIT  # of 0 to LINEAR_NS: about a decade
_S, _MS, _US = 1_000_000_000, 1_000_000, 1_000


class Symlog:
    """Equal distances for equal ratios, beyond a millisecond."""

    name = "symlog"

    def forward(self, value: int) -> int:
        size = abs(value)
        if size <= LINEAR_NS:
            height = size * _LINEAR_HEIGHT // LINEAR_NS
        else:
            height = _LINEAR_HEIGHT + _log2(size) - _LOG2_LINEAR
        return height if value >= 0 else -height

    def ticks(self, low: int, high: int, count: int) -> tuple[int, ...]:
        """Zero and decades, every second or third one where there are too many."""
        if count < 1 or high < low:
            return ()
        decades = _decades(max(abs(low), abs(high)))
        for every in range(1, len(decades) + 1):
            # Counted from the greatest: that is where people look first.
            chosen = decades[::-1][::every]
            ticks = sorted({0, *chosen, *(-d for d in chosen)})
            inside = tuple(t for t in ticks if low <= t <= high)
            if len(inside) <= count:
                return inside
        return (0,) if low <= 0 <= high else ()

    def labels(self, ticks: tuple[int, ...], charset: Charset = UNICODE) -> tuple[str, ...]:
        """Each in its own unit: they are powers of ten."""
        return tuple(_label(t, charset) for t in ticks)

    def fit(
        self, low: int, high: int, *, near: tuple[int, ...] = (0,), previous: tuple[int, int] | None = None
    ) -> tuple[int, int]:
        """A range on round limits with zero in it; `near` values are taken in that add half of a side's height.

        Where all is within a millisecond it is as on a linear scale.
        """
        if max(abs(low), abs(high)) <= LINEAR_NS:
            return fit_range(low, high, near=near, previous=previous)
        low, high = min(low, 0), max(high, 0)
        up, down = self.forward(high), -self.forward(low)
        for value in near:
            # Each side by its own height: a limit far below zero says nothing of a clock that runs ahead.
            if 2 * self.forward(value) <= 3 * up:
                high = max(high, value)
            if -2 * self.forward(value) <= 3 * down:
                low = min(low, value)
        if previous is not None and previous[0] <= low and high <= previous[1]:
            there = self.forward(previous[1]) - self.forward(previous[0])
            if 3 * (self.forward(high) - self.forward(low)) >= there:
                return previous
        return -_limit(-low), _limit(high)


SYMLOG = Symlog()


def _log2(size: int) -> int:
    """Of a positive integer, in `_UNIT`s."""
    whole = size.bit_length() - 1
    return whole * _UNIT + ((size - (1 << whole)) * _UNIT >> whole)


_LOG2_LINEAR = _log2(LINEAR_NS)


def _decades(size: int) -> list[int]:
    """Powers of ten from the linear part's end up to `size`."""
    found, decade = [], LINEAR_NS
    while decade <= size:
        found.append(decade)
        decade *= 10
    return found


def _limit(size: int) -> int:
    """The next 1, 2 or 5 times a power of ten that is clearly above: a line on the very edge reads as clipped."""
    if size <= 0:
        return 0
    size = max(size + size // 10, MIN_SPAN_NS)
    power: int = 10 ** (len(str(size)) - 1)
    return next(power * n for n in (1, 2, 5, 10) if power * n >= size)


def _label(value: int, charset: Charset) -> str:
    if not value:
        return "0"
    unit = next(u for u in (_S, _MS, _US, 1) if abs(value) >= u)
    return f"{decimal(value, unit, 0)} {unit_name(unit, charset)}"
