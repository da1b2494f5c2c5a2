"""Draws a world: references, network, guests, what happens, and what the engineer does. It judges nothing."""

from __future__ import annotations

from collections.abc import Mapping

from cutover_tui.core.runbook import Duration, PlatformName
from cutover_tui.lab.generator.drawing.dice import Dice
from cutover_tui.lab.generator.drawing.guest import draw_guest
from cutover_tui.lab.generator.drawing.late import after_reboot, draw_late
from cutover_tui.lab.generator.oracle.truth import MS, SECOND
from cutover_tui.lab.generator.runbook import COLD_BOOT, CUTOVER, POWER_OFF, REBOOT, text
from cutover_tui.lab.world_file.amounts import Length, Rate, Span
from cutover_tui.lab.world_file.model import (
    Change,
    ClockSpec,
    Event,
    GuestSpec,
    LinkSpec,
    NetworkSpec,
    ReferenceSpec,
    RuleSpec,
    WorldFile,
)
from cutover_tui.lab.world_file.play import Expect, Pause, Play, PlayedAction

REFERENCES = ("ntp1", "ntp2", "ntp3")
TARGETS: Mapping[PlatformName, int] = {
    "ahv": 8,
    "kvm": 5,
    "vmware": 4,
    "hyperv": 1,
    "xen": 1,
    "aws": 1,
    "gcp": 1,
}
PATIENCE_NS, PATIENCE_TO_BOOT_NS = 8 * 60 * SECOND, 30 * 60 * SECOND
"""Three answers of a systemd-timesyncd take 3:12; the second look at a boot comes after 20 min."""

AFTERMATH_NS = 1800 * SECOND


def draw(dice: Dice) -> WorldFile:
    """A world with nothing expected of it yet."""
    target = dice.weighed(TARGETS)
    names = ("app01", "app02") if dice.in_100(20) else ("app01",)
    guests = tuple(draw_guest(dice, name, target, REFERENCES) for name in names)
    boots = dice.in_100(4)
    events, play = _story(dice, guests, boots=boots)
    return WorldFile(
        world=1,
        title="drawn",
        seed=dice.between(1, 10**6),
        jump=ClockSpec(
            offset=Span(dice.either_sign(2_000 * MS, 400_000 * MS) if dice.in_100(3) else _little(dice)),
            rate=Rate(dice.either_sign(0, 30_000)),
        ),
        references=_references(dice),
        guests=guests,
        network=_network(dice, names),
        events=events,
        runbook=text(boots=boots),
        play=play,
        aftermath=Duration(AFTERMATH_NS),
        expect=Expect(outcome="allowed"),
    )


def _little(dice: Dice) -> int:
    return dice.either_sign(0, 500 * MS)


def _references(dice: Dice) -> tuple[ReferenceSpec, ...]:
    """Three; often one of them, seldom two, down, wrong or not synchronised itself."""
    bad = dice.weighed({0: 70, 1: 24, 2: 3})
    faulty = dice.some(REFERENCES, bad)
    made: list[ReferenceSpec] = []
    for name in REFERENCES:
        clock, down, leap = ClockSpec(offset=Span(dice.either_sign(0, 200_000))), False, False
        if name in faulty:
            how = dice.weighed({"down": 4, "wrong": 6, "near": 3, "leap": 2})
            down, leap = how == "down", how == "leap"
            if how == "wrong":
                clock = ClockSpec(offset=Span(dice.either_sign(10, 7_200) * SECOND))
            elif how == "near":
                clock = ClockSpec(offset=Span(dice.either_sign(1, 20) * MS))
        made.append(
            ReferenceSpec(
                name=name,
                clock=clock,
                stratum=dice.weighed({1: 6, 2: 3, 3: 1}),
                down=down,
                leap="unsynchronised" if leap else "normal",
            )
        )
    return tuple(made)


def _network(dice: Dice, guests: tuple[str, ...]) -> NetworkSpec:
    latency = Length(dice.weighed({200_000: 5, 2 * MS: 3, 20 * MS: 2, 150 * MS: 1}))
    links: list[LinkSpec] = []
    blocked: list[RuleSpec] = []
    for name in guests:
        if dice.in_100(1):
            links.append(LinkSpec(source="jump", target=name, latency=Length(dice.between(4, 6) * SECOND)))
        elif dice.in_100(8):
            links.append(LinkSpec(source="jump", target=name, latency=Length(dice.between(20, 300) * MS)))
        if dice.in_100(5):
            blocked.append(RuleSpec(source=name, port=123, protocol="udp"))
        elif dice.in_100(5):
            blocked.append(RuleSpec(source=name, target=dice.of(REFERENCES), port=123))
        elif dice.in_100(4):
            blocked.append(RuleSpec(source=name, port=124, protocol="udp"))
    if dice.in_100(3):
        blocked.append(RuleSpec(source="jump", target=dice.of(REFERENCES), port=123, protocol="udp"))
    return NetworkSpec(
        latency=latency,
        asymmetry=Span(dice.either_sign(0, min(latency // 2, 50 * MS)) if dice.in_100(25) else 0),
        jitter=Length(dice.between(0, min(latency, 50 * MS)) if dice.in_100(40) else 0),
        loss=dice.between(1, 10) if dice.in_100(12) else 0,
        links=tuple(links),
        blocked=tuple(blocked),
    )


def _story(dice: Dice, guests: tuple[GuestSpec, ...], *, boots: bool) -> tuple[tuple[Event, ...], Play]:
    actions = [PlayedAction(step=CUTOVER, action=POWER_OFF)]
    events: tuple[Event, ...] = ()
    pauses: tuple[Pause, ...] = ()
    victim = dice.of(guests)
    if dice.in_100(5):
        blocks = RuleSpec(source=victim.name, port=123, protocol="udp")
        events = (Event(on="action", id=POWER_OFF, host=victim.name, do=(Change(block=blocks),)),)
    if boots:
        if dice.in_100(60):
            actions.append(PlayedAction(step=COLD_BOOT, action=REBOOT))
            if dice.in_100(30):
                events = (*events, after_reboot(victim))
    elif dice.in_100(40):
        late, pauses = draw_late(dice, victim, REFERENCES)
        events = (*events, *late)
    return events, Play(
        actions=tuple(actions),
        fix=dice.in_100(12),
        pauses=pauses,
        patience=Duration(PATIENCE_TO_BOOT_NS if boots else PATIENCE_NS),
    )
