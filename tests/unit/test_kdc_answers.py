"""Whose word counts for a KDC: the jump host's before a guest's, any answer before silence; and who the KDCs are."""

from __future__ import annotations

import msgspec
import pytest

from cutover_tui.core.checks.kerberos.kdc_answers import all_silent, answering, kdcs, not_discovered
from cutover_tui.core.finding import Finding, Verdict
from cutover_tui.core.runbook import Domain
from probes.facts_directory import Answer, DiscoveryFacts, GuestRootDseFacts
from probes.observation import JUMP, Facts, Failure, FailureKind, Family, Observation
from tests.unit.evidence_builders import UTC0, S, at, observed
from tests.unit.kerberos_builders import DOMAIN, REALM, Realm, kdc

FORBIDDEN = Failure(
    FailureKind.DENIED, "dc1 port 88/tcp from app01: the guest's sshd forwards no connections"
)
NOW = 300.0
FOUND_BY_DNS = Domain(realm=REALM, site="Linz", references=("ntp1", "ntp2"))


def from_guest(seen: Observation, failure: Failure | None = None) -> Observation:
    """The same exchange through the guest, which met with `failure`."""
    return msgspec.structs.replace(
        seen,
        id=f"app01{seen.id}",
        host="app01",
        vantage="guest",
        facts=None if failure is not None else seen.facts,
        failure=failure or seen.failure,
    )


