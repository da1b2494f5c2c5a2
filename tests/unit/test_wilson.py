"""The Wilson score interval: against published numbers, and by what defines it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutover_tui.lab.drill.wilson import Z95, interval


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int]:
    of = draw(st.integers(1, 10_000))
    return draw(st.integers(0, of)), of


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_numbers_of_newcombes_table_1(hits: int, of: int, low: float, high: float) -> None:
    assert tuple(round(end, 4) for end in interval(hits, of)) == (low, high)


@given(counts())
def test_its_ends_solve_the_equation_that_defines_it(count: tuple[int, int]) -> None:
    hits, of = count
    share = hits / of
    low, high = interval(hits, of)
    assert 0 <= low <= share <= high <= 1
    assert low < high
    for end in (low, high):
        if 0 < end < 1:
            assert math.isclose(abs(share - end), Z95 * math.sqrt(end * (1 - end) / of), rel_tol=1e-6)
    assert (low == 0) == (hits == 0)
    assert (high == 1) == (hits == of)


@given(counts())
def test_counting_misses_instead_of_hits_mirrors_it(count: tuple[int, int]) -> None:
    hits, of = count
    low, high = interval(hits, of)
    assert interval(of - hits, of) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@given(counts(), st.integers(2, 20))
def test_more_of_the_same_says_more(count: tuple[int, int], times: int) -> None:
    hits, of = count
    (low, high), (lower, higher) = interval(hits * times, of * times), interval(hits, of)
    assert high - low < higher - lower


@given(counts())
def test_one_more_hit_moves_both_ends_up(count: tuple[int, int]) -> None:
    hits, of = count
    if hits < of:
        (low, high), (more_low, more_high) = interval(hits, of), interval(hits + 1, of)
        assert low < more_low
        assert high < more_high


def test_nothing_seen_says_nothing() -> None:
    assert interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("hits", "of"), [(1, 0), (-1, 5), (6, 5)])
def test_no_share_is_no_interval(hits: int, of: int) -> None:
    with pytest.raises(ValueError, match="hits of"):
        interval(hits, of)
