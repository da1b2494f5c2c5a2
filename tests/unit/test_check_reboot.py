"""`time.reboot`: what either look must have seen, and when."""

from __future__ import annotations

import pytest

from tests.unit.evidence_builders import World
from tests.unit.test_checks_time import finding, rebooted

NOISY_MS = 12_000
"""A round trip that leaves 6 s open: such a reading tells nothing of a limit of 5 s."""


def said(world: World, now: float) -> tuple[str, str]:
    found = finding(world, "time.reboot", now)
    return str(found.verdict), found.reason_code


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
    assert said(rebooted(30, second, now=now), now) == expected


@pytest.mark.parametrize(("later", "expected"), [(50, ("pass", "ok")), (70, ("unknown", "waiting"))])
def test_the_second_look_is_of_this_minute(later: float, expected: tuple[str, str]) -> None:
    now = 100 + 1205 + 3 + later
    assert said(rebooted(30, 1205, now=now), now) == expected


def test_a_second_look_that_tells_nothing_is_none() -> None:
    world = rebooted(30, None, now=1310)
    world.tick(1300, 1309, rtt_ms=NOISY_MS)
    assert said(world, 1310) == ("unknown", "waiting")
    world.tick(1309.2, 1309.2)
    assert said(world, 1310) == ("pass", "ok")


def test_a_first_look_that_tells_nothing_is_none() -> None:
    world = rebooted(None, None, now=1310)
    world.tick(130, 140, rtt_ms=NOISY_MS)
    world.tick(1305, 1309)
    assert said(world, 1310) == ("unknown", "first-look-missed")


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
    assert said(world, 1310) == expected
