"""Time series to character cells: a pure function of points, size and value range.

Points are decimated to minimum and maximum per dot column, so the work is linear in the points and the
output is bounded by the width. A column of dots is one integer with a byte per cell, in which series are
OR-ed where they cross. A gap breaks the line: between two points more than two and a half intervals apart,
and at a `None`, at least one dot column stays empty.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import msgspec

from screens.widgets.axis import LINEAR, Scale
from screens.widgets.glyphs import ASCII as ASCII_CHARSET
from screens.widgets.glyphs import UNICODE, Charset

Run = tuple[str, str]
"""Text and its colour role; `""` is the background."""
Row = tuple[Run, ...]
NO_DATA = "no data"
SERIES_ROLES = ("series-1", "series-2", "series-3", "series-4", "series-5", "series-6")
BAND_SUFFIX = "-band"
_MIN_COLUMNS_FOR_FORCED_GAPS = 8


class Point(msgspec.Struct, frozen=True, gc=False):
    """One measurement: monotonic time, value, and the bound of its error (±), all in nanoseconds."""

    mono_ns: int
    value_ns: int
    bound_ns: int = 0


class Series(msgspec.Struct, frozen=True):
    """A named line. `points` ascend in time; `None` among them is a known outage.

    `interval_ns` is the sampling interval a gap is judged by, `role` names the colour (`SERIES_ROLES`).
    """

    name: str
    points: Sequence[Point | None]
    role: str = SERIES_ROLES[0]
    interval_ns: int = 1_000_000_000


class Threshold(msgspec.Struct, frozen=True):
    """A horizontal line at `value_ns`."""

    value_ns: int
    label: str


class Mark(msgspec.Struct, frozen=True):
    """An event: a vertical line with a letter, and a label where there is room."""

    mono_ns: int
    letter: str
    label: str


class ChartData(msgspec.Struct, frozen=True):
    """Everything a chart shows of the time from `t0_ns` to `t1_ns` (monotonic).

    `value_range` None fits the data. `epoch_ns` is the UTC of monotonic zero and `zone_s` the local zone
    east of UTC, both for the labels of the time axis only.
    """

    series: tuple[Series, ...]
    t0_ns: int
    t1_ns: int
    thresholds: tuple[Threshold, ...] = ()
    marks: tuple[Mark, ...] = ()
    value_range: tuple[int, int] | None = None
    epoch_ns: int | None = None
    zone_s: int = 0


class DotSet(msgspec.Struct, frozen=True):
    """How a cell is cut into `columns` by `rows` dots; `bits[column][row]` index into `table`."""

    name: str
    columns: int
    rows: int
    bits: tuple[tuple[int, ...], ...]
    table: str
    charset: Charset = UNICODE


BRAILLE = DotSet(
    "braille",
    2,
    4,
    ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80)),
    " " + "".join(map(chr, range(0x2801, 0x2900))),
)
BLOCK = DotSet("block", 2, 2, ((1, 4), (2, 8)), " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█" * 16)
ASCII = DotSet("ascii", 1, 3, ((1, 2, 4),), " '-:.::|" * 32, ASCII_CHARSET)
DOT_SETS = {dots.name: dots for dots in (BRAILLE, BLOCK, ASCII)}


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


class Bin(msgspec.Struct, gc=False):
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


def decimate(series: Series, base: TimeBase, t1_ns: int) -> Decimated:
    """Minimum and maximum per dot column, broken at gaps.

    A gap that begins and ends in the same or in neighbouring columns empties one of them, but never two in a
    row: a lossy link shows as a dotted line, not as no data.
    """
    step, origin, columns = base.step_ns, base.first, base.columns
    limit = series.interval_ns * 5 // 2
    forced = columns >= _MIN_COLUMNS_FOR_FORCED_GAPS
    bins: list[Bin] = []
    blank: set[int] = set()
    current: Bin | None = None
    column = before = edge = 0
    newest: Point | None = None
    cut = True
    for point in series.points:
        if point is None:
            cut = True
            continue
        mono, value, bound = point.mono_ns, point.value_ns, point.bound_ns
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
        if short and not (column in blank or column - 1 in blank):
            blank.add(column)
        current = Bin(at, value, value, value, value, value - bound, value + bound, not cut)
        bins.append(current)
        column, before, newest, cut = at, mono, point, False
        edge = (at + origin + 1) * step
    live = newest is not None and not cut and t1_ns - newest.mono_ns <= limit
    return Decimated(bins, frozenset(blank), newest, live)


def extent(decimated: Sequence[Decimated]) -> tuple[int, int] | None:
    """Least and greatest visible value, widened by the median bound so that one slow answer flattens nothing."""
    bins = [b for d in decimated for b in d.bins if b.column >= 0]
    if not bins:
        return None
    low, high = min(b.low for b in bins), max(b.high for b in bins)
    below = sorted(b.low - b.band_low for b in bins)[len(bins) // 2]
    above = sorted(b.band_high - b.high for b in bins)[len(bins) // 2]
    return low - max(0, below), high + max(0, above)


class Layer:
    """The dots of one role: an integer per cell column, one byte per cell from the top down."""

    def __init__(self, width: int, height: int, dots: DotSet) -> None:
        self.masks = [0] * width
        self.prefix = prefix_masks(dots.bits, height)

    def cells(self, height: int) -> bytes:
        """The bytes of all cells, column by column."""
        return b"".join([mask.to_bytes(height, "little") for mask in self.masks])


@lru_cache(maxsize=16)
def prefix_masks(bits: tuple[tuple[int, ...], ...], height: int) -> tuple[tuple[int, ...], ...]:
    """Per dot column of a cell: for each k the mask of the k topmost dots of a plot `height` cells high."""
    columns = []
    for column in bits:
        mask, masks = 0, [0]
        for row in range(height * len(column)):
            mask |= column[row % len(column)] << (8 * (row // len(column)))
            masks.append(mask)
        columns.append(tuple(masks))
    return tuple(columns)


class Heights:
    """From values to dot rows, 0 at the top. Out of the range the row is negative or ≥ `rows`.

    Both ends of the range belong to it: an integer counts as one unit wide.
    """

    def __init__(self, value_range: tuple[int, int], rows: int, scale: Scale = LINEAR) -> None:
        self.rows = rows
        self._scale = scale
        self._top = scale.forward(value_range[1])
        self._size = max(1, self._top - scale.forward(value_range[0]) + 1)

    def __call__(self, value: int) -> int:
        return (self._top - self._scale.forward(value)) * self.rows // self._size

    def many(self, values: Iterable[int]) -> list[int]:
        """The row of each value; the loop in which a chart spends its time."""
        top, rows, size = self._top, self.rows, self._size
        if self._scale is LINEAR:
            return [(top - value) * rows // size for value in values]
        forward = self._scale.forward
        return [(top - forward(value)) * rows // size for value in values]


def trace(data: Decimated, columns: int, heights: Heights, line: Layer, band: Layer) -> dict[int, bool]:
    """Draw one series into `line` and its error bounds into `band`.

    Returns the dot columns in which it lies outside the range altogether: True above, False below.
    """
    outside: dict[int, bool] = {}
    bins, blank, rows, many = data.bins, data.blank, heights.rows, heights.many
    prefix, masks, band_masks = line.prefix, line.masks, band.masks
    per_cell = len(prefix)

    def run(column: int, top: int, bottom: int) -> None:
        top, bottom = max(top, 0), min(bottom, rows - 1)
        if top <= bottom:
            part = prefix[column % per_cell]
            masks[column // per_cell] |= part[bottom + 1] ^ part[top]

    previous = y_before = 0
    for b, top, bottom, y_first, y_last, band_top, band_bottom in zip(
        bins,
        many([b.high for b in bins]),
        many([b.low for b in bins]),
        many([b.first for b in bins]),
        many([b.last for b in bins]),
        many([b.band_high for b in bins]),
        many([b.band_low for b in bins]),
        strict=True,
    ):
        column = b.column
        if b.joined and column > previous:
            if column - previous > 1:
                y = y_before
                for at in range(max(previous + 1, 0), min(column, columns)):
                    y_next = y_before + (y_first - y_before) * (at - previous) // (column - previous)
                    if at not in blank:
                        run(at, min(y, y_next), max(y, y_next))
                    y = y_next
                y_before = y
            if y_before < top:
                top = y_before + 1
            elif y_before > bottom:
                bottom = y_before - 1
        if 0 <= column < columns and column not in blank:
            part, cell = prefix[column % per_cell], column // per_cell
            if top >= 0 and bottom < rows:
                masks[cell] |= part[bottom + 1] ^ part[top]
            elif bottom < 0 or top >= rows:
                outside[column] = bottom < 0
            else:
                run(column, top, bottom)
            # A bound that touches the line would only make it look thicker.
            if 0 <= band_top < top - 1 and band_top < rows:
                band_masks[cell] |= part[band_top + 1] ^ part[band_top]
            if rows > band_bottom > bottom + 1 and band_bottom >= 0:
                band_masks[cell] |= part[band_bottom + 1] ^ part[band_bottom]
        previous, y_before = column, y_last
    return outside


# Background after a run joins it: a space has no colour, and each change of colour costs bytes.
_SAME = re.compile(rb"\0+|(.)(?:\1|\0)*", re.DOTALL)
_FREE = bytes([255] + [0] * 255)
_OWNER = tuple(bytes([0] + [n] * 255) for n in range(256))


class Canvas:
    """Cells with an owner each. Dots come from layers; text goes where no dots are, unless forced."""

    def __init__(self, width: int, height: int, dots: DotSet, layers: Sequence[tuple[str, Layer]]) -> None:
        """`layers` in order of precedence: the first to have a dot in a cell gives the cell its role."""
        self.width, self.height = width, height
        self._roles = [""]
        size = width * height
        total = owner = 0
        for role, layer in layers:
            cells = layer.cells(height)
            taken = int.from_bytes(cells.translate(_OWNER[self._role(role)]), "little")
            free = int.from_bytes(owner.to_bytes(size, "little").translate(_FREE), "little")
            owner |= taken & free
            total |= int.from_bytes(cells, "little")
        cells, owners = total.to_bytes(size, "little"), owner.to_bytes(size, "little")
        # Cells come column by column; a stride of the height picks out a row.
        self._text = [
            list(codecs.charmap_decode(cells[y::height], "strict", dots.table)[0]) for y in range(height)
        ]
        self._owner = [bytearray(owners[y::height]) for y in range(height)]

    def _role(self, role: str) -> int:
        if role not in self._roles:
            self._roles.append(role)
        return self._roles.index(role)

    def free(self, x: int, y: int, length: int) -> bool:
        """Whether `length` cells from (x, y) lie on the canvas and hold neither dots nor text."""
        if not (0 <= y < self.height and x >= 0 and x + length <= self.width):
            return False
        return not any(self._owner[y][x : x + length])

    def put(self, x: int, y: int, text: str, role: str, *, over: bool = False) -> None:
        """Write single-width `text`; cells with dots or text are spared unless `over`."""
        if not 0 <= y < self.height:
            return
        number = self._role(role)
        row, owner = self._text[y], self._owner[y]
        for at, char in enumerate(text, x):
            if 0 <= at < self.width and (over or not owner[at]):
                row[at], owner[at] = char, number

    def rows(self) -> list[Row]:
        """Exactly `height` rows of exactly `width` cells, as runs of one role."""
        roles = self._roles
        rows = []
        for chars, owner in zip(self._text, self._owner, strict=True):
            text = "".join(chars)
            rows.append(
                tuple((text[m.start() : m.end()], roles[owner[m.start()]]) for m in _SAME.finditer(owner))
            )
        return rows
