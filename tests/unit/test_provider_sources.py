"""`time.provider` says where a provider's sources come from, where all of them come from one place that may go."""

from __future__ import annotations

import pytest
from msgspec import structs

from probes.facts_time_config import Kind, Provenance, Service, TimeConfigFacts, TimeSource
from tests.unit import evidence_builders as b
from tests.unit.test_checks_time import finding

NOW = 300.0


def source(
    name: str, provenance: Provenance, service: Service = "chrony", kind: Kind = "server"
) -> TimeSource:
    return TimeSource(service, kind, name, provenance, "/etc/somewhere")


def config(
    *sources: TimeSource, following: tuple[str, ...] | None = ("dc1",), **more: object
) -> TimeConfigFacts:
    made = TimeConfigFacts(sources=sources, hidden=(), following=following, unresolved=0)
    return structs.replace(made, **more)


def said(facts: TimeConfigFacts) -> tuple[str, str, str]:
    world = b.World()
    world.see(b.observed("services", NOW - 2, b.services("chronyd")))
    world.see(b.observed("chrony", NOW - 2, b.chrony(NOW - 2)))
    world.see(b.observed("time-config", NOW - 1, facts))
    found = finding(world, "time.provider", NOW)
    return str(found.verdict), found.reason_code, found.reason


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (config(source("dc1", "dhcp")), "dhcp-sources"),
        (config(source("dc1", "default")), "default-sources"),
        (config(source("dc1", "static")), "ok"),
        (config(source("dc1", "dhcp"), source("dc1", "static")), "ok"),  # written down too: it stays
        (config(source("dc1", "dhcp", "lease")), "dhcp-sources"),  # a hook handed the lease's server on
        (config(source("dc1", "dhcp"), source("dc2", "static"), following=("dc1", "dc2")), "ok"),
        (config(source("dc1", "dhcp"), following=("dc1", "dc9")), "ok"),  # dc9: who knows
        (config(source("dc1", "dhcp"), hidden=("/etc/chrony/chrony.conf",)), "ok"),
        (config(source("dc1", "dhcp"), following=None), "ok"),
        (config(), "ok"),
    ],
)
def test_sources_that_may_go_are_passed_and_named(facts: TimeConfigFacts, code: str) -> None:
    verdict, found, _ = said(facts)
    assert (verdict, found) == ("pass", code)


def test_names_without_an_address_are_named() -> None:
    absent = [source(f"ntp{n}.absent", "static") for n in range(5)]
    facts = config(source("dc1", "static"), *absent, unresolved=5)
    verdict, code, reason = said(facts)
    assert (verdict, code) == ("pass", "ok")
    assert "ntp0.absent, ntp1.absent, ntp2.absent and 2 more of its configuration has no address" in reason


def test_they_are_the_cause_where_nothing_answers() -> None:
    world = b.World()
    world.see(b.observed("services", NOW - 2, b.services("chronyd")))
    world.see(b.observed("chrony", NOW - 2, structs.replace(b.chrony(NOW - 2), sources=())))
    facts = config(source("time.old.example", "static"), following=(), unresolved=1)
    world.see(b.observed("time-config", NOW - 1, facts))
    found = finding(world, "time.provider", NOW)
    assert found.reason_code == "no-sources"
    assert "time.old.example" in found.reason


@pytest.mark.parametrize(
    ("sources", "code"),
    [
        ((source("dc1", "static", "timesyncd"),), "ok"),
        ((source("dc1", "dhcp", "timesyncd"),), "dhcp-sources"),
        ((source("dc1", "default", "timesyncd", "fallback"),), "default-sources"),
        ((), "default-sources"),  # compiled in
    ],
)
def test_of_timesyncd(sources: tuple[TimeSource, ...], code: str) -> None:
    world = b.World()
    world.see(b.observed("services", NOW - 2, b.services("systemd-timesyncd")))
    world.see(b.observed("chrony", NOW - 2, b.ABSENT))
    world.see(b.observed("timesyncd", NOW - 2, b.timesyncd(NOW - 2)))
    world.see(b.observed("time-config", NOW - 1, config(*sources, following=None)))
    found = finding(world, "time.provider", NOW)
    assert (str(found.verdict), found.reason_code) == ("pass", code)
