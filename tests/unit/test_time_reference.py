"""`time.reference` names the domain, and no guest is blamed for it; smear and whole quarter hours by name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from cutover_tui.core.checks.clocks.quarter_hours import whole_quarters
from cutover_tui.core.checks.clocks.smear import smeared_by
from cutover_tui.core.evidence import Baseline
from cutover_tui.core.finding import Before, Finding, Verdict
from cutover_tui.core.gate import decide, judge
from cutover_tui.core.runbook import Domain, GateCheck
from probes.facts_time import ChronySource
from probes.observation import Failure, FailureKind

from . import evidence_builders as b

SITE = Domain(controllers=("dc1", "dc2", "dc3"), references=("ntp1", "ntp2", "ntp3"))
MINUTE = 60 * b.S
FOLLOWS = 187_400.0


def world(domain: Domain = SITE, *, guest_ms: float = 0, **offsets_ms: float) -> b.World:
    """Clocks and one guest over a hundred seconds."""
    w = b.World()
    w.domain = domain
    if offsets_ms:
        w.references(0, 96, **offsets_ms)
    w.tick(10, 99, offset_ms=guest_ms)
    return w


def finding(w: b.World, check: str = "time.reference", **asked: object) -> Finding:
    question = w.ask("time", 99.5)
    return judge(GateCheck(check=check, **asked), question.subjects[0], question)


def said(w: b.World, check: str = "time.reference", **asked: object) -> tuple[str, str]:
    f = finding(w, check, **asked)
    return str(f.verdict), f.reason_code


@pytest.mark.parametrize(
    ("offsets", "expected"),
    [
        ({"ntp1": 0, "ntp2": 5, "dc1": 3, "dc2": 4, "dc3": -20}, ("pass", "ok")),
        ({"ntp1": 0, "ntp2": 5, "ntp3": 9000, "dc1": 3}, ("pass", "ok")),
        ({"ntp1": 0, "dc1": 900}, ("pass", "ok")),  # two that share no failure
        ({"ntp1": 0, "ntp2": 0, "dc1": 187_400, "dc2": 187_403, "dc3": 187_390}, ("fail", "domain-wrong")),
        ({"ntp1": 0, "ntp2": 0, "dc1": 2000, "dc2": 2000, "dc3": 0}, ("fail", "domain-wrong")),
        ({"ntp1": 0, "ntp2": 0, "dc1": 61_000}, ("fail", "domain-wrong")),
        ({"ntp1": 0, "ntp2": 0, "dc1": 0, "dc2": 0, "dc3": 1500}, ("fail", "controller-apart")),
        ({"ntp1": 0, "ntp2": 0, "dc1": 0, "dc2": -4000}, ("fail", "controller-apart")),
        ({"ntp1": 0, "ntp2": 0, "dc1": 3000, "dc2": -4000}, ("fail", "controller-apart")),
        ({"ntp1": 0, "ntp2": 0, "dc1": 999.5}, ("unknown", "bound-too-wide")),
        ({"ntp1": 0, "ntp2": 0}, ("unknown", "domain-silent")),
        ({"dc1": 0, "dc2": 0, "dc3": 0}, ("unknown", "no-independent")),
        ({"ntp1": 0}, ("unknown", "one-witness")),
        ({"ntp1": 0, "ntp2": 5000, "dc1": 9000}, ("unknown", "references-disagree")),
        ({"ntp1": 0, "dc1": 187_400, "dc2": 187_400}, ("unknown", "references-disagree")),
        ({}, ("unknown", "no-witness")),
    ],
)
def test_every_reason(offsets: dict[str, float], expected: tuple[str, str]) -> None:
    assert said(world(**offsets)) == expected


@pytest.mark.parametrize(
    ("domain", "offsets", "expected"),
    [
        (Domain(), {}, ("unknown", "no-references")),
        (Domain(references=("ntp1", "ntp2")), {"ntp1": 0, "ntp2": 9}, ("pass", "ok")),
        (Domain(references=("ntp1",)), {"ntp1": 0}, ("unknown", "one-witness")),
        (Domain(controllers=("dc1", "dc2")), {"dc1": 0, "dc2": 0}, ("unknown", "no-independent")),
    ],
)
def test_sites_without_one_kind(domain: Domain, offsets: dict[str, float], expected: tuple[str, str]) -> None:
    assert said(world(domain, **offsets)) == expected


def test_old_answers_are_no_evidence() -> None:
    w = b.World()
    w.references(0, 5, ntp1=0, ntp2=0, dc1=0)
    assert said(w) == ("unknown", "no-witness")


def test_a_wrong_domain_is_measured_with_its_sign_and_its_bound() -> None:
    f = finding(world(ntp1=0, ntp2=0, dc1=-2000, dc2=-2100))
    assert f.measured == -2050 * b.MS
    assert f.bound is not None
    assert 52 * b.MS < f.bound < 53 * b.MS  # half the spread, 1 ms a side, 100 ppm of 3.5 s twice
    assert "-2.05 s" in f.reason
    assert "not to blame" in f.reason
    assert "5 min" in f.remedy
    assert f.provenance == ("ntp@jump",)


def test_the_controller_that_is_apart_is_named_and_the_others_are_not() -> None:
    f = finding(world(ntp1=0, ntp2=0, dc1=0, dc2=4, dc3=90_000))
    assert f.measured == 90_000 * b.MS
    assert "Controller dc3 +90.0 s" in f.reason
    assert "dc1, dc2 are right" in f.reason
    assert f.about == ("dc3",)


def test_a_fault_of_the_whole_domain_is_about_nobody_but_who_is_apart_from_it() -> None:
    assert finding(world(ntp1=0, ntp2=0, dc1=30_000, dc2=30_004)).about == ()
    assert finding(world(ntp1=0, ntp2=0, dc1=30_000, dc2=30_004, dc3=90_000)).about == ("dc3",)
    assert finding(world(ntp1=0, ntp2=0, dc1=30_000, dc2=30_004, dc3=0)).about == ()


def test_a_step_of_the_wave_may_ask_it() -> None:
    ask = world(ntp1=0, ntp2=0, dc1=2000, dc2=2000).ask("time", 99.5)
    step = structs.replace(ask.step, scope="wave", gate=(GateCheck(check="time.reference"),))
    decision = decide(replace(ask, step=step))
    assert (decision.outcome, decision.host) == ("refused", "*")
    assert [m.what for m in decision.missing if m.what != "platform"] == ["time.reference"]


def test_a_domain_that_was_wrong_before_the_mark_is_no_fault_of_the_move() -> None:
    w = world(ntp1=0, ntp2=0, dc1=2000, dc2=2000)
    before = Before("time.reference", Verdict.FAIL, "domain-wrong", 2 * b.S, b.MS)
    w.baseline = Baseline(2, b.at(0), "b1", {"time.reference": before})
    assert finding(w).origin == "pre-existing"


# Nobody else is blamed for the domain, and nobody passes in silence


def test_a_guest_that_follows_a_wrong_domain_is_not_blamed_and_the_sentence_says_so() -> None:
    w = world(guest_ms=FOLLOWS, ntp1=0, ntp2=0, dc1=FOLLOWS, dc2=FOLLOWS)
    f = finding(w, "time.offset", soak=MINUTE)
    assert (f.verdict, f.reason_code) == ("pass", "ok")
    assert "the domain is +187 s off ntp1, ntp2: see time.reference" in f.reason
    assert said(w, "time.jump-host") == ("pass", "ok")
    assert "the domain is +187 s off" in finding(w, "time.jump-host").reason


def test_a_guest_that_is_right_in_a_wrong_domain_is_off_its_domain() -> None:
    w = world(guest_ms=0, ntp1=0, ntp2=0, dc1=FOLLOWS, dc2=FOLLOWS)
    f = finding(w, "time.offset", soak=MINUTE)
    assert (f.verdict, f.reason_code) == ("fail", "offset")
    assert f.measured == round(-FOLLOWS * b.MS)
    assert "off the domain (dc1, dc2)" in f.reason
    assert "the domain is +187 s off" in f.reason


def test_one_controller_far_off_does_not_excuse_a_guest() -> None:
    w = world(guest_ms=FOLLOWS, ntp1=0, ntp2=0, dc1=FOLLOWS)
    f = finding(w, "time.offset", soak=MINUTE)
    assert (f.verdict, f.reason_code) == ("fail", "offset")
    assert "off ntp1, ntp2" in f.reason
    assert "dc1 alone is +187 s off" in f.reason


def test_a_domain_nobody_confirms_is_enough_to_judge_by_and_is_said() -> None:
    f = finding(world(dc1=0, dc2=3), "time.offset", soak=MINUTE)
    assert (f.verdict, f.reason_code) == ("pass", "ok")
    assert "no independent reference confirms the domain" in f.reason


def test_a_sound_domain_needs_no_words() -> None:
    f = finding(world(ntp1=0, ntp2=3, dc1=2, dc2=1), "time.offset", soak=MINUTE)
    assert "time.reference" not in f.reason
    assert "off the domain (dc1, dc2)" in f.reason


# Whole quarter hours


@pytest.mark.parametrize(
    ("offset_s", "whole_s"),
    [
        (3600, 3600),
        (-3601.9, -3600),
        (25_200.3, 25_200),
        (900, 900),
        (-20_700, -20_700),  # UTC+05:45
        (3602.1, None),
        (450, None),
        (1.9, None),
        (0, None),
    ],
)
def test_whole_quarter_hours(offset_s: float, whole_s: int | None) -> None:
    expected = None if whole_s is None else whole_s * b.S
    assert whole_quarters(round(offset_s * b.S)) == expected


@pytest.mark.parametrize(
    ("guest_ms", "expected", "named"),
    [
        (3_600_400, ("fail", "whole-quarter-hours"), "daylight saving time"),
        (-25_200_000, ("fail", "whole-quarter-hours"), "a time zone"),
        (3_597_000, ("fail", "offset"), ""),
        (1_900, ("pass", "warn"), ""),
    ],
)
def test_a_guest_off_by_whole_quarter_hours_has_its_cause_named(
    guest_ms: float, expected: tuple[str, str], named: str
) -> None:
    f = finding(world(guest_ms=guest_ms, ntp1=0, ntp2=0, dc1=0, dc2=0), "time.offset", soak=MINUTE)
    assert (f.verdict, f.reason_code) == expected
    assert ("no drift makes" in f.reason) is bool(named)
    assert named in f.reason
    assert ("hardware clock" in f.remedy) is bool(named)


def test_a_domain_off_by_a_time_zone_is_told_so() -> None:
    f = finding(world(ntp1=0, ntp2=0, dc1=25_200_000, dc2=25_200_100))
    assert f.reason_code == "domain-wrong"
    assert "7.00 h to within 2.00 s, which no drift makes but a time zone" in f.reason


def test_our_own_clock_off_by_an_hour_is_told_so() -> None:
    w = b.World()
    w.see(*(b.ntp(n, s, own_ms=3_600_000) for s in range(0, 100, 16) for n in ("ntp1", "ntp2")))
    f = finding(w, "time.jump-host")
    assert f.reason_code == "own-clock-wrong"
    assert "daylight saving time" in f.reason


# Smear


@pytest.mark.parametrize(
    ("names", "refid", "by"),
    [
        (("time2.google.com",), "", "Google"),
        (("TIME.GOOGLE.COM.",), "", "Google"),
        (("ntp.example.net", "216.239.35.4"), "", "Google"),
        (("2001:4860:4806:0004:0000::",), "", "Google"),
        (("ntp.example.net",), "GOOG", "Google"),
        (("169.254.169.123",), "", "Amazon"),
        (("fd00:ec2::123",), "", "Amazon"),
        (("ntp.example.net",), "A9FEA97B", "Amazon"),  # a relay of 169.254.169.123
        (("time.facebook.com",), "", "Meta"),
        (("0.amazon.pool.ntp.org",), "", None),
        (("time.google.com.example.net",), "", None),
        (("ntp.example.net", "192.0.2.1"), "C0000201", None),
        (("ntp.example.net",), "GPS", None),
        (("ntp.example.net",), "not hex!", None),
    ],
)
def test_smeared_services_are_known(names: tuple[str, ...], refid: str, by: str | None) -> None:
    assert smeared_by(*names, refid=refid) == by


def mixed(leap: str) -> b.World:
    w = b.World()
    w.domain = Domain(references=("time.google.com", "ntp1"))
    for s in range(0, 97, 16):
        w.see(b.ntp("time.google.com", s, refid="GOOG"), b.ntp("ntp1", s, leap=leap))
    return w


def test_mixed_references_are_named_and_fail_only_before_a_leap_second() -> None:
    f = finding(mixed("normal"))
    assert (f.verdict, f.reason_code) == ("pass", "smear-mixed")
    assert "time.google.com smears leap seconds, ntp1 not" in f.reason
    assert said(mixed("insert")) == ("fail", "smear-mixed")
    assert said(mixed("delete")) == ("fail", "smear-mixed")


def test_a_wrong_domain_is_the_graver_fault() -> None:
    w = mixed("insert")
    w.domain = Domain(references=("time.google.com", "ntp1"), controllers=("dc1",))
    w.see(*(b.ntp("dc1", s, 30_000) for s in range(0, 97, 16)))
    assert said(w) == ("fail", "domain-wrong")


@pytest.mark.parametrize(
    ("other", "leap", "expected"),
    [
        (
            ChronySource("server", "combined", "169.254.169.123", 3, 6, 0o377, 10, 0, b.MS),
            "normal",
            "smear-mixed",
        ),
        (ChronySource("server", "combined", "192.0.2.9", 3, 6, 0o377, 10, 0, b.MS), "normal", "ok"),
        # one that never answers gives no time to mix, and a hardware clock does not say what it gives
        (ChronySource("server", "unusable", "169.254.169.123", 0, 6, 0, None, 0, b.MS), "normal", "ok"),
        (ChronySource("refclock", "combined", "169.254.169.123", 0, 4, 0o377, 1, 0, b.MS), "normal", "ok"),
    ],
)
def test_a_guests_own_mixed_sources_are_named(other: ChronySource, leap: str, expected: str) -> None:
    assert provider(other, leap) == ("pass", expected)


def test_a_guests_own_mixed_sources_fail_before_a_leap_second() -> None:
    smeared = ChronySource("server", "combined", "169.254.169.123", 3, 6, 0o377, 10, 0, b.MS)
    plain = ChronySource("server", "combined", "192.0.2.9", 3, 6, 0o377, 10, 0, b.MS)
    assert provider(smeared, "insert") == ("fail", "smear-mixed")
    assert provider(plain, "insert") == ("pass", "ok")


def provider(other: ChronySource, leap: str) -> tuple[str, str]:
    facts = b.chrony(95, leap=leap)
    w = b.World()
    w.see(
        b.observed("chrony", 95, structs.replace(facts, sources=(*facts.sources, other))),
        b.observed("timesyncd", 95, Failure(FailureKind.TOOL_ABSENT, "not installed")),
        b.observed("services", 95, b.services("chronyd")),
    )
    return said(w, "time.provider")
