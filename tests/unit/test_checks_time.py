"""Each check of the time family says the right thing for the right reason."""

from __future__ import annotations

import itertools
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from cutover_tui.core.evidence import Baseline, MarkPoint
from cutover_tui.core.finding import Finding, Verdict
from cutover_tui.core.gate import judge
from cutover_tui.core.runbook import GateCheck
from probes.facts_time import Puller, Unit
from probes.observation import Failure, FailureKind, Family

from . import evidence_builders as b


def finding(world: b.World, check: str, now: float, **asked: object) -> Finding:
    question = world.ask("time", now)
    return judge(GateCheck(check=check, **asked), question.subjects[0], question)


def said(world: b.World, check: str, now: float, **asked: object) -> tuple[str, str]:
    f = finding(world, check, now, **asked)
    return str(f.verdict), f.reason_code


# time.jump-host


def test_two_agreeing_references_are_enough() -> None:
    world = b.World()
    world.references(0, 64)
    assert said(world, "time.jump-host", 65) == ("pass", "ok")


@pytest.mark.parametrize(
    ("offsets", "expected"),
    [
        ({}, ("unknown", "no-witness")),
        ({"ntp1": 0}, ("unknown", "one-witness")),
        ({"ntp1": 0, "ntp2": 1500}, ("unknown", "witnesses-disagree")),
        ({"ntp1": 0, "ntp2": 3, "dc1": 187_400}, ("pass", "ok")),
        ({"dc1": 187_400, "dc2": 187_401, "ntp1": 0, "ntp2": 2}, ("pass", "ok")),  # the domain's problem
        ({"dc1": 0, "dc2": 1}, ("pass", "ok")),  # nobody contradicts them
        ({"dc1": 0, "dc2": 1, "ntp1": 2000}, ("unknown", "witnesses-disagree")),
        ({"dc1": 0, "ntp1": 100, "ntp2": 5000}, ("pass", "ok")),  # the domain has a vote
    ],
)
def test_references_are_believed_only_together(offsets: dict[str, float], expected: tuple[str, str]) -> None:
    world = b.World()
    if offsets:
        world.references(0, 64, **offsets)
    assert said(world, "time.jump-host", 65) == expected


def test_our_own_wrong_clock_is_blamed_on_ourselves_and_on_no_guest() -> None:
    world = b.World()
    world.see(*(b.ntp(n, s, own_ms=360_000) for s in range(0, 100, 16) for n in ("ntp1", "ntp2")))
    world.tick(30, 97)
    assert said(world, "time.jump-host", 97) == ("fail", "own-clock-wrong")
    assert said(world, "time.offset", 97.5, soak=60 * b.S) == ("pass", "ok")


def test_silent_references_are_forgotten() -> None:
    world = b.World()
    world.references(0, 32)
    assert said(world, "time.jump-host", 32 + 200) == ("unknown", "no-witness")


# time.offset


def test_offset_passes_only_after_the_soak() -> None:
    world = b.World()
    world.references(0, 80)
    world.tick(10, 69.2)
    assert said(world, "time.offset", 69.5, soak=60 * b.S) == ("unknown", "soaking")
    world.tick(70, 71)
    assert said(world, "time.offset", 71.2, soak=60 * b.S) == ("pass", "ok")


def test_a_gap_longer_than_two_intervals_restarts_the_soak() -> None:
    world = b.World()
    world.references(0, 100)
    world.tick(10, 60)
    world.tick(63, 90)
    f = finding(world, "time.offset", 90.5, soak=60 * b.S)
    assert f.reason_code == "soaking"
    assert f.soak is not None
    assert f.soak.held_ns == 27 * b.S


def test_one_missed_sample_does_not_restart_it() -> None:
    world = b.World()
    world.references(0, 100)
    world.tick(10, 60)
    world.tick(62, 90)
    assert said(world, "time.offset", 90.5, soak=60 * b.S) == ("pass", "ok")


