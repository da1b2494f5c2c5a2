"""Which faults may be accepted with a problem ticket, and while what they keep no gate closed."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutover_tui.core.acknowledgement import Accepted, Past, objection, ticket_problem, weigh
from cutover_tui.core.checks.registry import CHECKS
from cutover_tui.core.evidence import Baseline, MarkPoint
from cutover_tui.core.finding import Before, Criterion, Decision, Finding, Unit, Verdict, before
from cutover_tui.core.gate import decide
from cutover_tui.core.runbook import GateCheck
from cutover_tui.record.events import Acknowledged, BaselineCaptured, Body, Decided, Event, Marked
from cutover_tui.record.state import Contradiction, State, fold

from . import domain_check
from . import evidence_builders as b
from .domain_check import CAUSE, NAME, WRONG
from .test_fold import decision, disturbed, events

S = 1_000_000_000
MARK = MarkPoint(5, b.at(50))
UNMARKED = Past(marks=True, mark=None, baseline=None)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHECKS, NAME, domain_check.CHECK)  # type: ignore[arg-type]  # a dict behind a Mapping


def fault(measured: int | None = 10 * S, bound: int = S // 100, **changes: object) -> Finding:
    made = Finding(NAME, 1, "app01", Verdict.FAIL, WRONG, "Wrong.", Criterion("x", S, "ns"), measured, bound)
    return msgspec.structs.replace(made, **changes)


def marked(then: Finding) -> Past:
    return Past(True, MARK, Baseline(4, b.at(49), "b1", {NAME: before(then)}))


def old(finding: Finding) -> Finding:
    return msgspec.structs.replace(finding, origin="pre-existing")


def accepted(then: Finding | None, seq: int = 2) -> dict[tuple[str, str], Accepted]:
    return {CAUSE: Accepted("PRB-7", seq, before(then) if then is not None else None)}


def test_no_check_of_the_guests_own_clock_can_ever_be_acknowledged() -> None:
    for name in ("time.provider", "time.single-master", "time.offset"):
        assert CHECKS[name].spec.acknowledge is None
        claimed = {(name, WRONG): Accepted("PRB-7", 2, None)}
        failed = old(fault(check=name))
        assert (
            weigh(failed, Past(True, MARK, Baseline(4, b.at(49), "b1", {name: before(failed)})), claimed)
            == failed
        )
        assert weigh(failed, UNMARKED, claimed) == failed


def test_before_the_mark_what_fails_now_may_be_accepted_and_then_closes_nothing() -> None:
    weighed = weigh(fault(), UNMARKED, {})
    assert (weighed.acknowledgeable, weighed.acknowledged) == (True, None)
    assert "problem ticket" in weighed.remedy
    weighed = weigh(fault(), UNMARKED, accepted(fault()))
    assert (weighed.verdict, weighed.acknowledged) == (Verdict.FAIL, "PRB-7")
    assert not weighed.acknowledgeable


def test_without_a_step_that_marks_nothing_is_from_before_it() -> None:
    never = Past(marks=False, mark=None, baseline=None)
    assert not weigh(fault(), never, {}).acknowledgeable
    assert weigh(fault(), never, accepted(fault())).acknowledged is None


def test_what_began_after_the_mark_is_covered_by_no_ticket() -> None:
    past = marked(fault(verdict=Verdict.PASS, reason_code="ok"))
    weighed = weigh(fault(), past, accepted(fault()))
    assert (weighed.acknowledged, weighed.acknowledgeable) == (None, False)
    assert weighed.reason.endswith("PRB-7 does not cover it: it was not there before the mark.")


def test_a_ticket_for_one_controller_covers_no_other() -> None:
    then, now = fault(about=("dc3",)), fault(about=("dc1",))
    assert weigh(then, UNMARKED, accepted(then)).acknowledged == "PRB-7"
    weighed = weigh(now, UNMARKED, accepted(then))
    assert weighed.acknowledged is None
    assert weighed.reason.endswith("PRB-7 does not cover it: it was not dc1 then.")
    weighed = weigh(old(now), marked(then), accepted(then))
    assert (weighed.acknowledged, weighed.acknowledgeable) == (None, False)
    both = old(fault(about=("dc1", "dc3")))
    assert weigh(both, marked(then), accepted(then)).acknowledged is None
    assert weigh(old(then), marked(both), accepted(both)).acknowledged == "PRB-7"


def test_another_cause_of_the_same_check_is_not_accepted() -> None:
    other = {(NAME, "two-domains"): Accepted("PRB-7", 2, None)}
    assert weigh(fault(), UNMARKED, other).acknowledged is None


@pytest.mark.parametrize(
    ("measured", "bound", "may"),
    [(59 * S, S, True), (-59 * S, S, True), (59 * S, S + 1, False), (-61 * S, 0, False), (None, 0, False)],
)
def test_only_what_is_shown_to_be_no_larger_than_the_checks_limit(
    measured: int | None, bound: int, may: bool
) -> None:
    finding = fault(measured, bound)
    assert (objection(finding, UNMARKED) is None) is may
    assert (weigh(finding, UNMARKED, accepted(None)).acknowledged is not None) is may


@pytest.mark.parametrize(
    ("then_s", "now_s", "holds"),
    [
        (3, 4, True),  # a second of slack
        (3, 4.1, False),
        (30, 33, True),  # a tenth of it
        (30, 33.1, False),
        (30, 2, True),  # mended a little
        (10, -0.9, True),  # crossed zero and is smaller than the slack
        (10, -10, False),  # as large, on the other side: it moves
    ],
)
def test_a_fault_that_grows_is_not_accepted_any_more(then_s: float, now_s: float, holds: bool) -> None:
    then, now = fault(round(then_s * S), 0), old(fault(round(now_s * S), 0))
    for past, by in ((marked(then), accepted(None)), (UNMARKED, accepted(then))):
        weighed = weigh(now, past, by)
        assert (weighed.acknowledged == "PRB-7") is holds
        assert ("PRB-7 does not cover it: it has grown from" in weighed.reason) is not holds
    assert weigh(now, marked(then), {}).acknowledgeable is holds


def test_both_bounds_are_left_out_of_what_counts_as_growth() -> None:
    then, now = fault(3 * S, S), old(fault(6 * S, S))
    assert weigh(now, marked(then), accepted(None)).acknowledged == "PRB-7"
    assert weigh(old(fault(6 * S + 1, S)), marked(then), accepted(None)).acknowledged is None


def test_a_baseline_without_values_shows_no_growth_and_so_supports_nothing() -> None:
    past = Past(True, MARK, Baseline(4, b.at(49), "b1", {NAME: Before(NAME, Verdict.FAIL, WRONG)}))
    assert weigh(old(fault()), past, accepted(fault())).acknowledged is None
    assert not weigh(old(fault()), past, {}).acknowledgeable


def test_what_grew_before_the_mark_can_be_accepted_anew_and_nothing_creeps_up_unseen() -> None:
    weighed = weigh(fault(14 * S), UNMARKED, accepted(fault(10 * S)))
    assert (weighed.acknowledged, weighed.acknowledgeable) == (None, True)
    # Accepted at 10 s, 11 s at the mark, 12 s now: not grown since the mark, but since a person looked.
    creeping = old(fault(12 * S))
    assert weigh(creeping, marked(fault(11 * S)), accepted(fault(10 * S))).acknowledged is None
    assert weigh(creeping, marked(fault(11 * S)), accepted(fault(10 * S), seq=9)).acknowledged == "PRB-7"


@given(
    st.sampled_from(Verdict),
    st.integers(-100 * S, 100 * S),
    st.integers(0, 2 * S),
    st.integers(-100 * S, 100 * S),
    st.booleans(),
    st.sampled_from(["new", "pre-existing"]),
)
def test_nothing_but_an_old_failure_within_the_limit_is_ever_accepted(
    verdict: Verdict, now: int, bound: int, then: int, before_mark: bool, origin: str
) -> None:
    finding = fault(now, bound, verdict=verdict, origin=origin)
    past = UNMARKED if before_mark else marked(fault(then))
    weighed = weigh(finding, past, accepted(None))
    assert weighed.verdict is verdict
    if weighed.acknowledged is not None or weighed.acknowledgeable:
        assert verdict is Verdict.FAIL
        assert abs(now) + bound <= 60 * S
        assert before_mark or origin == "pre-existing"
        assert before_mark or abs(now) - bound <= abs(then) + S // 100 + max(S, abs(then) // 10)


def test_slack_of_what_is_counted_is_a_tenth_and_no_more() -> None:
    def counted(n: int, unit: Unit = "count") -> Finding:
        return old(fault(n, 0, criterion=Criterion("x", 0, unit)))

    assert weigh(counted(22), marked(counted(20)), accepted(None)).acknowledged == "PRB-7"
    assert weigh(counted(23), marked(counted(20)), accepted(None)).acknowledged is None
    assert weigh(counted(4), marked(counted(3)), accepted(None)).acknowledged is None


@pytest.mark.parametrize("text", ["PRB0012345", "PRB-7", "#4711", "INC/2026-1", "7"])
def test_a_ticket_is_a_number(text: str) -> None:
    assert ticket_problem(text) == ""


@pytest.mark.parametrize(
    "text", ["", "  ", "later", "see mail 7", "PRB-7\n", "-7", "P" * 63 + "77", "PRB-\u202e7"]
)
def test_words_are_no_ticket(text: str) -> None:
    assert ticket_problem(text)


# In the gate


def test_the_gate_opens_for_an_accepted_fault_and_it_stays_a_fault() -> None:
    world = b.World()
    world.healthy(0, 200)
    world.references(0, 200, dc1=10_000.0)
    world.mark = None
    question = world.ask("base", 200.2)
    step = msgspec.structs.replace(question.step, gate=(*question.step.gate, GateCheck(check=NAME)))
    asked = dataclasses.replace(question, step=step)
    closed = decide(asked)
    assert [m.what for m in closed.missing] == [NAME]
    (failed,) = [f for f in closed.findings if f.check == NAME]
    assert failed.acknowledgeable
    subject = dataclasses.replace(asked.subjects[0], accepted=accepted(failed))
    opened = decide(dataclasses.replace(asked, subjects=(subject,)))
    assert opened.outcome == "open"
    assert [(f.verdict, f.acknowledged) for f in opened.findings if f.check == NAME] == [("fail", "PRB-7")]
    assert msgspec.json.decode(msgspec.json.encode(opened), type=Decision) == opened


# In the fold


def seen(*findings: Finding, host: str = "*", ticket: str = "PRB-7", **changes: str) -> Acknowledged:
    values = {"check": NAME, "reason_code": WRONG, **changes}
    return Acknowledged(values["check"], values["reason_code"], host, ticket, findings)


def baseline(*then: Before) -> BaselineCaptured:
    return BaselineCaptured("app01", (), "b1", then)


def open_with(ticket: str | None, upto: int, host: str = "app01") -> Decided:
    found = fault(host=host, acknowledged=ticket)
    return Decided(decision(host=host, upto=upto, findings=(found,), rules=((NAME, 1),)))


def test_an_open_decision_may_rest_on_what_was_acknowledged() -> None:
    state = fold(events(seen(fault()), open_with("PRB-7", 2)))
    assert state.accepted_on("app01")[CAUSE].then == before(fault())
    assert state.accepted_on("app02")[CAUSE] == Accepted("PRB-7", 2, None)
    assert state.steps["one", "app01"].status == "started"


@pytest.mark.parametrize(
    ("why", "bodies"),
    [
        ("can never be", (seen(fault(check="time.provider"), check="time.provider"),)),
        ("needs a problem ticket", (seen(fault(), ticket="  "),)),
        ("needs a problem ticket", (seen(fault(), ticket="later"),)),
        ("of nothing", (seen(),)),
        ("not the fault", (seen(fault(verdict=Verdict.PASS)),)),
        ("not the fault", (seen(fault(reason_code="other")),)),
        ("not on app02", (seen(fault(host="app02"), host="app01"),)),
        ("before the mark", (baseline(), Marked("app01", "move"), seen(fault()))),
        (
            "before the mark",
            (baseline(Before(NAME, Verdict.PASS, "ok", 0)), Marked("app01", "move"), seen(fault())),
        ),
        (
            "before the mark",
            (baseline(Before(NAME, Verdict.FAIL, "other", 0)), Marked("app01", "move"), seen(fault())),
        ),
        ("moved without a mark", (msgspec.structs.replace(disturbed(), kind="platform"), seen(fault()))),
        ("nobody did", (open_with("PRB-7", 1),)),
        ("nobody did", (seen(fault()), open_with("PRB-8", 2))),
        ("nobody did", (seen(fault(), host="app01"), open_with("PRB-7", 2, host="app02"))),
        ("after it was decided", (seen(fault()), open_with("PRB-7", 1))),
        ("is missing", (seen(fault()), open_with(None, 2))),
    ],
)
def test_acknowledgements_that_cannot_follow_are_refused(why: str, bodies: tuple[Body, ...]) -> None:
    state, told = State(), events(*bodies)
    for event in told[:-1]:
        state.apply(event)
    accepted_so_far = state.accepted_on("app01")
    with pytest.raises(Contradiction, match=why):
        state.apply(told[-1])
    assert state.accepted_on("app01") == accepted_so_far


def test_a_journal_from_before_values_were_kept_is_read() -> None:
    line = (
        b'{"seq":2,"prev":"","at":{"boot_id":"x","boottime_ns":1,"utc_ns":1},"by":"ana","body":'
        b'{"type":"baseline-captured","host":"app01","sections":[],"boot_id":null,'
        b'"findings":[["time.provider","fail","no-provider"]]}}'
    )
    body = msgspec.json.decode(line, type=Event).body
    assert isinstance(body, BaselineCaptured)
    assert body.findings == (Before("time.provider", Verdict.FAIL, "no-provider", None, None),)
