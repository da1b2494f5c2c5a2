"""Bins to dots. Pure but for what it remembers: bins that are as they were are not drawn again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from screens.widgets.axis import LINEAR, Scale
from screens.widgets.canvas import Layer, prefix_masks
from screens.widgets.raster import DotSet
from screens.widgets.thinning import Bin, Decimated, TimeBase

_WORTH_IT = 4  # bins


class Heights:
    """From values to dot rows, 0 at the top. Out of the range the row is negative or ≥ `rows`.

    Both ends of the range belong to it: an integer counts as one unit wide.
    """

    def __init__(self, value_range: tuple[int, int], rows: int, scale: Scale = LINEAR) -> None:
        self.rows = rows
        self.key = value_range, rows, scale
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


class Trace:
    """One series in dots, kept from one drawing to the next.

    `outside` are the dot columns in which it lies out of the range altogether: True above, False below.
    """

    def __init__(self) -> None:
        self._key: tuple[TimeBase, DotSet, tuple[tuple[int, int], int, Scale]] | None = None
        self._bins: Sequence[Bin] = ()
        # A mask a dot column.
        self._line: list[int] = []
        self._band: list[int] = []
        self.outside: dict[int, bool] = {}

    def update(self, data: Decimated, base: TimeBase, heights: Heights, dots: DotSet) -> None:
        """Draw what is not drawn yet, or not like this."""
        bins, key = data.bins, (base, dots, heights.key)
        front, kept = _kept(self._bins, bins) if key == self._key else (0, 0)
        if kept < _WORTH_IT:
            self._line, self._band, self.outside = [0] * base.columns, [0] * base.columns, {}
            self._draw(data, 0, len(bins), heights, dots)
        else:
            if front:
                while front + 1 < len(bins) and bins[front + 1].column == bins[front].column:
                    front += 1
                    kept -= 1
                self._clear(0, bins[front].column + 1)
                self._draw(data, 0, front + 1, heights, dots)
            # The last one too: a bin that follows may have emptied its column.
            last = max(front + kept - 1, 1)
            while last > 1 and bins[last - 1].column == bins[last].column:
                last -= 1
            self._clear(bins[last - 1].column + 1, base.columns)
            self._draw(data, last, len(bins), heights, dots)
        self._key, self._bins = key, bins

    def layers(self, width: int, height: int, dots: DotSet) -> tuple[Layer, Layer]:
        """The line and its error bounds."""
        line, band = Layer(width, height, dots), Layer(width, height, dots)
        line.masks, band.masks = _cells(self._line, dots.columns), _cells(self._band, dots.columns)
        return line, band

    def _clear(self, first: int, after: int) -> None:
        first, after = max(0, first), min(after, len(self._line))
        if first < after:
            self._line[first:after] = self._band[first:after] = [0] * (after - first)
            self.outside = {c: above for c, above in self.outside.items() if not first <= c < after}

    def _draw(self, data: Decimated, first: int, after: int, heights: Heights, dots: DotSet) -> None:
        """The bins from `first` to before `after`, each with what joins it to the one before."""
        bins, blank, rows, many = data.bins[first:after], data.blank, heights.rows, heights.many
        masks, band_masks, columns = self._line, self._band, len(self._line)
        prefix = prefix_masks(dots.bits, rows // dots.rows)
        per_cell = len(prefix)

        def run(column: int, top: int, bottom: int) -> None:
            top, bottom = max(top, 0), min(bottom, rows - 1)
            if top <= bottom:
                part = prefix[column % per_cell]
                masks[column] |= part[bottom + 1] ^ part[top]

        previous = data.bins[first - 1].column if first else 0
        y_before = heights(data.bins[first - 1].last) if first else 0
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
                part = prefix[column % per_cell]
                if top >= 0 and bottom < rows:
                    masks[column] |= part[bottom + 1] ^ part[top]
                elif bottom < 0 or top >= rows:
                    self.outside[column] = bottom < 0
                else:
                    run(column, top, bottom)
                # A bound that touches the line would only make it look thicker.
                if 0 <= band_top < top - 1 and band_top < rows:
                    band_masks[column] |= part[band_top + 1] ^ part[band_top]
                if rows > band_bottom > bottom + 1 and band_bottom >= 0:
                    band_masks[column] |= part[band_bottom + 1] ^ part[band_bottom]
            previous, y_before = column, y_last


def _kept(old: Sequence[Bin], new: Sequence[Bin]) -> tuple[int, int]:
    """Where in `new` the bins begin that are the very ones of `old`, and how many follow one another."""
    for front, first in enumerate(new[:2]):
        offset = next((i for i, b in enumerate(old) if b is first), None)
        if offset is not None:
            count = 0
            for a, b in zip(old[offset:], new[front:], strict=False):
                if a is not b:
                    break
                count += 1
            # A line that begins with an old bin has lost what joined it to the one before.
            return (front, count) if front or not offset else (0, 0)
    return 0, 0


def _cells(columns: Sequence[int], per_cell: int) -> list[int]:
    if per_cell == 1:
        return list(columns)
    return [left | right for left, right in zip(columns[::2], columns[1::2], strict=True)]