def test_one_bad_sample_restarts_it() -> None:
    world = b.World()
    world.references(0, 130)
    world.tick(10, 50)
    world.tick(51, 51, offset_ms=5001)
    world.tick(52, 100)
    f = finding(world, "time.offset", 100.5, soak=60 * b.S)
    assert (f.verdict, f.reason_code) == (Verdict.UNKNOWN, "soaking")
    assert f.soak is not None
    assert "+5.00 s" in (f.soak.broken_by or "")


@pytest.mark.parametrize(
    ("offset_ms", "rtt_ms", "expected"),
    [
        (4900, 2, ("pass", "warn")),
        (-4900, 2, ("pass", "warn")),
        (4900, 400, ("unknown", "bound-too-wide")),
        (5300, 400, ("fail", "offset")),
        (-412_000, 2, ("fail", "offset")),
        (999, 1, ("pass", "warn")),  # with its bound it is above the warning
        (900, 1, ("pass", "ok")),
    ],
)
def test_the_bound_counts_against_the_limit(
    offset_ms: float, rtt_ms: float, expected: tuple[str, str]
) -> None:
    world = b.World()
    world.references(0, 100)
    world.tick(10, 90, offset_ms=offset_ms, rtt_ms=rtt_ms)
    assert said(world, "time.offset", 90.5, soak=60 * b.S) == expected


def test_the_guest_is_compared_with_the_references_not_with_us() -> None:
    world = b.World()
    world.references(0, 100, ntp1=250_000, ntp2=250_001)
    world.tick(10, 90, offset_ms=250_000)
    assert said(world, "time.offset", 90.5, soak=60 * b.S) == ("pass", "ok")


def test_no_data_is_unknown() -> None:
    world = b.World()
    world.references(0, 100)
    assert said(world, "time.offset", 90, soak=60 * b.S) == ("unknown", "no-samples")
    world.tick(10, 80)
    assert said(world, "time.offset", 90, soak=60 * b.S) == ("unknown", "stale")


def test_without_two_witnesses_no_guest_is_judged() -> None:
    world = b.World()
    world.references(0, 100, ntp1=0)
    world.tick(10, 90)
    assert said(world, "time.offset", 90.5, soak=60 * b.S) == ("unknown", "own-clock")


def test_a_disturbance_of_time_voids_samples_before_it_and_others_do_not() -> None:
    world = b.World()
    world.references(0, 100)
    world.tick(10, 90)
    world.voids = {Family.IDENTITY: b.at(60)}
    assert said(world, "time.offset", 90.5, soak=60 * b.S) == ("pass", "ok")
    world.voids = {Family.TIME: b.at(60)}
    f = finding(world, "time.offset", 90.5, soak=60 * b.S)
    assert f.soak is not None
    assert f.soak.held_ns == 29 * b.S


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0.2, 4.0), st.floats(-8000, 8000), st.floats(0.1, 6000)),
        min_size=1,
        max_size=120,
    )
)
def test_a_passing_soak_has_no_violation_and_no_gap_in_it(path: list[tuple[float, float, float]]) -> None:
    """Checked against independent arithmetic over the same samples."""
    world = b.World()
    now, points = 0.0, []
    for wait, offset, rtt in path:
        now += wait
        points.append((now, offset, rtt))
        world.guest.add_sample(len(points), b.sample(now, offset, rtt))
    world.references(0, now + 1)
    f = finding(world, "time.offset", now + 0.1, soak=60 * b.S)
    if f.verdict is not Verdict.PASS:
        return
    last = points[-1][0]
    inside = [p for p in points if p[0] >= last - 60]
    assert last - points[0][0] >= 60 - 1e-6
    assert all(abs(offset) + rtt / 2 <= 5000 + 1e-3 for _, offset, rtt in inside)
    edge = [p for p in points if p[0] < last - 60][-1:] + inside
    assert all(y[0] - x[0] <= 2.5 + 1e-6 for x, y in itertools.pairwise(edge[1:]))


# time.provider


def provider(world: b.World) -> tuple[str, str]:
    return said(world, "time.provider", 100)


