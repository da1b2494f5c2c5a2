"""The clock screen by its keys, and what it says of guests, clocks and events."""

from datetime import UTC

import pytest
from msgspec import structs

from screens.app import CutoverApp
from screens.clock import ClockScreen
from screens.dialogs.clock_guest import ClockGuestDialog
from screens.texts.clock import clock_cells, columns
from screens.widgets.chart import OffsetChart
from screens.widgets.glyphs import UNICODE
from screens.widgets.table import HostTable
from tests.tui.scripted_port import BOOT0, MINUTE, S, ScriptedPort

SIZE, WIDE = (80, 24), (200, 50)
MANY = tuple(f"h{n:02}" for n in range(11))


def app_on(port, **options):
    return CutoverApp(port, zone=UTC, **options)


async def to_clock(pilot):
    await pilot.press("c")
    await settle(pilot)
    assert isinstance(pilot.app.screen, ClockScreen)


async def settle(pilot):
    await pilot.pause()
    await pilot.pause()


def seen(app):
    """The text of the whole screen, as the terminal shows it."""
    return "\n".join(
        "".join(segment.text for segment in line) for line in app.screen._compositor.render_strips(app.size)
    )


def row(app, host):
    """What the table says of a guest: column key → text."""
    model = app.screen.query_one(HostTable).model
    return {c.key: cell.text for c, cell in zip(model.columns, model.cells(host), strict=True)}


def drawn(app):
    """The text of the chart."""
    return app.screen.query_one(OffsetChart).text


def roles(app, host):
    model = app.screen.query_one(HostTable).model
    return {c.key: cell.role for c, cell in zip(model.columns, model.cells(host), strict=True)}


async def test_the_table_says_who_keeps_each_clock_and_what_follows():
    async with app_on(ScriptedPort(lost=set())).run_test(size=SIZE) as pilot:
        await to_clock(pilot)
        assert row(pilot.app, "app01") == {
            "host": "app01",
            "provider": "chronyd ← dc1",
            "offset": "+4 ms ± 2",
            "drift": "disciplined",
            "reaches": "—",
            "looks": "1 of 2",
            "soak": "06:12/10:00",
            "link": "✓ live",
        }
        assert row(pilot.app, "app02") == {
            "host": "app02",
            "provider": "✗ NOBODY",
            "offset": "✗ +9.81 s ± 0.004",
            "drift": "+15,000 ppm",
            "reaches": "in 6 h 27 ± 1 m",
            "looks": "—",
            "soak": "00:00/10:00",
            "link": "✓ live",
        }
        assert row(pilot.app, "web03")["looks"] == "2 of 2"
        assert row(pilot.app, "web03")["soak"] == "✓ 10:00"
        assert roles(pilot.app, "app02")["offset"] == "bad"
        assert roles(pilot.app, "web03")["soak"] == "ok"


async def test_at_eighty_columns_what_is_hidden_is_named_with_its_key():
    async with app_on(ScriptedPort()).run_test(size=SIZE) as pilot:
        await to_clock(pilot)
        assert "soak, link of a guest: enter" in seen(pilot.app)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, ClockGuestDialog)
        text = seen(pilot.app)
        for wanted in ("The clock of app01 at 01:19:05Z", "06:12/10:00", "✓ live", "next is due"):
            assert wanted in text
        await pilot.press("b")
        await settle(pilot)
        assert isinstance(pilot.app.screen, ClockScreen)


async def test_at_two_hundred_columns_nothing_is_hidden_and_the_selected_guest_stands_below():
    async with app_on(ScriptedPort(lost=set())).run_test(size=WIDE) as pilot:
        await to_clock(pilot)
        text = seen(pilot.app)
        assert "of a guest: enter" not in text
        assert "looks disciplined" in text
        await pilot.press("down")
        await settle(pilot)
        text = seen(pilot.app)
        assert "looks free-running" in text
        assert "300 s: in 6 h 27 min ± 1 min" in text
        assert "1 in the last half hour: +800 ms at 01:09:05Z" in text


async def test_plus_and_minus_change_the_time_shown():
    port = ScriptedPort()
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_clock(pilot)
        assert "last 10 min" in seen(pilot.app)
        for key, wanted in (
            ("minus", "last 30 min"),
            ("minus", "last 2 h"),
            ("minus", "last 12 h"),
            ("minus", "last 12 h"),
            ("plus", "last 2 h"),
            ("equals_sign", "last 30 min"),
            ("plus", "last 10 min"),
            ("plus", "last 2 min"),
            ("plus", "last 2 min"),
        ):
            await pilot.press(key)
            await settle(pilot)
            assert wanted in seen(pilot.app)
        # A sixteenth more is asked for, so that the left end stays full while time moves on.
        assert port.clock_asked[-1][1] == BOOT0 - 2 * MINUTE - 2 * MINUTE // 16


