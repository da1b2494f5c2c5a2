"""Checks of Kerberos: what passes is shown by fresh evidence, what the library hides is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from cutover_tui.core.evidence import Baseline, HostLog
from cutover_tui.core.gate import judge
from cutover_tui.core.runbook import GateCheck
from probes.facts_directory import CldapFacts, RootDseFacts
from probes.observation import JUMP, Failure, FailureKind, Family, Observation
from tests.unit.evidence_builders import UTC0, S, at
from tests.unit.kerberos_builders import (
    DOMAIN,
    SKEWED,
    Realm,
    cache,
    caches,
    exchanges,
    kdc,
    keytab,
    observed,
)

REFUSED = exchanges("refused", 24, "kinit: Preauthentication failed", masked="refused")
KINDS = ("kerberos.as", "kerberos.tgs", "kerberos.ap-out")


def realm() -> Realm:
    """In order and observed for 200 s; nothing approved."""
    made = Realm()
    made.healthy_domain(0, 200)
    made.see(observed("keytab", 190, keytab()), observed("caches", 190, caches()))
    return made


def proven(at_s: float = 100) -> Realm:
    made = realm()
    made.approve()
    made.series(at_s)
    return made


def said(world: Realm, check: str, now: float = 200.5, **params: object) -> tuple[str, str]:
    found = world.finding(check, now, **params)
    return found.verdict, found.reason_code


@pytest.mark.parametrize("check", KINDS)
class TestExchange:
    def test_k_of_k_pass(self, check):
        found = proven().finding(check, 200.5)
        assert (found.verdict, found.measured) == ("pass", 3)
        assert len(found.used) == 3
        assert "3 of 3" in found.reason

    def test_nobody_approved(self, check):
        found = realm().finding(check, 200.5)
        assert (found.verdict, found.reason_code) == ("unknown", "not-approved")
        assert found.remedy.endswith(" x")

    def test_two_of_three_are_not_three(self, check):
        world = realm()
        world.approve()
        for n in (1, 2):
            world.attempt(100 + n, n, 3, exchanges())
        assert said(world, check) == ("unknown", "few-attempts")

    def test_a_runbook_may_ask_for_more(self, check):
        assert said(proven(), check, attempts=5) == ("unknown", "few-attempts")

    def test_one_under_way(self, check):
        world = realm()
        world.approve()
        world.attempt(100, 1, 3, exchanges())
        world.attempt(102, 2, 3, ended=False)
        assert said(world, check) == ("unknown", "proving")

    def test_an_attempt_without_a_result_has_failed(self, check):
        world = proven()
        world.attempt(150, 1, 3)
        assert said(world, check) == ("fail", "no-result")

    def test_an_attempt_whose_observation_is_not_on_the_tape_has_failed(self, check):
        world = proven()
        lost = [o for o in world.guest.observations if o.reader == "exchange"][1]
        lose(world.guest, lambda o: o is lost)
        assert said(world, check) == ("fail", "no-result")

    @pytest.mark.parametrize("family", [Family.TIME, Family.DIRECTORY])
    def test_a_disturbance_of_time_or_directory_takes_it_away(self, check, family):
        world = proven()
        world.voids[family] = at(101)
        assert said(world, check) == ("unknown", "void")

    def test_another_familys_disturbance_does_not(self, check):
        world = proven()
        world.voids[Family.CERT] = at(101)
        assert said(world, check)[0] == "pass"

    def test_a_series_in_the_middle_of_which_something_was_disturbed_does_not_count(self, check):
        world = realm()
        world.approve()
        for n in (1, 2, 3):
            world.attempt(100 + 2 * n, n, 3, exchanges())
        world.voids[Family.TIME] = at(104.5)
        assert said(world, check) == ("unknown", "void")

    def test_old_evidence(self, check):
        world = proven(at_s=1)
        world.healthy_domain(1300, 1400)
        assert said(world, check, 1400.5) == ("unknown", "old")
        assert said(world, check, 1400.5, max_age=50 * 60 * S)[0] == "pass"

    def test_a_series_is_as_old_as_its_first_attempt(self, check):
        world = proven(at_s=100)  # attempts at 100, 102 and 104 s
        age = 2 * 60 * S
        assert said(world, check, 219.9, max_age=age)[0] == "pass"
        assert said(world, check, 220.1, max_age=age) == ("unknown", "old")

    def test_attempts_of_another_boot_of_the_jump_host_do_not_count(self, check):
        world = proven()
        before = world.proofs
        world.proofs = type(before)(
            before.approved,
            tuple(
                type(a)(
                    a.seq,
                    type(a.at)("other", a.at.boottime_ns, a.at.utc_ns),
                    a.proof,
                    a.number,
                    a.of,
                    True,
                    a.observation,
                )
                for a in before.attempts
            ),
        )
        assert said(world, check) == ("unknown", "not-tried-yet")

    @pytest.mark.parametrize(
        ("clean", "expected"), [(3, "intermittent"), (6, "intermittent"), (7, "ok"), (9, "ok")]
    )
    def test_what_failed_before_asks_for_a_longer_clean_run(self, check, clean, expected):
        world = realm()
        world.approve()
        world.attempt(50, 1, 3, REFUSED)
        world.series(100, of=clean)
        found = world.finding(check, 200.5)
        assert found.reason_code == expected
        if expected == "ok":
            assert f"{clean} of {clean} attempts in a row" in found.reason
            assert f"1 of {clean + 1} since the last disturbance failed" in found.reason
        else:
            assert found.verdict == "fail"
            assert found.reason.startswith(
                f"1 of {clean + 1} attempts failed; {clean} of 7 clean ones in a row since"
            )

    def test_clean_attempts_count_across_series(self, check):
        world = realm()
        world.approve()
        world.attempt(50, 1, 3, REFUSED)
        world.series(60)
        world.series(80)
        assert said(world, check) == ("fail", "intermittent")
        world.series(100)
        assert said(world, check)[0] == "pass"

    def test_trying_until_one_series_is_good_is_no_proof(self, check):
        """One of two KDCs is bad: four series that each failed, then one that did not."""
        world = Realm()
        world.healthy_domain(0, 2600)
        world.see(observed("keytab", 2590, keytab()))
        world.approve()
        for n in range(4):
            world.attempt(1000 + 300 * n, 1, 3, exchanges())
            world.attempt(1002 + 300 * n, 2, 3, REFUSED)
        world.series(2200)
        found = world.finding(check, 2260.5)
        assert (found.verdict, found.reason_code) == ("fail", "intermittent")
        assert "4 of 11 attempts failed; 3 of 19 clean ones" in found.reason
        assert said(world, check, 2260.5, max_age=50 * 60 * S) == ("fail", "intermittent")

    def test_no_more_is_asked_than_a_runbook_may_ask_for(self, check):
        world = realm()
        world.approve()
        for n in range(9):
            world.attempt(10 + 2 * n, 1, 3, REFUSED)
        world.series(50, of=19)
        assert said(world, check) == ("fail", "intermittent")
        world.attempt(90, 1, 1, exchanges())
        assert said(world, check)[0] == "pass"

    def test_a_disturbance_starts_anew(self, check):
        world = realm()
        world.approve()
        world.attempt(50, 1, 3, REFUSED)
        world.voids[Family.TIME] = at(60)
        world.series(100)
        assert said(world, check) == ("pass", "ok")

    def test_an_attempt_without_a_result_asks_for_more_too(self, check):
        world = realm()
        world.approve()
        world.attempt(50, 1, 3)
        world.series(100)
        assert said(world, check) == ("fail", "intermittent")

    def test_what_was_not_allowed_or_not_installed_is_no_failed_attempt(self, check):
        world = realm()
        world.approve()
        world.attempt(50, 1, 3, Failure(FailureKind.DENIED, "sudo says no"))
        world.attempt(60, 1, 3, exchanges("absent", masked="absent"))
        world.series(100)
        assert said(world, check) == ("pass", "ok")

    @pytest.mark.parametrize(
        ("guest_s", "dc2_s", "expected"),
        [
            (400, 0, "ok"),
            (-400, 0, "ok"),
            (299, 0, "intermittent"),
            (0, 400, "intermittent"),
            (400, 700, "intermittent"),
        ],
    )
    def test_a_failure_while_the_guests_own_clock_was_off_is_explained(self, check, guest_s, dc2_s, expected):
        world = Realm()
        world.references(0, 200, ntp1=0, ntp2=0, dc1=0, dc2=0)
        world.tick(0, 90, offset_ms=guest_s * 1000)
        world.tick(91, 200)
        for second in range(0, 200, 30):
            world.see(kdc("dc1", second), kdc("dc2", second + 0.1, dc2_s))
        world.see(observed("keytab", 190, keytab()))
        world.approve()
        world.attempt(50, 1, 3, exchanges("refused", 37, SKEWED))
        world.series(100)
        found = world.finding(check, 200.5)
        assert found.reason_code == expected
        assert ("1 more failed while its clock was off" in found.reason) is (expected == "ok")

    def test_all_kdcs_silent(self, check):
        world = Realm()
        world.tick(0, 200)
        world.approve()
        world.see(kdc("dc1", 190, silent=True), kdc("dc2", 190.1, silent=True))
        assert said(world, check) == ("unknown", "kdc-silent")

    def test_no_facts(self, check):
        world = proven()
        world.attempt(150, 1, 3, Failure(FailureKind.DENIED, "sudo says no"))
        assert said(world, check) == ("unknown", "denied")

    def test_silence(self, check):
        world = proven()
        world.attempt(150, 1, 3, exchanges("silent", masked="silent"))
        expected = "timeout" if check == "kerberos.as" else "not-tried"
        assert said(world, check) == ("unknown", expected)

    def test_no_keytab_before_and_now(self, check):
        world = Realm()
        world.healthy_domain(0, 200)
        world.see(observed("keytab", 190, keytab(present=False)))
        assert said(world, check) == ("unknown", "no-keytab")
        world.baseline = Baseline(2, at(-1001), "b1", {}, {"keytab": keytab(present=False)})
        assert said(world, check) == ("na", "no-keytab-before")
        world.baseline = Baseline(2, at(-1001), "b1", {}, {"keytab": keytab()})
        assert said(world, check) == ("fail", "keytab-gone")


@pytest.mark.parametrize(
    ("code", "reason"),
    [(6, "unknown-client"), (18, "revoked"), (24, "stale-keytab"), (33, "not-yet-valid"), (37, "skew"),
     (41, "key-mismatch"), (32, "expired"), (60, "refused"), (None, "refused")],
)  # fmt: skip
def test_every_refusal_has_its_code_and_its_number(code, reason):
    world = proven()
    world.attempt(150, 1, 3, exchanges("refused", code, "kinit: so", masked="refused"))
    found = world.finding("kerberos.as", 200.5)
    assert (found.verdict, found.reason_code) == ("fail", reason)
    assert code is None or f"error {code}: kinit: so" in found.reason
    assert found.remedy
    assert said(world, "kerberos.tgs") == ("unknown", "not-tried")


def test_what_the_library_hides_is_said_with_its_size():
    world = Realm()
    world.healthy_domain(0, 170)
    world.tick(171, 200, offset_ms=412_000)
    world.see(observed("keytab", 190, keytab()))
    world.approve()
    world.attempt(180, 1, 3, exchanges("refused", 37, SKEWED))
    found = world.finding("kerberos.as", 200.5)
    assert (found.verdict, found.reason_code) == ("fail", "skew")
    assert "kinit works on this guest only because the library hides 412" in found.reason
    assert abs(found.measured - 412 * S) < S


def lose(log: HostLog, lost: Callable[[Observation], bool]) -> None:
    """Take observations out of the middle of a log."""
    kept = HostLog()
    for line, o in zip(log.observation_lines, log.observations, strict=True):
        if not lost(o):
            kept.add_observation(line, o)
    log.observations, log.observation_lines, log.by_reader = (
        kept.observations,
        kept.observation_lines,
        kept.by_reader,
    )


class TestMargin:
    @pytest.mark.parametrize(
        ("offset_s", "expected"),
        [(0, ("pass", "ok")), (59, ("pass", "ok")), (-59, ("pass", "ok")), (61, ("fail", "margin")),
         (-299, ("fail", "margin")), (302, ("fail", "beyond-tolerance")), (-600, ("fail", "beyond-tolerance"))],
    )  # fmt: skip
    def test_240_of_300(self, offset_s, expected):
        world = Realm()
        world.healthy_domain(0, 170)
        world.tick(171, 200, offset_ms=offset_s * 1000)
        world.see(kdc("dc1", 199), kdc("dc2", 199.1))
        assert said(world, "kerberos.margin") == expected

    def test_the_edge_is_not_guessed(self):
        world = Realm()
        world.healthy_domain(0, 170)
        world.tick(171, 200, offset_ms=60_000, rtt_ms=400)
        assert said(world, "kerberos.margin") == ("unknown", "bound-too-wide")

    def test_one_kdc_apart_is_named(self):
        world = Realm()
        world.healthy_domain(0, 200, dc2_s=400)
        found = world.finding("kerberos.margin", 200.5)
        assert (found.verdict, found.reason_code) == ("fail", "beyond-tolerance")
        assert "dc1 agree with it, so see kdc.clock for dc2" in found.reason

    def test_without_samples_or_kdcs_nothing_is_known(self):
        world = Realm()
        assert said(world, "kerberos.margin") == ("unknown", "kdc-silent")
        world.see(kdc("dc1", 199))
        assert said(world, "kerberos.margin") == ("unknown", "no-samples")
        world.tick(100, 190)
        assert said(world, "kerberos.margin") == ("unknown", "no-samples"), "ten seconds ago is not now"

    def test_an_answer_speaks_for_100_s(self):
        world = Realm()
        world.tick(0, 400)
        world.see(kdc("dc1", 200))
        assert said(world, "kerberos.margin", 290)[0] == "pass"
        assert said(world, "kerberos.margin", 310) == ("unknown", "kdc-silent")


class TestKdcClock:
    def test_all_right(self):
        assert said(realm(), "kdc.clock") == ("pass", "ok")

    def test_one_apart_is_named(self):
        world = Realm()
        world.healthy_domain(0, 200, dc2_s=400)
        found = world.finding("kdc.clock", 200.5)
        assert (found.verdict, found.reason_code) == ("fail", "kdc-apart")
        assert "dc2 +400" in found.reason
        assert "dc1 is right" in found.reason

    def test_a_domain_wrong_as_one_is_not_its_finding(self):
        world = Realm()
        world.references(0, 200, ntp1=0, ntp2=0, dc1=90_000, dc2=90_000)
        world.see(*(kdc(d, 199 + n, 90) for n, d in enumerate(("dc1", "dc2"))))
        found = world.finding("kdc.clock", 201)
        assert found.verdict == "pass"
        assert "see time.reference" in found.reason

    def test_a_silent_one_is_not_passed_over(self):
        world = Realm()
        world.references(0, 200, ntp1=0, ntp2=0)
        world.see(kdc("dc1", 199), kdc("dc2", 199.1, silent=True))
        found = world.finding("kdc.clock", 200.5)
        assert (found.verdict, found.reason_code) == ("unknown", "some-silent")
        assert found.reason.startswith("dc2 does not answer")

    def test_a_silent_one_whose_clock_ntp_shows_closes_nothing(self):
        world = Realm()
        world.references(0, 200, ntp1=0, ntp2=0, dc1=0, dc2=0)
        world.see(kdc("dc1", 199), kdc("dc2", 199.1, silent=True))
        found = world.finding("kdc.clock", 200.5)
        assert (found.verdict, found.reason_code) == ("pass", "some-silent")
        assert "the KDC of dc2 is silent, and its clock is right by NTP" in found.reason
        world.references(201, 300, ntp1=0, ntp2=0, dc1=0, dc2=90_000)
        world.see(kdc("dc1", 299), kdc("dc2", 299.1, silent=True))
        assert said(world, "kdc.clock", 300.5)[0] == "unknown"

    def test_nobody_to_compare_with(self):
        world = Realm()
        world.see(kdc("dc1", 199), kdc("dc2", 199.1))
        assert said(world, "kdc.clock") == ("unknown", "own-clock")


def rootdse(server: str, seconds: float, offset_s: float = 0) -> Observation:
    """A whole second, as its LDAP server shows it."""
    mono = round(seconds * S)
    shows = (UTC0 + mono + round(offset_s * S)) // S * S
    facts = RootDseFacts(server, server, mono - 10**6, mono + 10**6, UTC0 + mono, shows, server, "", "", True)
    return observed("rootdse", seconds + 0.001, facts, host=JUMP)


def pinged(server: str, site: str, *, pdc: bool = False) -> Observation:
    facts = CldapFacts(server, server, 1, 2, 0x3FD, "corp.example", "corp.example", server, site, "x", pdc, True, True, pdc)  # fmt: skip
    return observed("cldap", 190, facts, host=JUMP)


class TestTheSecondWitness:
    def world(self, *, dc2: Observation, site: str | None = None) -> Realm:
        """dc1 right by its KDC, the references right, dc2 as said."""
        world = Realm()
        world.domain = msgspec.structs.replace(DOMAIN, site=site) if site else DOMAIN
        world.references(0, 200, ntp1=0, ntp2=0)
        world.see(kdc("dc1", 199), dc2)
        return world

    def test_a_closed_port_88_is_made_up_for(self):
        world = self.world(dc2=kdc("dc2", 199.1, silent=True))
        assert said(world, "kdc.clock") == ("unknown", "some-silent")
        world.see(rootdse("dc2", 150))
        found = world.finding("kdc.clock", 200.5)
        assert (found.verdict, found.reason_code) == ("pass", "some-silent")
        assert "the KDC of dc2 is silent, and its clock is right by its rootDSE" in found.reason

    def test_and_so_it_is_where_it_is_wrong(self):
        world = self.world(dc2=kdc("dc2", 199.1, silent=True))
        world.see(rootdse("dc2", 150, 400))
        found = world.finding("kdc.clock", 200.5)
        assert (found.verdict, found.reason_code) == ("fail", "kdc-apart")
        assert "dc2 +401 s ± 508 ms" in found.reason

    def test_an_old_answer_speaks_for_nobody(self):
        world = self.world(dc2=kdc("dc2", 199.1, silent=True))
        world.see(rootdse("dc2", 49))
        assert said(world, "kdc.clock") == ("unknown", "some-silent")

    def test_where_no_kdc_answers_ldap_does(self):
        world = Realm()
        world.references(0, 200, ntp1=0, ntp2=0)
        world.see(
            *(kdc(dc, 199, silent=True) for dc in ("dc1", "dc2")), rootdse("dc1", 180), rootdse("dc2", 181)
        )
        assert said(world, "kdc.clock") == ("pass", "some-silent")
        assert said(world, "kerberos.margin") == ("unknown", "kdc-silent"), (
            "what a KDC compares is another matter"
        )

    def test_two_machines_behind_one_name(self):
        world = self.world(dc2=kdc("dc2", 199.1))
        world.see(rootdse("dc2", 180, 90))
        found = world.finding("kdc.clock", 200.5)
        assert (found.verdict, found.reason_code) == ("fail", "two-clocks")
        assert "two machines answer to that name" in found.reason

    def test_a_clock_that_was_set_just_now_is_no_second_machine(self):
        world = self.world(dc2=kdc("dc2", 150))
        world.see(rootdse("dc2", 180, 90))
        assert said(world, "kdc.clock") == ("unknown", "two-clocks"), "the KDC was not asked since"
        world.see(kdc("dc2", 199.5, 90))
        found = world.finding("kdc.clock", 200.5)
        assert (found.verdict, found.reason_code) == ("fail", "kdc-apart"), "both say so now"

    def test_whole_seconds_narrow_what_a_kdc_leaves_open(self):
        alone, beside = (self.world(dc2=kdc("dc2", 199)) for _ in range(2))
        seconds = [100 + n * 9.3 for n in range(9)]
        beside.see(*(rootdse(dc, at_s) for at_s in seconds for dc in ("dc1", "dc2")))
        one, both = (world.finding("kdc.clock", 200.5) for world in (alone, beside))
        assert (one.verdict, both.verdict) == ("pass", "pass")
        assert one.bound is not None
        assert both.bound is not None
        assert one.bound > 450_000_000
        assert both.bound < one.bound // 3

    def test_of_another_site_is_advice_but_for_the_pdc_emulator(self):
        far = self.world(dc2=kdc("dc2", 199.1, 400), site="ber")
        assert said(far, "kdc.clock") == ("fail", "kdc-apart"), "nobody has said where it is"
        far.see(pinged("dc1", "BER"), pinged("dc2", "muc"))
        found = far.finding("kdc.clock", 200.5)
        assert (found.verdict, found.reason_code) == ("pass", "ok")
        assert "(advisory, of other sites: dc2 +400" in found.reason
        far.see(pinged("dc2", "muc", pdc=True))
        found = far.finding("kdc.clock", 200.5)
        assert (found.verdict, found.reason_code) == ("fail", "kdc-apart")
        assert "dc2 (PDC emulator) +400" in found.reason

    def test_a_silent_one_of_another_site_closes_nothing(self):
        world = self.world(dc2=kdc("dc2", 199.1, silent=True), site="ber")
        world.see(pinged("dc1", "ber"), pinged("dc2", "muc"))
        found = world.finding("kdc.clock", 200.5)
        assert (found.verdict, "of other sites and silent: dc2" in found.reason) == ("pass", True)

    def test_a_site_without_a_controller_is_served_by_all(self):
        world = self.world(dc2=kdc("dc2", 199.1, 400), site="ber")
        world.see(pinged("dc1", "muc"), pinged("dc2", "muc"))
        assert said(world, "kdc.clock") == ("fail", "kdc-apart")


class TestCaches:
    def with_caches(self, *files, elsewhere=()):
        world = realm()
        world.see(observed("caches", 195, caches(*files, elsewhere=elsewhere)))
        return world

    @pytest.mark.parametrize("offset_s", [None, 0, 4.9, -4.9])
    def test_without_an_offset_of_weight_it_passes(self, offset_s):
        assert said(self.with_caches(cache(offset_s=offset_s)), "kerberos.caches") == ("pass", "ok")

    @pytest.mark.parametrize("offset_s", [-305, 305, 240.1])
    def test_one_made_while_off_is_named_though_the_clock_is_right(self, offset_s):
        sssd = cache("/var/lib/sss/db/ccache_CORP.EXAMPLE", offset_s)
        found = self.with_caches(cache(), sssd).finding("kerberos.caches", 200.5)
        assert (found.verdict, found.reason_code) == ("fail", "made-while-off")
        assert "/var/lib/sss/db/ccache_CORP.EXAMPLE of root" in found.reason
        assert "restart sssd" in found.remedy

    @pytest.mark.parametrize(
        ("path", "words"),
        [
            ("/run/sync/krb5cc", "Restart the services"),
            ("/var/cache/sync/krb5cc_0", "Restart the services"),
            ("/run/user/1000/krb5cc", "Let their owner log in anew"),
            ("/tmp/krb5cc_1000", "Let their owner log in anew"),
        ],
    )
    def test_who_has_to_renew_it_is_said_by_where_it_lies(self, path, words):
        found = self.with_caches(cache(path, 305)).finding("kerberos.caches", 200.5)
        assert found.reason_code == "made-while-off"
        assert (found.remedy or "").startswith(words)

    @pytest.mark.parametrize("offset_s", [5.1, -200, 240])
    def test_one_that_goes_on_working_is_named_and_no_failure(self, offset_s):
        found = self.with_caches(cache(offset_s=offset_s)).finding("kerberos.caches", 200.5)
        assert (found.verdict, found.reason_code) == ("pass", "made-while-off-a-little")
        assert "until it is renewed" in found.reason

    def test_what_has_ended_harms_nobody(self):
        ended = type(cache())("/tmp/krb5cc_1", "ana", 0, -305 * S, "x", 1, 0, 1)
        assert said(self.with_caches(ended), "kerberos.caches")[0] == "pass"

    @pytest.mark.parametrize(
        ("ended_s_ago", "expected"),
        [(301, "pass"), (299, "fail"), (-60, "fail")],  # services take a ticket so long after its end
    )
    def test_a_ticket_has_ended_when_nobody_takes_it_any_more(self, ended_s_ago, expected):
        end = UTC0 + round((200.5 - ended_s_ago) * S)
        made = type(cache())("/tmp/krb5cc_1", "ana", 0, -305 * S, "x", 1, 0, end)
        assert said(self.with_caches(made), "kerberos.caches")[0] == expected

    @pytest.mark.parametrize("wrong_s", [40_000, -40_000])
    def test_the_jump_hosts_own_clock_ends_no_ticket(self, wrong_s):
        """Ten hours of ticket left or none, whatever our UTC says: the references know."""
        world = self.with_caches(cache(offset_s=-305))
        question = world.ask("time", 200.5)
        now = msgspec.structs.replace(question.now, utc_ns=question.now.utc_ns + wrong_s * S)
        check = GateCheck(check="kerberos.caches")
        found = judge(check, question.subjects[0], replace(question, now=now))
        assert (found.verdict, found.reason_code) == ("fail", "made-while-off")

    def test_without_a_clock_to_go_by_nobody_knows_what_has_ended(self):
        world = Realm()
        world.see(observed("caches", 195, caches(cache(offset_s=-305))))
        assert said(world, "kerberos.caches") == ("unknown", "not-measured")

    def test_what_klist_cannot_read_may_not_have_ended(self):
        broken = type(cache())("/tmp/krb5cc_1", "ana", 0, -305 * S, None, 0, None, None)
        assert said(self.with_caches(broken), "kerberos.caches") == ("fail", "made-while-off")

    def an_hour(self, *gap):
        """Measured through the hour up to 3700 s but for a gap, with caches nobody can read."""
        world = Realm()
        world.references(0, 3700, ntp1=0, ntp2=0, dc1=0, dc2=0)
        world.tick(95, gap[0] if gap else 3700)
        if gap:
            world.tick(gap[1], 3700)
        world.see(observed("caches", 3695, caches(elsewhere=("KCM",))))
        return world

    def test_kinds_that_cannot_be_read(self):
        assert "caches in KCM are not read" in self.an_hour().finding("kerberos.caches", 3700.5).reason
        assert said(self.an_hour(), "kerberos.caches", 3700.5) == ("pass", "ok")
        world = Realm()
        world.healthy_domain(0, 170)
        world.tick(171, 180, offset_ms=305_000)
        world.tick(181, 200)
        world.see(observed("caches", 195, caches(elsewhere=("KCM",))))
        assert said(world, "kerberos.caches") == ("unknown", "not-visible")

    @pytest.mark.parametrize(("back_s", "expected"), [(1019, "pass"), (1021, "unknown"), (3690, "unknown")])
    def test_unread_caches_may_have_been_made_while_nobody_looked(self, back_s, expected):
        world = self.an_hour(1000, back_s)
        assert said(world, "kerberos.caches", 3700.5)[0] == expected
        if expected == "unknown":
            found = world.finding("kerberos.caches", 3700.5)
            assert (found.reason_code, found.measured) == ("not-measured", round((3700.5 - back_s) * S))

    def test_one_reading_is_no_hour(self):
        world = self.with_caches(elsewhere=("KCM",))
        found = world.finding("kerberos.caches", 200.5)
        assert (found.verdict, found.reason_code) == ("unknown", "not-measured")

    def test_what_cannot_be_compared_is_a_gap(self):
        world = self.an_hour()
        lose(world.jump, lambda o: 1000 * S < o.ended.boottime_ns < 1300 * S)
        assert said(world, "kerberos.caches", 3700.5) == ("unknown", "not-measured")

    def test_a_reading_from_before_time_was_disturbed_is_none(self):
        world = self.with_caches(cache())
        world.voids[Family.TIME] = at(196)
        assert said(world, "kerberos.caches") == ("unknown", "not-read")

    def test_the_repair_of_the_clock_does_not_make_unread_caches_right(self):
        world = Realm()
        world.healthy_domain(0, 170)
        world.tick(171, 180, offset_ms=305_000)
        world.tick(181, 200)
        world.voids[Family.TIME] = at(180.5)  # an action of the runbook stepped the clock
        world.see(observed("caches", 195, caches(elsewhere=("KCM",))))
        assert said(world, "kerberos.caches") == ("unknown", "not-visible")

    def test_unread_caches_of_a_clock_that_nobody_measured(self):
        world = Realm()
        world.see(observed("caches", 195, caches(elsewhere=("KCM",))))
        assert said(world, "kerberos.caches") == ("unknown", "not-measured")


@pytest.mark.parametrize("check", ["kdc.clock", "kerberos.margin"])
@pytest.mark.parametrize(
    ("kind", "says"), [(FailureKind.LOST, "domain.realm is right"), (FailureKind.TIMEOUT, "open port 88")]
)
def test_a_kdc_that_hangs_up_was_reached_so_no_port_is_closed(check, kind, says):
    world = Realm()
    world.references(0, 200, ntp1=0, ntp2=0)
    world.tick(0, 200)
    quiet = [kdc(name, 199, silent=True) for name in ("dc1", "dc2")]
    world.see(*(msgspec.structs.replace(o, failure=Failure(kind, "closed")) for o in quiet))
    found = world.finding(check, 200)
    assert (found.verdict, found.reason_code) == ("unknown", "kdc-silent")
    assert says in found.remedy


@pytest.mark.parametrize(
    "words", ["No key table entry found for A$@R", "Keytab contains no suitable keys for A$@R"]
)
def test_a_keytab_without_a_key_the_kdc_asks_for_has_its_code_though_the_library_has_no_number(words: str):
    world = proven()
    world.attempt(150, 1, 3, exchanges("refused", None, words, masked="refused"))
    found = world.finding("kerberos.as", 200.5)
    assert (found.verdict, found.reason_code) == ("fail", "enctype")
    assert "msDS-SupportedEncryptionTypes" in (found.remedy or "")


@pytest.mark.parametrize(
    ("of_the_name", "words"), [("ok", "asked for another"), ("refused", "has nobody of this")]
)
def test_a_name_that_only_programs_make_of_the_controllers_address_is_told_from_a_missing_one(
    of_the_name: str, words: str
):
    facts = exchanges()
    made = [
        msgspec.structs.replace(e, outcome=of_the_name, code=None if of_the_name == "ok" else 7)
        if (e.kind, e.masked) == ("tgs", False)
        else msgspec.structs.replace(
            e, outcome="refused", code=7, text="Server not found in Kerberos database"
        )
        if (e.kind, e.masked) == ("ap-out", False)
        else e
        for e in facts.exchanges
    ]
    world = proven()
    world.attempt(150, 1, 3, msgspec.structs.replace(facts, exchanges=tuple(made)))
    found = world.finding("kerberos.ap-out", 200.5)
    assert found.reason_code == "unknown-service"
    assert words in found.reason