def with_chrony(facts: object, services: object | None = None) -> b.World:
    world = b.World()
    world.see(
        b.observed("chrony", 95, facts),
        b.observed("timesyncd", 95, b.ABSENT),
        b.observed("ntpq", 95, b.ABSENT),
        b.observed("services", 95, services or b.services("chronyd")),
    )
    return world


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (b.chrony(95), ("pass", "ok")),
        (b.chrony(95, reach=0o7), ("pass", "ok")),
        (b.chrony(95, reach=0o3), ("unknown", "few-updates")),
        (b.chrony(95, reach=0, state="unusable"), ("fail", "no-reachable-source")),
        (
            structs.replace(b.chrony(95, reach=0, state="unusable"), ref_time_ns=None),
            ("unknown", "no-answer-yet"),
        ),
        (b.chrony(95, slewing_s=-400), ("pass", "ok")),
        (b.chrony(95, slewing_s=400), ("pass", "ok")),
        (b.chrony(95, slewing_s=-400, age_s=400), ("fail", "stale-update")),
        (b.chrony(95, age_s=-5), ("unknown", "update-in-future")),
        (b.chrony(95, state="falseticker"), ("unknown", "not-selected")),
        (b.chrony(95, refid="7F7F0101"), ("fail", "local-reference")),
        (b.chrony(95, leap="unsynchronised"), ("fail", "unsynchronised")),
        (b.chrony(95, age_s=193), ("fail", "stale-update")),  # three polls of 64 s are 192 s
        (b.chrony(95, age_s=192), ("pass", "ok")),
        (b.CHRONY_DOWN, ("unknown", "not-answering")),  # its process runs
        (b.ABSENT, ("unknown", "not-answering")),
        (b.DENIED, ("unknown", "denied")),
        (Failure(FailureKind.TIMEOUT, "10 s"), ("unknown", "timeout")),
    ],
)
def test_a_provider_is_named_or_missing(facts: object, expected: tuple[str, str]) -> None:
    assert provider(with_chrony(facts)) == expected


@pytest.mark.parametrize(
    ("poll", "age_s", "asked", "expected"),
    [
        (12, 3 * 3600, {}, ("fail", "stale-update")),
        (17, 3 * 86400, {}, ("fail", "stale-update")),
        (12, 3600, {}, ("pass", "ok")),
        (12, 3 * 3600, {"params": {"silent": 12 * 3600 * b.S}}, ("pass", "ok")),
    ],
)
def test_however_long_its_polls_are_a_provider_is_not_silent_for_hours(
    poll: int, age_s: int, asked: dict[str, object], expected: tuple[str, str]
) -> None:
    world = with_chrony(b.chrony(98, poll=poll, age_s=age_s))
    assert said(world, "time.provider", 100, **asked) == expected


def test_a_source_that_was_never_heard_is_not_heard_just_now() -> None:
    facts = b.chrony(98)
    source = structs.replace(facts.sources[0], last_rx_s=None)
    world = with_chrony(structs.replace(facts, sources=(source,)))
    assert provider(world) == ("unknown", "no-update-time")
    assert "last heard dc1" in finding(world, "time.provider", 100).reason


@pytest.mark.parametrize(("age_s", "expected"), [(3600, "ok"), (3 * 3600, "stale-update")])
def test_a_ceiling_holds_of_timesyncd_too(age_s: int, expected: str) -> None:
    world = b.World()
    facts = structs.replace(b.timesyncd(98, age_s=age_s), poll_interval_ns=6 * 3600 * b.S)
    world.see(
        b.observed("chrony", 98, b.ABSENT),
        b.observed("timesyncd", 98, facts),
        b.observed("services", 98, b.services("systemd-timesyncd")),
    )
    assert provider(world)[1] == expected


