"""What is left out and remembered of a line of clocks changes nothing of what it says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cutover_tui.core.checks.clocks.references import standing_at
from cutover_tui.core.checks.clocks.standing_line import StandingLine, standing_line
from cutover_tui.core.checks.clocks.witness import witness
from cutover_tui.core.runbook import Domain

from . import evidence_builders as b

DOMAIN = Domain(references=("ntp1", "ntp2", "ntp3"), controllers=("dc1", "dc2"))
answers = st.lists(
    st.tuples(
        st.sampled_from(["ntp1", "ntp2", "ntp3", "dc1", "dc2"]),
        st.integers(0, 400),  # when, s
        st.integers(-2000, 2000),  # offset, ms
        st.sampled_from([2, 40, 1100, 5900, 6100, 9000]),  # round trip, ms: fine, coarse, none
    ),
    max_size=40,
)


@given(answers)
def test_a_line_says_what_all_answers_say_together(given_answers):
    seen = [
        b.ntp(name, at, offset, rtt) for name, at, offset, rtt in sorted(given_answers, key=lambda a: a[1])
    ]
    line = StandingLine.over(DOMAIN, b.ANCHOR)
    line.extend(seen)
    everybody = sorted((w for o in seen if (w := witness(o, b.ANCHOR))), key=lambda w: (w.mono_ns, w.server))
    expected = [
        standing_at(w.mono_ns, everybody[: n + 1], line.agree_ns, line.references)
        for n, w in enumerate(everybody)
    ]
    assert line.points == expected
    assert standing_line(seen, b.ANCHOR, DOMAIN) == tuple(expected)  # again, as remembered


@given(answers, st.integers(400, 600), st.integers(30, 600))
def test_the_standing_now_is_that_of_a_whole_line(given_answers, now, max_age):
    seen = [
        b.ntp(name, at, offset, rtt) for name, at, offset, rtt in sorted(given_answers, key=lambda a: a[1])
    ]
    whole, quick = StandingLine.over(DOMAIN, b.ANCHOR), StandingLine.over(DOMAIN, b.ANCHOR)
    whole.extend(seen)
    since = (now - max_age) * b.S
    quick.hear(o for o in seen if o.ended.boottime_ns >= since)
    assert quick.at(now * b.S, since) == whole.at(now * b.S, since)
