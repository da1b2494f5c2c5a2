"""From the port's clock view to what the chart draws. Pure."""

from __future__ import annotations

from bisect import bisect_right
from typing import Literal

from cutover_tui.engine.port import ClockMark, ClockPoint, ClockView, ReferenceSeries
from screens.widgets.glyphs import clean, offset
from screens.widgets.raster import (
    REFERENCE_ROLE,
    SERIES_ROLES,
    ChartData,
    Mark,
    Point,
    Series,
    Threshold,
)

_UNBROKEN_NS = 2_500_000_000
"""Guests are sampled once a second; more than two and a half intervals apart is a gap."""

_NEVER = 1 << 62
_JOINED_NAMES = 18
_SAMPLED = 64  # values of a guest by which an axis is chosen
_APART, _STILL_APART = 1_000, 300
_NOISE_NS = 100_000


def chart_data(view: ClockView, t0_ns: int, *, clocks: bool = False, legend: bool = False) -> ChartData:
    """Everything from `t0_ns` (CLOCK_BOOTTIME) to the view's end; the time axis is in UTC.

    Args:
        clocks: draw those that are asked for the time, too.
        legend: what the marks' letters mean is said elsewhere.
    """
    end_ns = view.until_ns or view.now.boottime_ns
    return ChartData(
        series=(
            *(
                Series(
                    name=clean(series.host),
                    points=points(series.points, series.gaps, end_ns, _UNBROKEN_NS),
                    role=SERIES_ROLES[i % len(SERIES_ROLES)],
                    interval_ns=_NEVER,
                )
                for i, series in enumerate(view.series)
            ),
            *(clock_lines(view, end_ns) if clocks else ()),
        ),
        t0_ns=t0_ns,
        t1_ns=max(end_ns, t0_ns + 1),
        thresholds=thresholds(view),
        marks=tuple(
            Mark(m.mono_ns, clean(m.letter)[:1], "" if legend else clean(m.label))
            for m in _spread(view.marks)
        ),
        epoch_ns=view.anchor.utc_ns - view.anchor.boottime_ns,
    )


def _spread(marks: tuple[ClockMark, ...]) -> tuple[ClockMark, ...]:
    """An action last, so that a rarer letter on the same cell wins."""
    return tuple(sorted(marks, key=lambda m: m.letter != "A"))


def clock_lines(view: ClockView, end_ns: int) -> list[Series]:
    """A line each; those that agree share one name, who dissents has its own and its value."""
    agreeing = [c.server for c in view.clocks if c.server in view.references]
    joined = " ".join(map(clean, agreeing))
    if len(joined) > _JOINED_NAMES:
        joined = f"{len(agreeing)} clocks"
    return [
        Series(
            name=joined if agreeing and clock.server == agreeing[0] else clean(clock.server),
            points=points(clock.points, clock.gaps, end_ns, clock.holds_ns),
            role=REFERENCE_ROLE,
            interval_ns=_NEVER,
            label=_label(clock, agreeing),
        )
        for clock in view.clocks
    ]


def _label(clock: ReferenceSeries, agreeing: list[str]) -> Literal["value", "name", "none"]:
    if clock.server not in agreeing:
        return "value"
    return "name" if clock.server == agreeing[0] else "none"


def thresholds(view: ClockView) -> tuple[Threshold, ...]:
    """Both sides of warning, failure and Kerberos' tolerance."""
    levels = ((view.warn_ns, "warn"), (view.fail_ns, "fail"), (view.kerberos_ns, "Kerberos"))
    return tuple(
        Threshold(sign * level, f"{name} {offset(sign * level)}")
        for level, name in levels
        for sign in (1, -1)
    )


def points(
    told: tuple[ClockPoint, ...], gaps: tuple[tuple[int, int], ...], end_ns: int, unbroken_ns: int
) -> list[Point | None]:
    """The points with a None in every gap, the one up to the end included.

    Thinned points lie farther apart than samples, so gaps cannot be seen in them; the port names them.
    """
    out: list[Point | None] = []
    done = 0
    for start, _end in gaps:
        i = bisect_right(told, start, key=_when)
        if 0 < i < len(told) and i > done:
            out += told[done:i]
            out.append(None)
            done = i
    out += told[done:]
    if told and end_ns - told[-1].mono_ns > unbroken_ns:
        out.append(None)
    return out


def _when(point: ClockPoint) -> int:
    return point.mono_ns


def spans_decades(view: ClockView, before: bool = False) -> bool:
    """Whether the guests' offsets differ so much that a linear axis would hide the smaller ones.

    That is by a factor of a thousand, greatest against the lowest tenth, noise left out; `before` is
    the last answer, which stays for some while.
    """
    sizes = sorted(
        abs(point.offset_ns)
        for series in view.series
        for point in series.points[:: len(series.points) // _SAMPLED + 1]
    )
    if not sizes:
        return before
    small = max(sizes[len(sizes) // 10], _NOISE_NS)
    return sizes[-1] >= (_STILL_APART if before else _APART) * small
