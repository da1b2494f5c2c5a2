"""The live chart: a figure on Textual's Line API, one dirty region a row and pane."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from screens.widgets.axis import LINEAR, Scale
from screens.widgets.figure import FIGURE_ROLES, LABEL, Figure, Memory, draw
from screens.widgets.live import Live
from screens.widgets.raster import BAND_SUFFIX, BRAILLE, REFERENCE_ROLE, SERIES_ROLES, ChartData, DotSet, Row


class ChartPane(Widget):
    """One end of a chart's rows."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "ChartPane { height: 1fr; width: 1fr; }"

    def __init__(self, line: Callable[[int], Strip], *, right: bool) -> None:
        super().__init__()
        self._line = line
        self._right = right

    def render_line(self, y: int) -> Strip:
        strip, width = self._line(y), self.size.width
        start = max(0, strip.cell_length - width) if self._right else 0
        return strip.crop(start, start + width)


class OffsetChart(Live):
    """Clock offsets over time, pulled from `source` twice a second while visible.

    A row is repainted only when its text or its colours changed. It consists of two panes because Textual
    rewrites a dirty row from the left edge of its widget: nearly all refreshes touch the right end only, and
    rewriting the rest would be four fifths of the bytes. The palette's sixteen colours are used on
    purpose: they hold on any terminal; each line is named at its right end, so none of them is needed.
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"offset-chart--{role}" for role in (*SERIES_ROLES, REFERENCE_ROLE, *FIGURE_ROLES)
    }
    DEFAULT_CSS = """
    OffsetChart {
        layout: horizontal;
        height: 1fr;
        min-height: 1;
        .offset-chart--series-1 { color: ansi_bright_cyan; }
        .offset-chart--series-2 { color: ansi_bright_magenta; }
        .offset-chart--series-3 { color: ansi_bright_green; }
        .offset-chart--series-4 { color: ansi_bright_blue; }
        .offset-chart--series-5 { color: ansi_yellow; }
        .offset-chart--series-6 { color: ansi_cyan; }
        .offset-chart--series-7 { color: ansi_green; }
        .offset-chart--series-8 { color: ansi_magenta; }
        .offset-chart--reference { text-style: dim; }
        .offset-chart--axis { text-style: dim; }
        .offset-chart--zero { text-style: dim; }
        .offset-chart--gap { text-style: bold; }
        .offset-chart--threshold { color: $warning; }
        .offset-chart--mark { text-style: bold; }
    }
    """

    def __init__(
        self,
        source: Callable[[], ChartData],
        *,
        dots: DotSet = BRAILLE,
        scale: Scale = LINEAR,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - Textual's name for it
        classes: str | None = None,
        disabled: bool = False,
    ) -> None:
        """`source` is called on the main loop and must return at once.

        It may return the object of its last call, which says that nothing changed.
        """
        super().__init__(name=name, id=id, classes=classes, disabled=disabled)
        self._source = source
        self._dots = dots
        self._scale = scale
        self._data: ChartData | None = None
        self._figure: Figure | None = None
        self._memory = Memory()
        self._figure_size = Size()
        self._tail_width: int | None = None
        self._strips: list[Strip | None] = []
        self._styles_by_role: dict[str, Style] = {}
        self._body = ChartPane(self.line, right=False)
        self._tail = ChartPane(self.line, right=True)

    @property
    def scale(self) -> Scale:
        """How values become heights; another one draws everything anew."""
        return self._scale

    @scale.setter
    def scale(self, scale: Scale) -> None:
        if scale is not self._scale:
            self._scale, self._figure = scale, None
            self._data = None

    @property
    def text(self) -> str:
        """What the chart shows, without colours."""
        if self._figure is None:
            return ""
        return "\n".join("".join(text for text, _ in row) for row in self._figure.rows)

    def compose(self) -> ComposeResult:
        yield self._body
        yield self._tail

    def on_resize(self) -> None:
        self._tail_width = None
        self.flush()

    def flush(self) -> int:
        if not self.size:
            return 0
        data = self._source()
        if data is self._data and self._figure_size == self.size and self._tail_width is not None:
            return 0
        before = self._figure if self._figure_size == self.size else None
        figure = self._draw(data)
        if before is None or self._tail_width != figure.tail:
            self._tail.styles.width = self._tail_width = figure.tail
            self._body.refresh()
            self._tail.refresh()
            return len(figure.rows)
        changed = [y for y, (old, new) in enumerate(zip(before.rows, figure.rows, strict=True)) if old != new]
        cut = self.size.width - figure.tail
        body, tail = [], []
        for y in changed:
            (old_left, old_right), (left, right) = split(before.rows[y], cut), split(figure.rows[y], cut)
            if old_left != left:
                body.append(Region(0, y, changed_cells(old_left, left), 1))
            if old_right != right:
                tail.append(Region(0, y, figure.tail, 1))
        for pane, regions in ((self._body, body), (self._tail, tail)):
            if regions:
                pane.refresh(*regions)
        return len(changed)

    def _draw(self, data: ChartData) -> Figure:
        """Draw anew, keeping the strips of rows that stayed the same."""
        old, strips = self._figure, self._strips
        figure = draw(
            data,
            self.size.width,
            self.size.height,
            self._dots,
            previous=None if old is None else old.value_range,
            scale=self._scale,
            memory=self._memory,
        )
        kept = old is not None and self._figure_size == self.size
        self._strips = [
            strips[y] if kept and old is not None and old.rows[y] == row else None
            for y, row in enumerate(figure.rows)
        ]
        self._data, self._figure, self._figure_size = data, figure, self.size
        return figure

    def line(self, y: int) -> Strip:
        """Row `y` of the chart in colour."""
        # A resize renders before it is announced; a figure of the old size would be torn.
        figure = self._figure
        if figure is None or self._figure_size != self.size:
            figure = self._draw(self._source())
        if y >= len(figure.rows):
            return Strip.blank(self.size.width, self.rich_style)
        strip = self._strips[y]
        if strip is None:
            strip = Strip(
                [Segment(text, self._style(role)) for text, role in figure.rows[y]], self.size.width
            )
            self._strips[y] = strip
        return strip

    def _style(self, role: str) -> Style:
        style = self._styles_by_role.get(role)
        if style is None:
            style = self._find_style(role)
            self._styles_by_role[role] = style
        return style

    def _find_style(self, role: str) -> Style:
        if not role:
            return self.rich_style
        if role.endswith(BAND_SUFFIX):
            return self._style(role.removesuffix(BAND_SUFFIX)) + Style(dim=True)
        name = f"offset-chart--{role}"
        return self.get_component_rich_style(
            name if name in self.COMPONENT_CLASSES else f"offset-chart--{LABEL}"
        )

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles_by_role.clear()
        self._strips = [None] * len(self._strips)


def split(row: Row, at: int) -> tuple[Row, Row]:
    """The runs left and right of cell `at`."""
    left: list[tuple[str, str]] = []
    right: list[tuple[str, str]] = []
    for text, role in row:
        if text[: max(0, at)]:
            left.append((text[: max(0, at)], role))
        if text[max(0, at) :]:
            right.append((text[max(0, at) :], role))
        at -= len(text)
    return tuple(left), tuple(right)


def changed_cells(old: Row, new: Row) -> int:
    """How many cells from the left hold every difference between two rows of the same length."""
    end = sum(len(text) for text, _ in new)
    for (was, was_role), (text, role) in zip(reversed(old), reversed(new), strict=False):
        if (was, was_role) == (text, role):
            end -= len(text)
            continue
        if was_role == role:
            for a, b in zip(reversed(was), reversed(text), strict=False):
                if a != b:
                    break
                end -= 1
        break
    return end
