"""The symmetric-logarithmic scale, and that ticks of both scales can be read."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screens.widgets.axis import LINEAR
from screens.widgets.figure import draw
from screens.widgets.glyphs import ASCII, UNICODE
from screens.widgets.raster import BRAILLE, DOT_SETS, ChartData, Point, Series, Threshold
from screens.widgets.symlog import LINEAR_NS, SYMLOG

MS, S = 10**6, 10**9
sizes = st.integers(0, 2**62) | st.integers(0, 62).map(lambda n: 2**n)
values = sizes | sizes.map(lambda n: -n)
scales = st.sampled_from([LINEAR, SYMLOG])
ranges = st.tuples(values, values).map(sorted)


@given(values, values)
def test_it_is_monotone_and_symmetric(a, b):
    low, high = min(a, b), max(a, b)
    assert SYMLOG.forward(low) <= SYMLOG.forward(high)
    assert SYMLOG.forward(-a) == -SYMLOG.forward(a)
    assert SYMLOG.forward(0) == 0


def test_every_decade_has_the_same_height_within_a_few_percent():
    heights = [SYMLOG.forward(LINEAR_NS * 10**n) for n in range(12)]
    steps = [b - a for a, b in itertools.pairwise(heights)]
    assert max(steps) <= 1.06 * min(steps)
    assert heights[0] == pytest.approx(steps[0], rel=0.15)  # as much is given to the linear part


@given(st.integers(0, LINEAR_NS))
def test_within_a_millisecond_it_is_linear(value):
    assert abs(SYMLOG.forward(value) * LINEAR_NS - SYMLOG.forward(LINEAR_NS) * value) <= LINEAR_NS


@given(scales, ranges, st.integers(-1, 30))
def test_ticks_ascend_within_the_range_and_hold_zero_where_it_is_in_it(scale, span, count):
    low, high = span
    ticks = scale.ticks(low, high, count)
    assert list(ticks) == sorted(set(ticks))
    assert all(low <= t <= high for t in ticks)
    assert len(ticks) <= max(0, count) + 1
    if count >= 1 and low <= 0 <= high:
        assert 0 in ticks


@given(ranges, st.integers(1, 30), st.sampled_from([UNICODE, ASCII]))
def test_labels_tell_ticks_apart_and_are_short(span, count, charset):
    ticks = SYMLOG.ticks(*span, count)
    labels = SYMLOG.labels(ticks, charset)
    assert len(set(labels)) == len(ticks)
    assert all(label == "0" or label[0] in "+-" for label in labels)
    assert all(len(label) <= 15 for label in labels)


def test_ticks_are_counted_from_the_outermost_decade():
    assert SYMLOG.labels(SYMLOG.ticks(0, 500 * S, 10)) == (
        "0",
        "+1 ms",
        "+10 ms",
        "+100 ms",
        "+1 s",
        "+10 s",
        "+100 s",
    )
    assert SYMLOG.labels(SYMLOG.ticks(-20 * MS, 500 * S, 5)) == ("-10 ms", "0", "+10 ms", "+1 s", "+100 s")


@given(ranges, st.lists(values, max_size=4))
def test_a_range_holds_its_data_and_zero_and_stays(span, near):
    low, high = span
    bottom, top = SYMLOG.fit(low, high, near=(0, *near))
    assert bottom <= low <= high <= top
    assert bottom < top
    assert bottom <= 0 <= top or max(abs(low), abs(high)) <= LINEAR_NS
    again = SYMLOG.fit(low, high, near=(0, *near), previous=(bottom, top))
    assert again in {(bottom, top), SYMLOG.fit(low, high, near=(0, *near))}


def test_limits_are_taken_in_on_the_side_where_the_clocks_are():
    near = (0, *(sign * n * S for n in (1, 5, 300) for sign in (1, -1)))
    bottom, top = SYMLOG.fit(-12 * MS, 9 * S, near=near)
    assert top >= 300 * S
    assert -1 * S < bottom <= -12 * MS
    assert SYMLOG.fit(-4 * MS, 6 * MS, near=near)[1] < 1 * S
    assert SYMLOG.fit(-90_000, 80_000, near=(0,)) == LINEAR.fit(-90_000, 80_000, near=(0,), previous=None)


@settings(max_examples=60)
@given(
    scales,
    st.lists(st.tuples(values, st.integers(0, 10**9)), min_size=1, max_size=12),
    st.integers(24, 120),
    st.integers(3, 40),
    st.sampled_from(list(DOT_SETS.values())),
    st.integers(10, 43_200),
)
def test_labels_of_both_axes_never_collide(scale, told, width, height, dots, seconds):
    """Each row has one label that ends at its tick; each time stands alone between blanks."""
    points = [Point(i * S, value, bound) for i, (value, bound) in enumerate(told)]
    data = ChartData((Series("app01", points),), 0, seconds * S, (Threshold(5 * S, "fail"),), epoch_ns=0)
    rows = ["".join(text for text, _ in row) for row in draw(data, width, height, dots, scale=scale).rows]
    tick, plot = dots.charset.tick, rows[:-1]
    left = rows[-1].find(dots.charset.corner)
    for row in plot if left > 0 else ():
        edge = row[: left + 1]
        label = edge[:-1].strip()
        assert (edge[-1] == tick) == bool(label)
        assert not edge[:-1].endswith(" ") or not label
    times = rows[-1][left + 1 :].split()
    assert all(t.startswith(dots.charset.time_tick) and t.count(":") in (1, 2) for t in times)


def test_a_line_from_milliseconds_to_minutes_can_be_read_in_both_halves():
    run_away = [Point(t * S, 4 * MS + t * 30 * MS) for t in range(600)]
    kept = [Point(t * S, t % 3 * MS) for t in range(600)]
    series = (Series("app02", run_away), Series("app01", kept, "series-2"))
    rows = draw(ChartData(series, 0, 600 * S), 80, 20, BRAILLE, scale=SYMLOG).rows
    text = ["".join(t for t, _ in row) for row in rows]
    ends = {name: next(y for y, row in enumerate(text) if name in row) for name in ("app01", "app02")}
    assert ends["app01"] - ends["app02"] >= 8
    linear = draw(ChartData(series, 0, 600 * S), 80, 20, BRAILLE).rows
    flat = [role for row in linear for t, role in row if role == "series-2" and t.strip()]
    assert 0 < len(flat) <= 3
