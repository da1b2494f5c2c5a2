"""From an offset and a rate, both with their intervals, to when a tolerance is used up."""

from __future__ import annotations

import msgspec

from cutover_tui.core.estimate.estimator import BLOCK_NS, Estimate
from cutover_tui.core.estimate.hard import PPB

FIRST_NS = 40_000_000_000
"""Three full buckets and what completes the third: the soonest anything can be said."""

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_UNITS = ((DAY, HOUR), (HOUR, MINUTE), (MINUTE, SECOND), (SECOND, SECOND))


class Projection(msgspec.Struct, frozen=True):
    """When |offset| reaches the tolerance if the rate stays what it is, in ns from the newest reading.

    `earliest_ns` and `latest_ns`: ends of the interval, None = never at any rate that is possible
    (`latest_ns` None: perhaps never). `reaches`: whether that is within the horizon; None = the
    interval says neither. `more_ns` then: how much longer to measure until it will, None = longer
    than the window is. `away`: whether the clock certainly moves away from zero.
    """

    earliest_ns: int | None
    latest_ns: int | None
    reaches: bool | None
    more_ns: int | None
    away: bool


def project(at: Estimate, tolerance_ns: int, horizon_ns: int) -> Projection:
    """What the estimate says about the tolerance within the horizon."""
    low, high = at.offset_ns - at.bound_ns, at.offset_ns + at.bound_ns
    if low > tolerance_ns or high < -tolerance_ns:
        return Projection(0, 0, True, None, True)
    slope = at.slope
    if slope is None:
        return Projection(0, None, None, FIRST_NS, False)
    earliest = min(
        (
            t
            for t in (
                _floor(tolerance_ns - high, slope.high_ppb),
                _floor(tolerance_ns + low, -slope.low_ppb),
            )
            if t is not None
        ),
        default=None,
    )
    latest = None
    if slope.low_ppb > 0:
        latest = -(-(tolerance_ns - low) * PPB // slope.low_ppb)
    elif slope.high_ppb < 0:
        latest = -(-(tolerance_ns + high) * PPB // -slope.high_ppb)
    away = (slope.low_ppb > 0 and at.offset_ns >= 0) or (slope.high_ppb < 0 and at.offset_ns <= 0)
    if latest is not None and latest <= horizon_ns:
        return Projection(earliest, latest, True, None, away)
    if earliest is None or earliest > horizon_ns:
        return Projection(earliest, latest, False, None, away)
    return Projection(earliest, latest, None, _more(at, tolerance_ns, horizon_ns), away)


def _floor(distance_ns: int, rate_ppb: int) -> int | None:
    return max(0, distance_ns) * PPB // rate_ppb if rate_ppb > 0 else None


def _more(at: Estimate, tolerance_ns: int, horizon_ns: int) -> int | None:
    """How much longer until the interval is narrow enough to lie on one side of the rate that decides.

    Its width shrinks at least as fast as 1/duration (hard bounds do, statistics by duration^1.5).
    """
    slope = at.slope
    assert slope is not None  # noqa: S101 - asked only with one
    towards = at.offset_ns if slope.ppb >= 0 else -at.offset_ns
    deciding = (tolerance_ns - towards) * PPB // horizon_ns
    apart = abs(abs(slope.ppb) - deciding)
    half = max(slope.high_ppb - slope.ppb, slope.ppb - slope.low_ppb)
    # the offset's own bound moves the deciding rate
    loose = at.bound_ns * PPB // horizon_ns
    if apart <= loose:
        return None
    needed = slope.span_ns * half // (apart - loose)
    return max(MINUTE, needed - slope.span_ns) if needed <= 2 * BLOCK_NS else None


def coarse(ns: int) -> str:
    """A duration in its two largest units: `2 h 34 min`, `13 d 4 h`, `40 s`."""
    for unit, name, smaller, small in (
        (DAY, "d", HOUR, "h"),
        (HOUR, "h", MINUTE, "min"),
        (MINUTE, "min", SECOND, "s"),
    ):
        if ns >= unit:
            rest = ns % unit // smaller
            return f"{ns // unit} {name} {rest} {small}" if rest else f"{ns // unit} {name}"
    return f"{ns // SECOND} s"


def when(projection: Projection) -> str:
    """When the tolerance is reached, for people: `in 2 h 34 min ± 1 min`, `not before 5 d 3 h`, `never`."""
    if projection.earliest_ns is None:
        return "never at this rate"
    if projection.latest_ns == 0:
        return "already past"
    if projection.latest_ns is None or projection.latest_ns > 4 * projection.earliest_ns:
        return f"not before {coarse(projection.earliest_ns)}"
    middle = (projection.earliest_ns + projection.latest_ns) // 2
    half = projection.latest_ns - middle
    unit, finer = next((u for u in _UNITS if middle >= u[0]), _UNITS[-1])
    unit = unit if 2 * half >= unit else finer
    return f"in {coarse((middle + unit // 2) // unit * unit)} ± {coarse(-(-half // unit) * unit)}"


def more(more_ns: int | None) -> str:
    """How much longer it takes to tell: `6 more minutes`."""
    if more_ns is None:
        return "too near to call within this window"
    minutes = -(-more_ns // MINUTE)
    return f"{minutes} more minute{'s' if minutes != 1 else ''}"


def rate(low_ppb: int, middle_ppb: int, high_ppb: int) -> str:
    """A rate with its interval: `+31,400 ± 3 ppm`."""
    half = max(high_ppb - middle_ppb, middle_ppb - low_ppb)
    return f"{ppm(middle_ppb, half, sign=True)} ± {ppm(half, half)} ppm"


def ppm(ppb: int, half_ppb: int = 0, *, sign: bool = False) -> str:
    """ppb as ppm with as many places as an uncertainty of `half_ppb` leaves meaning: none, one or two."""
    places = 0 if half_ppb >= 10_000 else 1 if half_ppb >= 1_000 else 2
    unit = 10 ** (3 - places)
    size = (abs(ppb) + unit // 2) // unit
    mark = "-" if ppb < 0 and size else "+" if sign else ""
    whole, part = divmod(size, 10**places)
    return f"{mark}{whole:,}.{part:0{places}}" if places else f"{mark}{whole:,}"
