"""A table of hosts on Textual's Line API: fixed columns, a header, a cursor, and only dirty rows repainted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal

import msgspec
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from screens.widgets.glyphs import ROLES, UNICODE, Charset, fit
from screens.widgets.live import Live

_GAP = 1
_CURSOR = Style(reverse=True)
_CURSOR_BLURRED = Style(bold=True, underline=True)


class Cell(msgspec.Struct, frozen=True):
    """Text and the colour role of `glyphs.ROLES` it is shown in."""

    text: str
    role: str = ""


class Column(msgspec.Struct, frozen=True):
    """A column `width` cells wide, or as few as `min_width` before another one has to go.

    `priority` 0 is never dropped (a state); of the others the highest number goes first. A column that
    `grow`s takes what is left over.
    """

    key: str
    title: str
    width: int
    priority: int = 1
    min_width: int | None = None
    align: Literal["left", "right"] = "left"
    grow: bool = False

    @property
    def least(self) -> int:
        return self.width if self.min_width is None else self.min_width


def lay_out(columns: Sequence[Column], width: int) -> tuple[tuple[int, int], ...]:
    """(Index, cells) of the columns that fit into `width` cells, in their order."""
    kept = list(range(len(columns)))

    def need() -> int:
        return sum(columns[i].least for i in kept) + _GAP * (len(kept) - 1)

    while need() > width and any(columns[i].priority for i in kept):
        kept.remove(max(kept, key=lambda i: (columns[i].priority, i)))
    spare = max(0, width - need())
    cells = {i: columns[i].least for i in kept}
    for i in sorted(kept, key=lambda i: (columns[i].priority, i)):
        more = min(spare, columns[i].width - cells[i])
        cells[i] += more
        spare -= more
    growing = [i for i in kept if columns[i].grow]
    for n, i in enumerate(growing):
        cells[i] += spare // len(growing) + (n < spare % len(growing))
    return tuple((i, cells[i]) for i in kept)


class TableModel:
    """Rows in order, by key. Written as often as data comes; the table looks twice a second."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)
        self._cells: dict[str, tuple[Cell, ...]] = {}
        self._keys: list[str] = []
        self._index: dict[str, int] = {}
        self._dirty: set[str] = set()

    @property
    def keys(self) -> Sequence[str]:
        """The keys in the order shown."""
        return self._keys

    def cells(self, key: str) -> tuple[Cell, ...]:
        """The cells of a row. Raises KeyError for an unknown key."""
        return self._cells[key]

    def index(self, key: str) -> int | None:
        """The row number of `key`, None if there is none."""
        return self._index.get(key)

    def set_rows(self, rows: Iterable[tuple[str, Sequence[Cell]]]) -> None:
        """Replace all rows, in this order."""
        fresh = {key: self._checked(cells) for key, cells in rows}
        self._dirty = {key for key, cells in fresh.items() if self._cells.get(key) != cells}
        self._cells = fresh
        self._order(list(fresh))

    def update_row(self, key: str, cells: Sequence[Cell]) -> None:
        """Replace the cells of one row. Raises KeyError for an unknown key, ValueError for a wrong count."""
        checked = self._checked(cells)
        if self._cells[key] != checked:
            self._cells[key] = checked
            self._dirty.add(key)

    def reorder(self, keys: Sequence[str]) -> None:
        """Show the rows in this order. Raises ValueError unless `keys` are the present ones."""
        if len(keys) != len(self._keys) or set(keys) != self._cells.keys():
            raise ValueError("reorder needs each key of the table once")
        self._order(list(keys))

    def take_dirty(self) -> set[str]:
        """The keys whose cells changed since the last call."""
        dirty, self._dirty = self._dirty, set()
        return dirty

    def _order(self, keys: list[str]) -> None:
        self._keys = keys
        self._index = {key: i for i, key in enumerate(keys)}

    def _checked(self, cells: Sequence[Cell]) -> tuple[Cell, ...]:
        if len(cells) != len(self.columns):
            raise ValueError(f"{len(cells)} cells for {len(self.columns)} columns")
        return tuple(cells)


