"""One clock graph as SVG: integer arithmetic only, so that two machines draw the same bytes.

The scale is linear up to a millisecond and then linear within each decade: a guest at 4 ms
and a limit of 5 s are both to be seen, and no logarithm of anyone's libm decides a digit.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from cutover_tui.core.amounts import time_amount
from cutover_tui.record.report.clock import ClockGraph, ClockMark
from cutover_tui.record.report.text import clock_time, plain

WIDTH, HEIGHT = 860, 250
LEFT, RIGHT, TOP, BOTTOM = 66, 10, 22, 24
MS = 1_000_000
STEPS_S = (5, 10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400)
MOST_TICKS = 9
NEAR = 24
"""Marks nearer than this many pixels share a line and their letters stand beside each other."""


def level(ns: int) -> int:
    """Height of an offset in thousandths of a decade; 0 at 0, 1000 at 1 ms, 2000 at 10 ms …"""
    size, unit, at = abs(ns), MS, 1000
    if size <= MS:
        at = size * 1000 // MS
    else:
        while size > 10 * unit:
            unit *= 10
            at += 1000
        at += (size - unit) * 1000 // (9 * unit)
    return -at if ns < 0 else at


def svg(graph: ClockGraph) -> str:
    """The graph as one `<svg>` element; classes are coloured by the page around it."""
    return "".join(_Drawing(graph).parts())


class _Drawing:
    def __init__(self, graph: ClockGraph) -> None:
        self._g = graph
        self._top = max(level(graph.fail_ns), *(level(c.bound_high) for c in graph.columns)) + 300
        self._bottom = min(-1000, *(level(c.bound_low) for c in graph.columns)) - 200
        self._span = max(1, graph.end_ns - graph.start_ns)

    def parts(self) -> Iterator[str]:
        host = escape(plain(self._g.host))
        yield (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" class="clock" '
            f'aria-label="Clock of {host} against the references">'
        )
        yield from self._grid()
        yield from self._gaps()
        yield from self._limits()
        yield f'<path class="band" d="{self._band()}"/>'
        yield f'<path class="line" d="{self._line()}"/>'
        yield from self._marks()
        yield "</svg>"

    def _x(self, at_ns: int) -> str:
        return _tenths(LEFT * 10 + (at_ns - self._g.start_ns) * (WIDTH - LEFT - RIGHT) * 10 // self._span)

    def _y(self, ns: int) -> str:
        return self._at(level(ns))

    def _at(self, height: int) -> str:
        room = (HEIGHT - TOP - BOTTOM) * 10
        return _tenths(TOP * 10 + (self._top - height) * room // (self._top - self._bottom))

    def _grid(self) -> Iterator[str]:
        decades = [0]
        unit = MS
        while level(unit) <= self._top:
            decades.append(unit)
            unit *= 10
        unit = MS
        while level(-unit) >= self._bottom:
            decades.append(-unit)
            unit *= 10
        for ns in decades:
            y = self._y(ns)
            yield f'<path class="{"zero" if ns == 0 else "grid"}" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>'
            words = "0" if ns == 0 else _short(ns)
            yield f'<text class="axis" x="{LEFT - 6}" y="{y}" dy="3" text-anchor="end">{words}</text>'
        steps = (s * 10**9 for s in STEPS_S)
        step = next((s for s in steps if self._span // s <= MOST_TICKS), self._span // MOST_TICKS)
        at = -(-self._g.start_ns // step) * step
        while at <= self._g.end_ns:
            x = self._x(at)
            yield f'<path class="grid" d="M{x} {TOP}V{HEIGHT - BOTTOM}"/>'
            yield f'<text class="axis" x="{x}" y="{HEIGHT - 8}" text-anchor="middle">{clock_time(at)}</text>'
            at += step

    def _limits(self) -> Iterator[str]:
        g = self._g
        limits = (
            (g.warn_ns, "warn", "warn"),
            (g.fail_ns, "fail", "fail"),
            (g.kerberos_ns, "fail", "Kerberos"),
        )
        for ns, kind, word in limits:
            for signed in (ns, -ns):
                if self._bottom <= level(signed) <= self._top:
                    y = self._y(signed)
                    yield f'<path class="{kind}" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>'
                    yield (
                        f'<text class="{kind}-text" x="{WIDTH - RIGHT - 4}" y="{y}" dy="-3" '
                        f'text-anchor="end">{word} {time_amount(signed, sign=True)}</text>'
                    )

    def _gaps(self) -> Iterator[str]:
        y, height = TOP, HEIGHT - TOP - BOTTOM
        for begin, end in self._g.gaps:
            x0, x1 = self._x(begin), self._x(end)
            wide = (end - begin) * (WIDTH - LEFT - RIGHT) // self._span
            yield f'<path class="gap" d="M{x0} {y}H{x1}v{height}H{x0}z"><title>no data</title></path>'
            if wide >= 60:
                middle = self._x((begin + end) // 2)
                yield f'<text class="axis" x="{middle}" y="{TOP + 14}" text-anchor="middle">no data</text>'

    def _band(self) -> str:
        """Offset ± bound, one closed shape for each stretch without a gap."""
        shapes: list[str] = []
        for stretch in self._unbroken():
            columns = [self._g.columns[i] for i in stretch]
            up = "L".join(f"{self._x(c.at_ns)} {self._y(c.bound_high)}" for c in columns)
            down = "L".join(f"{self._x(c.at_ns)} {self._y(c.bound_low)}" for c in reversed(columns))
            shapes.append(f"M{up}L{down}z")
        return "".join(shapes)

    def _line(self) -> str:
        """The offset itself; a column with extremes is drawn from its low to its high."""
        shapes: list[str] = []
        for stretch in self._unbroken():
            points: list[str] = []
            for i in stretch:
                c = self._g.columns[i]
                points.append(f"{self._x(c.at_ns)} {self._y(c.low)}")
                if c.high != c.low:
                    points.append(f"{self._x(c.at_ns)} {self._y(c.high)}")
            shapes.append("M" + "L".join(points) + ("h0.1" if len(points) == 1 else ""))
        return "".join(shapes)

    def _unbroken(self) -> list[range]:
        columns = self._g.columns
        starts = [i for i, c in enumerate(columns) if i == 0 or c.after_gap]
        return [range(a, b) for a, b in zip(starts, [*starts[1:], len(columns)], strict=True)]

    def _marks(self) -> Iterator[str]:
        near_ns = self._span * NEAR // (WIDTH - LEFT - RIGHT)
        groups: list[list[ClockMark]] = []
        for mark in self._g.marks:
            if groups and mark.at_ns - groups[-1][0].at_ns < near_ns:
                groups[-1].append(mark)
            else:
                groups.append([mark])
        for group in groups:
            x = self._x(group[0].at_ns)
            words = escape(plain("; ".join(m.words for m in group)))
            letters = "".join(dict.fromkeys(m.letter for m in group))
            yield f'<path class="mark" d="M{x} {TOP}V{HEIGHT - BOTTOM}"><title>{words}</title></path>'
            yield f'<text class="mark-text" x="{x}" y="{TOP - 6}" text-anchor="middle">{letters}</text>'


def _short(ns: int) -> str:
    """`+10 s`: decades need no digits behind the point."""
    mark, size = ("-" if ns < 0 else "+"), abs(ns)
    return f"{mark}{size // 10**9} s" if size >= 10**9 else f"{mark}{size // MS} ms"


def _tenths(value: int) -> str:
    whole, tenth = divmod(abs(value), 10)
    return f"{'-' if value < 0 else ''}{whole}.{tenth}" if tenth else f"{'-' if value < 0 else ''}{whole}"
