"""The host table in a real Textual app: cursor, columns, repaints."""

import pytest
from textual.app import App, ComposeResult
from textual.screen import Screen

from screens.widgets.glyphs import ASCII, UNICODE, Charset, State, mark, offset
from screens.widgets.table import Cell, Column, HostTable, TableModel, lay_out

MS = 10**6
SIZES = [(80, 24), (200, 50)]
COLUMNS = (
    Column("host", "host", 26, priority=1, min_width=19),
    Column("state", "state", 16, priority=0),
    Column("provider", "provider", 24, priority=3, grow=True),
    Column("offset", "offset", 16, priority=2, align="right"),
    Column("looks", "looks", 8, priority=4),
    Column("since", "since", 8, priority=5),
)


def row(n: int, tick: int = 0, charset: Charset = UNICODE) -> tuple[Cell, ...]:
    states = list(State)
    shown = mark(states[(n + tick) % len(states)], charset)
    return (
        Cell(f"app{n:03}.corp.example"),
        Cell(shown.text, shown.role),
        Cell("chronyd " + charset.arrow + f" dc{n % 3}"),
        Cell(offset((n - 250) * 7 * MS + tick * MS, 3 * MS, charset)),
        Cell("2 of 2"),
        Cell("06:12", "quiet"),
    )


def model(rows: int = 500, charset: Charset = UNICODE) -> TableModel:
    made = TableModel(COLUMNS)
    made.set_rows((f"h{n}", row(n, charset=charset)) for n in range(rows))
    return made


class TableApp(App[None]):
    def __init__(self, model: TableModel, charset: Charset = UNICODE, theme: str = "textual-dark") -> None:
        super().__init__()
        self.model, self.charset, self.wanted_theme = model, charset, theme
        self.selected: list[str] = []
        self.highlighted: list[str] = []

    def compose(self) -> ComposeResult:
        yield HostTable(self.model, charset=self.charset)

    def on_mount(self) -> None:
        self.theme = self.wanted_theme

    def on_host_table_row_selected(self, message: HostTable.RowSelected) -> None:
        assert message.control is message.table
        self.selected.append(message.key)

    def on_host_table_row_highlighted(self, message: HostTable.RowHighlighted) -> None:
        self.highlighted.append(message.key)


def lines(table: HostTable) -> list[str]:
    return [table.render_line(y).text for y in range(table.size.height)]


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "200x50"])
@pytest.mark.parametrize(
    ("charset", "theme"), [(UNICODE, "textual-dark"), (ASCII, "ansi-dark")], ids=["unicode", "ascii-ansi"]
)
def test_looks(snap_compare, size, charset, theme):
    app = TableApp(model(charset=charset), charset, theme)
    assert snap_compare(app, press=["down", "down"], terminal_size=size)


async def test_header_and_rows():
    async with TableApp(model()).run_test(size=(80, 24)) as pilot:
        shown = lines(pilot.app.query_one(HostTable))
        assert len(shown) == 24
        assert shown[0].split() == ["host", "state", "provider", "offset"]
        assert shown[1].startswith("app000.corp.example")
        assert "✓ pass" in shown[1]
        assert "✗ FAIL" in shown[2]


async def test_movement_and_selection():
    app = TableApp(model())
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.query_one(HostTable)
        for key, where in [
            ("down", "h1"), ("down", "h2"), ("up", "h1"), ("up", "h0"), ("up", "h0"), ("pagedown", "h23"),
            ("end", "h499"), ("down", "h499"), ("pageup", "h476"), ("home", "h0"),
        ]:  # fmt: skip
            await pilot.press(key)
            assert table.cursor == where
            assert where in table.visible_keys
        await pilot.press("down", "enter")
        await pilot.pause()
        assert app.selected == ["h1"]
        assert app.highlighted[:3] == ["h1", "h2", "h1"]


async def test_a_click_moves_the_cursor_and_a_double_click_selects():
    app = TableApp(model())
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.query_one(HostTable)
        await pilot.click(HostTable, offset=(3, 0))
        assert table.cursor == "h0"
        await pilot.click(HostTable, offset=(3, 5))
        assert table.cursor == "h4"
        assert app.selected == []
        await pilot.click(HostTable, offset=(3, 5), times=2)
        await pilot.pause()
        assert app.selected == ["h4"]


async def test_the_cursor_is_visible_without_colour():
    async with TableApp(model(), theme="ansi-dark").run_test(size=(80, 24)) as pilot:
        table = pilot.app.query_one(HostTable)
        table.focus()
        await pilot.pause()
        under, other = table.render_line(1), table.render_line(2)
        assert all(segment.style is not None and segment.style.reverse for segment in under)
        assert not any(segment.style is not None and segment.style.reverse for segment in other)