def second_source(age_s: int, **changes: object) -> object:
    """chronyd whose selected source was last heard then, and another beside it."""
    facts = b.chrony(95, age_s=age_s)
    other = structs.replace(
        facts.sources[0], **{"name": "dc2", "state": "combined", "last_rx_s": 20, **changes}
    )
    return structs.replace(facts, sources=(*facts.sources, other))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (second_source(192), ("pass", "ok")),
        (second_source(193), ("unknown", "source-silent")),
        (second_source(11 * 64), ("unknown", "source-silent")),
        (second_source(11 * 64 + 1), ("fail", "stale-update")),
        (second_source(193, reach=0o10), ("fail", "stale-update")),
        (second_source(193, state="falseticker"), ("fail", "stale-update")),
        (second_source(193, last_rx_s=193), ("fail", "stale-update")),
        (second_source(193, last_rx_s=None), ("fail", "stale-update")),
    ],
)
def test_a_silent_source_beside_others_that_answer_is_waited_for(
    facts: object, expected: tuple[str, str]
) -> None:
    assert provider(with_chrony(facts)) == expected


def test_a_daemon_without_an_answer_gets_a_moment_and_no_more() -> None:
    world = with_chrony(b.ABSENT)
    deaf = structs.replace(b.chrony(0, reach=0, state="unusable"), ref_time_ns=None)
    world.see(b.observed("chrony", 96, deaf), b.observed("services", 96, b.services("chronyd")))
    assert said(world, "time.provider", 100) == ("unknown", "no-answer-yet")
    world.see(*(b.observed("chrony", s, deaf) for s in (111, 126, 141)))
    world.see(b.observed("services", 141, b.services("chronyd")), b.observed("timesyncd", 141, b.ABSENT))
    assert said(world, "time.provider", 142) == ("fail", "no-reachable-source")


@pytest.mark.parametrize("facts", [b.CHRONY_DOWN, b.ABSENT])
def test_no_process_and_no_answer_is_no_provider(facts: object) -> None:
    assert provider(with_chrony(facts, b.services())) == ("fail", "no-provider")


@pytest.mark.parametrize(
    ("enabled", "expected"),
    [
        ("enabled", ("pass", "ok")),
        ("disabled", ("fail", "not-at-boot")),
        ("enabled-runtime", ("fail", "not-at-boot")),
        (None, ("unknown", "boot-unknown")),
    ],
)
def test_a_provider_that_does_not_start_at_boot_is_none(
    enabled: str | None, expected: tuple[str, str]
) -> None:
    assert provider(with_chrony(b.chrony(95), b.services("chronyd", enabled=enabled))) == expected


WANTED = {"pulled_by": (Puller("multi-user.target"),)}
CUSTOM = {"pulled_by": (Puller("ours.target"),)}
BY_A_SERVICE = {"pulled_by": (Puller("qemu-guest-agent.service"),)}
ALONE: dict[str, object] = {"pulled_by": (), "triggered_by": ()}
TIMER = {"pulled_by": (), "triggered_by": (Puller("chrony.timer", "enabled"),)}
TIMER_OFF = {"pulled_by": (), "triggered_by": (Puller("chrony.timer", "disabled"),)}


@pytest.mark.parametrize("enabled", ["static", "indirect", "generated", "alias"])
@pytest.mark.parametrize(
    ("pulled", "expected"),
    [
        (WANTED, ("pass", "ok")),
        (TIMER, ("pass", "ok")),
        (ALONE, ("fail", "not-at-boot")),
        (CUSTOM, ("unknown", "boot-unknown")),
        (BY_A_SERVICE, ("unknown", "boot-unknown")),
        (TIMER_OFF, ("unknown", "boot-unknown")),
        ({}, ("unknown", "boot-unknown")),  # an init that does not show it
    ],
)
def test_a_unit_nobody_enables_starts_at_boot_where_something_that_does_pulls_it_in(
    enabled: str, pulled: dict[str, object], expected: tuple[str, str]
) -> None:
    facts = b.services("chronyd", enabled=enabled)
    (unit,) = facts.units
    made = structs.replace(facts, units=(structs.replace(unit, **pulled),))
    assert provider(with_chrony(b.chrony(95), made)) == expected


