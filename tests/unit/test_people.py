"""A clock read by two people: what they may type, what the fold takes, and a site that has nothing else."""

from __future__ import annotations

import pytest

from cutover_tui.core.finding import Finding
from cutover_tui.core.gate import judge
from cutover_tui.core.people import LATE_NS, NAME_CHARACTERS, PeopleRead, reading_problem, typed_utc
from cutover_tui.core.runbook import Domain, GateCheck
from cutover_tui.record.events import ClockRead, Event
from cutover_tui.record.state import Contradiction, State
from probes.facts_time import GuestNtpFacts

from . import evidence_builders as b
from .test_fold import STARTED

NOON = 1_795_694_400 * b.S  # 2026-11-26 12:00:00 UTC


@pytest.mark.parametrize(
    ("text", "near_s", "expected_s"),
    [
        ("12:00:07", 0, 7),
        (" 12:00:07Z ", 0, 7),
        ("2026-11-26 12:00:07", 900_000, 7),
        ("2026-11-26T12:00:07Z", 0, 7),
        ("00:00:01", 0, 43_201 - 86_400),  # as near as the other midnight, and earlier
        ("00:00:01", 43_190, 43_201),
        ("23:59:59", -43_190, -43_201),
        ("12:00", 0, None),
        ("25:00:00", 0, None),
        ("2026-02-30 12:00:00", 0, None),
        ("12:00:60", 0, None),
        ("noon", 0, None),
        ("", 0, None),
    ],
)
def test_what_is_typed_is_utc_of_the_nearest_day(text: str, near_s: int, expected_s: int | None) -> None:
    found = typed_utc(text, NOON + near_s * b.S)
    assert found == (NOON + expected_s * b.S if expected_s is not None else None)


@pytest.mark.parametrize(
    ("first", "second", "utc_ns"),
    [
        ("ana", "ana", NOON),
        ("ana", "ANA", NOON),
        ("ana", "\uff41na", NOON),  # full-width letters
        ("ana", "", NOON),
        ("ana", " raj", NOON),
        ("ana", "r\x1b[2Jaj", NOON),
        ("ana", "r" * (NAME_CHARACTERS + 1), NOON),
        ("ana", "raj", 0),
        ("ana", "raj", 2**63),
    ],
)
def test_what_is_no_reading_by_two_people(first: str, second: str, utc_ns: int) -> None:
    assert reading_problem(first, second, utc_ns)
    with pytest.raises(Contradiction):
        folded(ClockRead(b.at(5), utc_ns, first, second))


def folded(*bodies: ClockRead, recorded: float = 5.0) -> State:
    state = State()
    state.apply(Event(1, "", b.ANCHOR, "ana", STARTED))
    for n, body in enumerate(bodies):
        state.apply(Event(state.seq + 1, "", b.at(recorded + n), "ana", body))
    return state


def test_the_fold_keeps_the_moment_of_the_key_press() -> None:
    state = folded(ClockRead(b.at(4), NOON, "ana", "raj"))
    assert state.read == [PeopleRead(b.at(4), NOON, "ana", "raj")]


@pytest.mark.parametrize("pressed", [5.001, 5 - LATE_NS / b.S - 0.001])
def test_a_key_press_at_another_time_than_the_record_is_none(pressed: float) -> None:
    with pytest.raises(Contradiction):
        folded(ClockRead(b.at(pressed), NOON, "ana", "raj"))


# A site in which nothing else may be asked


def site(*, dc_ms: float = 0, read_ms: float | None = None, guest_ms: float = 0, at: float = 60) -> b.World:
    """The guest reaches dc1 only; two people may have read a clock a minute in."""
    w = b.World()
    w.domain = Domain(controllers=("dc1",), references=("ntp1",))
    w.tick(0, 100, offset_ms=guest_ms)
    for seconds in (20.5, 80.5):
        facts = GuestNtpFacts("dc1", "sntp", round((guest_ms - dc_ms) * b.MS), b.MS, 3, "normal", "0A000001")
        w.see(b.observed("ntp-guest", seconds, facts))
    if read_ms is not None:
        moment = b.at(at)
        w.read = (PeopleRead(moment, moment.utc_ns + round(read_ms * b.MS), "ana", "raj"),)
    return w


