"""What screens keep of the clocks: the same as reading everything again, at a fraction of the work."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from cutover_tui.core.checks.clocks.readings import GAP_NS, held, reading
from cutover_tui.core.checks.clocks.standing_line import StandingLine
from cutover_tui.core.checks.timekeeping.time_projection import estimator_for
from cutover_tui.core.sample_columns import SampleColumns
from cutover_tui.engine.clock.clock_history import ClockHistory, ReferenceHistory
from cutover_tui.engine.clock.clock_rates import ClockRates
from cutover_tui.engine.clock.curves import Curve
from cutover_tui.engine.port import ClockPoint
from probes.observation import Sample
from tests.unit.evidence_builders import ANCHOR, MS, S, ntp, runbook

LIMIT = 5 * S


class Evening:
    """Samples and answers of clocks as they come; both sides of a comparison look at them."""

    def __init__(self) -> None:
        self.samples = SampleColumns()
        self.line = StandingLine.over(runbook().domain, ANCHOR)
        self.second = 0

    def advance(self, offset_ms: int, *, sampled: bool = True, answered: bool = True) -> None:
        self.second += 1
        if sampled:
            self.samples.add(len(self.samples) + 1, Sample(self.second * S, 4 * MS, offset_ms * MS, 1000))
        if answered and self.second % 8 == 0:
            # The answer tells of a moment two seconds ago: readings since then are compared anew.
            server = ("ntp1", "ntp2", "dc1")[self.second // 8 % 3]
            self.line.extend([ntp(server, self.second - 2, self.second % 11)])

    def again(self) -> list[ClockPoint]:
        every = self.samples.between(-1, self.second * S)
        told = [r for s in every if (r := reading(s, self.line.points)) is not None]
        return [ClockPoint(r.mono_ns, r.offset_ns, r.bound_ns) for r in told]


seconds = st.lists(
    st.tuples(st.integers(-6_000, 6_000), st.sampled_from([True] * 9 + [False]), st.booleans()),
    min_size=30,
    max_size=60,
)


@settings(max_examples=60)
@given(seconds, st.integers(1, 9), st.integers(0, 200))
def test_a_history_that_followed_is_what_reading_everything_again_gives(told, every, silent):
    evening, history = Evening(), ClockHistory(LIMIT)
    rates = ClockRates()
    for n in range(5):
        for offset_ms, sampled, answered in told:
            quiet = 100 <= evening.second < 100 + silent
            evening.advance(offset_ms if n % 2 else 3, sampled=sampled, answered=answered and not quiet)
            if evening.second % every == 0:
                history.follow(evening.samples, evening.line.points, evening.second * S)
                rates.estimate("a", evening.samples, evening.line.points, -1, evening.second * S)
    until = evening.second * S
    history.follow(evening.samples, evening.line.points, until)
    again = evening.again()
    assert list(history.between(0, until, 10**6)) == again
    assert history.last == (again[-1] if again else None)
    assert history.gaps(0, until) == tuple(
        (a.mono_ns, b.mono_ns) for a, b in pairwise(again) if b.mono_ns - a.mono_ns > GAP_NS
    )
    every_sample = evening.samples.between(-1, until)
    stretch = held(every_sample, evening.line.points, LIMIT, 10**18)
    assert history.held_ns(-1) == stretch.held_ns
    fresh = estimator_for(every_sample, evening.line.points).estimate()
    assert rates.estimate("a", evening.samples, evening.line.points, -1, until) == fresh


def test_a_soak_begins_after_a_disturbance():
    evening, history = Evening(), ClockHistory(LIMIT)
    for _ in range(300):
        evening.advance(3)
    history.follow(evening.samples, evening.line.points, evening.second * S)
    assert history.held_ns(evening.samples.mono[120]) == 179 * S
    assert history.held_ns(301 * S) == 0


def test_samples_that_the_tape_lost_are_not_shown():
    evening, history = Evening(), ClockHistory(LIMIT)
    for _ in range(200):
        evening.advance(3)
    rates = ClockRates()
    history.follow(evening.samples, evening.line.points, 200 * S)
    rates.estimate("a", evening.samples, evening.line.points, -1, 200 * S)
    evening.samples.cut_after(180)
    for _ in range(10):
        evening.advance(3, answered=False)
    history.follow(evening.samples, evening.line.points, 210 * S)
    assert list(history.between(0, 210 * S, 10**6)) == evening.again()
    fresh = estimator_for(evening.samples.between(-1, 210 * S), evening.line.points).estimate()
    assert rates.estimate("a", evening.samples, evening.line.points, -1, 210 * S) == fresh


def test_clocks_are_drawn_against_what_guests_are_judged_by():
    evening, clocks = Evening(), ReferenceHistory()
    for _ in range(200):
        evening.advance(3)
        clocks.follow(evening.line.points)
    assert sorted(clocks.clocks) == ["dc1", "ntp1", "ntp2"]
    for server, asked in clocks.clocks.items():
        mine = [
            at
            for at in evening.line.points
            if any(
                w.server == server and w.mono_ns == at.mono_ns for w in (*at.independents, *at.controllers)
            )
            and at.guests is not None
        ]
        shown = asked.curve.between(0, 200 * S, 10**6)
        assert [p.mono_ns for p in shown] == [at.mono_ns for at in mine]
        for point, at in zip(shown, mine, strict=True):
            own = next(w for w in (*at.independents, *at.controllers) if w.server == server)
            assert point.offset_ns == own.offset_ns - at.guests.offset_ns
            assert point.bound_ns >= own.bound_ns


LEVELS = ((0, 100 * S), (8 * S, 400 * S), (32 * S, 2_000 * S))


@settings(max_examples=80)
@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(-(10**9), 10**9)), min_size=1, max_size=400),
    st.integers(0, 2_000),
    st.integers(1, 2_000),
    st.integers(4, 200),
)
def test_a_curve_keeps_the_extremes_of_what_it_shows(told, begin, length, points):
    curve, everything, now = Curve(LEVELS, 5 * S), [], 0
    for apart, value in told:
        now += apart * S
        everything.append(ClockPoint(now, value, 7))
        curve.extend(everything[-1:])
    since, until = begin * S, (begin + length) * S
    shown = curve.between(since, until, points)
    inside = [p for p in everything if since <= p.mono_ns <= until]
    assert shown == sorted(shown, key=lambda p: p.mono_ns)
    assert set(map(id, shown)) <= set(map(id, inside))
    if inside and now - since <= LEVELS[-1][1]:
        # Extremes of whole buckets; at the ends of the stretch a bucket may be cut.
        whole = [p for p in inside if since + 32 * S <= p.mono_ns // (32 * S) * 32 * S <= until - 64 * S]
        if whole:
            assert min(p.offset_ns for p in shown) <= min(p.offset_ns for p in whole)
            assert max(p.offset_ns for p in shown) >= max(p.offset_ns for p in whole)
    assert curve.gaps_between(since, until) == [
        (a.mono_ns, b.mono_ns)
        for a, b in pairwise(everything)
        if b.mono_ns - a.mono_ns > 5 * S and b.mono_ns > since and a.mono_ns < until
    ]


def test_a_curve_forgets_and_shows_no_more_than_asked():
    curve = Curve(LEVELS, 5 * S)
    curve.extend(ClockPoint(t * S, t % 7) for t in range(10_000))
    assert len(curve.between(9_950 * S, 9_999 * S, 100)) == 50
    assert 100 <= len(curve.between(9_700 * S, 9_999 * S, 100)) <= 300
    assert curve.between(8_500 * S, 9_999 * S, 100)[0].mono_ns <= 8_540 * S
    assert not curve.between(0, 5_000 * S, 100)


def test_a_short_story_is_not_coarse_because_much_time_is_asked_for():
    curve = Curve(LEVELS, 5 * S)
    curve.extend(ClockPoint(t * S, t % 7) for t in range(90))
    assert len(curve.between(-100_000 * S, 90 * S, 100)) == 90


def test_another_line_compares_everything_anew():
    """A guest that begins to ask clocks itself has a line of its own from then on, over all its past."""
    evening, other = Evening(), Evening()
    history, rates = ClockHistory(LIMIT), ClockRates()
    for _ in range(300):
        evening.advance(3)
        other.advance(3, answered=other.second % 16 == 7)
    until = 300 * S
    history.follow(evening.samples, evening.line.points, until)
    rates.estimate("a", evening.samples, evening.line.points, -1, until)
    history.follow(evening.samples, other.line.points, until)
    told = [r for s in evening.samples.between(-1, until) if (r := reading(s, other.line.points)) is not None]
    assert [p.offset_ns for p in history.between(0, until, 10**6)] == [r.offset_ns for r in told]
    assert [p.offset_ns for p in evening.again()] != [r.offset_ns for r in told]
    fresh = estimator_for(evening.samples.between(-1, until), other.line.points).estimate()
    assert rates.estimate("a", evening.samples, other.line.points, -1, until) == fresh
    clocks = ReferenceHistory()
    clocks.follow(evening.line.points)
    clocks.follow(other.line.points)
    alone = ReferenceHistory()
    alone.follow(other.line.points)
    assert {n: a.curve.between(0, until, 10**6) for n, a in clocks.clocks.items()} == {
        n: a.curve.between(0, until, 10**6) for n, a in alone.clocks.items()
    }
