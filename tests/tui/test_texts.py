"""The pure parts of the screens: instructions, the header's line, the clock's arithmetic, terminals, ASCII."""

from datetime import timedelta, timezone

import pytest
from msgspec import structs
from rich.cells import cell_len

from cutover_tui.engine.port import ClockPoint
from screens.header import alerts, change_line
from screens.terminal import examine, is_utf8, theme
from screens.texts.chart_data import points
from screens.texts.clock import heading
from screens.texts.instruction import block, paragraphs, wrap
from screens.texts.wording import action_traits, both_times, coarse, quoted, say
from screens.widgets.ascii_filter import to_ascii
from screens.widgets.glyphs import UNICODE
from tests.tui.scripted_port import MINUTE, MS, S, ScriptedPort


def test_markdown_becomes_plain_lines():
    text = "# Do *this*\n\nSee [the page](https://x.example) <b>now</b>.\n\n- one\n- two\n\n3. `run it`\n\n```\nrm -rf /\n```\n"
    assert list(paragraphs(text)) == [
        "Do this",
        "See the page (https://x.example) <b>now</b>.",
        "- one",
        "- two",
        "3. run it",
        "    rm -rf /",
    ]


def test_a_table_is_a_line_a_row():
    text = (
        "Look:\n\n| item | state |\n| --- | --- |\n| `date` is *right* | ✅ |\n| a [b](http://c) | |\n\nSo."
    )
    assert list(paragraphs(text)) == [
        "Look:",
        "item | state",
        "date is right | ✅",
        "a b (http://c) | ",
        "So.",
    ]


def test_wide_characters_are_wrapped_by_the_cells_they_take():
    assert wrap("✅✅ ✅", 4) == ["✅✅", "✅"]
    assert wrap("ab✅✅", 4) == ["ab✅", "✅"]
    assert all(cell_len(line) <= 12 for line in block("✅ " * 40, 12, 3, " … (w)"))


def test_a_long_instruction_says_that_it_goes_on():
    lines = block("word " * 200, 40, 3, " … (w)")
    assert len(lines) == 3
    assert all(len(line) <= 40 for line in lines)
    assert lines[-1].endswith(" … (w)")
    assert len(paragraphs("x\n\n" * 10_000)) == 201


@pytest.mark.parametrize("width", [1, 2, 7, 80])
def test_wrapping_loses_nothing(width):
    text = "Tools set this guest's clock " + "x" * 90
    assert "".join(wrap(text, width)).replace(" ", "") == text.replace(" ", "")
    assert all(len(line) <= width for line in wrap(text, width))


def test_the_change_line_fits_every_width_and_keeps_time_left_and_recording():
    view = ScriptedPort().view()
    for width in range(1, 220):
        line = change_line(view, width)
        assert line.cell_length <= width
        if width >= 40:
            assert "left 2h41" in line.plain
            assert "REC" in line.plain
            assert "CHG0012345" in line.plain


def test_a_lost_link_is_the_worst_alert():
    assert [text for text, _ in alerts(ScriptedPort().view())] == [
        "app02 LOST 00:41",
        "✗ REGRESSED 3.1 web03",
    ]


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (161 * MINUTE, "2h41"),
        (59 * MINUTE, "59 min"),
        (9 * MINUTE + 5 * S, "09:05"),
        (-5, "00:00"),
        (47 * 60 * MINUTE, "47h00"),
        (6149 * 60 * MINUTE, "256 d 05 h"),
    ],
)
def test_coarse(ns, text):
    assert coarse(ns) == text


def test_markup_is_not_read_and_control_characters_do_not_pass():
    content = say(("[red]a[/red]\x1b[31m", "bad"), "\u202eb")
    assert content.plain.startswith("[red]a[/red]")
    assert not set(content.plain) & set("\x1b\u202e")


def test_commands_are_quoted_as_a_shell_would_need_them():
    assert quoted(("sh", "-c", "a; b", "it's", "")) == "sh -c 'a; b' 'it'\"'\"'s' ''"


def test_traits_say_what_an_action_does():
    purge = ScriptedPort().step("3.2", "app01").actions[0]
    assert action_traits(purge) == ["DISRUPTIVE", "disturbs time"]


