"""The estimate of a clock's rate: what it may claim, what it forgets, and that it is the same however it is fed."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutover_tui.core.estimate.bucket import BUCKET_NS, Bucket
from cutover_tui.core.estimate.estimator import BLOCK_NS, Estimate, Estimator, begin_ns, estimator_of
from cutover_tui.core.estimate.hard import PPB, HardSlope
from cutover_tui.core.estimate.segment import Segment, Slope
from cutover_tui.core.estimate.signs import too_few_runs
from cutover_tui.core.estimate.sums import Sums, student_milli, sums_of
from cutover_tui.core.estimate.theil_sen import medians, theil_sen
from cutover_tui.core.estimate.wander import wander_bound

S = 1_000_000_000
MS = 1_000_000
Told = tuple[int, int, int, int, str]


def dice(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - noise, no secret


def readings(
    seconds: int, ppb: int, *, start: int = 90_000, offset: int = 0, noise: int = MS // 2, seed: int = 1
) -> list[Told]:
    """Readings at 1 Hz of a clock that runs at `ppb`; every error is within its bound."""
    rng = dice(seed)
    told = []
    for second in range(seconds):
        error = rng.randint(-noise, noise)
        told.append(
            ((start + second) * S, offset + second * ppb + error, abs(error) + rng.randint(1, 2 * MS), 0, "")
        )
    return told


def fed(told: list[Told]) -> Estimate:
    estimator = Estimator()
    for r in told:
        estimator.add(*r)
    at = estimator.estimate()
    assert at is not None
    return at


def sloped(told: list[Told]) -> Slope:
    slope = fed(told).slope
    assert slope is not None
    return slope


# hard bounds

intervals = st.lists(
    st.tuples(st.integers(1, 50), st.integers(-200, 200), st.integers(0, 60)), min_size=2, max_size=25
)


def by_pairs(points: list[tuple[int, int, int]]) -> tuple[Fraction, Fraction]:
    both = [(p, q) for i, p in enumerate(points) for q in points[i + 1 :]]
    low = max(Fraction((q[1] - q[2]) - (p[1] + p[2]), q[0] - p[0]) for p, q in both)
    high = min(Fraction((q[1] + q[2]) - (p[1] - p[2]), q[0] - p[0]) for p, q in both)
    return low, high


@given(intervals)
def test_hard_bounds_are_those_of_all_pairs(raw: list[tuple[int, int, int]]) -> None:
    hard, x, seen = HardSlope(), 0, []
    for dx, y, bound in raw:
        x += dx
        seen.append((x, y, bound))
        straight = hard.add(x, y, bound)
        if len(seen) < 2:
            assert hard.ppb() is None
            continue
        low, high = by_pairs(seen)
        assert straight == (low <= high)
        if not straight:
            return
        found = hard.ppb()
        assert found is not None
        assert found[0] <= low * PPB < found[0] + 1
        assert found[1] - 1 < high * PPB <= found[1]


@given(
    ppb=st.integers(-30_000_000, 30_000_000),
    errors=st.lists(
        st.tuples(st.integers(-50 * MS, 50 * MS), st.integers(0, 20 * MS)), min_size=40, max_size=120
    ),
    offset=st.integers(-400 * S, 400 * S),
)
def test_the_true_rate_is_always_within_the_hard_bounds(
    ppb: int, errors: list[tuple[int, int]], offset: int
) -> None:
    estimator = Estimator()
    for second, (error, spare) in enumerate(errors):
        estimator.add((90_000 + second) * S, offset + second * ppb + error, abs(error) + spare)
        at = estimator.estimate()
        assert at is not None
        assert (at.step_count, at.bends) == (0, 0), "a straight clock was called bent"
        if at.slope is not None:
            assert at.slope.hard_low_ppb <= ppb <= at.slope.hard_high_ppb
            assert at.slope.hard_low_ppb <= at.slope.low_ppb <= at.slope.ppb
            assert at.slope.ppb <= at.slope.high_ppb <= at.slope.hard_high_ppb


# least squares

points = st.lists(st.tuples(st.integers(1, 30), st.integers(-(10**9), 10**9)), min_size=3, max_size=30)


@given(points)
def test_slope_error_and_memory_are_those_of_the_textbook(raw: list[tuple[int, int]]) -> None:
    xs, x = [], 0
    for dx, _ in raw:
        x += dx
        xs.append(x * S)
    ys = [y for _, y in raw]
    n = len(xs)
    sums = Sums()
    for x, y in zip(xs, ys, strict=True):
        sums.add(x, y)
    fit = sums.fit()
    assert fit is not None
    mean_x, mean_y = Fraction(sum(xs), n), Fraction(sum(ys), n)
    spread = sum((x - mean_x) ** 2 for x in xs)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread
    left = [y - mean_y - slope * (x - mean_x) for x, y in zip(xs, ys, strict=True)]
    squares = sum(e * e for e in left)
    assert 0 <= slope * PPB - fit.slope_ppb < 1
    if squares:
        se = squares / (n - 2) / spread * PPB * PPB
        assert fit.se_ppb**2 <= se < (fit.se_ppb + 1) ** 2
        r1 = sum(a * b for a, b in pairwise(left)) / squares
        assert 0 <= r1 * 1_000_000 - fit.r1_ppm < 1


def test_a_memory_of_the_noise_widens_the_interval() -> None:
    def half(errors: list[int]) -> int:
        sums = Sums()
        for i, e in enumerate(errors):
            sums.add(i * BUCKET_NS, e)
        fit = sums.fit()
        assert fit is not None
        assert fit.half_ppb is not None
        return fit.half_ppb

    rng = dice(5)
    slow, error = [], 0.0
    for _ in range(100):
        error = 0.8 * error + rng.gauss(0, 1e6)
        slow.append(round(error))
    shuffled = slow[:]
    rng.shuffle(shuffled)
    assert half(slow) > 2 * half(shuffled)


@pytest.mark.parametrize(("freedom", "t"), [(1, 12706), (5, 2571), (13, 2160), (30, 2042), (120, 1980)])
def test_student_is_the_tables(freedom: int, t: int) -> None:
    assert abs(student_milli(freedom) - t) <= t // 400


def test_the_interval_covers_noise_that_remembers_itself() -> None:
    """AR(1) 0.9 at 1 Hz for ten minutes: an interval for white noise covers a third of that.

    Fixed seeds; the wide table is docs/estimate.md.
    """
    held = 0
    for seed in range(100):
        rng = dice(seed)
        error = rng.gauss(0, 2e6)
        estimator = Estimator()
        for second in range(601):
            error = 0.9 * error + rng.gauss(0, 2e6 * 0.19**0.5)
            estimator.add((90_000 + second) * S, second * 500_000 + round(error), 12 * MS)
        at = estimator.estimate()
        assert at is not None
        assert at.slope is not None
        assert at.slope.basis == "statistics"
        held += at.slope.low_ppb <= 500_000 <= at.slope.high_ppb
    assert held >= 90


def test_queueing_in_one_direction_does_not_fool_it() -> None:
    """The way there fills from 0 to 80 ms over ten minutes: half of that looks like drift, and is not claimed."""
    told = []
    for second in range(600):
        queue = 80 * MS * second // 600
        told.append(((90_000 + second) * S, queue // 2, 5 * MS + queue // 2, 0, ""))
    slope = sloped(told)
    assert slope.hard_low_ppb <= 0 <= slope.hard_high_ppb


# the same, however it is fed


@st.composite
def lives(draw: st.DrawFn) -> list[Told]:
    """Hours of a clock with gaps, steps and changes of rate, at a reading every two seconds."""
    rng = dice(draw(st.integers(0, 10_000)))
    mono, offset, told = draw(st.integers(0, 3_000)) * S, rng.randint(-S, S), []
    for _ in range(draw(st.integers(1, 6))):
        ppb, judge = (
            rng.choice((0, 12_000, 500_000, -31_400_000)),
            rng.choice(("domain", "domain", "references")),
        )
        offset += rng.choice((0, 0, 2 * S, -3 * S))
        mono += rng.choice((0, 0, 60, 1000, 4000)) * S
        for _ in range(rng.randint(1, 700)):
            mono += 2 * S
            offset += 2 * ppb
            error = rng.randint(-MS, MS)
            told.append((mono, offset + error, abs(error) + rng.randint(1, MS), rng.choice((0, 1000)), judge))
    return told


@given(lives())
def test_reading_the_window_again_gives_the_same_to_the_bit(told: list[Told]) -> None:
    estimator = Estimator()
    last = told[-1][0]
    for i, r in enumerate(told):
        estimator.add(*r)
        if i % 500 == 499 or r[0] == last:
            seen = [x for x in told[: i + 1] if x[0] >= begin_ns(r[0])]
            again = estimator_of(seen, r[0])
            assert again.estimate() == estimator.estimate()
            assert again.buckets() == estimator.buckets()
            assert estimator_of(told[: i + 1], r[0]).estimate() == estimator.estimate()


@given(lives(), st.integers(0, 100))
def test_one_that_began_late_goes_on_like_the_others(told: list[Told], percent: int) -> None:
    cut = max(1, len(told) * percent // 100)
    late = estimator_of(told[:cut], told[cut - 1][0])
    for r in told[cut:]:
        late.add(*r)
    assert late.estimate() == fed(told)


@given(lives(), st.integers(-(10**15), 10**15), st.integers(1, 50))
def test_neither_origin_matters(told: list[Told], offset: int, blocks: int) -> None:
    moved = [(m + blocks * BLOCK_NS, o + offset, b, g, j) for m, o, b, g, j in told]
    here, there = fed(told).slope, fed(moved).slope
    assert (here is None) == (there is None)
    if here is not None and there is not None:
        assert here.ppb == there.ppb
        assert (here.low_ppb, here.high_ppb) == (there.low_ppb, there.high_ppb)
        assert (here.hard_low_ppb, here.hard_high_ppb) == (there.hard_low_ppb, there.hard_high_ppb)


@given(lives())
def test_a_clock_upside_down_has_the_opposite_rate(told: list[Told]) -> None:
    slope, mirrored = fed(told).slope, fed([(m, -o, b, g, j) for m, o, b, g, j in told]).slope
    assert (slope is None) == (mirrored is None)
    if slope is not None and mirrored is not None:
        assert slope.n == mirrored.n
        assert slope.hard_low_ppb == -mirrored.hard_high_ppb
        assert abs(slope.low_ppb + mirrored.high_ppb) <= 2
        assert abs(slope.ppb + mirrored.ppb) <= 2


@given(st.integers(0, 1000), st.permutations(range(9)))
def test_within_a_bucket_only_the_tightest_reading_counts(seed: int, order: list[int]) -> None:
    told = readings(200, 12_000, noise=0, seed=seed)
    tight = [(m, o, 1000 if m // S % 10 == 5 else 30 * MS, g, j) for m, o, _, g, j in told]
    wild = [
        (m, o, b, g, j) if b == 1000 else (m, o + order[i % 9] * MS, b, g, j)
        for i, (m, o, b, g, j) in enumerate(tight)
    ]
    assert sloped(wild) == sloped(tight)


def test_a_copy_goes_its_own_way() -> None:
    told = readings(300, 12_000)
    one = Estimator()
    for r in told[:200]:
        one.add(*r)
    before = one.estimate()
    other = one.copy()
    for r in told[200:]:
        other.add(*r)
    assert one.estimate() == before
    assert other.estimate() == fed(told)


def test_readings_that_are_not_newer_are_ignored() -> None:
    told = readings(100, 12_000)
    assert fed([x for r in told for x in (r, r)]) == fed(told)
    assert fed([*told, told[3]]) == fed(told)


def test_memory_is_bounded() -> None:
    estimator = Estimator()
    for r in readings(3 * 3600, 12_000):
        estimator.add(*r)
    assert 90 <= len(estimator.buckets()) <= 2 * BLOCK_NS // BUCKET_NS


def test_a_block_holds_whole_buckets() -> None:
    with pytest.raises(ValueError, match="whole buckets"):
        Estimator(BUCKET_NS + 1)


# steps, changes of rate, classes


def test_a_step_begins_the_window_anew_and_is_told() -> None:
    told = readings(300, 12_000)
    told += readings(100, 12_000, start=90_300, offset=-2 * S)
    at = fed(told)
    assert at.step_count == 1
    assert abs(at.steps[0].amount_ns + 2 * S) < 10 * MS
    assert at.steps[0].mono_ns == 90_300 * S
    assert at.slope is not None
    assert at.slope.since_ns >= 90_300 * S
    assert at.slope.low_ppb <= 12_000 <= at.slope.high_ppb


def held_up(lost: list[float], *, late: float | None = None, given: float | None = None) -> Estimate:
    """A clock that loses so many seconds in each pause, in which nobody reads it, and gets them back 20 s later."""
    told, at, offset = readings(300, 0), 90_299.0, 0.0
    for n, seconds in enumerate(lost):
        for move, gap in ((-seconds, (seconds if late is None else late) + 0.5), (given or seconds, 1.0)):
            offset, at = offset + move, at + gap
            told += [
                (t + round(at * S) - 90_000 * S, o + round(offset * S), b, g, a)
                for t, o, b, g, a in readings(20, 0, seed=n + 2)
            ]
            at += 19
    return fed(told)


@pytest.mark.parametrize("lost", [[1.2], [3], [60], [20, 3], [3, 3, 3]])
def test_a_pause_and_what_puts_it_right_are_steps_that_nobody_set(lost: list[float]) -> None:
    at = held_up(lost)
    assert (at.step_count, at.set_count) == (2 * len(lost), 0)
    assert at.regime != "saw-tooth"


def test_what_a_pause_does_not_explain_is_set() -> None:
    assert held_up([3], late=0.5).set_count == 2, "it was read in each of these seconds"
    assert held_up([0.8], late=0.5).set_count == 2, "no reading was late"
    assert held_up([3], given=4).set_count == 1, "given back more than was lost"
    assert held_up([3, 3], given=4).regime == "saw-tooth"


@pytest.mark.parametrize(("ppb", "steps"), [(100_000_000, 0), (-113_000_000, 0), (2_000_000_000, 1)])
def test_slewing_is_no_step(ppb: int, steps: int) -> None:
    """chronyd's fastest on a bad clock is no step; two seconds within one are."""
    told = readings(100, 0)
    told += readings(1 if steps else 50, 0, start=90_100, offset=0 if not steps else ppb)
    if not steps:
        told = told[:100] + [(m, o + (m // S - 90_099) * ppb, b, g, j) for m, o, b, g, j in told[100:]]
    assert fed(told).step_count == steps


def test_a_wide_reading_is_no_step() -> None:
    told = readings(100, 0)
    told[50] = (told[50][0], 900 * MS, 950 * MS, 0, "")
    assert fed(told).step_count == 0


def test_another_judge_is_no_step_of_the_guest() -> None:
    """The controllers fall silent, the references judge for a while: a domain 2 s off steps nobody's clock."""
    told = readings(300, 12_000)
    told += [(*r[:4], "domain") for r in readings(300, 12_000, start=90_300, offset=-2 * S)]
    told += readings(100, 12_000, start=90_600, offset=7_200_000)
    at = fed(told)
    assert (at.step_count, at.regime) == (0, "unknown")
    assert at.slope is not None
    assert at.slope.since_ns >= 90_600 * S
    assert at.slope.low_ppb <= 12_000 <= at.slope.high_ppb


def test_a_new_rate_is_followed_and_the_old_one_forgotten() -> None:
    told = readings(600, 12_000)
    told += readings(600, 500_000, start=90_600, offset=600 * 12_000)
    at = fed(told)
    assert at.step_count == 0
    assert at.bends >= 1
    assert at.slope is not None
    assert at.slope.since_ns >= 90_580 * S
    assert at.slope.low_ppb <= 500_000 <= at.slope.high_ppb


def test_a_slow_change_inside_the_bounds_halves_the_window() -> None:
    """50 ms of bound hide a change from 0 to 40 ppm from the hard bounds; the halves show it."""
    rng = dice(3)
    segment = Segment(0)
    for i in range(121):
        offset = max(0, i - 60) * 10 * 40_000 + round(rng.gauss(0, 3e5))
        segment.add(Bucket(i * BUCKET_NS, offset, 50 * MS))
    slope = segment.slope()
    assert slope is not None
    assert segment.bends >= 1
    assert slope.n < 100
    assert slope.low_ppb <= 40_000 <= slope.high_ppb


def test_halves_that_disagree_widen_the_interval_by_what_they_differ() -> None:
    """Between a change that is certain (the older half goes) and none there are some that may be one."""
    doubtful = 0
    for seed in range(60):
        rng = dice(seed)
        segment = Segment(0)
        for i in range(30):
            offset = max(0, i - 15) * 10 * 12_000 + round(rng.gauss(0, 2e5))
            segment.add(Bucket(i * BUCKET_NS, offset, 50 * MS))
        if len(segment.buckets) < 30:
            continue
        slope = segment.slope()
        older, newer = (sums_of(h, h[0]).fit() for h in (segment.buckets[:15], segment.buckets[15:]))
        assert slope is not None
        assert older is not None
        assert newer is not None
        assert older.half_ppb is not None
        assert newer.half_ppb is not None
        apart = abs(older.slope_ppb - newer.slope_ppb)
        if apart > older.half_ppb + newer.half_ppb:
            doubtful += 1
            assert slope.high_ppb - slope.low_ppb >= 2 * apart
    assert doubtful


def test_slow_noise_alone_is_no_change() -> None:
    rng = dice(8)
    segment, error = Segment(0), 0.0
    for i in range(120):
        error = 0.8 * error + rng.gauss(0, 1e6)
        segment.add(Bucket(i * BUCKET_NS, round(error), 50 * MS))
    assert segment.bends == 0
    assert len(segment.buckets) == 120


@pytest.mark.parametrize(
    ("signs", "few"),
    [("ud" * 20, False), ("uuudduddduudududuudd" * 2, False), ("u" * 20 + "d" * 20, True), ("u" * 40, False)],
)
def test_few_runs(signs: str, few: bool) -> None:
    assert too_few_runs(s == "u" for s in signs) is few


def test_two_masters_are_a_saw_tooth() -> None:
    told: list[Told] = []
    for minute in range(5):
        told += readings(60, -31_400_000, start=90_000 + 60 * minute)
    at = fed(told)
    assert at.regime == "saw-tooth"
    assert at.step_count == 4
    assert all(1.7 * S < s.amount_ns < 2.0 * S for s in at.steps)


@pytest.mark.parametrize(
    ("seconds", "ppb", "offset", "expected"),
    [
        (640, 31_400_000, 0, "free-running"),
        (640, -20_000, -S, "free-running"),
        (640, 20_000, -S, "unknown"),  # towards zero: perhaps it is being corrected
        (300, 20_000, S, "unknown"),  # too short
        (1500, 0, 3 * MS, "disciplined"),
    ],
)
def test_classes(seconds: int, ppb: int, offset: int, expected: str) -> None:
    assert fed(readings(seconds, ppb, offset=offset)).regime == expected


def test_whole_seconds_do_not_average_out() -> None:
    """`date +%s` read in step with its seconds shows the same for minutes, whatever the clock does."""
    told = [((90_000 + s) * S, 500 * MS, 501 * MS, S, "") for s in range(601)]
    slope = sloped(told)
    assert slope.low_ppb < -500_000
    assert slope.high_ppb > 500_000


def test_too_little_is_no_slope() -> None:
    assert fed(readings(20, 0)).slope is None
    assert Estimator().estimate() is None
    slope = sloped(readings(45, 0))
    assert (slope.n, slope.basis) == (4, "bounds")


# the robust slope


def test_a_quarter_of_wild_points_does_not_move_it_and_silences_least_squares() -> None:
    rng = dice(4)
    segment = Segment(0)
    for i in range(91):
        wild = 60 * MS * i // 90 if i % 4 == 0 else 0
        segment.add(Bucket(i * BUCKET_NS, i * 10 * 12_000 + wild + rng.randint(-20_000, 20_000), 61 * MS))
    low, middle, high = theil_sen(medians(segment.buckets))
    assert low <= middle <= high
    assert abs(middle - 12_000) < 1_000
    slope = segment.slope()
    assert slope is not None
    assert slope.basis == "bounds"
    assert slope.low_ppb <= 12_000 <= slope.high_ppb


def test_the_robust_slope_is_over_few_points() -> None:
    assert len(medians([Bucket(i * BUCKET_NS, i, 1) for i in range(179)])) <= 40


# wander


def test_a_steady_clock_ends_where_its_rate_leads() -> None:
    told = [(i * BUCKET_NS, i * 10 * 100_000) for i in range(360)]
    far = wander_bound(told, 72 * 3600 * S)
    assert far is not None
    assert abs(far - (3590 + 72 * 3600) * 100_000) < MS
    assert wander_bound(told[:31], 72 * 3600 * S) is None


def test_a_wandering_clock_may_be_anywhere() -> None:
    rng = dice(2)
    rate, offset, told = 900_000.0, 0.0, []
    for i in range(360):
        told.append((i * BUCKET_NS, round(offset)))
        rate += rng.gauss(0, 50_000 / 360**0.5)
        offset += 10 * rate
    far = wander_bound(told, 72 * 3600 * S)
    assert far is not None
    assert far > 300 * S
