"""Each check of the time family says the right thing for the right reason."""

from __future__ import annotations

import itertools
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutover_tui.core.finding import Finding, Verdict
from cutover_tui.core.gate import judge
from cutover_tui.core.runbook import GateCheck
from probes.observation import JUMP, Failure, FailureKind, Family, Raw

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


@settings(max_examples=200)
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


@pytest.mark.parametrize(
    ("details", "remedy"),
    [
        (("ntp1: Name or service not known", "Temporary failure in name resolution"), "Mend name resolution"),
        (("Name or service not known", "no answer within 1 s"), "Open UDP 123"),
        (("no answer within 1 s",), "Open UDP 123"),
    ],
)
def test_the_remedy_fits_why_no_reference_answers(details: tuple[str, ...], remedy: str) -> None:
    world = b.World()
    for n, detail in enumerate(details, 1):
        failed = b.observed("ntp", 10 + n, Failure(FailureKind.UNREACHABLE, detail), host=JUMP)
        world.see(msgspec.structs.replace(failed, raw=(Raw(("ntp", f"ntp{n}"), None, ""),)))
    found = finding(world, "time.jump-host", 20)
    assert (found.verdict, found.reason_code) == ("unknown", "no-witness")
    assert found.remedy.startswith(remedy)
