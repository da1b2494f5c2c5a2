"""A server that keeps its own time says so by its stratum; only where it is a reference is it measured."""

from __future__ import annotations

import pytest
from msgspec import structs

from probes.facts_time import ChronyFacts
from tests.unit import evidence_builders as b
from tests.unit.test_checks_time import said


def following(stratum: int, name: str = "10.0.0.9") -> ChronyFacts:
    facts = b.chrony(95)
    return structs.replace(facts, sources=(structs.replace(facts.sources[0], name=name, stratum=stratum),))


def world(facts: object, other: object = b.ABSENT) -> b.World:
    made = b.World()
    made.see(
        b.observed("chrony", 95, facts),
        b.observed("timesyncd", 95, other),
        b.observed("ntpq", 95, b.ABSENT),
        b.observed("services", 95, b.services("chronyd" if other is b.ABSENT else "systemd-timesyncd")),
        b.ntp("NTP9", 96),
    )
    return made


@pytest.mark.parametrize(
    ("stratum", "name", "expected"),
    [
        (9, "10.0.0.9", ("pass", "ok")),
        (10, "10.0.0.9", ("unknown", "own-clock")),
        (11, "10.0.0.9", ("unknown", "own-clock")),  # who follows such a one
        (10, "ntp9", ("pass", "ok")),  # asked by the jump host: time.reference judges it
    ],
)
def test_a_source_that_keeps_its_own_time(stratum: int, name: str, expected: tuple[str, str]) -> None:
    assert said(world(following(stratum, name)), "time.provider", 100) == expected


def test_timesyncd_follows_one_as_well() -> None:
    facts = structs.replace(b.timesyncd(95), stratum=10, server_name="orphan.example")
    assert said(world(b.CHRONY_DOWN, facts), "time.provider", 100) == ("unknown", "own-clock")
