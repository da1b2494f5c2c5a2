"""The chart in a real Textual app: what it shows, what it repaints, and when it looks."""

import math

import pytest
from textual.app import App, ComposeResult
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from screens.widgets.chart import ChartPane, OffsetChart, changed_cells, split
from screens.widgets.raster import (
    ASCII,
    BLOCK,
    BRAILLE,
    SERIES_ROLES,
    ChartData,
    DotSet,
    Mark,
    Point,
    Series,
    Threshold,
)

MS, S = 10**6, 10**9
MIDNIGHT = 1_783_987_200 * S
SIZES = [(80, 24), (200, 50)]


class Feed:
    """Five clocks whose present is set by the test; app02 drifts, and nobody answered for a while."""

    def __init__(self, now_s: int = 7_200) -> None:
        self.now_s = now_s
        self.asked = 0

    def __call__(self) -> ChartData:
        self.asked += 1
        now = self.now_s
        times = [t for t in range(now - 600, now + 1) if not 7_200 - 330 <= t < 7_200 - 270]
        lines = {
            "app01": [Point(t * S, round(8 * MS * math.sin(t / 60)), 3 * MS) for t in times],
            "app02": [Point(t * S, 30_000 * (t - 6_600), MS // 2) for t in times if t > 6_700],
            "dc1": [Point(t * S, t % 5 * 100_000, MS // 5) for t in times],
            "dc2": [Point(t * S, -MS + t % 3 * 100_000, MS // 5) for t in times],
            "ntp1": [Point(t * S, t % 7 * 50_000, MS // 5) for t in times if t < 7_000],
        }
        return ChartData(
            tuple(
                Series(name, p, role) for (name, p), role in zip(lines.items(), SERIES_ROLES, strict=False)
            ),
            (now - 600) * S,
            now * S,
            (Threshold(20 * MS, "warn 20 ms"), Threshold(5 * S, "fail 5 s")),
            (Mark(6_750 * S, "M", "mark"), Mark(7_050 * S, "T", "Tools removed")),
            epoch_ns=MIDNIGHT,
        )


class ChartApp(App[None]):
    CSS = "OffsetChart { height: 1fr; } Static { height: 1; }"

    def __init__(self, feed: Feed, dots: DotSet = BRAILLE, theme: str = "textual-dark") -> None:
        super().__init__()
        self.feed, self.dots, self.wanted_theme = feed, dots, theme

    def compose(self) -> ComposeResult:
        yield Static("offset to the domain · linear")
        yield OffsetChart(self.feed, dots=self.dots)

    def on_mount(self) -> None:
        self.theme = self.wanted_theme


class Regions:
    """Notes what the panes of a chart ask to have repainted."""

    def __init__(self, chart: OffsetChart, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cells: set[tuple[int, int]] = set()
        self.whole = 0
        for pane in chart.query(ChartPane):
            monkeypatch.setattr(pane, "refresh", self.spy(pane))

    def spy(self, pane: ChartPane):
        refresh = pane.refresh

        def spied(*regions, **options):
            self.whole += not regions
            for region in regions:
                assert region.height == 1
                assert region.x == 0
                left = pane.region.x + region.x
                self.cells |= {(left + x, region.y) for x in range(region.width)}
            return refresh(*regions, **options)

        return spied


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "200x50"])
@pytest.mark.parametrize(
    ("dots", "theme"),
    [(BRAILLE, "textual-dark"), (BLOCK, "textual-light"), (ASCII, "ansi-dark")],
    ids=["braille", "block", "ascii-ansi"],
)
def test_looks(snap_compare, size, dots, theme):
    assert snap_compare(ChartApp(Feed(), dots, theme), terminal_size=size)


async def test_shows_lines_names_gap_thresholds_marks_and_axes():
    async with ChartApp(Feed()).run_test(size=(80, 24)) as pilot:
        text = pilot.app.query_one(OffsetChart).text
        rows = text.splitlines()
        assert [len(row) for row in rows] == [80] * 23
        for wanted in ("no data", "warn 20 ms", "M mark", "Tools removed T", "↑ fail 5 s", "╵01:58"):
            assert wanted in text
        assert any("app01" in row and "ms" in row for row in rows)
        assert any("ntp1  no data" in row for row in rows)


async def test_without_colour_lines_are_told_apart_by_name(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    async with ChartApp(Feed(), theme="ansi-dark").run_test(size=(80, 24)) as pilot:
        assert pilot.app.no_color
        rows = pilot.app.query_one(OffsetChart).text.splitlines()
        for name in ("app01", "app02", "dc1", "dc2", "ntp1"):
            assert sum(name in row for row in rows) == 1


@pytest.mark.parametrize("size", [(10, 3), (1, 1), (2, 2), (24, 4), (30, 2), (300, 80)])
async def test_survives_any_size(size):
    async with ChartApp(Feed()).run_test(size=size) as pilot:
        chart = pilot.app.query_one(OffsetChart)
        chart.flush()
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert len(chart.text.splitlines()) == 23
        await pilot.resize_terminal(*size)
        await pilot.pause()
        assert len(chart.text.splitlines()) == chart.size.height or not chart.size


async def test_a_chart_of_no_size_draws_nothing():
    feed = Feed()
    async with ChartApp(feed).run_test(size=(80, 24)) as pilot:
        chart = pilot.app.query_one(OffsetChart)
        chart.styles.min_height = 0
        chart.styles.height = 0
        await pilot.pause()
        asked = feed.asked
        assert chart.flush() == 0
        assert feed.asked == asked


async def test_nothing_is_repainted_when_nothing_changed(monkeypatch):
    async with ChartApp(Feed()).run_test(size=(80, 24)) as pilot:
        chart = pilot.app.query_one(OffsetChart)
        seen = Regions(chart, monkeypatch)
        assert chart.flush() == 0
        assert not seen.cells
        assert not seen.whole


async def test_only_what_changed_is_repainted(monkeypatch):
    feed = Feed()
    async with ChartApp(feed).run_test(size=(80, 24)) as pilot:
        chart = pilot.app.query_one(OffsetChart)
        await pilot.pause()
        seen = Regions(chart, monkeypatch)
        sizes = []
        for _ in range(30):
            before = chart.text.splitlines()
            seen.cells.clear()
            feed.now_s += 1
            changed = chart.flush()
            after = chart.text.splitlines()
            differ = {(x, y) for y in range(23) for x in range(80) if before[y][x] != after[y][x]}
            assert {(x, y + chart.region.y - 1) for x, y in differ} <= seen.cells
            assert changed == len({y for _, y in seen.cells})
            sizes.append(len(seen.cells))
            await pilot.pause()
            assert [chart.line(y).text for y in range(23)] == after
        assert not seen.whole
        assert sorted(sizes)[15] < 80 * 23 // 5


def test_rows_are_split_and_compared_by_cell():
    row = (("ab", "x"), ("cd", ""), ("ef", "y"))
    assert split(row, 3) == ((("ab", "x"), ("c", "")), (("d", ""), ("ef", "y")))
    assert split(row, 0) == ((), row)
    assert split(row, 9) == (row, ())
    assert changed_cells(row, row) == 0
    assert changed_cells(row, (("xb", "x"), ("cd", ""), ("ef", "y"))) == 1
    assert changed_cells(row, (("ab", "z"), ("cd", ""), ("ef", "y"))) == 2
    assert changed_cells(row, (("ab", "x"), ("cdeg", ""))) == 6


class Cover(ModalScreen[None]):
    def compose(self) -> ComposeResult:
        yield Static("Not done yet")


async def test_a_hidden_chart_does_not_look():
    feed = Feed()
    async with ChartApp(feed).run_test(size=(80, 24)) as pilot:
        chart = pilot.app.query_one(OffsetChart)
        assert chart.flushing
        chart.display = False
        await pilot.pause()
        assert not chart.flushing
        asked = feed.asked
        chart.display = True
        await pilot.pause()
        assert chart.flushing
        assert feed.asked > asked


async def test_a_chart_on_a_suspended_screen_does_not_look():
    feed = Feed()
    async with ChartApp(feed).run_test(size=(80, 24)) as pilot:
        chart = pilot.app.query_one(OffsetChart)
        await pilot.app.push_screen(Screen())
        await pilot.pause()
        assert not chart.flushing
        asked = feed.asked
        chart._tick()
        assert feed.asked == asked
        pilot.app.pop_screen()
        await pilot.pause()
        assert chart.flushing
        assert feed.asked > asked


async def test_a_chart_behind_a_dialog_stays_live():
    async with ChartApp(Feed()).run_test(size=(80, 24)) as pilot:
        await pilot.app.push_screen(Cover())
        await pilot.pause()
        assert pilot.app.screen_stack[0].query_one(OffsetChart).flushing


async def test_a_change_of_theme_restyles_every_row():
    async with ChartApp(Feed()).run_test(size=(80, 24)) as pilot:
        chart = pilot.app.query_one(OffsetChart)
        before = [[segment.style for segment in chart.line(y)] for y in range(23)]
        pilot.app.theme = "textual-light"
        await pilot.pause()
        after = [[segment.style for segment in chart.line(y)] for y in range(23)]
        assert before != after