@pytest.mark.parametrize(
    ("enabled", "pulled", "expected"),
    [
        ("disabled", TIMER, ("pass", "ok")),
        ("disabled", WANTED, ("fail", "not-at-boot")),  # until the next daemon-reload
        ("enabled-runtime", WANTED, ("fail", "not-at-boot")),
        ("masked", TIMER, ("fail", "not-at-boot")),
    ],
)
def test_what_pulls_a_unit_in_that_may_not_start_counts_for_nothing(
    enabled: str, pulled: dict[str, object], expected: tuple[str, str]
) -> None:
    facts = b.services("chronyd", enabled=enabled)
    (unit,) = facts.units
    made = structs.replace(facts, units=(structs.replace(unit, **pulled),))
    assert provider(with_chrony(b.chrony(95), made)) == expected


def test_a_unit_that_an_enabled_service_wants_starts_with_it() -> None:
    facts = b.services("chronyd", enabled="static")
    (unit,) = facts.units
    wanted = structs.replace(unit, pulled_by=(Puller("cloud.service"),))
    units = (wanted, Unit("cloud.service", "loaded", "active", "enabled"))
    assert provider(with_chrony(b.chrony(95), structs.replace(facts, units=units))) == ("pass", "ok")


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [(3, ("pass", "ok")), (4, ("unknown", "no-update-since")), (20, ("unknown", "no-update-since"))],
)
def test_an_update_from_before_a_disturbance_does_not_show_that_the_source_is_still_there(
    age_s: int, expected: tuple[str, str]
) -> None:
    """Read 5 s after the disturbance, in whole seconds: one of 4 s ago may be older than that."""
    world = with_chrony(b.chrony(95, age_s=age_s))
    world.voids = {Family.TIME: b.at(90)}
    assert provider(world) == expected
    world.voids = {Family.NETWORK: b.at(90)}
    assert provider(world) == ("pass", "ok")


@pytest.mark.parametrize(("age_s", "expected"), [(3, "ok"), (20, "no-update-since")])
def test_the_same_holds_of_timesyncd(age_s: int, expected: str) -> None:
    world = b.World()
    world.see(
        b.observed("chrony", 95, b.ABSENT),
        b.observed("timesyncd", 95, b.timesyncd(95, age_s=age_s)),
        b.observed("services", 95, b.services("systemd-timesyncd")),
    )
    world.voids = {Family.TIME: b.at(90)}
    assert said(world, "time.provider", 100)[1] == expected


def test_a_small_offset_is_no_provider() -> None:
    world = with_chrony(b.ABSENT, b.services())
    world.references(0, 100)
    world.tick(10, 99)
    assert provider(world) == ("fail", "no-provider")


def test_nothing_read_is_unknown() -> None:
    assert provider(b.World()) == ("unknown", "not-read")


def test_an_old_reading_does_not_count() -> None:
    world = with_chrony(b.chrony(95))
    assert said(world, "time.provider", 95 + 121) == ("unknown", "not-read")


# time.single-master


@pytest.mark.parametrize(
    ("where", "processes", "vmtools", "expected"),
    [
        ("ahv", ("chronyd",), b.tools(), ("pass", "ok")),  # residue cannot act off VMware
        ("ahv", (), b.tools(), ("fail", "no-writer")),
        ("ahv", ("chronyd", "ntpd"), None, ("fail", "several-writers")),
        ("vmware", ("chronyd",), b.tools(), ("fail", "several-writers")),  # one-time sync is on by default
        ("vmware", ("chronyd",), b.tools(disable_all=True), ("pass", "ok")),
        ("vmware", ("chronyd",), b.tools(periodic=True), ("fail", "several-writers")),
        ("vmware", (), b.tools(periodic=True), ("pass", "ok")),
        ("vmware", ("chronyd",), b.tools(periodic=True, disable_all=True), ("pass", "ok")),
        (
            "vmware",
            ("chronyd",),
            b.tools(disable_all=None, conf_visible=False),
            ("unknown", "tools-conf-not-visible"),
        ),
        ("vmware", ("chronyd",), b.DENIED, ("unknown", "denied")),
        ("vmware", ("chronyd",), None, ("unknown", "not-read")),
        ("unknown", ("chronyd",), None, ("unknown", "platform-unknown")),
    ],
)
def test_exactly_one_writer_that_can_act_here(
    where: str, processes: tuple[str, ...], vmtools: object, expected: tuple[str, str]
) -> None:
    world = b.World()
    world.see(
        b.observed("services", 95, b.services(*processes)), b.observed("platform", 95, b.platform(where))
    )
    if vmtools is not None:
        world.see(b.observed("vmtools", 95, vmtools))
    assert said(world, "time.single-master", 100) == expected


