"""From the port's clock view to what the chart draws. Pure."""

from __future__ import annotations

from bisect import bisect_right

from cutover_tui.engine.port import ClockSeries, ClockView
from screens.widgets.glyphs import clean, offset
from screens.widgets.raster import SERIES_ROLES, ChartData, Mark, Point, Series, Threshold

KERBEROS_SKEW_NS = 300_000_000_000
"""Kerberos' default clock skew tolerance (MIT `clockskew`, Windows "maximum tolerance": 5 minutes)."""

_UNBROKEN_NS = 2_500_000_000
"""Guests are sampled once a second; more than two and a half intervals apart is a gap."""

_NEVER = 1 << 62


def chart_data(view: ClockView, since_ns: int) -> ChartData:
    """Everything from `since_ns` (CLOCK_BOOTTIME) to the view's moment; the time axis is in UTC."""
    return ChartData(
        series=tuple(
            Series(
                name=clean(series.host),
                points=points(series, view.now.boottime_ns),
                role=SERIES_ROLES[i % len(SERIES_ROLES)],
                interval_ns=_NEVER,
            )
            for i, series in enumerate(view.series)
        ),
        t0_ns=since_ns,
        t1_ns=max(view.now.boottime_ns, since_ns + 1),
        thresholds=thresholds(view),
        marks=tuple(Mark(m.mono_ns, clean(m.letter)[:1], clean(m.label)) for m in view.marks),
        epoch_ns=view.anchor.utc_ns - view.anchor.boottime_ns,
    )


def thresholds(view: ClockView) -> tuple[Threshold, ...]:
    """Both sides of warning, failure and Kerberos' tolerance."""
    levels = ((view.warn_ns, "warn"), (view.fail_ns, "fail"), (KERBEROS_SKEW_NS, "Kerberos"))
    return tuple(
        Threshold(sign * level, f"{name} {offset(sign * level)}")
        for level, name in levels
        for sign in (1, -1)
    )


def points(series: ClockSeries, now_ns: int) -> list[Point | None]:
    """The points with a None in every gap, the one up to now included.

    Thinned points lie farther apart than samples, so gaps cannot be seen in them; the port names them.
    """
    out: list[Point | None] = [Point(p.mono_ns, p.offset_ns, p.bound_ns) for p in series.points]
    at = [p.mono_ns for p in series.points]
    for start, _end in reversed(series.gaps):
        i = bisect_right(at, start)
        if 0 < i < len(at):
            out.insert(i, None)
    if at and now_ns - at[-1] > _UNBROKEN_NS:
        out.append(None)
    return out


def reaches_tolerance_ns(series: ClockSeries) -> int | None:
    """How long until the offset is 300 s if it goes on at this rate; None without a rate, 0 when past it."""
    if not series.points or series.drift_ppb is None:
        return None
    offset_ns, rate = series.points[-1].offset_ns, series.drift_ppb
    if abs(offset_ns) >= KERBEROS_SKEW_NS:
        return 0
    if rate == 0:
        return None
    towards = offset_ns if rate > 0 else -offset_ns
    return (KERBEROS_SKEW_NS - towards) * 1_000_000_000 // abs(rate)
