"""Ticks, ranges and their labels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screens.widgets.axis import LINEAR, TIME_STEPS, fit_range, round_step, time_ticks, value_labels
from screens.widgets.glyphs import ASCII

US, MS, S = 10**3, 10**6, 10**9
values = st.integers(-(2**62), 2**62)


@given(st.integers(1, 2**62), st.integers(1, 40))
def test_a_step_is_round_and_large_enough(span, count):
    step = round_step(span, count)
    assert step * count >= span
    assert str(step).rstrip("0") in {"1", "2", "5"}


@given(values, values, st.integers(-1, 20))
def test_ticks_are_ascending_multiples_within_the_range(a, b, count):
    low, high = min(a, b), max(a, b)
    ticks = LINEAR.ticks(low, high, count)
    assert all(low <= t <= high for t in ticks)
    assert list(ticks) == sorted(set(ticks))
    assert len(ticks) <= max(0, count) + 1


@given(values, values, st.lists(values, max_size=3))
def test_a_range_holds_its_data(a, b, near):
    low, high = min(a, b), max(a, b)
    bottom, top = fit_range(low, high, near=(0, *near))
    assert bottom <= low <= high <= top
    assert bottom < top
    assert fit_range(low, high, near=(0, *near), previous=(bottom, top)) in {
        (bottom, top),
        fit_range(low, high, near=(0, *near)),
    }


def test_zero_and_thresholds_are_taken_in_only_when_near():
    assert fit_range(5 * MS, 14 * MS)[0] <= 0
    assert fit_range(10 * MS, 14 * MS)[0] > 0
    far = fit_range(412 * S, 412 * S + 20 * MS)
    assert far[0] > 411 * S
    assert fit_range(1 * MS, 4 * MS, near=(0, 5 * MS))[1] >= 5 * MS
    assert fit_range(1 * MS, 4 * MS, near=(0, 5 * S))[1] < 10 * MS


def test_a_range_stays_while_it_serves():
    first = fit_range(-3 * MS, 9 * MS)
    assert fit_range(-2 * MS, 8 * MS, previous=first) == first
    assert fit_range(-3 * MS, 40 * MS, previous=first) != first
    assert fit_range(-100 * US, 100 * US, previous=first) != first


@pytest.mark.parametrize(
    ("ticks", "labels"),
    [
        ((-5 * MS, 0, 5 * MS), ("-5 ms", "0", "+5 ms")),
        ((0, 500 * US, 1 * MS), ("0", "+0.5 ms", "+1.0 ms")),
        ((412 * S, 412 * S + 5 * MS), ("+412.000 s", "+412.005 s")),
        ((0, 20 * US), ("0", "+20 µs")),
        ((), ()),
        ((-1_784_000_000 * S, -1_784_000_000 * S + 5 * MS), ("b=-56.5 y", "b+5 ms")),
    ],
)
def test_value_labels(ticks, labels):
    assert value_labels(ticks) == labels


@given(values, st.integers(1, 2**40), st.integers(1, 12))
def test_labels_tell_ticks_apart(low, span, count):
    ticks = LINEAR.ticks(low, low + span, count)
    labels = value_labels(ticks, ASCII)
    assert len(labels) == len(ticks)
    assert len(set(labels)) == len(labels)
    assert all(label.isascii() for label in labels)


def test_wall_clock_ticks():
    epoch = 1_784_000_000 * S  # 03:33:20 UTC
    ticks = time_ticks(0, 600 * S, 5, epoch_ns=epoch)
    assert [label for _, label in ticks] == ["03:34", "03:36", "03:38", "03:40", "03:42"]
    assert ticks[0][0] == 40 * S
    assert next(label for _, label in time_ticks(0, 600 * S, 5, epoch_ns=epoch, zone_s=7_200)) == "05:34"
    assert [label for _, label in time_ticks(0, 20 * S, 2, epoch_ns=epoch)] == [
        "03:33:20",
        "03:33:30",
        "03:33:40",
    ]


def test_ticks_without_an_epoch_count_back_from_now():
    assert [label for _, label in time_ticks(0, 600 * S, 3)] == ["-10:00", "-5:00", "now"]


@given(st.integers(0, 2**60), st.integers(0, 10 * 365 * 86_400 * S), st.integers(0, 20), st.none() | values)
def test_time_ticks_stay_inside(t0, span, count, epoch):
    ticks = time_ticks(t0, t0 + span, count, epoch_ns=epoch)
    assert all(t0 <= mono <= t0 + span for mono, _ in ticks)
    assert len(ticks) <= count + 1


def test_steps_ascend():
    assert list(TIME_STEPS) == sorted(set(TIME_STEPS))
