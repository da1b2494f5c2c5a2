"""No sequence of events folds to `done` through a closed gate."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutover_tui.core.finding import Before, Criterion, Decision, Finding, Missing, Verdict, Window
from cutover_tui.record.events import (
    GENESIS,
    BaselineCaptured,
    Body,
    Decided,
    Disturbed,
    Done,
    Event,
    Marked,
    Regressed,
    Sealed,
    SessionStarted,
    StepStarted,
    VerdictChanged,
)
from cutover_tui.record.state import Contradiction, State, fold
from probes.observation import Family

from . import evidence_builders as b

STARTED = SessionStarted("s", "0", "r", "digest", "", b.ANCHOR, (), "ana", "jump")
HOSTS = ("app01", "app02")
STEPS = ("one", "two")


def finding(verdict: Verdict, host: str = "app01") -> Finding:
    return Finding("time.provider", 1, host, verdict, "c", "r", Criterion("x"))


def decision(
    step: str = "one",
    host: str = "app01",
    verdict: Verdict = Verdict.PASS,
    upto: int = 1,
    **changes: Any,
) -> Decision:
    is_open = verdict in (Verdict.PASS, Verdict.NA)
    values: dict[str, Any] = {
        "step": step,
        "host": host,
        "at": b.at(1),
        "upto": upto,
        "runbook": "digest",
        "mark": None,
        "rules": (("time.provider", 1),),
        "findings": (finding(verdict, host),),
        "outcome": "open" if is_open else "refused",
        "missing": () if is_open else (Missing("time.provider", verdict, "r"),),
    }
    return Decision(**{**values, **changes})


def events(*bodies: Body) -> list[Event]:
    return [Event(n, GENESIS, b.at(n), "ana", body) for n, body in enumerate((STARTED, *bodies), 1)]


def disturbed(host: str = "app01", family: Family = Family.TIME) -> Disturbed:
    return Disturbed(host, (family,), "reboot", "rebooted", b.at(2))


def test_an_open_decision_leads_to_done() -> None:
    state = fold(events(StepStarted("one", "app01"), Decided(decision(upto=2)), Done("one", "app01", 3)))
    assert state.status("one", "app01") == "done"


@pytest.mark.parametrize(
    "bodies",
    [
        (Done("one", "app01", 1),),
        (Done("one", "app01", 2),),
        (Decided(decision(verdict=Verdict.FAIL)), Done("one", "app01", 2)),
        (Decided(decision(verdict=Verdict.UNKNOWN)), Done("one", "app01", 2)),
        (Decided(decision(step="two")), Done("one", "app01", 2)),
        (Decided(decision(host="app02")), Done("one", "app01", 2)),
        (Decided(decision()), disturbed(), Done("one", "app01", 2)),
        (disturbed(), Decided(decision(upto=1)), Done("one", "app01", 3)),
        (Decided(decision()), Marked("app01", "move"), Done("one", "app01", 2)),
        (Decided(decision(verdict=Verdict.FAIL, outcome="open")),),
        (Decided(decision(verdict=Verdict.FAIL, outcome="open", missing=())),),
        (Decided(decision(runbook="another")),),
        (Decided(decision(upto=7)),),
        (Regressed("one", "app01", "time.provider", "x"),),
        (Sealed((Window("app01", 2, 3, "", 0, 0),)),),
    ],
)
def test_events_that_cannot_follow_are_refused(bodies: tuple[Body, ...]) -> None:
    with pytest.raises(Contradiction):
        fold(events(*bodies))


def test_a_disturbance_of_another_family_or_host_does_not_undo_a_decision() -> None:
    state = fold(
        events(
            Decided(decision(upto=1)),
            disturbed(family=Family.NETWORK),
            disturbed(host="app02"),
            Done("one", "app01", 2),
        )
    )
    assert state.status("one", "app01") == "done"


def test_a_wave_step_is_undone_by_a_disturbance_of_any_of_its_guests() -> None:
    wave = decision(host="*", findings=(finding(Verdict.PASS, "app01"), finding(Verdict.PASS, "app02")))
    with pytest.raises(Contradiction):
        fold(events(Decided(wave), disturbed(host="app02"), Done("one", "*", 2)))


bodies = st.one_of(
    st.builds(StepStarted, st.sampled_from(STEPS), st.sampled_from(HOSTS)),
    st.builds(
        lambda step, host, verdict, upto, lie: Decided(
            decision(step, host, verdict, upto, **({"outcome": "open", "missing": ()} if lie else {}))
        ),
        st.sampled_from(STEPS),
        st.sampled_from(HOSTS),
        st.sampled_from(Verdict),
        st.integers(0, 12),
        st.booleans(),
    ),
    st.builds(Done, st.sampled_from(STEPS), st.sampled_from(HOSTS), st.integers(0, 14)),
    st.builds(disturbed, st.sampled_from(HOSTS), st.sampled_from(Family)),
    st.builds(Marked, st.sampled_from(HOSTS), st.just("move")),
    st.builds(
        Regressed, st.sampled_from(STEPS), st.sampled_from(HOSTS), st.just("time.provider"), st.just("x")
    ),
)


@settings(max_examples=500)
@given(st.lists(bodies, max_size=14))
def test_no_sequence_reaches_done_through_a_closed_gate(sequence: list[Body]) -> None:
    """Whatever events come, a step that is done has an open decision and no disturbance since it."""
    state = State()
    applied: list[Event] = []
    for event in events(*sequence):
        candidate = Event(len(applied) + 1, event.prev, event.at, event.by, event.body)
        try:
            state.apply(candidate)
        except Contradiction:
            continue
        applied.append(candidate)
        if not isinstance(candidate.body, Done):
            continue
        step, host = candidate.body.step, candidate.body.host
        assert state.status(step, host) == "done"
        decided = applied[candidate.body.decision - 1]
        assert isinstance(decided.body, Decided)
        d = decided.body.decision
        assert (d.step, d.host, d.outcome) == (step, host, "open")
        assert all(f.verdict in (Verdict.PASS, Verdict.NA) for f in d.findings)
        between = [
            e
            for e in applied[d.upto :]
            if (isinstance(e.body, Disturbed) and e.body.host == host and Family.TIME in e.body.families)
            or (isinstance(e.body, Marked) and e.body.host == host)
        ]
        assert not between


@given(st.lists(bodies, max_size=10))
def test_a_refused_event_changes_nothing(sequence: list[Body]) -> None:
    state, good = State(), []
    for event in events(*sequence):
        candidate = Event(len(good) + 1, event.prev, event.at, event.by, event.body)
        try:
            state.apply(candidate)
        except Contradiction:
            continue
        good.append(candidate)
    assert fold(good).steps == state.steps
    assert fold(good).voids == state.voids


def changed(seq: int, step: str, verdict: str) -> Event:
    body = VerdictChanged(step, "app01", "time.provider", Verdict(verdict), "c", "r")
    return Event(seq, "", b.at(seq), "ana", body)


def standing(*told: tuple[str, str], baseline: str | None = None) -> dict[Verdict, float]:
    """Since which second each verdict stands, of verdicts told at 10, 11, …"""
    state = State()
    bodies: list[Body] = [STARTED, *(StepStarted("one", "app01") for _ in range(8))]
    for seq, body in enumerate(bodies, 1):
        if seq == 5 and baseline is not None:
            kept = (Before("time.provider", Verdict(baseline), "c"),)
            body = BaselineCaptured("app01", (), "b1", kept)
        state.apply(Event(seq, "", b.at(seq), "ana", body))
    for seq, (step, verdict) in enumerate(told, 10):
        state.apply(changed(seq, step, verdict))
    anchor = b.at(0).boottime_ns
    stands = state.standing["app01", "time.provider"]
    return {v: (at.boottime_ns - anchor) // 10**9 for v, at in stands.since.items()}


def test_a_verdict_stands_since_it_was_first_seen_in_any_step_or_the_baseline() -> None:
    fail, good, unknown = Verdict.FAIL, Verdict.PASS, Verdict.UNKNOWN
    assert standing(("one", "fail"), ("two", "fail")) == {fail: 10}
    assert standing(("two", "fail"), baseline="fail") == {fail: 5}
    assert standing(("two", "unknown"), ("two", "fail"), baseline="fail") == {fail: 5}
    assert standing(("one", "fail"), ("one", "pass"), ("one", "fail")) == {fail: 12}
    assert standing(("one", "fail"), ("two", "pass")) == {fail: 10, good: 11}
    assert standing(("one", "fail"), ("one", "unknown"), ("two", "fail")) == {fail: 10, unknown: 11}
    assert standing(("one", "pass"), ("one", "unknown"), ("one", "pass")) == {good: 12}
