"""`time.provider`: how old an answer may be, whichever way a daemon tells its age, and whose answer it is."""

from __future__ import annotations

import pytest
from msgspec import structs

from probes.facts_time import ChronyFacts, TimesyncdFacts
from probes.observation import Family
from tests.unit import evidence_builders as b
from tests.unit.test_check_provider import provider, with_chrony
from tests.unit.test_checks_time import finding, said


def heard(last_rx_s: int | None, **changes: object) -> ChronyFacts:
    """chronyd that updated the clock 00:03 ago and last heard its selected source then."""
    facts = b.chrony(95, age_s=3)
    return structs.replace(
        facts, sources=(structs.replace(facts.sources[0], last_rx_s=last_rx_s, **changes),)
    )


@pytest.mark.parametrize(
    ("last_rx_s", "expected"),
    [
        (192, ("pass", "ok")),  # three polls of 64 s
        (193, ("fail", "stale-update")),
        (4000, ("fail", "stale-update")),
        (None, ("unknown", "no-update-time")),  # never heard, and yet it updated the clock
    ],
)
def test_the_selected_source_itself_must_have_been_heard(
    last_rx_s: int | None, expected: tuple[str, str]
) -> None:
    """However young the last update of the clock is."""
    assert provider(with_chrony(heard(last_rx_s))) == expected


@pytest.mark.parametrize(
    ("last_rx_s", "expected"), [(3, ("pass", "ok")), (20, ("unknown", "no-update-since"))]
)
def test_a_source_heard_before_the_disturbance_is_owed_again(
    last_rx_s: int, expected: tuple[str, str]
) -> None:
    """Disturbed 5 s before it was read; the clock was updated since, by something."""
    world = with_chrony(heard(last_rx_s))
    world.voids = {Family.TIME: b.at(90)}
    assert provider(world) == expected


def test_the_sentence_says_which_of_both_is_old() -> None:
    found = finding(with_chrony(heard(193)), "time.provider", 100)
    assert "last heard dc1 03:13 ago and last updated the clock 00:03 ago" in found.reason


@pytest.mark.parametrize(
    ("refid", "expected"),
    [
        ("7F7F0101", "local-reference"),
        ("7f7f0101", "local-reference"),
        ("4C4F434C", "local-reference"),  # "LOCL"
        ("4c4f434c", "local-reference"),
        ("0A000001", "ok"),
    ],
)
def test_ones_own_clock_is_no_source(refid: str, expected: str) -> None:
    assert provider(with_chrony(b.chrony(95, refid=refid)))[1] == expected


def timesyncd(facts: TimesyncdFacts) -> tuple[str, str]:
    world = b.World()
    world.see(
        b.observed("chrony", 95, b.ABSENT),
        b.observed("timesyncd", 95, facts),
        b.observed("services", 95, b.services("systemd-timesyncd")),
    )
    return said(world, "time.provider", 100)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (b.timesyncd(95, age_s=192), ("pass", "ok")),
        (b.timesyncd(95, age_s=193), ("fail", "stale-update")),  # more than three polls of 64 s
        (b.timesyncd(95, age_s=1900), ("fail", "stale-update")),
        (b.timesyncd(95, packets=3), ("pass", "ok")),
        (b.timesyncd(95, packets=2), ("unknown", "few-updates")),
        (structs.replace(b.timesyncd(95), ignored=False), ("pass", "ok")),
        (structs.replace(b.timesyncd(95), ignored=True), ("fail", "unsynchronised")),  # a spike: not taken
        (structs.replace(b.timesyncd(95), leap="unsynchronised"), ("fail", "unsynchronised")),
        (structs.replace(b.timesyncd(95), poll_interval_ns=None), ("unknown", "no-update-time")),
    ],
)
def test_of_timesyncd_answers_count_that_are_young_and_were_taken(
    facts: TimesyncdFacts, expected: tuple[str, str]
) -> None:
    assert timesyncd(facts) == expected