def test_named_gaps_break_the_line_and_so_does_silence_up_to_the_end():
    told = tuple(ClockPoint(t * S, 0, MS) for t in (1, 2, 9, 10))
    drawn = points(told, ((2 * S, 9 * S),), 10 * S, 2 * S)
    assert [p is None for p in drawn] == [False, False, True, False, False]
    assert points(told, (), 13 * S, 2 * S)[-1] is None
    assert points((), ((2 * S, 9 * S),), 13 * S, 2 * S) == []


def test_terminals():
    good = {"TERM": "screen-256color"}
    fine = examine(good, tty=True, encoding="utf-8", size=(80, 24))
    assert (fine.refusal, fine.ascii, fine.dots, fine.theme, fine.hints) == (
        None,
        False,
        "braille",
        "cutover",
        (),
    )
    assert examine(good, tty=False, encoding="utf-8", size=(80, 24)).refusal is not None
    assert examine({"TERM": "dumb"}, tty=True, encoding="utf-8", size=(80, 24)).refusal is not None
    assert examine({}, tty=True, encoding="utf-8", size=(80, 24)).refusal is not None
    latin = examine(good, tty=True, encoding="ISO-8859-1", size=(80, 24))
    assert latin.ascii
    assert latin.dots == "ascii"
    assert "ISO-8859-1" in latin.hints[0]
    assert "60x20" in examine(good, tty=True, encoding="utf-8", size=(60, 20)).hints[0]
    assert (
        "escape-time"
        in examine({**good, "TMUX": "/tmp/x,1,0"}, tty=True, encoding="utf-8", size=(80, 24)).hints[0]
    )
    hint = examine({**good, "TMUX": "/tmp/x,1,0"}, tty=True, encoding="utf-8", size=(80, 24)).hints[0]
    assert len(hint) <= 80 - 10, "one line of 80 columns, over the keys"
    assert examine({"TERM": "linux"}, tty=True, encoding="utf-8", size=(80, 24)).dots == "block"


def test_no_colour_keeps_the_terminals_own_palette():
    many = {"TERM": "tmux-256color"}
    assert theme({**many, "NO_COLOR": "1"}) == "ansi-dark"
    assert theme({**many, "NO_COLOR": ""}) == "cutover"
    assert theme({"TERM": "screen"}) == "ansi-dark"
    assert theme({"TERM": "screen", "COLORTERM": "truecolor"}) == "cutover"
    assert theme({"TERM": "linux"}) == "ansi-dark"
    assert is_utf8("UTF8")
    assert not is_utf8("ANSI_X3.4-1968")
    assert not is_utf8("no such thing")
    assert not is_utf8(None)


@pytest.mark.parametrize("text", ["─│╭ ✓ pass ±", "日本語", "🔎", "é\u0301"])
def test_ascii_is_as_wide_as_what_it_replaces(text):
    assert to_ascii(text).isascii()
    assert len(to_ascii(text)) == sum(cell_len(c) for c in text)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"judged_by": "references", "references": ("ntp1", "ntp2")}, " offset to ntp1, ntp2 (they agree)"),
        (
            {"judged_by": "domain", "references": ("dc1", "dc2")},
            " offset to the domain: dc1, dc2 (they agree)",
        ),
        ({"judged_by": "domain", "references": ("dc1",)}, " offset to the domain: dc1 · UTC"),
        ({"judged_by": None, "references": ()}, "no two clocks that agree: nobody can be judged"),
        ({"domain_off_ns": 187_400 * MS}, "the domain is +187 s off the references"),
    ],
)
def test_the_clock_screen_says_against_what_guests_are_measured(changed, words):
    view = structs.replace(ScriptedPort().clock((), 0, 10), dissenting=(), **changed)
    assert words in heading(view, "linear", 200, UNICODE).plain


def test_where_names_do_not_fit_the_clocks_are_counted_and_what_is_wrong_stays():
    view = ScriptedPort().clock((), 0, 10)
    assert "dc1, dc2, ntp1" in heading(view, "symlog", 80, UNICODE).plain
    short = heading(view, "symlog", 60, UNICODE).plain
    assert short == " symlog offset to 3 clocks (they agree)  ✗ ntp9 DISAGREES · UTC"


def test_a_time_of_another_day_has_its_date():
    now = 1_773_451_145 * S  # 2026-03-14 01:19:05 UTC
    berlin = timezone(timedelta(hours=1))
    assert both_times(now + 60 * MINUTE, berlin, now) == "02:19Z (03:19 local)"
    assert both_times(now - 120 * MINUTE, berlin, now) == "2026-03-13 23:19Z (03-14 00:19 local)"
