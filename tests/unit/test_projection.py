"""When a tolerance is used up: the interval holds every possible course, and says when it cannot tell."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutover_tui.core.estimate.estimator import Estimate, Estimator
from cutover_tui.core.estimate.projection import Projection, coarse, more, ppm, project, rate, when
from cutover_tui.core.estimate.segment import Slope

S = 1_000_000_000
MS = 1_000_000
MINUTE = 60 * S
HOUR = 60 * MINUTE
DAY = 24 * HOUR
T = 300 * S
H = 72 * HOUR


def at(offset: int, bound: int, low: int, high: int, span: int = 600 * S) -> Estimate:
    slope = Slope((low + high) // 2, low, high, low, high, "bounds", 0, span, 60)
    return Estimate(span, offset, bound, slope, (), 0, 0, 0, "unknown")


rates = st.integers(-40_000_000, 40_000_000)


@given(
    ends=st.tuples(rates, rates),
    offset=st.integers(-290 * S, 290 * S),
    bound=st.integers(0, 5 * S),
    where=st.integers(0, 1000),
    tilt=st.integers(0, 1000),
)
def test_every_course_within_the_intervals_passes_within_them(
    ends: tuple[int, int], offset: int, bound: int, where: int, tilt: int
) -> None:
    low, high = min(ends), max(ends)
    found = project(at(offset, bound, low, high), T, H)
    begins = offset - bound + 2 * bound * where // 1000
    ppb = low + (high - low) * tilt // 1000
    if found.earliest_ns:
        now = found.earliest_ns - 1
        assert abs(begins * S + ppb * now) <= T * S
    if found.earliest_ns is None:
        assert ppb == 0
    if found.latest_ns is not None:
        assert abs(begins * S + ppb * found.latest_ns) >= T * S
    if found.reaches:
        assert found.latest_ns is not None
        assert found.latest_ns <= H
    if found.reaches is False:
        assert abs(begins * S + ppb * H) <= T * S


def test_a_clock_that_is_past_it_has_reached_it() -> None:
    assert project(at(-302 * S, S, 0, 0), T, H).reaches is True
    assert when(project(at(-302 * S, S, 0, 0), T, H)) == "already past"
    assert project(at(-300 * S, S, -1, 1), T, H).reaches is not True


def test_without_a_slope_it_takes_a_minute() -> None:
    found = project(Estimate(0, 0, MS, None, (), 0, 0, 0, "unknown"), T, H)
    assert found.reaches is None
    assert more(found.more_ns) == "1 more minute"


def test_the_minutes_it_asks_for_are_enough() -> None:
    """1,000 and 1,300 ppm beside the 1,157 that decide, over a path with round trips of 100 ms."""
    for ppb in (1_000_000, 1_300_000):
        noise = Random(7)  # noqa: S311 - noise, no secret
        estimator, asked_until = Estimator(), 0
        for second in range(1800):
            error = noise.randint(-20 * MS, 20 * MS)
            estimator.add((90_000 + second) * S, second * ppb + error, 50 * MS)
            now = estimator.estimate()
            assert now is not None
            found = project(now, T, H)
            if found.reaches is not None:
                assert found.reaches is (ppb == 1_300_000)
                break
            if now.slope is not None and not asked_until and found.more_ns is not None:
                asked_until = second + -(-found.more_ns // S) + 20
        assert asked_until
        assert second <= asked_until <= 4 * second, "enough, and not far too much"


def test_too_near_to_call_says_so() -> None:
    deciding = T * S // H
    found = project(at(0, MS, deciding - 5000, deciding + 5000), T, H)
    assert (found.reaches, found.more_ns) == (None, None)
    assert more(found.more_ns) == "too near to call within this window"


@pytest.mark.parametrize(
    ("earliest", "latest", "text"),
    [
        (153 * MINUTE, 155 * MINUTE, "in 2 h 34 min ± 1 min"),
        (8 * HOUR, 10 * HOUR, "in 9 h ± 1 h"),
        (30 * S, 32 * S, "in 31 s ± 1 s"),
        (13 * DAY, 13 * DAY + 8 * HOUR, "in 13 d 4 h ± 4 h"),
        (13 * DAY, 16 * DAY, "in 15 d ± 2 d"),
        (5 * DAY + 3 * HOUR, None, "not before 5 d 3 h"),
        (DAY, 30 * DAY, "not before 1 d"),
        (None, None, "never at this rate"),
    ],
)
def test_when_in_words(earliest: int | None, latest: int | None, text: str) -> None:
    assert when(Projection(earliest, latest, None, None, False)) == text


@pytest.mark.parametrize(
    ("low", "middle", "high", "text"),
    [
        (31_388_000, 31_400_000, 31_412_000, "+31,400 ± 12 ppm"),
        (-13_000, -12_000, -11_000, "-12.0 ± 1.0 ppm"),
        (-60, -12, 36, "-0.01 ± 0.05 ppm"),
        (-2, -1, 1, "+0.00 ± 0.00 ppm"),
    ],
)
def test_rates_in_words(low: int, middle: int, high: int, text: str) -> None:
    assert rate(low, middle, high) == text


def test_amounts() -> None:
    assert [coarse(n) for n in (0, 59 * S, 60 * S, 3 * HOUR + 59 * S, 26 * HOUR)] == [
        "0 s",
        "59 s",
        "1 min",
        "3 h",
        "1 d 2 h",
    ]
    assert ppm(-12_340) == "-12.34"
    assert more(61 * S) == "2 more minutes"