class HostTable(ScrollView, Live, can_focus=True):
    """The rows of a `TableModel`; narrow widths drop columns by priority, never a state.

    The cursor stays on its key when rows are reordered.
    """

    ALLOW_SELECT = False
    BINDING_GROUP_TITLE = "Table"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", show=False, id="table.up", tooltip="One row up"),
        Binding("down", "move(1)", "Down", show=False, id="table.down", tooltip="One row down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="table.page-up", tooltip="One page up"),
        Binding(
            "pagedown", "page(1)", "Page down", show=False, id="table.page-down", tooltip="One page down"
        ),
        Binding("home", "first", "First", show=False, id="table.first", tooltip="To the first row"),
        Binding("end", "last", "Last", show=False, id="table.last", tooltip="To the last row"),
        Binding("enter", "select", "Select", show=False, id="table.select", tooltip="Open the row"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"host-table--{role}" for role in (*ROLES, "header")}
    DEFAULT_CSS = """
    HostTable {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        .host-table--header { text-style: bold; color: $foreground; }
        .host-table--ok { color: $success; }
        .host-table--bad { color: $error; text-style: bold; }
        .host-table--warn { color: $warning; }
        .host-table--unknown { color: $warning; }
        .host-table--wait { color: $secondary; }
        .host-table--quiet { text-style: dim; }
    }
    """

    class _RowMessage(Message):
        def __init__(self, table: HostTable, key: str) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> HostTable:
            return self.table

    class RowSelected(_RowMessage):
        """Enter or a double click on the row `key`."""

    class RowHighlighted(_RowMessage):
        """The cursor moved to the row `key`."""

    def __init__(
        self,
        model: TableModel,
        *,
        charset: Charset = UNICODE,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - Textual's name for it
        classes: str | None = None,
        disabled: bool = False,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes, disabled=disabled)
        self.model = model
        self._charset = charset
        self._cursor_key: str | None = None
        self._cursor_at = 0
        self._layout_width = -1
        self._layout_cells: tuple[tuple[int, int], ...] = ()
        self._row_strips: dict[str, Strip] = {}
        self._painted: list[str] = []
        self._role_styles: dict[str, Style] = {}

    # -- what is shown

    @property
    def left_out(self) -> tuple[str, ...]:
        """The titles of the columns there is no room for."""
        columns = self.model.columns
        shown = {i for i, _ in lay_out(columns, self.scrollable_content_region.width)}
        return tuple(column.title for i, column in enumerate(columns) if i not in shown)

    @property
    def cursor(self) -> str | None:
        """The key of the row under the cursor; None without rows."""
        keys = self.model.keys
        if not keys:
            return None
        if self._cursor_key is None or self.model.index(self._cursor_key) is None:
            self._cursor_key = keys[min(self._cursor_at, len(keys) - 1)]
        return self._cursor_key

    @property
    def visible_keys(self) -> list[str]:
        """The keys of the rows within the widget, top down."""
        top = self.scroll_offset.y
        return list(self.model.keys[top : top + self._page])

    @property
    def _page(self) -> int:
        return max(0, self.scrollable_content_region.height - 1)

    def flush(self) -> int:
        dirty = self.model.take_dirty()
        for key in dirty:
            self._row_strips.pop(key, None)
        rows = len(self.model.keys) + 1
        if self.virtual_size.height != rows:
            self.virtual_size = Size(0, rows)
            self._row_strips = {k: s for k, s in self._row_strips.items() if self.model.index(k) is not None}
        visible, painted = self.visible_keys, self._painted
        changed = [
            at
            for at in range(max(len(visible), len(painted)))
            if at >= len(visible) or at >= len(painted) or visible[at] != painted[at] or visible[at] in dirty
        ]
        self._painted = visible
        self._refresh_rows(changed)
        return len(changed)

    def _refresh_rows(self, rows: Iterable[int]) -> None:
        width = self.size.width
        regions = [Region(0, at + 1, width, 1) for at in rows]
        if regions and width:
            self.refresh(*regions)

    # -- drawing

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if width != self._layout_width:
            self._layout_width = width
            self._layout_cells = lay_out(self.model.columns, width)
            self._row_strips.clear()
        if y == 0:
            header = tuple(Cell(column.title, "header") for column in self.model.columns)
            return self._strip(header, width)
        at = self.scroll_offset.y + y - 1
        keys = self.model.keys
        if at >= len(keys):
            return Strip.blank(width, self.rich_style)
        key = keys[at]
        strip = self._row_strips.get(key)
        if strip is None:
            strip = self._row_strips[key] = self._strip(self.model.cells(key), width)
        if key == self.cursor:
            return strip.apply_style(_CURSOR if self.has_focus else _CURSOR_BLURRED)
        return strip

    def _strip(self, cells: Sequence[Cell], width: int) -> Strip:
        base = self.rich_style
        segments: list[Segment] = []
        for n, (i, size) in enumerate(self._layout_cells):
            if n:
                segments.append(Segment(" " * _GAP, base))
            text = fit(
                cells[i].text, size, align=self.model.columns[i].align, ellipsis=self._charset.ellipsis
            )
            segments.append(Segment(text, self._style(cells[i].role)))
        return Strip(segments).adjust_cell_length(width, base).simplify()

    def _style(self, role: str) -> Style:
        style = self._role_styles.get(role)
        if style is None:
            name = f"host-table--{role}"
            known = name in self.COMPONENT_CLASSES
            style = self.get_component_rich_style(name) if known else self.rich_style
            self._role_styles[role] = style
        return style

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._role_styles.clear()
        self._row_strips.clear()

    # -- the cursor

    def move_to(self, key: str) -> None:
        """Put the cursor on `key` and bring it into view; an unknown key changes nothing."""
        at = self.model.index(key)
        if at is not None:
            self._go(at)

    def _go(self, at: int) -> None:
        keys = self.model.keys
        if not keys:
            return
        at = min(max(0, at), len(keys) - 1)
        before, top = self.cursor, self.scroll_offset.y
        self._cursor_key, self._cursor_at = keys[at], at
        if at < top:
            self.scroll_to(y=at, animate=False, force=True)
        elif at >= top + self._page:
            self.scroll_to(y=at - self._page + 1, animate=False, force=True)
        if before != keys[at]:
            self._refresh_rows(n for n, key in enumerate(self.visible_keys) if key in (before, keys[at]))
            self.post_message(self.RowHighlighted(self, keys[at]))

    def _at(self) -> int:
        key = self.cursor
        return 0 if key is None else self.model.index(key) or 0

    def action_move(self, rows: int) -> None:
        self._go(self._at() + rows)

    def action_page(self, pages: int) -> None:
        self._go(self._at() + pages * max(1, self._page))

    def action_first(self) -> None:
        self._go(0)

    def action_last(self) -> None:
        self._go(len(self.model.keys) - 1)

    def action_select(self) -> None:
        key = self.cursor
        if key is not None:
            self.post_message(self.RowSelected(self, key))

    def on_click(self, event: events.Click) -> None:
        at = self.scroll_offset.y + event.y - 1
        if event.y < 1 or at >= len(self.model.keys):
            return
        self._go(at)
        if event.chain == 2:
            self.action_select()

    def on_resize(self) -> None:
        if self.model.keys:
            self._go(self._at())
