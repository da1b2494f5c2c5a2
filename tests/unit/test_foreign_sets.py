"""Somebody besides the one writer: by the guest's log, and by what the clock does."""

from __future__ import annotations

import pytest
from msgspec import structs

from probes.facts_writers import ClockSet, StepsFacts
from probes.observation import Family
from tests.unit import evidence_builders as b
from tests.unit.test_checks_time import finding

NOW = 600.0


def world(*processes: str) -> b.World:
    """A guest on AHV with these daemons, read a moment ago."""
    made = b.World()
    made.references(0, NOW)
    made.see(b.observed("services", NOW - 2, b.services(*(processes or ("chronyd",)))))
    made.see(b.observed("platform", NOW - 2, b.platform()))
    return made


def logged(*sets: ClockSet, more: bool = False, up_s: float = 7200) -> StepsFacts:
    return StepsFacts(sets=sets, more=more, up_ns=round(up_s * b.S))


def one(by: str | None, ago_s: float, amount_ns: int | None = -2 * b.S, up_s: float = 7200) -> ClockSet:
    return ClockSet(by, round((up_s - ago_s) * b.S), b.UTC0, amount_ns)


def said(made: b.World) -> tuple[str, str]:
    found = finding(made, "time.single-master", NOW)
    return str(found.verdict), found.reason_code


def path(made: b.World, *points: tuple[float, float]) -> None:
    """One sample a second; points are (from second, offset in ms), the last holds until now."""
    for (first, offset_ms), (last, _) in zip(points, (*points[1:], (NOW, 0.0)), strict=True):
        made.tick(first, last - 1, offset_ms)


def slewed(made: b.World, first: float, from_ms: float, step_ms: float = 80) -> float:
    """Worked off by so much each second; returns when it is zero."""
    at, left = first, from_ms
    while abs(left) > step_ms:
        made.guest.add_sample(10_000 + len(made.guest.samples), b.sample(at, left))
        at, left = at + 1, left - (step_ms if left > 0 else -step_ms)
    return at


# The log


def test_a_quiet_log_and_a_quiet_clock_leave_one_writer_alone() -> None:
    made = world()
    made.see(b.observed("steps", NOW - 1, logged()))
    path(made, (0, 3))
    assert said(made) == ("pass", "ok")


def test_a_step_without_an_author_accuses_nobody_while_a_line_was_not_understood() -> None:
    made = world()
    made.see(b.observed("steps", NOW - 1, logged(one(None, 60))))
    assert said(made) == ("fail", "several-writers")
    made.see(b.observed("steps", NOW - 1, structs.replace(logged(one(None, 60)), skipped=1)))
    assert said(made) == ("pass", "ok")


def test_a_log_that_may_not_be_read_says_nothing() -> None:
    made = world()
    made.see(b.observed("steps", NOW - 1, StepsFacts(None, False, 7200 * b.S)))
    assert said(made) == ("pass", "ok")
    made.see(b.observed("steps", NOW - 1, b.DENIED))
    assert said(made) == ("pass", "ok")


@pytest.mark.parametrize(
    ("by", "ago_s", "expected"),
    [
        ("ntpdate", 60, "several-writers"),
        ("chronyd -q", 3600, "several-writers"),  # a job that will come again
        ("timedatectl set-time", 60, "several-writers"),
        ("timedatectl set-time", 3600, "ok"),  # a person, an hour ago
        ("chronyd", 60, "ok"),
        ("ntpdate", 7140, "ok"),  # in the guest's first two minutes
        (None, 60, "several-writers"),
        (None, 3600, "ok"),
    ],
)
def test_who_says_that_he_set_the_clock_is_a_writer(by: str | None, ago_s: float, expected: str) -> None:
    made = world()
    made.see(b.observed("steps", NOW - 1, logged(one(by, ago_s))))
    assert said(made)[1] == expected


def test_the_program_its_amount_and_its_moment_are_named() -> None:
    made = world()
    made.see(b.observed("steps", NOW - 1, logged(one("ntpdate", 60, -1_900_000_000))))
    found = finding(made, "time.single-master", NOW)
    assert found.reason == (
        "chronyd runs alone (VMware Tools cannot act on ahv), and yet ntpdate set the clock by -1.90 s "
        "01:01 ago, says the guest's log."
    )
    assert "steps@guest" in found.provenance


def test_a_step_from_before_the_last_disturbance_is_over() -> None:
    made = world()
    made.see(b.observed("steps", NOW - 1, logged(one("ntpdate", 60))))
    made.voids = {Family.TIME: b.at(NOW - 50)}
    assert said(made) == ("pass", "ok")
    made.voids = {Family.TIME: b.at(NOW - 70)}
    assert said(made) == ("fail", "several-writers")