def test_a_loop_that_is_switched_off_sets_nothing_and_the_rest_of_tools_may() -> None:
    """`disable-periodic`: no more every minute, and still at start, resume and snapshot."""
    world = b.World()
    world.see(b.observed("services", 95, b.services()), b.observed("platform", 95, b.platform("vmware")))
    world.see(b.observed("vmtools", 95, b.tools(periodic=True)))
    assert "VMware Tools (every 60 s) alone" in finding(world, "time.single-master", 100).reason
    world.see(b.observed("vmtools", 96, b.tools(periodic=True, disable_periodic=True)))
    reason = finding(world, "time.single-master", 100).reason
    assert "VMware Tools (at start, resume, snapshot) alone" in reason


# time.reboot


def rebooted(first: float | None, second: float | None, *, now: float, offset_ms: float = 0) -> b.World:
    """Booted at 100 s; looks at the given seconds after boot."""
    world = b.World()
    world.mark = MarkPoint(3, b.at(50))
    world.baseline = Baseline(2, b.at(40), "b1", {})
    world.references(0, now)
    for look in (first, second):
        if look is not None:
            world.tick(100 + look, 100 + look + 3, offset_ms=offset_ms)
    world.see(b.observed("boot", now - 1, b.boot(now - 1 - 100)))
    return world


def test_two_looks_after_a_boot_after_the_mark() -> None:
    assert said(rebooted(30, 1205, now=1310), "time.reboot", 1310) == ("pass", "ok")


@pytest.mark.parametrize(
    ("first", "second", "now", "expected"),
    [
        (30, None, 200, ("unknown", "waiting")),
        (None, 1205, 1310, ("unknown", "first-look-missed")),
        (301, 1205, 1310, ("unknown", "first-look-missed")),
        (None, None, 150, ("unknown", "waiting")),
    ],
)
def test_a_look_that_is_missing_is_unknown(
    first: float | None, second: float | None, now: float, expected: tuple[str, str]
) -> None:
    assert said(rebooted(first, second, now=now), "time.reboot", now) == expected


def test_wrong_after_boot_even_if_right_later() -> None:
    world = rebooted(30, None, now=1310, offset_ms=3_600_000)
    world.tick(1305, 1309)
    assert said(world, "time.reboot", 1310) == ("fail", "whole-quarter-hours")


def test_wrong_after_boot_by_any_other_amount() -> None:
    world = rebooted(30, None, now=1310, offset_ms=3_597_000)
    assert said(world, "time.reboot", 1310) == ("fail", "offset-after-boot")


@pytest.mark.parametrize(
    ("came_up_ms", "expected"),
    [
        (20_000, ("pass", "corrected-after-boot")),
        (-59_000, ("pass", "corrected-after-boot")),
        (61_000, ("fail", "offset-after-boot")),
        (900_000, ("fail", "whole-quarter-hours")),
    ],
)
def test_seconds_that_were_put_right_in_the_first_look_are_named_and_no_failure(
    came_up_ms: float, expected: tuple[str, str]
) -> None:
    world = rebooted(3, None, now=1310, offset_ms=came_up_ms)
    world.tick(110, 112)
    world.tick(1305, 1309)
    assert said(world, "time.reboot", 1310) == expected