def finding(w: b.World, check: str, now: float = 100, **asked: object) -> Finding:
    question = w.ask("time", now)
    return judge(GateCheck(check=check, **asked), question.subjects[0], question)


def said(w: b.World, check: str, **asked: object) -> tuple[str, str]:
    f = finding(w, check, **asked)
    return str(f.verdict), f.reason_code


def test_without_any_witness_it_stays_unknown() -> None:
    w = site()
    assert said(w, "time.jump-host") == ("unknown", "one-witness")
    assert "key u" in finding(w, "time.jump-host").remedy
    assert said(w, "time.offset", soak=60 * b.S) == ("unknown", "own-clock")


def test_a_reading_makes_it_decidable_and_the_finding_says_by_whom() -> None:
    w = site(read_ms=900)
    jump = finding(w, "time.jump-host")
    assert (jump.verdict, jump.reason_code) == ("pass", "coarse")
    assert "a clock read by ana + raj" in jump.reason
    offset = finding(w, "time.offset", soak=20 * b.S)
    assert offset.verdict == "pass"
    assert "the domain (dc1 (asked by the guest))" in offset.reason
    reference = finding(w, "time.reference")
    assert (reference.verdict, reference.reason_code) == ("pass", "coarse")
    assert "as closely as that tells" in reference.reason


@pytest.mark.parametrize("dc_ms", [187_400, -4000])
def test_a_domain_that_contradicts_people_is_not_passed(dc_ms: float) -> None:
    w = site(dc_ms=dc_ms, guest_ms=dc_ms, read_ms=0)
    assert said(w, "time.jump-host") == ("unknown", "witnesses-disagree")
    assert finding(w, "time.reference").verdict == "unknown"
    assert said(w, "time.offset", soak=60 * b.S) == ("unknown", "own-clock")


def test_a_guest_that_is_off_is_measured_by_its_controller() -> None:
    w = site(guest_ms=-9000, read_ms=0)
    f = finding(w, "time.offset", soak=60 * b.S)
    assert (f.verdict, f.reason_code, f.measured) == ("fail", "offset", -9000 * b.MS)
    assert f.bound is not None
    assert f.bound < 20 * b.MS, "people confirm, they do not widen"


def test_a_reading_counts_for_ten_minutes_and_on_this_boot_only() -> None:
    w = site(read_ms=0)
    assert finding(w, "time.jump-host").verdict == "pass"
    later = 60 + 601
    w.see(b.observed("ntp-guest", later - 10, GuestNtpFacts("dc1", "sntp", 0, b.MS, 3, "normal", "0A000001")))
    w.tick(later - 20, later)
    assert finding(w, "time.jump-host", now=later - 2).verdict == "pass"
    assert finding(w, "time.jump-host", now=later).verdict == "unknown"
    w.read = (PeopleRead(b.Instant("another-boot", 60 * b.S, 0), NOON, "ana", "raj"),)
    assert finding(w, "time.jump-host", now=100).verdict == "unknown"


def test_what_a_guest_asked_is_kept_as_long_as_its_samples_are() -> None:
    """A live decision that looks back for hours must see what the audit sees on the tape."""
    w = site()
    w.see(b.observed("services", 90, b.services()), b.observed("ntp-guest", 95, b.ABSENT))
    w.guest.forget(92 * b.S, 50 * b.S, frozenset({"ntp-guest"}))
    assert [(o.reader, o.ended.boottime_ns) for o in w.guest.observations] == [
        ("ntp-guest", round(80.5 * b.S)),
        ("ntp-guest", 95 * b.S),
    ]
    assert w.guest.observation_lines == [2, 4]
