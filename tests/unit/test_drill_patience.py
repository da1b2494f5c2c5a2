"""How long an engineer waits at a closed gate: as long as may help, and not by the second."""

from __future__ import annotations

from cutover_tui.core.finding import Criterion, Decision, Finding, Missing, Soak, Verdict
from cutover_tui.core.runbook import MINUTE, SECOND, Duration
from cutover_tui.lab.drill.patience import AGAIN_NS, SETTLE_NS, Patience, settle_of
from cutover_tui.lab.world_file.play import Play
from probes.observation import Instant

START = 1_000 * SECOND


def finding(check: str, verdict: Verdict, code: str, left: int | None = None) -> Finding:
    soak = None if left is None else Soak(0, left)
    return Finding(check, 1, "app01", verdict, code, f"{check} {code}", Criterion("-"), soak=soak)


def refused(*findings: Finding, rules: tuple[Missing, ...] = ()) -> Decision:
    missing = (*rules, *(Missing(f.check, f.verdict, f.reason) for f in findings))
    at = Instant("boot", 0, 0)
    return Decision("provider", "app01", at, 0, "", None, (), findings, "refused", missing)


FAILS = finding("time.provider", Verdict.FAIL, "no-reachable-source")
UNKNOWN = finding("time.provider", Verdict.UNKNOWN, "no-answer-yet")


def soaking(left: int) -> Finding:
    return finding("time.offset", Verdict.UNKNOWN, "soaking", left)


def gives_up_after(patience: Patience, decision: Decision, *, regressed: bool = False) -> int:
    """With the same decision at every look."""
    now = START
    while (wait := patience.wait(decision, now, regressed=regressed)) is not None:
        now += wait
    return now - START


def test_what_is_unknown_is_waited_for_as_long_as_patience_lasts() -> None:
    assert gives_up_after(Patience.of(Play(), START), refused(UNKNOWN)) == 30 * MINUTE
    longer = Play(patience=Duration(2 * 60 * MINUTE))
    assert gives_up_after(Patience.of(longer, START), refused(UNKNOWN)) == 120 * MINUTE


def test_what_fails_is_given_its_time_to_settle() -> None:
    assert gives_up_after(Patience.of(Play(), START), refused(FAILS)) == SETTLE_NS
    patient = Play(settle=Duration(20 * MINUTE))
    assert gives_up_after(Patience.of(patient, START), refused(FAILS)) == 20 * MINUTE
    assert settle_of(Play(patience=Duration(40 * SECOND))) == 40 * SECOND


def test_a_step_that_regressed_fails_although_its_gate_calls_it_not_done() -> None:
    owed = Missing("step provider", Verdict.UNKNOWN, "provider is not done on app01.")
    decision = refused(rules=(owed,))
    assert gives_up_after(Patience.of(Play(), START), decision) == 30 * MINUTE
    assert gives_up_after(Patience.of(Play(), START), decision, regressed=True) == SETTLE_NS


def test_it_is_counted_from_the_first_refusal_that_fails() -> None:
    patience = Patience.of(Play(), START)
    assert patience.wait(refused(UNKNOWN), START, regressed=False) == AGAIN_NS
    later = START + 5 * MINUTE
    assert patience.wait(refused(FAILS), later, regressed=False) == AGAIN_NS
    assert patience.wait(refused(FAILS), later + SETTLE_NS - 1, regressed=False) == AGAIN_NS
    assert patience.wait(refused(FAILS), later + SETTLE_NS, regressed=False) is None
    patience.acted()
    assert patience.wait(refused(FAILS), later + SETTLE_NS, regressed=False) == AGAIN_NS


def test_what_held_in_between_fails_anew() -> None:
    patience = Patience.of(Play(), START)
    assert patience.wait(refused(FAILS), START, regressed=False) == AGAIN_NS
    assert patience.wait(refused(UNKNOWN), START + MINUTE, regressed=False) == AGAIN_NS
    assert patience.wait(refused(FAILS), START + 2 * MINUTE, regressed=False) == AGAIN_NS


def test_a_soak_under_way_comes_to_its_end_before_he_gives_up() -> None:
    patience = Patience.of(Play(), START)
    assert patience.wait(refused(soaking(4 * MINUTE)), START, regressed=False) == 4 * MINUTE
    assert patience.wait(refused(FAILS, soaking(3 * MINUTE)), START, regressed=False) == AGAIN_NS
    at = START + SETTLE_NS
    assert patience.wait(refused(FAILS, soaking(SECOND)), at, regressed=False) == 2 * SECOND
    assert patience.wait(refused(FAILS), at, regressed=False) is None


def test_what_cannot_end_within_his_patience_is_not_waited_for() -> None:
    patience = Patience.of(Play(patience=Duration(3 * MINUTE)), START)
    assert patience.wait(refused(soaking(4 * MINUTE)), START, regressed=False) is None
