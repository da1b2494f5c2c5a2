"""A limit is kept by |value| + bound and broken by |value| − bound; what lies between is not known.

One table a check: the value whose bound just does not reach the limit, one whose bound crosses it from below, one
whose bound crosses it from above, one that is surely beyond. `time.reference` has its own in test_time_reference.
"""

from __future__ import annotations

import msgspec
import pytest

from cutover_tui.core.checks.clocks.references import LONE_NS
from cutover_tui.core.finding import Finding
from probes.facts_clock import RtcFacts
from tests.unit import evidence_builders as b
from tests.unit.kerberos_builders import Realm, caches, kdc
from tests.unit.test_check_rtc import GOOD, HOUR, LOCAL, NONE, judged
from tests.unit.test_checks_time import finding
from tests.unit.test_references import standing

Expected = tuple[str, str]


def said(found: Finding) -> Expected:
    return str(found.verdict), found.reason_code


WIDE_MS = 400
"""A round trip that leaves 0.2 s open."""


@pytest.mark.parametrize(
    ("offset_ms", "held_s"),
    [
        (4_790, 60),
        (-4_790, 60),
        (4_900, 36),  # 0.2 s of bound: it may have been beyond 5 s
        (-4_900, 36),
        (5_100, 36),
        (5_300, 36),
    ],
)
def test_a_soak_holds_what_was_within_the_limit_with_its_bound(offset_ms: float, held_s: int) -> None:
    """Three readings in the middle of the soak; the guest is right before and after them."""
    world = b.World()
    world.references(0, 100)
    world.tick(10, 50)
    world.tick(51, 53, offset_ms, rtt_ms=WIDE_MS)
    world.tick(54, 90)
    found = finding(world, "time.offset", 90.5, soak=60 * b.S)
    assert said(found) == (("pass", "ok") if held_s == 60 else ("unknown", "soaking"))
    assert found.soak is not None
    assert found.soak.held_ns == held_s * b.S


@pytest.mark.parametrize(
    ("offset_ms", "expected"),
    [
        (4_990, ("pass", "ok")),
        (-4_990, ("pass", "ok")),
        (4_998.5, ("unknown", "bound-too-wide")),
        (-4_998.5, ("unknown", "bound-too-wide")),
        (5_001, ("unknown", "bound-too-wide")),
        (5_010, ("fail", "kdc-apart")),
        (-5_010, ("fail", "kdc-apart")),
    ],
)
def test_a_kdc_is_within_5_s_with_its_bound(offset_ms: float, expected: Expected) -> None:
    world = Realm()
    world.references(180, 200, ntp1=0, ntp2=0)
    clocks_of(world, dc1_s=offset_ms / 1000)
    found = world.finding("kdc.clock", 199.5)
    assert said(found) == expected
    assert found.bound is not None
    assert b.MS < found.bound < 4 * b.MS


def clocks_of(world: Realm, dc1_s: float = 0) -> None:
    """Two answers of each KDC within one second of it, by which its microseconds are shown to be a clock."""
    for seconds in (199.2, 199.4):
        world.see(kdc("dc1", seconds, dc1_s), kdc("dc2", seconds + 0.05))


@pytest.mark.parametrize(
    ("offset_ms", "expected"),
    [
        (59_790, ("pass", "ok")),
        (-59_790, ("pass", "ok")),
        (59_900, ("unknown", "bound-too-wide")),
        (60_100, ("unknown", "bound-too-wide")),  # 0.2 s of bound: 240 s may be left
        (-60_100, ("unknown", "bound-too-wide")),
        (60_210, ("fail", "margin")),
        (299_900, ("fail", "margin")),
        (300_100, ("fail", "margin")),  # beyond the tolerance it may be
        (300_210, ("fail", "beyond-tolerance")),
        (-300_210, ("fail", "beyond-tolerance")),
    ],
)
def test_what_is_left_of_the_tolerance_counts_with_the_bound(offset_ms: float, expected: Expected) -> None:
    world = Realm()
    world.references(180, 200, ntp1=0, ntp2=0)
    world.tick(171, 200, offset_ms, rtt_ms=WIDE_MS)
    clocks_of(world)
    assert said(world.finding("kerberos.margin", 200.5)) == expected


@pytest.mark.parametrize(
    ("offset_ms", "expected"),
    [
        (239_790, ("pass", "ok")),
        (-239_790, ("pass", "ok")),
        (239_900, ("unknown", "not-measured")),  # 0.2 s of bound: it may have been beyond 240 s
        (-240_100, ("unknown", "not-measured")),
        (240_300, ("unknown", "not-visible")),
    ],
)
def test_unread_caches_need_a_clock_that_was_right_with_its_bound(
    offset_ms: float, expected: Expected
) -> None:
    """For an hour, with three readings in the middle of it."""
    world = Realm()
    world.references(80, 3700, ntp1=0, ntp2=0)
    world.tick(95, 1999)
    world.tick(2000, 2002, offset_ms, rtt_ms=WIDE_MS)
    world.tick(2003, 3700)
    world.see(b.observed("caches", 3695, caches(elsewhere=("KCM",))))
    assert said(world.finding("kerberos.caches", 3700.5)) == expected


def off(seconds: int) -> RtcFacts:
    """A hardware clock so far from the guest's, read to ± 1 s as it shows whole seconds."""
    return msgspec.structs.replace(GOOD, shown_ns=b.UTC0 + seconds * b.S)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (59, ("pass", "ok")),
        (60, ("unknown", "not-close-enough")),
        (61, ("unknown", "not-close-enough")),
        (62, ("fail", "rtc-off")),
    ],
)
def test_the_hardware_clock_is_near_with_its_bound(seconds: int, sign: int, expected: Expected) -> None:
    assert said(judged(off(sign * seconds))) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (3600 + 60, "whole-quarter-hours"),
        (3600 + 61, "whole-quarter-hours"),  # ± 1 s: a minute beside an hour it may be
        (3600 - 61, "whole-quarter-hours"),
        (3600 + 62, "rtc-off"),
        (3600 - 62, "rtc-off"),
    ],
)
def test_whole_quarter_hours_are_a_minute_wide_and_the_bound(seconds: int, expected: str) -> None:
    assert said(judged(off(seconds))) == ("fail", expected)


def test_a_basis_of_no_clock_is_none_that_can_have_changed() -> None:
    """Without an RTC before the mark it was kept in nothing, whatever /etc/adjtime said."""
    none = msgspec.structs.replace(NONE, local=False, zone="Europe/Berlin", utc_offset_ns=HOUR)
    assert said(judged(LOCAL, none)) == ("pass", "ok")
    assert said(judged(LOCAL, msgspec.structs.replace(none, present=True))) == ("fail", "basis-changed")


@pytest.mark.parametrize(
    ("offset_ms", "judge"),
    [
        (59_997, "domain"),
        (-59_997, "domain"),
        (59_999, "references"),  # 1 ms of its own bound and 1 ms of true time's: it may be beyond a minute
        (-59_999, "references"),
        (60_003, "references"),
    ],
)
def test_a_lone_controller_speaks_within_a_minute_of_true_time_with_the_bounds(
    offset_ms: float, judge: str
) -> None:
    assert LONE_NS == 60 * b.S
    assert standing({"ntp1": 0, "ntp2": 0, "dc1": offset_ms}).judge == judge
