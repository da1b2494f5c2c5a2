"""The rasteriser and the figure around it, as pure functions."""

from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from screens.widgets.canvas import Canvas
from screens.widgets.figure import Memory, draw, spread
from screens.widgets.raster import (
    ASCII,
    BLOCK,
    BRAILLE,
    DOT_SETS,
    NO_DATA,
    SERIES_ROLES,
    ChartData,
    Mark,
    Point,
    Series,
    Threshold,
)
from screens.widgets.thinning import Thinner, TimeBase, decimate, extent
from screens.widgets.tracing import Heights, Trace

MS, S = 10**6, 10**9
dot_sets = st.sampled_from([BRAILLE, BLOCK, ASCII])
times = st.integers(-(10**13), 10**13)
amounts = st.integers(-(2**62), 2**62)
points = st.builds(Point, times, amounts, st.integers(0, 2**50))
serieses = st.builds(
    Series,
    st.text(max_size=12),
    st.lists(st.none() | points, max_size=12),
    st.sampled_from(SERIES_ROLES),
    st.integers(0, 10**12),
)


def text_of(rows):
    return ["".join(text for text, _ in row) for row in rows]


def layers_of(series, base, t1, value_range, rows, dots):
    """Line and bounds of one series, drawn once."""
    trace = Trace()
    trace.update(decimate(series, base, t1), base, Heights(value_range, rows), dots)
    return trace.layers(base.columns // dots.columns, rows // dots.rows, dots)


def plot(series, base, value_range, width, height, dots):
    """The dots of series alone, as rows of text."""
    rows = height * dots.rows
    layers = []
    for one in series:
        line, _ = layers_of(one, base, base.step_ns * (base.first + base.columns), value_range, rows, dots)
        layers.append((one.role, line))
    return Canvas(width, height, dots, layers).rows()


@settings(max_examples=150)
@given(
    st.lists(serieses, max_size=4),
    st.tuples(times, times).map(sorted),
    st.integers(-1, 90),
    st.integers(-1, 24),
    dot_sets,
    st.none() | st.tuples(amounts, amounts).map(sorted).filter(lambda r: r[0] < r[1]).map(tuple),
    st.lists(st.builds(Threshold, amounts, st.text(max_size=9)), max_size=2),
    st.lists(st.builds(Mark, times, st.text(max_size=2), st.text(max_size=9)), max_size=2),
    st.none() | amounts,
)
def test_any_data_at_any_size_gives_exactly_that_size(
    series, span, width, height, dots, value_range, thresholds, marks, epoch
):
    data = ChartData(tuple(series), *span, tuple(thresholds), tuple(marks), value_range, epoch)
    figure = draw(data, width, height, dots)
    assert len(figure.rows) == max(0, height)
    assert [cell_len(row) for row in text_of(figure.rows)] == [max(0, width)] * max(0, height)


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 599), st.integers(-50 * MS, 50 * MS)), min_size=1, max_size=30),
    st.integers(1, 60),
    st.integers(1, 20),
    dot_sets,
)
def test_a_point_in_range_is_drawn_in_its_cell(samples, width, height, dots):
    samples = sorted(dict(samples).items())
    series = Series("a", [Point(t * S, v) for t, v in samples], interval_ns=1000 * S)  # no gaps
    low, high = -50 * MS, 50 * MS
    base = TimeBase.of(0, 600 * S, width * dots.columns)
    assume(base.columns > 1)
    rows = plot([series], base, (low, high), width, height, dots)
    cells = text_of(rows)
    for t, v in samples:
        # Independent of the code under test: fractions of the plot, from its right end and from its top.
        right_end = Fraction(600 * S // base.step_ns + 1) * base.step_ns
        from_right = (right_end - t * S) / base.step_ns  # in dot columns
        x = width - 1 - (-(-from_right.numerator // from_right.denominator) - 1) // dots.columns
        share = Fraction(high - v, high - low + 1)
        y = min(height - 1, int(share * height * dots.rows) // dots.rows)
        assert cells[y][x] != " "


@given(st.integers(-(10**15), 10**15), st.integers(0, 10**13), st.integers(1, 500), st.integers(1, 6))
def test_the_columns_cover_the_whole_time(t0, span, columns, block):
    base = TimeBase.of(t0, t0 + span, columns, block)
    assert columns - block <= base.column(t0 + span) < columns
    assert columns <= block or base.column(t0) >= 0


@given(st.integers(0, 10**13), st.integers(0, 10**12), st.integers(0, 10**13), st.integers(1, 6))
def test_a_sample_keeps_its_place_in_a_block_as_time_moves_on(t0, moved, sample, block):
    span = 600 * S
    before = TimeBase.of(t0, t0 + span, 120, block)
    after = TimeBase.of(t0 + moved, t0 + moved + span, 120, block)
    assert before.step_ns == after.step_ns
    assert (before.column(sample) - after.column(sample)) % block == 0


@settings(max_examples=150)
@given(
    st.integers(10, 500),
    st.integers(3, 80),
    st.integers(8, 60),
    st.sampled_from([BRAILLE, BLOCK, ASCII]),
    st.booleans(),
)
def test_a_gap_leaves_an_empty_column(at, length, width, dots, explicit):
    sampled = [t for t in range(600) if not at <= t < at + length]
    series: list[Point | None] = [Point(t * S, (t % 7) * MS) for t in sampled]
    if explicit:
        series = [Point(t * S, (t % 7) * MS) for t in range(600)]
        series.insert(at, None)
    base = TimeBase.of(0, 600 * S, width * dots.columns)
    if base.columns < 8:
        return
    one = Series("a", series)
    line, _ = layers_of(one, base, 600 * S, (0, 10 * MS), 10 * dots.rows, dots)
    dot_columns = [
        bool(mask & sum(bit << 8 * y for bit in bits for y in range(10)))
        for mask in line.masks
        for bits in dots.bits
    ]
    first = base.column((at - 1) * S)
    last = base.column((at if explicit else at + length) * S)
    assert not all(dot_columns[max(0, first) : min(last, base.columns - 1) + 1])


def test_many_short_gaps_show_as_a_dotted_line_not_as_nothing():
    base = TimeBase.of(0, 6_000 * S, 40)
    lossy = Series("a", [Point(t * S, MS) for t in range(0, 6_000, 4)])
    line, _ = layers_of(lossy, base, 6_000 * S, (0, 2 * MS), 4, BRAILLE)
    left, right = (set(half) for half in BRAILLE.bits)
    halves = [[bool(mask & sum(side)) for side in (left, right)] for mask in line.masks]
    assert sum(sum(h) for h in halves) >= 19
    assert sum(sum(h) for h in halves) <= 21


def test_no_line_is_drawn_through_a_known_outage():
    outage = Series(
        "a", [Point(0, 0), Point(10 * S, 0), None, Point(90 * S, 0), Point(100 * S, 0)], interval_ns=100 * S
    )
    base = TimeBase.of(0, 100 * S, 40)
    row = text_of(plot([outage], base, (-MS, MS), 20, 1, BRAILLE))[0]
    assert row.strip(" ") != row.replace(" ", "")
    assert row[5:15] == " " * 10


def test_crossing_series_share_their_dots():
    base = TimeBase.of(0, 9 * S, 10)
    up = Series("a", [Point(0, 0), Point(9 * S, 9 * MS)], "series-1", 10 * S)
    down = Series("b", [Point(0, 9 * MS), Point(9 * S, 0)], "series-2", 10 * S)
    both = plot([up, down], base, (0, 9 * MS), 5, 3, BRAILLE)
    one, other = (text_of(plot([s], base, (0, 9 * MS), 5, 3, BRAILLE)) for s in (up, down))
    assert text_of(both) != one
    for a, b, c in zip("".join(one), "".join(other), "".join(text_of(both)), strict=True):
        dots = [0 if char == " " else ord(char) - 0x2800 for char in (a, b, c)]
        assert dots[0] | dots[1] == dots[2]
    shared = [a != " " and b != " " for a, b in zip("".join(one), "".join(other), strict=True)]
    assert any(shared)
    roles = [role for row in both for text, role in row for _ in text]
    assert all(role == "series-1" for role, is_shared in zip(roles, shared, strict=True) if is_shared)


def test_extremes_survive_decimation():
    spike = [Point(t * S, 50 * MS if t == 317 else 0) for t in range(3_600)]
    reduced = decimate(Series("a", spike), TimeBase.of(0, 3_600 * S, 100), 3_600 * S)
    assert len(reduced.bins) <= 100
    assert max(b.high for b in reduced.bins) == 50 * MS
    assert extent([reduced]) == (0, 50 * MS)


def test_one_slow_answer_does_not_widen_the_range():
    calm = [Point(t * S, t % 3 * MS, 30 * S if t == 50 else 2 * MS) for t in range(600)]
    found = extent([decimate(Series("a", calm), TimeBase.of(0, 600 * S, 100), 600 * S)])
    assert found == (-2 * MS, 4 * MS)


def chart(**changes):
    steady = Series("app01", [Point(t * S, 4 * MS, 2 * MS) for t in range(300, 601)])
    fields = {"series": (steady,), "t0_ns": 0, "t1_ns": 600 * S, "epoch_ns": 0} | changes
    return ChartData(**fields)


def test_time_without_any_sample_is_named():
    rows = text_of(draw(chart(), 80, 8, BRAILLE).rows)
    assert sum(NO_DATA in row for row in rows) == 1
    assert any(NO_DATA in row[8:40] for row in rows)
    assert NO_DATA in "".join(text_of(draw(chart(series=()), 80, 8, BRAILLE).rows))
    assert text_of(draw(chart(series=()), 1, 1, BRAILLE).rows) == ["?"]


def test_a_line_is_named_with_its_newest_value_at_its_right_end():
    rows = text_of(draw(chart(), 80, 8, BRAILLE).rows)
    (row,) = [r for r in rows if "app01" in r]
    assert row.rstrip().endswith("─ app01  +4.00 ms")
    assert row[60:62].strip()  # the dots the label is joined to


def test_a_line_that_ended_says_so():
    ended = Series("app01", [Point(t * S, 4 * MS) for t in range(300)])
    rows = text_of(draw(chart(series=(ended,)), 80, 8, BRAILLE).rows)
    assert any(f"app01 {NO_DATA}" in row for row in rows)
    assert any("? app01" in row for row in text_of(draw(chart(series=(ended,)), 32, 8, BRAILLE).rows))


def test_more_lines_than_rows_are_counted_not_hidden():
    many = tuple(Series(f"g{n:02}", [Point(t * S, n * MS) for t in range(600)]) for n in range(20))
    rows = text_of(draw(chart(series=many), 80, 8, BRAILLE).rows)
    assert sum("g0" in row for row in rows) == 6
    assert any("+14 more" in row for row in rows)


def test_thresholds_are_labelled_lines_and_named_when_out_of_sight():
    near, far = Threshold(5 * MS, "warn 5 ms"), Threshold(5 * S, "fail 5 s")
    rows = text_of(draw(chart(thresholds=(near, far)), 80, 10, BRAILLE).rows)
    assert any("╌╌ warn 5 ms ╌" in row or "╌ warn 5 ms ╌" in row for row in rows)
    assert "↑ fail 5 s" in rows[0]


def test_marks_are_a_letter_over_a_vertical_line():
    rows = text_of(draw(chart(marks=(Mark(100 * S, "T", "Tools removed"),)), 80, 8, BRAILLE).rows)
    x = rows[0].index("T Tools removed")
    assert [row[x] for row in rows[1:6]].count("┊") >= 4


def test_out_of_a_fixed_range_an_arrow_stands_at_the_edge():
    rows = text_of(draw(chart(value_range=(-MS, MS)), 80, 8, BRAILLE).rows)
    assert "↑" in rows[0]
    assert not any(0x2800 < ord(char) < 0x2900 for row in rows for char in row)


def test_a_bound_wider_than_a_dot_is_drawn_in_its_own_role():
    rows = draw(chart(value_range=(-10 * MS, 10 * MS)), 80, 20, BRAILLE).rows
    assert any(role == "series-1-band" for row in rows for _, role in row)
    tight = Series("app01", [Point(t * S, 4 * MS, 1_000) for t in range(600)])
    rows = draw(chart(series=(tight,), value_range=(-10 * MS, 10 * MS)), 80, 20, BRAILLE).rows
    assert not any(role.endswith("-band") for row in rows for _, role in row)


def test_the_axes_are_labelled():
    rows = text_of(draw(chart(value_range=(-10 * MS, 10 * MS)), 80, 12, BRAILLE).rows)
    assert [row[:8] for row in rows if row[7] == "┤"] == [" +10 ms┤", "      0┤", " -10 ms┤"]
    assert rows[-1].startswith("       └ ╵00:00")
    assert "╵00:10" in rows[-1]


def test_the_ascii_set_uses_nothing_but_ascii():
    data = chart(thresholds=(Threshold(5 * MS, "warn"),), marks=(Mark(100 * S, "T", "Tools"),))
    assert all(row.isascii() for row in text_of(draw(data, 80, 12, ASCII).rows))


@given(st.lists(st.integers(0, 11), max_size=12).map(sorted))
def test_labels_never_share_a_row_and_keep_their_order(wanted):
    rows = spread(wanted, 12)
    assert rows == sorted(set(rows))
    assert all(0 <= row < 12 for row in rows)
    assert len(set(wanted)) < len(wanted) or rows == wanted


@pytest.mark.parametrize("dots", DOT_SETS.values(), ids=DOT_SETS)
def test_a_set_has_a_glyph_for_every_combination(dots):
    assert len(dots.table) == 256
    used = sum(bit for column in dots.bits for bit in column)
    assert dots.table[0] == " "
    assert " " not in dots.table[1 : used + 1]


@pytest.mark.parametrize("dots", [BRAILLE, BLOCK], ids=lambda dots: dots.name)
def test_dots_are_where_unicode_has_them(dots):
    corner = {"braille": "⠁⡀⠈⢀", "block": "▘▖▝▗"}[dots.name]
    bits = [dots.bits[x][y] for x in (0, dots.columns - 1) for y in (0, dots.rows - 1)]
    assert "".join(dots.table[bit] for bit in bits) == corner


@settings(max_examples=60)
@given(
    st.data(),
    st.lists(st.integers(0, 4), min_size=2, max_size=25),
    st.integers(40, 120),
    st.integers(4, 12),
    dot_sets,
)
def test_a_drawing_that_remembers_the_last_one_is_the_same_as_one_that_does_not(
    data, steps, width, height, dots
):
    """Seconds pass, points leave at the left, the newest change once more, and outages begin and end."""
    memory, previous = Memory(), None
    noise = data.draw(st.lists(st.integers(-9, 9), min_size=7, max_size=7))
    outage = data.draw(st.integers(100, 720))
    now = 600
    for step in steps:
        now += step
        times = [t for t in range(max(0, now - 600), now + 1) if not outage <= t < outage + 60]
        lines = (
            [Point(t * S, noise[t % 7] * MS + t * MS // 20, MS + t % 3 * MS) for t in times],
            [Point(t * S, (t % 5 + (now - t < 8) * now % 3) * MS, MS) for t in times],
        )
        shown = chart(
            series=tuple(
                Series(f"g{n}", p, role) for n, (p, role) in enumerate(zip(lines, SERIES_ROLES, strict=False))
            ),
            t0_ns=(now - 600) * S,
            t1_ns=now * S,
        )
        fresh = draw(shown, width, height, dots, previous=previous)
        assert draw(shown, width, height, dots, previous=previous, memory=memory) == fresh
        previous = fresh.value_range


def test_points_that_came_before_are_not_thinned_again():
    thinner = Thinner()
    base = TimeBase.of(0, 600 * S, 100, 4)
    told = [Point(t * S, t % 9 * MS) for t in range(590)]
    first = thinner.update(Series("a", told), base, 589 * S)
    second = thinner.update(Series("a", [*told[3:], Point(590 * S, 0)]), base, 590 * S)
    assert len(second.bins) == len(first.bins)
    assert sum(a is b for a, b in zip(first.bins, second.bins, strict=True)) == len(first.bins) - 2
