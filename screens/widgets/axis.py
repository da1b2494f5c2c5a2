"""Scales, ranges, ticks and tick labels. Pure integer arithmetic; no Textual."""

from __future__ import annotations

from itertools import pairwise
from typing import Protocol

from screens.widgets.glyphs import UNICODE, Charset, decimal, offset, unit_name

_S = 1_000_000_000
_MINUTE, _HOUR, _DAY = 60 * _S, 3_600 * _S, 86_400 * _S
TIME_STEPS = (
    *(n * _S for n in (1, 2, 5, 10, 15, 30)),
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 6, 12)),
    _DAY,
)
MIN_SPAN_NS = 1_000
"""No axis zooms further in than this: below a microsecond there is only noise."""
_LABEL_WIDTH = 11


class Scale(Protocol):
    """How a value becomes a height. `forward` is monotone, on integers."""

    @property
    def name(self) -> str: ...

    def forward(self, value: int) -> int:
        """Position of `value` in an arbitrary but fixed integer unit."""
        ...

    def ticks(self, low: int, high: int, count: int) -> tuple[int, ...]:
        """At most about `count` round values within `low`..`high`, ascending."""
        ...

    def labels(self, ticks: tuple[int, ...], charset: Charset) -> tuple[str, ...]:
        """One label a tick, no two alike."""
        ...

    def fit(
        self, low: int, high: int, *, near: tuple[int, ...], previous: tuple[int, int] | None
    ) -> tuple[int, int]:
        """A value range for data between `low` and `high`, stable from one call to the next."""
        ...


class Linear:
    """Equal distances for equal differences."""

    name = "linear"

    def forward(self, value: int) -> int:
        return value

    def ticks(self, low: int, high: int, count: int) -> tuple[int, ...]:
        if count < 1 or high < low:
            return ()
        step = round_step(high - low, count)
        first = -(-low // step) * step
        return tuple(range(first, high + 1, step))

    def labels(self, ticks: tuple[int, ...], charset: Charset) -> tuple[str, ...]:
        return value_labels(ticks, charset)

    def fit(
        self, low: int, high: int, *, near: tuple[int, ...], previous: tuple[int, int] | None
    ) -> tuple[int, int]:
        return fit_range(low, high, near=near, previous=previous)


LINEAR = Linear()


def round_step(span: int, count: int) -> int:
    """The smallest 1, 2 or 5 times a power of ten that cuts `span` into at most `count` parts; ≥ 1."""
    least = max(1, -(-span // max(1, count)))
    power: int = 10 ** (len(str(least)) - 1)
    return next(power * n for n in (1, 2, 5, 10) if power * n >= least)


def fit_range(
    low: int,
    high: int,
    *,
    near: tuple[int, ...] = (0,),
    previous: tuple[int, int] | None = None,
) -> tuple[int, int]:
    """A value range for data between `low` and `high`, on round limits, stable from one call to the next.

    A value of `near` (zero, a threshold) is taken in when that at most doubles what the data needs.
    `previous` is kept while the data fits into it and fills at least a third: an axis that rescales with
    every sample can not be read, and repaints everything.
    """
    span = max(high - low, MIN_SPAN_NS)
    for value in near:
        if low - span <= value <= high + span:
            low, high = min(low, value), max(high, value)
    if previous is not None:
        fits = previous[0] <= low and high <= previous[1]
        if fits and 3 * max(high - low, MIN_SPAN_NS) >= previous[1] - previous[0]:
            return previous
    if high - low < MIN_SPAN_NS:
        centre = (low + high) // 2
        low, high = centre - MIN_SPAN_NS // 2, centre + MIN_SPAN_NS // 2
    step = round_step(high - low, 5)
    bottom, top = low // step * step, -(-high // step) * step
    # A line on the very edge reads as clipped.
    return (
        bottom - (step if low and low - bottom < step // 10 else 0),
        top + (step if high and top - high < step // 10 else 0),
    )


def value_labels(ticks: tuple[int, ...], charset: Charset = UNICODE) -> tuple[str, ...]:
    """One label a tick, all in the same unit, with the decimals their distance needs.

    Where the distance is far below the value (a guest in 1970 with millisecond jitter) the lowest tick
    names a base `b` and the others are relative to it.
    """
    if not ticks:
        return ()
    step = min((b - a for a, b in pairwise(ticks)), default=abs(ticks[0]) or 1)
    size = max(abs(t) for t in ticks)
    labels = _labels(ticks, size, step, charset)
    if max(map(len, labels)) <= _LABEL_WIDTH:
        return labels
    base, *rest = ticks
    relative = tuple(tick - base for tick in rest)
    above = _labels(relative, max(relative, default=0), step, charset) if relative else ()
    return (f"b={offset(base, None, charset)}", *("b" + label for label in above))


def _labels(ticks: tuple[int, ...], size: int, step: int, charset: Charset) -> tuple[str, ...]:
    unit = next((u for u in (_S, 1_000_000, 1_000) if size >= u), 1)
    places = 0
    while step * 10**places % unit and places < 9:
        places += 1
    return tuple(f"{decimal(t, unit, places)} {unit_name(unit, charset)}" if t else "0" for t in ticks)


def time_step(span_ns: int, count: int) -> int:
    """The smallest usual clock step that puts at most `count` ticks on `span_ns`."""
    wanted = span_ns // max(1, count)
    usual = next((s for s in TIME_STEPS if s >= wanted), 0)
    return usual or -(-wanted // _DAY) * _DAY


def time_ticks(
    t0_ns: int, t1_ns: int, count: int, *, epoch_ns: int | None = None, zone_s: int = 0
) -> tuple[tuple[int, str], ...]:
    """Ticks as (monotonic ns, label), ascending.

    With `epoch_ns` (UTC of monotonic zero) labels are wall-clock times in the zone `zone_s` seconds east of
    UTC; without it they count back from `t1_ns`, the present.
    """
    if count < 1 or t1_ns <= t0_ns:
        return ()
    step = time_step(t1_ns - t0_ns, count)
    if epoch_ns is None:
        back = range(0, t1_ns - t0_ns + 1, step)
        return tuple((t1_ns - b, _ago(b)) for b in reversed(back))
    shift = epoch_ns + zone_s * _S
    first = -(-(t0_ns + shift) // step) * step
    return tuple(
        (t - shift, wall_time(t, seconds=step < _MINUTE)) for t in range(first, t1_ns + shift + 1, step)
    )


def wall_time(ns: int, *, seconds: bool) -> str:
    """`hh:mm` or `hh:mm:ss` of a count of nanoseconds since an epoch at midnight."""
    hours, rest = divmod(ns % _DAY, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    return f"{hours:02}:{minutes:02}:{rest // _S:02}" if seconds else f"{hours:02}:{minutes:02}"


def _ago(ns: int) -> str:
    if not ns:
        return "now"
    minutes, seconds = divmod(ns // _S, 60)
    return f"-{minutes // 60}:{minutes % 60:02}:{seconds:02}" if minutes >= 60 else f"-{minutes}:{seconds:02}"
