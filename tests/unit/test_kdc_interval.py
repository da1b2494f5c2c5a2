"""A KDC's clock is between the limits that are said, whatever its microseconds are and the path does."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutover_tui.core.checks.kerberos.kdc_interval import kdc_clock, next_flip
from probes.facts_kerberos import KdcFacts
from probes.observation import JUMP, Identity, Instant, Observation

S = 10**9
MS = 10**6
ANCHOR = Instant("b" * 36, 1000 * S, 1_795_383_000 * S + 123_456_789)


@dataclass
class Kdc:
    """A clock `offset_ns` ahead of the timescale; `counts`: like MIT 1.16 to 1.21."""

    offset_ns: int
    counts: bool
    second: int = 0
    shown: int = 0

    def answer(self, sent_ns: int, there_ns: int, back_ns: int, text: str = "") -> Observation:
        at = ANCHOR.on_timescale(sent_ns + there_ns) + self.offset_ns
        second, micro = at // S, at % S // 1000
        if self.counts and second == self.second:
            micro = self.shown + 1
        self.second, self.shown = second, micro
        return seen(sent_ns, sent_ns + there_ns + back_ns, second * S, micro, text)


def seen(sent_ns, received_ns, stime_ns, susec, text=""):
    facts = KdcFacts("dc1", "10.0.0.1", "udp", "R", sent_ns, received_ns, 0, 6, stime_ns, susec, "R", text)
    at = Instant(ANCHOR.boot_id, received_ns, 0)
    return Observation(f"x/{received_ns}", "kdc", 1, JUMP, Identity(), "jump", at, at, 1, (), facts)


trips = st.tuples(st.integers(50_000, 80 * MS), st.integers(50_000, 80 * MS))


@given(st.integers(-400 * S, 400 * S), st.booleans(), st.lists(trips, min_size=1, max_size=14))
def test_the_truth_is_inside_and_every_aimed_answer_narrows_it(offset, counts, path):
    kdc, known, answers = Kdc(offset, counts), None, []
    now = ANCHOR.boottime_ns + 5 * S
    for n, (there, back) in enumerate(path):
        aim = now if known is None or n < 2 else next_flip(known, ANCHOR, now) - (there + back) // 2
        answers.append(kdc.answer(max(aim, now - S // 5), there, back))
        now = answers[-1].ended.boottime_ns + (20 * MS if n == 0 else S // 4)
        known = kdc_clock(answers, ANCHOR, answers[-1].ended.boottime_ns)
        assert known is not None
        assert known.low_ns <= offset <= known.high_ns
        assert not known.jumped
        assert known.answers == len(answers)
        assert counts is False or known.microseconds is not True
        assert counts is True or known.microseconds is not False


others = st.lists(st.tuples(st.integers(MS, S // 3), st.integers(0, 3)), max_size=3)


@given(
    st.integers(-400 * S, 400 * S),
    st.lists(st.tuples(trips, st.integers(0, 3), others), min_size=2, max_size=14),
)
def test_the_truth_is_inside_where_several_processes_count_and_others_ask_them_too(offset, asked):
    """krb5kdc -w 4: whichever is free answers, with its own counter."""
    workers, answers, now = [Kdc(offset, counts=True) for _ in range(4)], [], ANCHOR.boottime_ns
    for (there, back), free, between in asked:
        answers.append(workers[free].answer(now, there, back, "CLIENT_NOT_FOUND"))
        now = answers[-1].ended.boottime_ns
        known = kdc_clock(answers, ANCHOR, now)
        assert known.low_ns <= offset <= known.high_ns
        assert not known.jumped
        assert known.microseconds is not True
        for later, worker in between:
            now += later
            workers[worker].answer(now, 0, 0)
        now += 20 * MS


def test_two_counters_that_were_set_right_in_one_second_are_no_clock_because_mit_says_who_it_is():
    first, second, now = Kdc(0, counts=True), Kdc(0, counts=True), ANCHOR.boottime_ns
    answers = [
        kdc.answer(now + wait, MS, MS, "CLIENT_NOT_FOUND") for kdc, wait in ((first, 0), (second, 21 * MS))
    ]
    one_process = [
        msgspec.structs.replace(a, facts=msgspec.structs.replace(a.facts, text="")) for a in answers
    ]
    assert kdc_clock(one_process, ANCHOR, now + S).microseconds is True  # so they do look
    assert kdc_clock(answers, ANCHOR, now + S).microseconds is None


@pytest.mark.parametrize(
    "text", ["", "Client not found in database", "Need to use PA-ENC-TIMESTAMP/PA-PK-AS-REQ"]
)
def test_who_is_not_mit_shows_a_clock_in_two_answers(text):
    kdc, now = Kdc(0, counts=False), ANCHOR.boottime_ns
    answers = [kdc.answer(now + wait, MS, MS, text) for wait in (0, 21 * MS)]
    assert kdc_clock(answers, ANCHOR, now + S).microseconds is True


def test_a_second_answer_farther_on_than_time_is_another_counters():
    now = ANCHOR.boottime_ns
    second = ANCHOR.on_timescale(now) // S * S
    answers = [seen(now, now + MS, second, 50_000), seen(now + 21 * MS, now + 22 * MS, second, 400_000)]
    assert kdc_clock(answers, ANCHOR, now + S).microseconds is False


def test_ten_aimed_answers_of_a_counter_leave_milliseconds():
    kdc, answers, now = Kdc(7 * S + 123 * MS, counts=True), [], ANCHOR.boottime_ns
    for n in range(10):
        known = kdc_clock(answers, ANCHOR, now)
        at = next_flip(known, ANCHOR, now) if known is not None and n > 1 else now
        answers.append(kdc.answer(at, 200_000, 200_000))
        now = answers[-1].ended.boottime_ns + (20 * MS if n == 0 else S // 4)
    known = kdc_clock(answers, ANCHOR, answers[-1].ended.boottime_ns)
    assert known.microseconds is False
    assert known.high_ns - known.low_ns < 10 * MS


def test_one_answer_of_an_unknown_kdc_is_a_second_wide_and_two_of_a_clock_are_a_round_trip_wide():
    kdc, now = Kdc(-3 * S, counts=False), ANCHOR.boottime_ns
    first = kdc.answer(now, 400_000, 600_000)
    one = kdc_clock([first], ANCHOR, first.ended.boottime_ns)
    assert one.microseconds is None
    assert one.high_ns - one.low_ns > S // 10
    second = kdc.answer(now + 21 * MS, 400_000, 600_000)
    two = kdc_clock([first, second], ANCHOR, second.ended.boottime_ns)
    assert two.microseconds is True
    assert two.high_ns - two.low_ns <= 2 * MS


def test_a_clock_that_was_set_is_judged_by_what_came_after():
    kdc, now = Kdc(0, counts=False), ANCHOR.boottime_ns
    before = [kdc.answer(now, MS, MS), kdc.answer(now + 21 * MS, MS, MS)]
    kdc.offset_ns = 400 * S
    after = kdc.answer(now + 5 * S, MS, MS)
    known = kdc_clock([*before, after], ANCHOR, after.ended.boottime_ns)
    assert known.jumped
    assert known.low_ns <= 400 * S <= known.high_ns


def test_answers_without_a_clock_and_old_ones_say_nothing():
    kdc, now = Kdc(0, counts=False), ANCHOR.boottime_ns
    ticket = seen(now, now + MS, None, None)
    assert kdc_clock([ticket], ANCHOR, now + MS) is None
    old = kdc.answer(now, MS, MS)
    assert kdc_clock([old], ANCHOR, now + 601 * S + 2 * MS) is None
