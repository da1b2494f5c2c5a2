"""Marks and numbers as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from cutover_tui.core.finding import Verdict
from screens.widgets.glyphs import (
    ASCII,
    OFFSET_WIDTH,
    ROLES,
    UNICODE,
    State,
    clean,
    decimal,
    drift,
    duration,
    fit,
    mark,
    offset,
)

US, MS, S = 10**3, 10**6, 10**9


@pytest.mark.parametrize(
    ("state", "unicode", "ascii_"),
    [
        (State.PASS, "✓ pass", "[ok] pass"),
        (State.FAIL, "✗ FAIL", "[XX] FAIL"),
        (State.UNKNOWN, "? unknown", "[??] unknown"),
        (State.SOAKING, "… soaking", "[..] soaking"),
        (State.NA, "· na", "[--] na"),
        (State.ACKNOWLEDGED, "! acknowledged", "[!!] acknowledged"),
        (State.WAIVED, "~ waived", "[~~] waived"),
    ],
)
def test_a_state_is_glyph_and_word(state, unicode, ascii_):
    assert mark(state).text == unicode
    assert mark(state, ASCII).text == ascii_


@pytest.mark.parametrize("charset", [UNICODE, ASCII])
def test_every_state_has_a_mark_a_role_and_an_own_text(charset):
    marks = [mark(state, charset) for state in State]
    assert {m.role for m in marks} <= set(ROLES)
    assert len({m.text for m in marks}) == len(marks)
    assert charset is UNICODE or all(m.text.isascii() for m in marks)


def test_every_verdict_can_be_shown():
    assert [mark(v).word for v in Verdict] == ["pass", "FAIL", "unknown", "na"]
    with pytest.raises(ValueError, match="maybe"):
        mark("maybe")


def test_ascii_set_is_ascii():
    fields = (getattr(ASCII, f) for f in ASCII.__struct_fields__)
    assert all(f.isascii() for f in fields if isinstance(f, str))


@pytest.mark.parametrize(
    ("value", "bound", "text"),
    [
        (412 * MS, 3 * MS, "+412 ms ± 3"),
        (4 * MS, 2 * MS, "+4 ms ± 2"),
        (9_812 * MS, 4 * MS, "+9.81 s ± 0.004"),
        (212 * MS, 9 * MS, "+212 ms ± 9"),
        (-412 * S, 3 * MS, "-412 s ± 0.003"),
        (0, 2 * MS, "0 ms ± 2"),
        (4 * MS, 1_100 * US, "+4.0 ms ± 1.1"),
        (4 * MS, 1_101 * US, "+4.0 ms ± 1.2"),
        (3 * MS, 3_100 * US, "+3 ms ± 4"),
        (4 * MS, 200 * MS, "+4 ms ± 200"),
        (412 * MS, 0, "+412 ms ± 0"),
        (-3_603 * S, 2 * MS, "-1:00:03 ± 2 ms"),
        (31 * MS, None, "+31.0 ms"),
        (999_400 * US, None, "+999 ms"),
        (999_600 * US, None, "+1.00 s"),
        (999_600 * MS, None, "+0:16:40"),
        (5, None, "+5 ns"),
        (0, None, "0 ns"),
        (100 * 86_400 * S, None, "+100 d"),
        (-1_784_000_000 * S, None, "-56.5 y"),
    ],
)
def test_offset(value, bound, text):
    assert offset(value, bound) == text


def test_offset_in_ascii():
    assert offset(31_000, 2_000, ASCII) == "+31 us +- 2"
    assert offset(-314_955_000_000_000, 931_674_635) == "-87:29:15 ± 1 s"  # rounded up into the next unit


@given(st.integers(-(10**19), 10**19))
def test_an_offset_fits_the_cells_reserved_for_it(value):
    text = offset(value)
    assert len(text) <= OFFSET_WIDTH
    assert text[0] == ("+" if value > 0 else "-" if value < 0 else "0")


@given(st.integers(-999 * S, 999 * S), st.integers(0, 999 * S))
def test_a_bound_is_never_understated(value, bound):
    text = offset(value, bound)
    shown, _, limit = text.partition(" ± ")
    unit = {"ns": 1, "µs": US, "ms": MS, "s": S}[shown.split()[1]]
    assert float(limit) * unit >= bound * (1 - 1e-12)
    assert float(limit) * unit <= bound * 1.5 + 1


@given(st.integers(-(10**15), 10**15), st.sampled_from([1, US, MS, S]), st.integers(0, 6))
def test_decimal_rounds_to_the_nearest(value, unit, places):
    text = decimal(value, unit, places)
    shown = int(text.replace(".", ""))
    assert abs(shown * unit - value * 10**places) * 2 <= unit


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "00:00"),
        (372 * S, "06:12"),
        (372 * S + S - 1, "06:12"),
        (3_600 * S, "1:00:00"),
        (9_660 * S, "2:41:00"),
        (-61 * S, "-01:01"),
        (-1, "00:00"),
    ],
)
def test_duration(ns, text):
    assert duration(ns) == text


@pytest.mark.parametrize(
    ("ppb", "text"),
    [
        (31_400_000, "+31,400 ppm"),
        (-120, "-0.120 ppm"),
        (31_400, "+31.4 ppm"),
        (0, "0 ppm"),
        (9_999_999, "+10,000 ppm"),
    ],
)
def test_drift(ppb, text):
    assert drift(ppb) == text


@given(st.text(max_size=40), st.integers(-2, 30), st.sampled_from(["left", "right"]))
def test_fit_gives_exactly_the_cells_asked_for(text, width, align):
    assert cell_len(fit(text, width, align=align)) == max(0, width)


def test_hostile_text_can_not_move_the_cursor_or_reorder():
    assert clean("a\x1b[2Jb\x9b\r\n\u202ec\u2028") == "a\ufffd[2Jb\ufffd\ufffd\ufffd\ufffdc\ufffd"
