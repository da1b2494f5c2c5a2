"""kerberos.ap-in: what the guest's refusal says about its clock, and what is not the guest's."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from cutover_tui.core.evidence import Attempt
from cutover_tui.core.finding import Finding
from probes.facts_kerberos import ApInFacts
from probes.observation import Failure, FailureKind, Family
from tests.unit.evidence_builders import UTC0, S, at
from tests.unit.kerberos_builders import Realm, kdc, keytab, observed

CHECK = "kerberos.ap-in"
TAKEN = ApInFacts(
    service="host/app01.corp.example@CORP.EXAMPLE", over="ssh", principal="me@CORP.EXAMPLE", stage="done", code=None,
    text="", start_ns=UTC0, end_ns=UTC0 + 36_000 * S, shown_ns=None, shown_us=None, sent_ns=None, received_ns=None,
    own_utc_ns=None, admitted=True,
)  # fmt: skip


def refused(code: int | None, offset_s: float | None = None, stage: str = "service") -> ApInFacts:
    """The guest's error, where it shows a clock so far from ours."""
    shown = UTC0 + round((offset_s or 0) * S)
    clock = (
        {
            "shown_ns": shown // S * S,
            "shown_us": shown % S // 1000,
            "own_utc_ns": UTC0,
            "sent_ns": 0,
            "received_ns": 2,
        }
        if offset_s is not None
        else {}
    )
    return msgspec.structs.replace(TAKEN, stage=stage, code=code, text="its words", admitted=None, **clock)


class Guest(Realm):
    def __init__(self) -> None:
        super().__init__()
        self.healthy_domain(0, 200)
        self.see(observed("keytab", 190, keytab()))
        self.proofs = replace(self.proofs, approved=frozenset({"ap-in"}))

    def tried(
        self, seconds: float, number: int, facts: ApInFacts | Failure | None, *, ended: bool = True
    ) -> None:
        seen = observed("ap-in", seconds + 1, facts, host="app01") if facts is not None else None
        if seen is not None:
            self.see(msgspec.structs.replace(seen, began=at(seconds + 0.1), attempt=number))
        made = Attempt(100 + number, at(seconds), "ap-in", number, 3, ended, seen.id if seen else None)
        self.proofs = replace(self.proofs, attempts=(*self.proofs.attempts, made))

    def says(self, now: float = 200.5) -> Finding:
        return self.finding(CHECK, now)


def first(facts: ApInFacts | Failure | None) -> Finding:
    guest = Guest()
    guest.tried(100, 1, facts)
    return guest.says()


def thrice(last: ApInFacts = TAKEN) -> Guest:
    guest = Guest()
    for n in (1, 2, 3):
        guest.tried(100 + 2 * n, n, last)
    return guest


def test_three_of_three_pass_and_name_who_asked_whom():
    found = thrice().says()
    assert (found.verdict, found.measured, len(found.used)) == ("pass", 3, 3)
    assert "3 of 3 fresh tickets of me@CORP.EXAMPLE were accepted by host/app01" in found.reason
    assert "may not log in" not in found.reason
    assert "no matter of Kerberos" in thrice(msgspec.structs.replace(TAKEN, admitted=False)).says().reason


def test_two_are_not_three_and_one_without_a_result_has_failed():
    guest = Guest()
    for n in (1, 2):
        guest.tried(100 + n, n, TAKEN)
    assert guest.says().reason_code == "few-attempts"
    guest.tried(110, 3, None)
    assert (guest.says().verdict, guest.says().reason_code) == ("fail", "no-result")


@pytest.mark.parametrize("family", [Family.TIME, Family.DIRECTORY])
def test_a_disturbance_takes_it_away(family: Family):
    guest = thrice()
    guest.voids[family] = at(103)
    assert (guest.says().verdict, guest.says().reason_code) == ("unknown", "void")


def test_it_grows_old():
    guest = thrice()
    guest.healthy_domain(1400, 1500)
    assert (guest.says(1500.5).verdict, guest.says(1500.5).reason_code) == ("unknown", "old")


@pytest.mark.parametrize(
    ("facts", "code", "words"),
    [
        (refused(37, 305.2), "guest-ahead", "shows +306 s ± 400 ms compared"),
        (refused(33, -305.2), "guest-behind", "shows -305 s ± 100 ms compared"),
        (refused(32, 39_600), "guest-ahead", "+"),
        (refused(37), "guest-ahead", "ahead"),
        (refused(33), "guest-behind", "behind"),
        (refused(32, 0), "expired", "no longer valid"),
        (refused(32), "expired", "no longer valid"),
        (refused(44), "stale-keytab", "older key version"),
        (refused(31), "key-mismatch", "another key"),
        (refused(None), "refused", "its words"),
        (refused(None, 305.2), "guest-ahead", "shows +306 s ± 400 ms compared"),
        (refused(None, -305.2), "guest-behind", "shows -305 s ± 100 ms compared"),
        (refused(None, 299.9), "refused", "shows +300 s ± 50.0 ms compared"),
        (refused(None, -0.2), "refused", "keeps the error's number to itself. Its clock shows"),
        (refused(7, stage="ticket"), "unknown-service", "nobody of this service name"),
        (refused(37, stage="login"), "own-skew", "The guest was not asked"),
        (refused(37, stage="ticket"), "own-skew", "The guest was not asked"),
        (refused(33, stage="login"), "own-skew", "this jump host and the KDC"),
    ],
)
def test_a_refusal_is_a_fail_that_says_whose(facts: ApInFacts, code: str, words: str):
    found = first(facts)
    assert (found.verdict, found.reason_code) == ("fail", code)
    assert words in found.reason
    assert (f"error {facts.code}: its words" in found.reason) is (facts.code is not None)
    assert found.remedy
    assert len(found.used) == 1


@pytest.mark.parametrize("stage", ["login", "ticket"])
@pytest.mark.parametrize("code", [1, 6, 18, 23, 24, 32, None])
def test_what_is_refused_to_our_own_account_says_nothing_about_the_guest(code: int | None, stage: str):
    """Also when it is refused where a ticket for the guest's service is asked for."""
    found = first(refused(code, stage=stage))
    assert (found.verdict, found.reason_code) == ("unknown", "own-login")


def test_nothing_seen_is_unknown_with_what_to_do():
    for kind in (FailureKind.TOOL_ABSENT, FailureKind.UNREACHABLE, FailureKind.TIMEOUT, FailureKind.DENIED):
        found = first(Failure(kind, "for a reason"))
        assert (found.verdict, found.reason_code) == ("unknown", kind)
        assert "for a reason" in found.reason


def test_never_tried():
    guest = Guest()
    assert guest.says().reason_code == "not-tried-yet"
    guest.proofs = replace(guest.proofs, approved=frozenset({"exchange"}))
    assert (guest.says().verdict, guest.says().reason_code) == ("unknown", "not-approved")
    guest.see(kdc("dc1", 200.2, silent=True), kdc("dc2", 200.3, silent=True))
    assert (guest.says().verdict, guest.says().reason_code) == ("unknown", "kdc-silent")
