"""`time.provider` over chronyd and systemd-timesyncd: named, running, at boot, good and recent; else the right reason."""

from __future__ import annotations

import pytest
from msgspec import structs

from probes.facts_time import Puller, ServicesFacts, Unit
from probes.observation import Failure, FailureKind, Family

from . import evidence_builders as b
from .test_checks_time import finding, said


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
        (structs.replace(b.chrony(95), controls=False), ("fail", "no-control")),
        (structs.replace(b.chrony(95), controls=True), ("pass", "ok")),
        (structs.replace(b.chrony(95), offline=1), ("fail", "offline")),
        (structs.replace(b.chrony(95), offline=0), ("pass", "ok")),
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


@pytest.mark.parametrize(
    ("delay_ms", "dispersion_ms", "asked", "expected"),
    [
        (20, 989, {}, ("pass", "ok")),
        (20, 990, {}, ("unknown", "far-from-root")),
        (2000, 0, {}, ("unknown", "far-from-root")),
        (30, 10_000, {}, ("unknown", "far-from-root")),  # w32time on its own CMOS clock
        (30, 3_500, {"params": {"distance": 4 * b.S}}, ("pass", "ok")),
    ],
)
def test_a_source_that_does_not_vouch_for_its_own_time_shows_nothing(
    delay_ms: int, dispersion_ms: int, asked: dict[str, object], expected: tuple[str, str]
) -> None:
    far = {"root_delay_ns": delay_ms * b.MS, "root_dispersion_ns": dispersion_ms * b.MS}
    world = with_chrony(structs.replace(b.chrony(95), **far))
    assert said(world, "time.provider", 100, **asked) == expected


@pytest.mark.parametrize(("distance_ms", "expected"), [(999, "ok"), (1000, "far-from-root")])
def test_nor_does_one_of_timesyncd(distance_ms: int, expected: str) -> None:
    world = b.World()
    world.see(
        b.observed("chrony", 98, b.ABSENT),
        b.observed("timesyncd", 98, structs.replace(b.timesyncd(98), root_distance_ns=distance_ms * b.MS)),
        b.observed("services", 98, b.services("systemd-timesyncd")),
    )
    assert said(world, "time.provider", 100)[1] == expected


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


def test_beside_a_chronyd_that_may_not_set_the_clock_another_provider_is_judged() -> None:
    world = with_chrony(
        structs.replace(b.chrony(95), controls=False), b.services("chronyd", "systemd-timesyncd")
    )
    world.see(b.observed("timesyncd", 96, b.timesyncd(96)))
    assert provider(world) == ("pass", "ok")


@pytest.mark.parametrize(
    ("units", "words"),
    [
        (
            (Unit("chrony.service", "loaded", "failed", "enabled"),),
            "chrony.service is installed and does not run",
        ),
        ((Unit("chrony.service", "not-found", "inactive", None),), "Install and start chrony"),
        ((), "Install and start chrony"),
    ],
)
def test_a_provider_that_ended_is_to_be_looked_at_and_not_installed(
    units: tuple[Unit, ...], words: str
) -> None:
    world = with_chrony(b.CHRONY_DOWN, ServicesFacts("systemd", units, ("init",)))
    found = finding(world, "time.provider", 100)
    assert found.reason_code == "no-provider"
    assert (found.remedy or "").startswith(words)
