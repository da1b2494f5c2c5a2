"""A whole chart as rows of text: plot, axes, thresholds, marks, and a label at each line's right end. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from screens.widgets import axis
from screens.widgets.axis import LINEAR, Scale
from screens.widgets.canvas import Canvas, DrawnRow, Layer
from screens.widgets.glyphs import OFFSET_WIDTH, Charset, State, fit, narrow, offset
from screens.widgets.raster import BAND_SUFFIX, NO_DATA, ChartData, DotSet, Row, Series
from screens.widgets.thinning import Decimated, Thinner, TimeBase, extent
from screens.widgets.tracing import Heights, Trace

AXIS, LABEL, THRESHOLD, MARK, GAP, ZERO = "axis", "label", "threshold", "mark", "gap", "zero"
FIGURE_ROLES = (AXIS, LABEL, THRESHOLD, MARK, GAP, ZERO)
_MIN_WIDTH_VALUES, _MIN_WIDTH_LABELS, _MIN_HEIGHT_TIMES = 24, 30, 3
_LEFT = 8  # a tick's label of up to seven cells and the tick
_BLOCKS = 48  # the plot moves on by this part of its width, in whole cells
_BOUND_WIDTH = 8  # and the sign before it
_NAME_WIDTH = 18


class Memory:
    """What drawings of one chart leave for the next: the result is the same without, it only takes longer."""

    def __init__(self) -> None:
        self._thinners: dict[str, Thinner] = {}
        self._traces: dict[str, Trace] = {}
        self.rows: list[DrawnRow] = []

    def thinner(self, name: str) -> Thinner:
        """Of the series of that name."""
        return self._thinners.setdefault(name, Thinner())

    def trace(self, name: str) -> Trace:
        """Of the series of that name."""
        return self._traces.setdefault(name, Trace())

    def forget_others(self, names: Sequence[str]) -> None:
        """Keep only what belongs to these series."""
        for kept in (self._thinners, self._traces):
            for name in kept.keys() - set(names):
                del kept[name]


class Figure(msgspec.Struct, frozen=True):
    """The drawn rows, the value range they were drawn with, and the cells at the right that change most.

    `tail` covers the labels and the end of the plot in which new points appear.
    """

    rows: tuple[Row, ...]
    value_range: tuple[int, int]
    tail: int


def draw(
    data: ChartData,
    width: int,
    height: int,
    dots: DotSet,
    *,
    previous: tuple[int, int] | None = None,
    scale: Scale = LINEAR,
    memory: Memory | None = None,
) -> Figure:
    """`height` rows of `width` cells; any size will do, what does not fit is left out, the plot last.

    `previous` is the value range of the last drawing, kept while it still serves.
    """
    if width <= 0 or height <= 0:
        return Figure(((),) * max(0, height), previous or (0, axis.MIN_SPAN_NS), 0)
    memory = Memory() if memory is None else memory
    memory.forget_others([s.name for s in data.series])
    charset = dots.charset
    plot_height = height - 1 if height >= _MIN_HEIGHT_TIMES else height
    labels = _Labels(data.series, width, plot_height, charset)
    # The range decides the width of the left side and with it the dot columns that it is found from; the
    # first guess is right unless the labels are unusually long.
    left = _LEFT if width >= _MIN_WIDTH_VALUES else 0
    base, decimated = _bins(data, width - left - labels.width, dots, memory)
    value_range = data.value_range or _fit(data, decimated, previous, scale)
    ticks = _ticks(value_range, plot_height, dots, scale, charset) if left else {}
    needed = max(map(len, ticks.values()), default=-1) + 1
    if needed > left:
        left = needed
        if width - left - labels.width < width // 3:
            left, ticks = 0, {}
        base, decimated = _bins(data, width - left - labels.width, dots, memory)
    plot_width = width - left - labels.width
    row = Heights(value_range, plot_height * dots.rows, scale)
    canvas = _plot(data, decimated, base, value_range, plot_width, plot_height, dots, scale, memory)

    ends = [None if d.last is None else row(d.last.offset_ns) // dots.rows for d in decimated]
    right = labels.rows(decimated, ends)
    rows: list[Row] = []
    for y, cells in enumerate(canvas.rows(memory.rows)):
        edge = (
            ((f"{ticks[y]:>{left - 1}}{charset.tick}" if y in ticks else " " * left, AXIS),) if left else ()
        )
        rows.append((*edge, *cells, *right[y]))
    if plot_height < height:
        rows.append(_time_axis(data, base, left, plot_width, width, dots))
    return Figure(tuple(rows), value_range, min(width, labels.width + 2 * _block(plot_width)))


def _block(width: int) -> int:
    """The cells by which a plot `width` cells wide moves on at once."""
    return max(1, width // _BLOCKS)


def _bins(data: ChartData, width: int, dots: DotSet, memory: Memory) -> tuple[TimeBase, list[Decimated]]:
    base = TimeBase.of(data.t0_ns, data.t1_ns, width * dots.columns, _block(width) * dots.columns)
    return base, [memory.thinner(s.name).update(s, base, data.t1_ns) for s in data.series]


def _fit(
    data: ChartData, decimated: Sequence[Decimated], previous: tuple[int, int] | None, scale: Scale
) -> tuple[int, int]:
    near = (0, *(t.value_ns for t in data.thresholds))
    found = extent(decimated)
    if found is None:
        return previous or scale.fit(0, 0, near=near, previous=None)
    return scale.fit(*found, near=near, previous=previous)


def _ticks(
    value_range: tuple[int, int], height: int, dots: DotSet, scale: Scale, charset: Charset
) -> dict[int, str]:
    """Cell row → label; on one row the tick nearest to zero wins."""
    count = max(2, min(10, height // 3))
    values = scale.ticks(*value_range, count)
    row = Heights(value_range, height * dots.rows, scale)
    labelled = sorted(zip(values, scale.labels(values, charset), strict=True), key=lambda pair: -abs(pair[0]))
    return {row(value) // dots.rows: label for value, label in labelled}


def _plot(
    data: ChartData,
    decimated: Sequence[Decimated],
    base: TimeBase,
    value_range: tuple[int, int],
    width: int,
    height: int,
    dots: DotSet,
    scale: Scale,
    memory: Memory,
) -> Canvas:
    charset = dots.charset
    row = Heights(value_range, height * dots.rows, scale)
    lines: list[tuple[str, Layer]] = []
    bands: list[tuple[str, Layer]] = []
    beyond: list[tuple[str, dict[int, bool]]] = []
    for series, reduced in zip(data.series, decimated, strict=True):
        trace = memory.trace(series.name)
        trace.update(reduced, base, row, dots)
        line, band = trace.layers(width, height, dots)
        beyond.append((series.role, trace.outside))
        lines.append((series.role, line))
        bands.append((series.role + BAND_SUFFIX, band))
    canvas = Canvas(width, height, dots, [*lines, *bands])

    seen = [False] * width
    for role, outside in beyond:
        for column, above in outside.items():
            x = column // dots.columns
            seen[x] = True
            canvas.put(x, 0 if above else height - 1, charset.up if above else charset.down, role)
    for _, line in lines:
        seen = [a or bool(mask) for a, mask in zip(seen, line.masks, strict=True)]

    marks = [(base.column(m.mono_ns) // dots.columns, m) for m in data.marks]
    marks = [(x, m) for x, m in marks if 0 <= x < width]
    for x, mark in marks:
        canvas.put(x, 0, fit(narrow(mark.letter), 1), MARK, over=True)
    for x, mark in marks:
        text = f" {narrow(mark.label)} "
        for start in (x + 1, x - len(text)):
            if mark.label and canvas.free(start, 0, len(text)):
                canvas.put(start, 0, text, MARK)
                break
    _thresholds(data, canvas, row, dots)
    zero = row(0) // dots.rows if value_range[0] <= 0 <= value_range[1] else -1
    _no_data(canvas, seen, zero if zero >= 0 else height // 2, charset)
    for x, _ in marks:
        for y in range(height):
            canvas.put(x, y, charset.mark, MARK)
    if zero >= 0:
        canvas.put(0, zero, charset.zero * width, ZERO)
    return canvas


def _thresholds(data: ChartData, canvas: Canvas, row: Heights, dots: DotSet) -> None:
    """Lines with their label; of those outside the range the nearest is named at the edge."""
    rows = canvas.height * dots.rows
    placed: list[int] = []
    above: list[tuple[int, str]] = []
    below: list[tuple[int, str]] = []
    for threshold in data.thresholds:
        at = row(threshold.value_ns)
        label = narrow(threshold.label)[: max(0, canvas.width - 2)]
        if at < 0:
            above.append((-at, label))
        elif at >= rows:
            below.append((at, label))
        else:
            y = at // dots.rows
            placed.append(y)
            _label_line(canvas, y, f" {label} ")
    for outside, y, arrow in ((above, 0, dots.charset.up), (below, canvas.height - 1, dots.charset.down)):
        if outside:
            text = f"{arrow} {min(outside)[1]} "
            if canvas.free(canvas.width - len(text), y, len(text)):
                canvas.put(canvas.width - len(text), y, text, THRESHOLD)
    for y in placed:
        canvas.put(0, y, dots.charset.threshold * canvas.width, THRESHOLD)


def _label_line(canvas: Canvas, y: int, text: str) -> None:
    """Write `text` where it hides no data: at the right, else at the left, on its row, else beside it."""
    for at in (y, y - 1, y + 1):
        for x in (canvas.width - len(text) - 1, 1, canvas.width // 2):
            if canvas.free(x, at, len(text)):
                canvas.put(x, at, text, THRESHOLD)
                return


def _no_data(canvas: Canvas, seen: Sequence[bool], y: int, charset: Charset) -> None:
    """Name the stretches in which no series has a point."""
    text = f" {NO_DATA} "
    for start, stop in _stretches(seen):
        if stop - start >= len(text):
            canvas.put((start + stop - len(text)) // 2, y, text, GAP)
        elif stop - start == canvas.width:
            canvas.put(start, y, charset.glyphs[State.UNKNOWN].strip("[]")[:1], GAP)


def _stretches(seen: Sequence[bool]) -> Iterator[tuple[int, int]]:
    start = 0
    for at, there in enumerate((*seen, True)):
        if there:
            if at > start:
                yield start, at
            start = at + 1


def _time_axis(data: ChartData, base: TimeBase, left: int, plot: int, width: int, dots: DotSet) -> Row:
    text = [" "] * width
    if left:
        text[left - 1] = dots.charset.corner
    count = max(1, plot // 11)
    ticks = axis.time_ticks(data.t0_ns, data.t1_ns, count, epoch_ns=data.epoch_ns, zone_s=data.zone_s)
    end = left
    for mono, label in ticks:
        x = left + base.column(mono) // dots.columns
        if x >= end and x + len(label) < width:
            text[x : x + len(label) + 1] = dots.charset.time_tick + label
            end = x + len(label) + 2
    return (("".join(text), AXIS),)


class _Labels:
    """The right side: name, newest value and bound of each series, on the row where its line ends."""

    def __init__(self, series: Sequence[Series], width: int, height: int, charset: Charset) -> None:
        self._series, self._height, self._charset = series, height, charset
        self._named = [i for i, s in enumerate(series) if s.label != "none"]
        longest = max((len(series[i].name) for i in self._named), default=0)
        self._name = min(longest, _NAME_WIDTH, max(4, width // 5))
        self._value = self._bound = 0
        self.width = 0
        if not self._named or width < _MIN_WIDTH_LABELS:
            return
        if self._name + OFFSET_WIDTH + 3 <= width // 3:
            self._value = OFFSET_WIDTH
            bound = _BOUND_WIDTH + len(charset.plus_minus)
            if self._name + OFFSET_WIDTH + bound + 3 <= width // 5:
                self._bound = bound
        self.width = 2 + self._name + (1 + self._value if self._value else 0) + self._bound

    def rows(self, decimated: Sequence[Decimated], ends: Sequence[int | None]) -> list[Row]:
        """One row of labels for each row of the plot."""
        if not self.width:
            return [()] * self._height
        last = self._height - 1
        shown = len(self._named) if len(self._named) <= self._height else last
        wanted = sorted(
            (min(max(0, last if (end := ends[i]) is None else end), last), i) for i in self._named[:shown]
        )
        more = len(self._named) - shown
        if more:
            wanted.append((last, -1))
        rows: list[Row] = [((" " * self.width, ""),)] * self._height
        for y, (end, i) in zip(spread([end for end, _ in wanted], self._height), wanted, strict=True):
            if i < 0:
                rows[y] = ((fit(f"  +{more} more", self.width), LABEL),)
                continue
            lead = (
                self._charset.level
                if y == end
                else self._charset.falling
                if y > end
                else self._charset.rising
            )
            rows[y] = ((fit(self._text(i, decimated[i], lead), self.width), self._series[i].role),)
        return rows

    def _text(self, i: int, reduced: Decimated, lead: str) -> str:
        name = fit(self._series[i].name, self._name, ellipsis=self._charset.ellipsis)
        if not reduced.live or reduced.last is None:
            return f"  {name} {NO_DATA if self._value else '?'}" if self._value else f"? {name}"
        if not self._value or self._series[i].label == "name":
            return f"{lead} {name}"
        value = offset(reduced.last.offset_ns, None, self._charset)
        if not self._bound:
            return f"{lead} {name} {value:>{self._value}}"
        full = offset(reduced.last.offset_ns, reduced.last.bound_ns, self._charset)
        shown, sign, bound = full.partition(f" {self._charset.plus_minus} ")
        return f"{lead} {name} {shown:>{self._value}}{sign}{bound}"


def spread(wanted: Sequence[int], height: int) -> list[int]:
    """Distinct rows below `height` for ascending `wanted` ones, in order, as near as possible.

    Needs `len(wanted) <= height`. Neighbours that collide move apart around their common mean.
    """
    groups: list[tuple[int, int]] = []  # sum and count of (wanted - index), pooled until ascending
    for index, row in enumerate(wanted):
        total, count = row - index, 1
        while groups and groups[-1][0] * count >= total * groups[-1][1]:
            total, count = total + groups[-1][0], count + groups[-1][1]
            groups.pop()
        groups.append((total, count))
    starts = [total // count for total, count in groups for _ in range(count)]
    room = height - len(wanted)
    return [min(max(0, start), room) + index for index, start in enumerate(starts)]