def test_seconds_that_are_not_put_right_in_the_first_look_fail_when_it_is_over() -> None:
    world = rebooted(30, None, now=200, offset_ms=20_000)
    assert said(world, "time.reboot", 200) == ("unknown", "waiting")
    world = rebooted(30, None, now=450, offset_ms=20_000)
    assert said(world, "time.reboot", 450) == ("fail", "offset-after-boot")


def test_readings_a_disturbance_voided_are_not_called_missing() -> None:
    world = rebooted(30, None, now=500)
    world.voids = {Family.TIME: b.at(450)}
    f = finding(world, "time.reboot", 500)
    assert (f.verdict, f.reason_code) == ("unknown", "first-look-missed")
    assert "time was disturbed 05:50 after it" in f.reason


def test_whole_quarter_hours_are_named_while_they_are_slewed_away() -> None:
    world = b.World()
    world.references(0, 200)
    world.tick(100, 140, offset_ms=-20_700_000)
    world.tick(141, 180, offset_ms=-20_690_000)
    f = finding(world, "time.offset", 181)
    assert (f.verdict, f.reason_code) == ("fail", "whole-quarter-hours")
    assert "at first" in f.reason


def test_quarter_hours_it_was_off_on_the_other_side_are_not_what_is_slewed_away() -> None:
    world = b.World()
    world.references(0, 200)
    world.tick(100, 140, offset_ms=-20_700_000)
    world.tick(141, 180, offset_ms=400_000)
    assert said(world, "time.offset", 181) == ("fail", "offset")


def test_the_boot_from_before_the_mark_is_no_reboot() -> None:
    world = rebooted(30, 1205, now=1310)
    world.baseline = Baseline(2, b.at(40), "b2", {})
    assert said(world, "time.reboot", 1310) == ("fail", "not-rebooted")


def test_an_absent_baseline_makes_the_comparison_unknown() -> None:
    world = rebooted(30, 1205, now=1310)
    world.baseline = None
    assert said(world, "time.reboot", 1310) == ("unknown", "no-baseline")


# agent.swap


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (b.agents(), ("pass", "ok")),
        (b.agents(old="12.2.0"), ("fail", "old-agent-installed")),
        (b.agents(new_runs=False), ("fail", "new-agent-not-running")),
        (b.DENIED, ("unknown", "denied")),
    ],
)
def test_agents_are_swapped(facts: object, expected: tuple[str, str]) -> None:
    world = b.World()
    world.see(b.observed("agents", 95, facts))
    assert said(world, "agent.swap", 100) == expected


def test_where_no_agent_is_asked_for_nothing_passes() -> None:
    world = b.World()
    world.see(b.observed("agents", 95, b.agents()))
    question = world.ask("time", 100)
    book = msgspec.structs.replace(
        question.runbook,
        source=msgspec.structs.replace(question.runbook.source, platform="aws"),
        target=msgspec.structs.replace(question.runbook.target, platform="gcp"),
    )
    moved = replace(question, runbook=book)
    found = judge(GateCheck(check="agent.swap"), moved.subjects[0], moved)
    assert (found.verdict, found.reason_code) == (Verdict.NA, "nothing-asked")
    named = judge(GateCheck(check="agent.swap", params={"old": "open-vm-tools"}), moved.subjects[0], moved)
    assert (named.verdict, named.reason_code) == (Verdict.PASS, "ok")


# time.jump-host, our own clock


@pytest.mark.parametrize(
    ("own_ms", "rtt_ms", "expected"),
    [
        (900, 100, ("pass", "ok")),
        (900, 300, ("unknown", "own-clock-not-known")),
        (-900, 300, ("unknown", "own-clock-not-known")),
        (1400, 900, ("unknown", "own-clock-not-known")),
        (1400, 300, ("fail", "own-clock-wrong")),
    ],
)
def test_our_own_clock_must_be_shown_to_be_within_a_second(
    own_ms: float, rtt_ms: float, expected: tuple[str, str]
) -> None:
    world = b.World()
    for second in range(0, 100, 16):
        for server in ("ntp1", "ntp2"):
            world.see(b.ntp(server, second, 0, rtt_ms, own_ms))
    assert said(world, "time.jump-host", 100) == expected
