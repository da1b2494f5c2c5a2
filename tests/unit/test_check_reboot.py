"""`time.reboot`: what either look must have seen, and when."""

from __future__ import annotations

import pytest

from cutover_tui.core.evidence import Baseline, MarkPoint
from probes.facts_writers import ClockSet, StepsFacts
from probes.observation import Family

from . import evidence_builders as b
from .test_checks_time import finding, said

NOISY_MS = 12_000
"""A round trip that leaves 6 s open: such a reading tells nothing of a limit of 5 s."""


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


def test_the_boot_from_before_the_mark_is_no_reboot() -> None:
    world = rebooted(30, 1205, now=1310)
    world.baseline = Baseline(2, b.at(40), "b2", {})
    assert said(world, "time.reboot", 1310) == ("fail", "not-rebooted")


def test_an_absent_baseline_makes_the_comparison_unknown() -> None:
    world = rebooted(30, 1205, now=1310)
    world.baseline = None
    assert said(world, "time.reboot", 1310) == ("unknown", "no-baseline")


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (500, ("unknown", "waiting")),
        (1190, ("unknown", "waiting")),
        (1201, ("pass", "ok")),
    ],
)
def test_the_second_look_is_20_min_after_boot_or_later(second: float, expected: tuple[str, str]) -> None:
    """Readings for 3 s from there on; nothing is right at 20 min because it was at 8."""
    now = 100 + second + 4
    assert said(rebooted(30, second, now=now), "time.reboot", now) == expected


@pytest.mark.parametrize(("later", "expected"), [(50, ("pass", "ok")), (70, ("unknown", "waiting"))])
def test_the_second_look_is_of_this_minute(later: float, expected: tuple[str, str]) -> None:
    now = 100 + 1205 + 3 + later
    assert said(rebooted(30, 1205, now=now), "time.reboot", now) == expected


def test_a_second_look_that_tells_nothing_is_none() -> None:
    world = rebooted(30, None, now=1310)
    world.tick(1300, 1309, rtt_ms=NOISY_MS)
    assert said(world, "time.reboot", 1310) == ("unknown", "waiting")
    world.tick(1309.2, 1309.2)
    assert said(world, "time.reboot", 1310) == ("pass", "ok")


def test_a_first_look_that_tells_nothing_is_none() -> None:
    world = rebooted(None, None, now=1310)
    world.tick(130, 140, rtt_ms=NOISY_MS)
    world.tick(1305, 1309)
    assert said(world, "time.reboot", 1310) == ("unknown", "first-look-missed")


@pytest.mark.parametrize(
    ("offset_ms", "expected"), [(3, ("pass", "ok")), (20_000, ("fail", "offset-after-boot"))]
)
def test_the_first_look_ends_with_the_newest_reading_that_tells_anything(
    offset_ms: float, expected: tuple[str, str]
) -> None:
    """Noise behind it takes neither the right reading away nor the wrong one."""
    world = rebooted(30, None, now=1310, offset_ms=offset_ms)
    world.tick(140, 150, rtt_ms=NOISY_MS)
    world.tick(1305, 1309)
    assert said(world, "time.reboot", 1310) == expected


@pytest.mark.parametrize(
    ("by", "amount_s", "up_s", "expected"),
    [
        ("chronyd", -20_700, 8, ("fail", "whole-quarter-hours")),
        ("chronyd", 61, 8, ("fail", "offset-after-boot")),
        ("chronyd", -59, 8, ("pass", "ok")),
        ("chronyd", -20_700, 301, ("pass", "ok")),  # a pause later on is none of the boot's
        (None, -20_700, 8, ("pass", "ok")),  # a witness says no amount of its own
    ],
)
def test_what_was_put_right_before_anybody_looked_stands_in_the_guests_log(
    by: str | None, amount_s: int, up_s: int, expected: tuple[str, str]
) -> None:
    world = rebooted(30, 1205, now=1310)
    amount = amount_s * b.S if by is not None else None
    step = ClockSet(by, up_s * b.S, b.UTC0, amount)
    world.see(b.observed("steps", 1309, StepsFacts((step,), False, 1209 * b.S)))
    assert said(world, "time.reboot", 1310) == expected


def test_a_log_this_account_may_not_read_says_nothing() -> None:
    world = rebooted(30, 1205, now=1310)
    world.see(b.observed("steps", 1309, StepsFacts(None, False, 1209 * b.S)))
    assert said(world, "time.reboot", 1310) == ("pass", "ok")