@pytest.mark.parametrize(
    ("back", "forth"), [("comma", "full_stop"), ("left_square_bracket", "right_square_bracket")]
)
async def test_the_past_is_shown_says_so_and_leads_back(back, forth):
    port = ScriptedPort()
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_clock(pilot)
        await pilot.press(back, back)
        await settle(pilot)
        assert port.clock_asked[-1][2] == BOOT0 - 10 * MINUTE
        text = seen(pilot.app)
        assert "10 min until 01:09Z" in text
        assert "PAST, 10:00 ago: 0 = now" in text
        await pilot.press(forth)
        await settle(pilot)
        assert port.clock_asked[-1][2] == BOOT0 - 5 * MINUTE
        await pilot.press(forth)
        await settle(pilot)
        assert port.clock_asked[-1][2] is None
        assert "last 10 min" in seen(pilot.app)
        assert "PAST" not in seen(pilot.app)


async def test_zero_leads_back_to_now_at_once():
    port = ScriptedPort()
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_clock(pilot)
        await pilot.press("comma", "comma", "comma", "0")
        await settle(pilot)
        assert port.clock_asked[-1][2] is None
        assert "PAST" not in seen(pilot.app)


async def test_nobody_goes_back_to_before_the_session():
    port = ScriptedPort()
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_clock(pilot)
        await pilot.press("minus", "minus", *["comma"] * 4)
        await settle(pilot)
        # The session is two hours old, and two hours are shown.
        assert port.clock_asked[-1][2] is None
        await pilot.press("plus", *["comma"] * 20)
        await settle(pilot)
        assert port.clock_asked[-1][2] == BOOT0 - 7_200 * S + 30 * MINUTE


async def test_the_past_stays_where_it_is_while_time_goes_on():
    at = 0.0
    port = ScriptedPort(at=lambda: at)
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_clock(pilot)
        await pilot.press("comma")
        await settle(pilot)
        before = drawn(pilot.app)
        at = 30.0
        pilot.app.screen.look_now()
        pilot.app.screen.query_one(OffsetChart).flush()
        assert port.clock_asked[-1][2] == BOOT0 - 5 * MINUTE
        assert drawn(pilot.app) == before
        assert "PAST, 05:30 ago" in seen(pilot.app)


async def test_j_changes_the_axis_and_back():
    async with app_on(ScriptedPort(scene="calm", lost=set())).run_test(size=SIZE) as pilot:
        await to_clock(pilot)
        linear = drawn(pilot.app)
        assert "symlog" not in seen(pilot.app)
        await pilot.press("j")
        await settle(pilot)
        assert "symlog offset to" in seen(pilot.app)
        assert drawn(pilot.app) != linear
        await pilot.press("j")
        await settle(pilot)
        assert "symlog" not in seen(pilot.app)
        assert drawn(pilot.app).splitlines()[1:] == linear.splitlines()[1:]


async def test_a_guest_that_runs_away_brings_the_symlog_axis_by_itself_until_someone_wants_the_other():
    port = ScriptedPort(lost=set())
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_clock(pilot)
        assert "symlog offset to" in seen(pilot.app)
        assert "+100 s" in drawn(pilot.app)
        await pilot.press("j")
        await settle(pilot)
        assert "symlog" not in seen(pilot.app)
        pilot.app.screen.look_now()
        assert "symlog" not in seen(pilot.app)


async def test_h_chooses_up_to_eight_guests():
    port = ScriptedPort(hosts=MANY, lost=set())
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_clock(pilot)
        assert port.clock_asked[-1][0] == MANY[:8]
        assert "8 of 11 guests (of the others h10 +9.81 s): h" in seen(pilot.app)
        await pilot.press("h")
        await settle(pilot)
        assert "At most 8" in seen(pilot.app)
        pilot.app.screen.query_one(HostTable).move_to("h09")
        await pilot.press("x")
        await settle(pilot)
        assert row(pilot.app, "h09")["chosen"] == "[ ]"  # a ninth
        pilot.app.screen.query_one(HostTable).move_to("h00")
        await pilot.press("x")
        pilot.app.screen.query_one(HostTable).move_to("h09")
        await pilot.press("x", "enter")
        await settle(pilot)
        assert port.clock_asked[-1][0] == (*MANY[1:8], "h09")
        assert row(pilot.app, "h09")["provider"] == "chronyd ← dc1"


async def test_the_clocks_are_drawn_and_who_dissents_is_named_with_its_value():
    async with app_on(ScriptedPort()).run_test(size=SIZE) as pilot:
        await to_clock(pilot)
        rows = drawn(pilot.app).splitlines()
        assert sum("dc1 dc2 ntp1" in row for row in rows) == 1
        assert any("ntp9" in row and "+2.30 s" in row for row in rows)
        assert "✗ ntp9 DISAGREES" in seen(pilot.app)


