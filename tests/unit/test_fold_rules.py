"""Rules of the fold that no honest session meets: what cannot follow, and what a resume forgets."""

from __future__ import annotations

import pytest
from msgspec import structs

from cutover_tui.core.finding import Verdict
from cutover_tui.record.events import Acknowledged, Decided, LinkUp, SessionResumed
from cutover_tui.record.state import Contradiction, fold
from probes.observation import Family

from . import evidence_builders as b
from .test_fold import decision, disturbed, events, finding

FAULT = structs.replace(finding(Verdict.FAIL), check="time.reference", reason_code="domain-off")
ACCEPTED = Acknowledged("time.reference", "domain-off", "app01", "PRB0042", (FAULT,))


def acknowledging(upto: int) -> Decided:
    """A decision that rests on the acknowledgement, made when that many events had happened."""
    accepted = structs.replace(FAULT, acknowledged="PRB0042")
    return Decided(decision(upto=upto, findings=(accepted,)))


def test_a_decision_rests_on_what_was_accepted_before_it_and_not_after() -> None:
    fold(events(ACCEPTED, acknowledging(upto=2)))
    with pytest.raises(Contradiction, match="acknowledged after it was decided"):
        fold(events(ACCEPTED, acknowledging(upto=1)))
    with pytest.raises(Contradiction, match="nobody did"):
        fold(events(acknowledging(upto=1)))


def test_nothing_is_accepted_of_a_guest_that_was_moved_without_a_mark() -> None:
    moved = structs.replace(disturbed(family=Family.TIME), kind="platform")
    with pytest.raises(Contradiction, match="moved without a mark"):
        fold(events(moved, ACCEPTED))
    fold(events(structs.replace(moved, host="app02"), ACCEPTED))


def test_a_resume_forgets_connections_that_were_anothers() -> None:
    up = LinkUp("app01", None, None)
    assert fold(events(up)).links["app01"].up
    assert fold(events(up, SessionResumed("0", b.ANCHOR, "ana"))).links == {}


def test_since_an_event_means_after_it() -> None:
    state = fold(events(disturbed()))
    assert state.seq == 2
    asked = (("app01",), (Family.TIME,))
    assert state.disturbed_since(1, *asked) is not None
    assert state.disturbed_since(2, *asked) is None
    assert state.disturbed_since(1, ("app02",), (Family.TIME,)) is None
    assert state.disturbed_since(1, ("app01",), (Family.CERT,)) is None