async def test_the_cursor_stays_on_its_host_when_rows_move():
    made = model(10)
    async with TableApp(made).run_test(size=(80, 24)) as pilot:
        table = pilot.app.query_one(HostTable)
        await pilot.press("down", "down", "down")
        made.reorder(list(reversed(made.keys)))
        table.flush()
        assert table.cursor == "h3"
        assert lines(table)[1].startswith("app009")
        made.set_rows((f"h{n}", row(n)) for n in range(3))
        table.flush()
        await pilot.pause()
        assert table.cursor == "h2"
        made.set_rows(())
        table.flush()
        await pilot.pause()
        assert table.cursor is None
        await pilot.press("down", "enter", "end")
        assert pilot.app.selected == []


async def test_only_dirty_visible_rows_are_repainted(monkeypatch):
    made = model()
    async with TableApp(made).run_test(size=(80, 24)) as pilot:
        table = pilot.app.query_one(HostTable)
        await pilot.pause()
        table.flush()
        seen: list[int] = []
        refresh = table.refresh

        def spy(*regions, **options):
            assert regions, "the whole widget was repainted"
            seen.extend(region.y for region in regions)
            return refresh(*regions, **options)

        with monkeypatch.context() as patch:
            patch.setattr(table, "refresh", spy)
            assert table.flush() == 0
            made.update_row("h5", row(5, 1))
            made.update_row("h400", row(400, 1))
            made.update_row("h7", row(7))  # the same cells: nothing to show
            assert table.flush() == 1
        assert seen == [6]
        assert lines(table)[6].split()[1:3] == row(5, 1)[1].text.split()


async def test_a_row_changed_out_of_sight_is_current_when_scrolled_to():
    made = model()
    async with TableApp(made).run_test(size=(80, 24)) as pilot:
        table = pilot.app.query_one(HostTable)
        await pilot.press("end", "home")
        made.update_row("h499", row(499, 3))
        table.flush()
        await pilot.press("end")
        await pilot.pause()
        assert row(499, 3)[1].text in lines(table)[-1]


async def test_five_hundred_updates_cost_one_repaint_of_what_is_seen():
    made = model()
    async with TableApp(made).run_test(size=(80, 24)) as pilot:
        table = pilot.app.query_one(HostTable)
        table.flush()
        for n in range(500):
            made.update_row(f"h{n}", row(n, 1))
        assert table.flush() == 23


async def test_a_table_on_a_suspended_screen_does_not_look():
    made = model()
    async with TableApp(made).run_test(size=(80, 24)) as pilot:
        table = pilot.app.query_one(HostTable)
        await pilot.app.push_screen(Screen())
        await pilot.pause()
        assert not table.flushing
        made.update_row("h1", row(1, 4))
        table._tick()
        assert made.take_dirty() == {"h1"}


@pytest.mark.parametrize("size", [(10, 3), (1, 1), (5, 2), (20, 5), (40, 10), (300, 80)])
async def test_survives_any_size(size):
    async with TableApp(model()).run_test(size=size) as pilot:
        table = pilot.app.query_one(HostTable)
        await pilot.press("down", "pagedown", "end", "pageup", "home")
        table.flush()
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert len(lines(table)) == 24


def test_hostile_cells_are_cut_to_one_line():
    made = TableModel((Column("a", "a", 8),))
    made.set_rows([("x", (Cell("\x1b[2J\nabcdefgh"),))])
    assert made.cells("x")[0].text.startswith("\x1b")


async def test_hostile_cells_never_reach_the_terminal():
    made = model(1)
    made.update_row("h0", (Cell("\x1b]0;x\x07\r\n宽宽宽宽宽宽宽宽宽宽宽宽宽宽宽"), *row(0)[1:]))
    async with TableApp(made).run_test(size=(80, 24)) as pilot:
        table = pilot.app.query_one(HostTable)
        strip = table.render_line(1)
        assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in strip.text)
        assert strip.cell_length == table.scrollable_content_region.width


@pytest.mark.parametrize("width", range(140))
def test_a_state_is_never_dropped(width):
    shown = lay_out(COLUMNS, width)
    kept = {COLUMNS[i].key for i, _ in shown}
    assert "state" in kept
    needed = sum(cells for _, cells in shown) + len(shown) - 1
    assert needed <= width or kept == {"state"}
    assert ("host" in kept) == (width >= 19 + 1 + 16)
    for key, gone_before in (
        ("host", "offset"),
        ("offset", "provider"),
        ("provider", "looks"),
        ("looks", "since"),
    ):
        assert key in kept or gone_before not in kept


def test_left_over_width_goes_to_the_column_that_grows():
    assert dict(lay_out(COLUMNS, 200))[2] == 200 - (26 + 16 + 16 + 8 + 8) - 5


def test_the_model_refuses_what_does_not_fit():
    made = model(3)
    with pytest.raises(ValueError, match="1 cells for 6 columns"):
        made.update_row("h1", (Cell("x"),))
    with pytest.raises(KeyError):
        made.update_row("nobody", row(1))
    with pytest.raises(ValueError, match="each key"):
        made.reorder(["h0", "h0", "h1"])