def shown_by_ldap(server: str, seconds: float, offset_s: float = 0) -> Observation:
    """What ldapsearch on the guest printed, within a tenth of a second."""
    shows = UTC0 + round((seconds + offset_s) * S)
    facts = GuestRootDseFacts(server, shows // S * S, f"{server}.corp.example", True)
    seen = observed("rootdse-guest", seconds + 0.05, facts)
    return msgspec.structs.replace(seen, began=at(seconds - 0.05), ended=at(seconds + 0.05), vantage="guest")


def discovered(seconds: float, *values: str, pdc: str = "", outcome: str = "found") -> Observation:
    name = f"_kerberos._tcp.Linz._sites.dc._msdcs.{REALM.lower()}"
    answers = [Answer("", name, "SRV", outcome if not values else "found", False, values)]
    if pdc:
        answers.append(Answer("", f"_ldap._tcp.pdc._msdcs.{REALM.lower()}", "SRV", "found", False, (pdc,)))
    facts: Facts = DiscoveryFacts(REALM.lower(), "Linz", tuple(answers))
    return observed("discovery", seconds, facts, host=JUMP)


class Site(Realm):
    """A site whose controllers no packet of the jump host reaches; the guest's clock is right."""

    def __init__(self) -> None:
        super().__init__()
        self.references(0, NOW, ntp1=0, ntp2=0)
        self.tick(0, NOW)
        for seconds in range(0, int(NOW), 30):
            self.see(kdc("dc1", seconds, silent=True), kdc("dc2", seconds, silent=True))

    def guest_asks(self, offset_s: float = 0, *servers: str) -> None:
        for seconds in (NOW - 70, NOW - 10):
            for server in servers or ("dc1", "dc2"):
                self.see(from_guest(kdc(server, seconds, offset_s)))

    def guest_may_not(self) -> None:
        for server in ("dc1", "dc2"):
            self.see(from_guest(kdc(server, NOW - 10), FORBIDDEN))


def margin(site: Realm) -> Finding:
    return site.finding("kerberos.margin", NOW)


def test_without_the_guest_nothing_is_known():
    site = Site()
    found = margin(site)
    assert (found.verdict, found.reason_code) == (Verdict.UNKNOWN, "kdc-silent")
    assert "AllowTcpForwarding" not in found.remedy


def test_the_guests_path_decides_where_the_jump_hosts_is_silent():
    site = Site()
    site.guest_asks()
    found = margin(site)
    assert found.verdict is Verdict.PASS
    assert "kdc@guest" in found.provenance
    clock = site.finding("kdc.clock", NOW)
    assert clock.verdict is Verdict.PASS
    assert "kdc@guest" in clock.provenance


@pytest.mark.parametrize("off_s", [400, -400])
def test_a_guest_beyond_the_tolerance_is_refused_by_what_it_showed_itself(off_s):
    site = Site()
    site.guest_asks(off_s)
    found = margin(site)
    assert (found.verdict, found.reason_code) == (Verdict.FAIL, "beyond-tolerance")
    clock = site.finding("kdc.clock", NOW)
    assert (clock.verdict, clock.reason_code) == (Verdict.FAIL, "kdc-apart")


def test_one_controller_apart_is_seen_from_the_guest_too():
    site = Site()
    site.guest_asks(0, "dc1")
    site.guest_asks(47, "dc2")
    found = site.finding("kdc.clock", NOW)
    assert (found.verdict, found.reason_code) == (Verdict.FAIL, "kdc-apart")
    assert "dc2" in found.reason


def test_forbidden_forwards_are_named_with_what_to_do():
    site = Site()
    site.guest_may_not()
    found = margin(site)
    assert (found.verdict, found.reason_code) == (Verdict.UNKNOWN, "kdc-silent")
    assert "forwards no connections" in found.reason
    assert "AllowTcpForwarding local" in found.remedy
    assert "ldapsearch" in found.remedy


@pytest.mark.parametrize(
    ("off_s", "verdict", "code"),
    [(0, Verdict.PASS, "ok"), (400, Verdict.FAIL, "beyond-tolerance"), (-290, Verdict.FAIL, "margin")],
)
def test_ldap_shows_the_clock_where_forwards_are_forbidden(off_s, verdict, code):
    site = Site()
    site.guest_may_not()
    site.see(shown_by_ldap("dc1", NOW - 9, off_s), shown_by_ldap("dc2", NOW - 8, off_s))
    found = margin(site)
    assert (found.verdict, found.reason_code) == (verdict, code)
    assert "rootdse-guest@guest" in found.provenance


def test_what_the_guest_saw_is_old_after_two_and_a_half_minutes_and_void_after_a_disturbance():
    site = Site()
    site.guest_asks()
    late = NOW + 145
    site.tick(NOW, late)
    assert site.finding("kerberos.margin", late).reason_code == "kdc-silent"
    site = Site()
    site.guest_asks()
    site.voids[Family.DIRECTORY] = at(NOW - 5)
    assert margin(site).verdict is Verdict.UNKNOWN


def test_the_jump_hosts_own_answer_goes_first():
    own, other = kdc("dc1", 10), from_guest(kdc("dc1", 20, 47))
    found = answering((own, other), at(30))["dc1"]
    assert found.newest == own
    assert found.answers == [own]
    silent = kdc("dc1", 25, silent=True)
    found = answering((own, silent, other), at(30))["dc1"]
    assert (found.newest, list(found.answers)) == (other, [other])


def test_a_kdc_is_silent_only_if_it_answers_nobody():
    silent = [kdc(name, 10, silent=True) for name in ("dc1", "dc2")]
    refused = [from_guest(o, FORBIDDEN) for o in silent]
    said = all_silent(DOMAIN, [*silent, *refused], at(20))
    assert said is not None
    assert "no answer within 2 s; dc1 port 88/tcp from app01" in said
    assert all_silent(DOMAIN, [*silent, from_guest(kdc("dc2", 12))], at(20)) is None
    assert all_silent(DOMAIN, silent[:1], at(20)) is None, "the other has not been asked"


def test_what_is_listed_counts_and_dns_only_where_nothing_is():
    named = discovered(
        10, "0 100 88 DC1.corp.example", "0 100 88 dc2.corp.example", pdc="0 100 389 pdc.corp.example"
    )
    assert kdcs(DOMAIN, [named]) == ("dc1", "dc2")
    assert kdcs(FOUND_BY_DNS, [named]) == ("dc1.corp.example", "dc2.corp.example", "pdc.corp.example")
    assert kdcs(FOUND_BY_DNS, [named, discovered(20, outcome="timeout")])[0] == "dc1.corp.example"
    assert kdcs(FOUND_BY_DNS, [named, discovered(30, "0 100 88 dc3.corp.example")]) == ("dc3.corp.example",)
    assert kdcs(FOUND_BY_DNS) == ()


def test_names_of_dns_are_names_and_in_order_of_priority():
    odd = ("10 1 88 b.corp.example", "5 1 88 a.corp.example", "0 1 88 -oProxy.corp.example", "0 1 88 dc", "rubbish",
           "0 1 88 a b.corp.example")  # fmt: skip
    assert kdcs(FOUND_BY_DNS, [discovered(10, *odd)]) == ("a.corp.example", "b.corp.example")


def test_nobody_found_is_unknown_with_the_names_that_were_asked_for():
    site = Site()
    site.domain = FOUND_BY_DNS
    assert margin(site).reason_code == "no-kdc-found"
    site.see(discovered(NOW - 20, outcome="absent"))
    for check in ("kerberos.margin", "kdc.clock"):
        found = site.finding(check, NOW)
        assert (found.verdict, found.reason_code) == (Verdict.UNKNOWN, "no-kdc-found")
        assert "_kerberos._tcp.Linz._sites.dc._msdcs.corp.example: absent" in found.reason
        assert found.used
    assert not_discovered(FOUND_BY_DNS, [discovered(1, "0 1 88 dc1.corp.example")]) is None


def test_one_of_those_that_dns_names_is_silent():
    site = Site()
    site.domain = FOUND_BY_DNS
    site.see(discovered(NOW - 20, "0 1 88 dc1.corp.example", "0 1 88 dc2.corp.example"))
    site.see(kdc("dc1.corp.example", NOW - 5), kdc("dc2.corp.example", NOW - 4, silent=True))
    found = site.finding("kdc.clock", NOW)
    assert (found.verdict, found.reason_code) == (Verdict.UNKNOWN, "some-silent")
    assert "dc2.corp.example" in found.reason
    assert "domain.site" in found.remedy
    site.see(kdc("dc2.corp.example", NOW - 3))
    assert site.finding("kdc.clock", NOW).verdict is Verdict.PASS