@pytest.mark.parametrize(
    ("before_s", "expected"),
    [(0.9, ("pass", "ok")), (1.1, ("fail", "several-writers"))],
)
def test_a_step_within_the_second_of_a_disturbance_is_part_of_it(
    before_s: float, expected: tuple[str, str]
) -> None:
    """The log's stamps and ours are read a moment apart: an action's own step may seem to come after it."""
    made = world()
    made.see(b.observed("steps", NOW - 1, logged(one("ntpdate", 60))))
    stepped = NOW - 1.1 - 60  # when it was read, less its age then
    made.voids = {Family.TIME: b.at(stepped - before_s)}
    assert said(made) == expected


def test_a_witness_is_explained_by_who_logged_a_step_with_it() -> None:
    made = world()
    made.see(b.observed("steps", NOW - 1, logged(one(None, 60), one("chronyd", 60.2))))
    assert said(made) == ("pass", "ok")
    made.see(b.observed("steps", NOW - 0.5, logged(one(None, 60), one("chronyd", 90))))
    assert said(made) == ("fail", "several-writers")


def test_a_witness_says_nothing_where_the_writer_never_logs_its_steps() -> None:
    made = world("systemd-timesyncd")
    made.see(b.observed("steps", NOW - 1, logged(one(None, 60))))
    assert said(made) == ("pass", "ok")


def test_the_oldest_witness_of_a_list_that_was_cut_may_have_lost_its_line() -> None:
    made = world()
    own = (one(None, 10), one("chronyd", 10.1), one(None, 60))
    made.see(b.observed("steps", NOW - 1, logged(*own, more=True)))
    assert said(made) == ("pass", "ok")


# The samples


def test_a_clock_set_off_and_brought_back_has_two_masters() -> None:
    made = world()
    path(made, (100, 1), (300, 1))
    made.guest.samples.cut_after(10_000 + 199)
    end = slewed(made, 300, -1900)
    made.tick(end, NOW - 1, -1)
    found = finding(made, "time.single-master", NOW)
    assert (str(found.verdict), found.reason_code, found.measured) == ("fail", "several-writers", 2)
    assert "off by -1.90 s 05:00 ago" in found.reason


def test_it_counts_only_since_the_last_disturbance() -> None:
    made = world()
    made.tick(100, 299, 1)
    made.tick(slewed(made, 300, -1900), NOW - 1, -1)
    made.voids = {Family.TIME: b.at(301)}
    assert said(made) == ("pass", "ok")


def test_a_clock_that_is_set_off_and_stays_there_is_not_fought_over() -> None:
    made = world()
    path(made, (100, 1), (300, -1900))
    assert said(made) == ("pass", "ok")


@pytest.mark.parametrize(("left_ms", "expected"), [(-960, "ok"), (-940, "several-writers")])
def test_brought_back_is_half_of_the_way_at_least(left_ms: float, expected: str) -> None:
    """Set off by -1.9 s, slewed a part of it back, and left there."""
    made = world()
    made.tick(100, 299, 0)
    at, now_ms = 300.0, -1900.0
    while now_ms < left_ms:
        made.guest.add_sample(20_000 + int(at), b.sample(at, now_ms))
        at, now_ms = at + 1, min(now_ms + 80, left_ms)
    made.tick(at, NOW - 1, left_ms)
    assert said(made)[1] == expected


def test_a_step_towards_the_time_is_a_correction() -> None:
    made = world()
    path(made, (100, -1900), (300, 1))
    assert said(made) == ("pass", "ok")


@pytest.mark.parametrize(("gap_s", "expected"), [(3, "ok"), (1, "several-writers")])
def test_a_guest_that_stood_still_was_not_set(gap_s: float, expected: str) -> None:
    """Three seconds behind after three seconds without a reading is a pause; after one second it is not."""
    made = world()
    made.tick(100, 299, 1)
    made.tick(slewed(made, 299 + gap_s, -2990), NOW - 1, -1)
    assert said(made)[1] == expected


def test_slewing_is_no_step() -> None:
    made = world()
    made.tick(100, 199, 0)
    for n in range(60):
        made.guest.add_sample(20_000 + n, b.sample(200 + n, -100 * min(n, 60 - n)))
    made.tick(260, NOW - 1, 0)
    assert said(made) == ("pass", "ok")


def test_a_reference_that_jumps_sets_nobodys_clock() -> None:
    made = world()
    made.domain = None
    made.tick(100, NOW - 1, 0)
    for s in range(300, 330, 4):
        made.see(b.ntp("ntp1", s, 2500), b.ntp("ntp2", s, 2500))
    assert said(made) == ("pass", "ok")