async def test_events_are_letters_and_the_legend_says_what_they_are():
    port = ScriptedPort()
    async with app_on(port).run_test(size=WIDE) as pilot:
        await to_clock(pilot)
        top = drawn(pilot.app).splitlines()[0]
        assert [c for c in top if c in "MTS"] == ["S", "M", "T"]
        text = seen(pilot.app)
        for wanted in ("T Tools removed 01:15Z app01", "M mark 01:12Z app01", "S step +800 ms 01:09Z app02"):
            assert wanted in text
        await pilot.press("plus")
        await settle(pilot)
        assert "Tools removed" not in seen(pilot.app)


async def test_a_lost_link_and_a_bound_that_is_too_wide_are_unknown_not_a_number():
    port = ScriptedPort()
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_clock(pilot)
        assert row(pilot.app, "app02")["offset"] == "? LOST 00:41"
        assert row(pilot.app, "app02")["soak"] == "?"
        assert any("app02" in line and "no data" in line for line in drawn(pilot.app).splitlines())
        port.lost.clear()
        port.bound_ns = 6 * S
        pilot.app.screen.look_now()
        assert row(pilot.app, "app01")["offset"].startswith("? ")
        assert roles(pilot.app, "app01")["offset"] == "unknown"


async def test_clocks_that_do_not_agree_leave_a_gap_and_no_judgement():
    async with app_on(ScriptedPort(scene="split", lost=set())).run_test(size=SIZE) as pilot:
        await to_clock(pilot)
        text = seen(pilot.app)
        assert "? no two clocks that agree: nobody can be judged" in text
        assert row(pilot.app, "app01")["offset"] == "? unknown"
        assert sum("no data" in line for line in drawn(pilot.app).splitlines()) >= 3


async def test_in_ascii_and_without_colour_everything_is_words(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    port = ScriptedPort()
    async with app_on(port, ascii=True, theme="ansi-dark").run_test(size=SIZE) as pilot:
        await to_clock(pilot)
        text = seen(pilot.app)
        assert text.isascii()
        for wanted in ("[XX] NOBODY", "[??] LOST 00:41", "in 6 h 27 +- 1 m", "[XX] ntp9 DISAGREES"):
            assert wanted in text


async def test_help_says_what_the_letters_on_the_chart_mean():
    async with app_on(ScriptedPort()).run_test(size=(100, 50)) as pilot:
        await to_clock(pilot)
        await pilot.press("question_mark")
        await settle(pilot)
        text = seen(pilot.app)
        for wanted in ("T Tools", "j  Linear or symmetric", "0  Back to what is measured now", ",.  Go back"):
            assert wanted in text


@pytest.mark.parametrize("size", [(40, 12), (80, 16), (100, 30), (139, 40), (60, 60)])
async def test_survives_any_size_with_the_table_and_a_chart(size):
    async with app_on(ScriptedPort(hosts=MANY)).run_test(size=size) as pilot:
        await to_clock(pilot)
        assert pilot.app.screen.query_one(HostTable).size.height >= 2
        assert "h00" in seen(pilot.app)


@pytest.mark.parametrize(
    ("set_by", "cell", "words"),
    [
        ("somebody", "set by others", "somebody sets the clock and nobody keeps it"),
        ("unknown", "who sets it?", "who sets the clock is not known"),
    ],
)
async def test_a_rate_others_set_promises_nothing(set_by, cell, words):
    async with app_on(ScriptedPort(lost=set(), set_by=set_by)).run_test(size=WIDE) as pilot:
        await to_clock(pilot)
        assert row(pilot.app, "app02")["reaches"] == cell
        assert row(pilot.app, "app01")["reaches"] == "—", "a clock that is kept has no such moment"
        pilot.app.screen.query_one(HostTable).move_to("app02")
        await pilot.press("enter")
        await settle(pilot)
        assert words in seen(pilot.app)


def test_a_drift_has_no_digits_its_uncertainty_makes_noise():
    port = ScriptedPort(lost=set())
    view = port.clock(port.hosts, 0, 10)
    free = view.series[1]
    vague = structs.replace(free.rate, ppb=641, low_ppb=-1_259, high_ppb=2_541, latest_ns=None)
    told = structs.replace(free, rate=vague)
    cells = clock_cells(told, port.view().hosts[1], port.view(), view, UNICODE)
    shown = {c.key: cell.text for c, cell in zip(columns(UNICODE), cells, strict=True)}
    assert shown["drift"] == "+0.6 ppm"
    assert shown["reaches"].startswith("≥ ")
