"""Draws what happens while the engineer hands over, and how long he dawdles then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from cutover_tui.core.runbook import Duration
from cutover_tui.lab.generator.drawing.dice import Dice
from cutover_tui.lab.generator.oracle.truth import MS, SECOND
from cutover_tui.lab.generator.runbook import HANDOVER, KEPT, REBOOT
from cutover_tui.lab.world_file.amounts import Length, Span
from cutover_tui.lab.world_file.model import (
    Change,
    ClockChange,
    Event,
    GuestSpec,
    HostChange,
    ReferenceChange,
    RuleSpec,
    ServiceChange,
    ServiceName,
    SnapshotChange,
    StunChange,
)
from cutover_tui.lab.world_file.play import Pause

Late = tuple[tuple[Event, ...], tuple[Pause, ...]]
_BREAKS: tuple[Literal["stop", "disable", "mask"], ...] = ("stop", "disable", "mask")
_AFTER = Length(15 * SECOND)
"""The hand-over's gate has opened by then, where it does."""


def draw_late(dice: Dice, guest: GuestSpec, references: tuple[str, ...]) -> Late:
    """One thing that happens to this guest or to all."""
    kind = dice.weighed(_WEIGHTS)
    changes = _CHANGES[kind](dice, guest, references)
    if not changes:
        return (), ()
    lasts = dice.of((50, 75)) * SECOND
    mends = guest.time.chrony is not None and guest.time.chrony.makestep.limit < 0
    if kind in ("lost", "link", "references"):
        lasts = 170 * SECOND
    elif kind in ("stun", "step", "revert") and mends:
        lasts = 360 * SECOND
    elif kind == "stun":
        lasts = 200 * SECOND
    events = [
        Event(on="step", id=HANDOVER, when="started", host=guest.name, after=_AFTER, do=changes),
    ]
    if kind == "revert":
        taken = (Change(snapshot=SnapshotChange(host=guest.name)),)
        events.insert(
            0,
            Event(on="step", id=KEPT, when="started", host=guest.name, after=Length(30 * SECOND), do=taken),
        )
    return tuple(events), (Pause(step=HANDOVER, host=guest.name, lasts=Duration(lasts)),)


def after_reboot(guest: GuestSpec) -> Event:
    """The reboot takes the guest into a network without NTP."""
    return Event(on="action", id=REBOOT, host=guest.name, do=(Change(block=_no_ntp(guest)),))


def _no_ntp(guest: GuestSpec) -> RuleSpec:
    return RuleSpec(source=guest.name, port=123, protocol="udp")


def _service(dice: Dice, guest: GuestSpec, _references: tuple[str, ...]) -> tuple[Change, ...]:
    """Its provider is stopped, disabled or masked."""
    time = guest.time
    name: ServiceName | None = (
        "chrony" if time.chrony is not None else "timesyncd" if time.timesyncd is not None else None
    )
    if name is None:
        return ()
    act = dice.of(_BREAKS)
    return (Change(service=ServiceChange(host=guest.name, name=name, act=act)),)


def _master(_dice: Dice, guest: GuestSpec, _references: tuple[str, ...]) -> tuple[Change, ...]:
    """A cron job starts an ntpd that somebody forgot."""
    if guest.time.ntpd is None or guest.time.ntpd.running or guest.time.ntpd.enabled:
        return ()
    return (Change(service=ServiceChange(host=guest.name, name="ntpd", act="start")),)


def _stun(dice: Dice, guest: GuestSpec, _references: tuple[str, ...]) -> tuple[Change, ...]:
    lasts = Duration(dice.of((250 * MS, 800 * MS, 40 * SECOND, 120 * SECOND)))
    return (Change(stun=StunChange(host=guest.name, lasts=lasts)),)


def _step(dice: Dice, guest: GuestSpec, _references: tuple[str, ...]) -> tuple[Change, ...]:
    size = dice.of((800 * MS, 60_000 * MS, 3_600_000 * MS))
    by = Span(dice.either_sign(size // 2, size))
    return (Change(clock=ClockChange(who=guest.name, by=by)),)


def _revert(_dice: Dice, guest: GuestSpec, _references: tuple[str, ...]) -> tuple[Change, ...]:
    return (Change(revert=SnapshotChange(host=guest.name)),)


def _lost(_dice: Dice, guest: GuestSpec, _references: tuple[str, ...]) -> tuple[Change, ...]:
    return (Change(block=_no_ntp(guest)),)


def _link(_dice: Dice, guest: GuestSpec, _references: tuple[str, ...]) -> tuple[Change, ...]:
    return (Change(block=RuleSpec(source="jump", target=guest.name, port=22, protocol="tcp")),)


def _down(dice: Dice, _guest: GuestSpec, references: tuple[str, ...]) -> tuple[Change, ...]:
    gone = dice.some(references, 2)
    return tuple(Change(reference=ReferenceChange(name=name, down=True)) for name in gone)


def _own(dice: Dice, _guest: GuestSpec, _references: tuple[str, ...]) -> tuple[Change, ...]:
    return (Change(clock=ClockChange(who="jump", by=Span(dice.either_sign(3, 600) * SECOND))),)


def _reboot(_dice: Dice, guest: GuestSpec, _references: tuple[str, ...]) -> tuple[Change, ...]:
    return (Change(reboot=HostChange(host=guest.name)),)


def _old_vm(_dice: Dice, guest: GuestSpec, _references: tuple[str, ...]) -> tuple[Change, ...]:
    return (Change(old_vm=HostChange(host=guest.name)),)


_Make = Callable[[Dice, GuestSpec, tuple[str, ...]], tuple[Change, ...]]
_CHANGES: Mapping[str, _Make] = {
    "service": _service,
    "master": _master,
    "stun": _stun,
    "step": _step,
    "revert": _revert,
    "lost": _lost,
    "link": _link,
    "references": _down,
    "own-clock": _own,
    "reboot": _reboot,
    "old-vm": _old_vm,
}
_WEIGHTS: Mapping[str, int] = {
    "service": 4,
    "master": 6,
    "stun": 4,
    "step": 4,
    "revert": 3,
    "lost": 3,
    "link": 1,
    "references": 1,
    "own-clock": 1,
    "reboot": 2,
    "old-vm": 2,
}
