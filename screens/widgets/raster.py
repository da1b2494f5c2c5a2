"""What a chart is made of: points, series, thresholds, marks, and the sets of dots they are drawn in. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from cutover_tui.engine.port import ClockPoint
from screens.widgets.glyphs import ASCII as ASCII_CHARSET
from screens.widgets.glyphs import UNICODE, Charset

Run = tuple[str, str]
"""Text and its colour role; `""` is the background."""
Row = tuple[Run, ...]
NO_DATA = "no data"
SERIES_ROLES = tuple(f"series-{n}" for n in range(1, 9))
REFERENCE_ROLE = "reference"
BAND_SUFFIX = "-band"


Point = ClockPoint
"""One measurement: monotonic time, offset, and the bound of its error (±), all in nanoseconds.

The port's own struct: thousands of them reach the chart twice a second.
"""


class Series(msgspec.Struct, frozen=True):
    """A named line. `points` ascend in time; `None` among them is a known outage.

    `interval_ns` is the sampling interval a gap is judged by, `role` names the colour (`SERIES_ROLES`).
    At its right end stand name and value, the name alone, or nothing.
    """

    name: str
    points: Sequence[Point | None]
    role: str = SERIES_ROLES[0]
    interval_ns: int = 1_000_000_000
    label: Literal["value", "name", "none"] = "value"


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
