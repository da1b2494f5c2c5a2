"""What happens to a whole guest: shutdown, boot, the move, a stun, a snapshot and its revert, the VM left behind."""

from __future__ import annotations

import copy
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from cutover_tui.lab.machine.clocks import SimClock
from cutover_tui.lab.machine.guest import SECOND, Guest, Move, Suspension
from cutover_tui.lab.machine.services import add_unit, remove, start, stop, tools_one_time

if TYPE_CHECKING:
    from cutover_tui.lab.world.world import World

_SHUTDOWN_NS = SECOND // 2
_VOLATILE = ("/run/", "/tmp/")  # noqa: S108 - a file system in memory, and what systemd-tmpfiles clears at boot
_KEPT = ("snapshots", "old", "boots", "connections", "name")


def go_down(world: World, guest: Guest, now: int, *, cold: bool) -> None:
    """Begin a shutdown; `cold`: it ends in a power-off, so that the virtual RTC starts anew."""
    world.advance_guest(guest, now)
    if guest.up(now) and guest.stop_at is None:
        guest.stop_at, guest.cold = now + _SHUTDOWN_NS, cold


def finish_shutdown(world: World, guest: Guest, at: int) -> None:
    """The last thing a guest does: daemons stop, connections end."""
    guest.stop_at = None
    for unit in guest.units.values():
        stop(guest, unit, at)
    guest.rtc_written_ns = None if guest.cold else guest.rtc_written_ns
    guest.connections += 1
    guest.down_until = at + world.boot_ns


def boot(world: World, guest: Guest, now: int) -> None:
    """The kernel reads the RTC, services start."""
    guest.down_until = None
    guest.boots += 1
    guest.boot_id, guest.disciplined = world.new_id(), None
    guest.files = {path: file for path, file in guest.files.items() if not path.startswith(_VOLATILE)}
    guest.log.clear()
    guest.booted = now - world.boot_ns * 2 // 3  # the kernel's start; services are there at `now`
    if guest.move is not None:
        _arrive(world, guest, guest.move, now)
    wrong = guest.rtc_written_ns if guest.rtc_written_ns is not None else guest.rtc.boot_error_ns
    before = guest.clock
    guest.clock = SimClock.wrong_by(now, wrong, before.rate_ppb).noisy(before.noise_ns, before.phase_ns)
    for unit in guest.units.values():
        unit.condition, unit.checked = False, 0
        if unit.enabled in ("enabled", "static"):
            start(world, guest, unit, now)


def _arrive(world: World, guest: Guest, move: Move, now: int) -> None:
    if guest.old is None:
        guest.old = copy_of(guest)
    guest.move = None
    guest.platform = move.platform
    guest.rtc = move.rtc if move.rtc is not None else replace(guest.rtc, offset_ns=move.offset_ns)
    guest.rtc_written_ns = None
    guest.clock = guest.clock.with_rate(now, move.rate_ppb).noisy(move.noise_ns, guest.clock.phase_ns)
    guest.machine_id = move.machine_id or guest.machine_id
    if move.new_host_key:
        world.new_host_key(guest)
    if move.removes_tools and "open-vm-tools" in guest.packages:
        remove(guest, "open-vm-tools", now, purge=True)
    for unit in move.units:
        add_unit(guest, unit, None)


def suspend(world: World, guest: Guest, now: int, lasts: int) -> None:
    """Stun the guest for that long."""
    world.advance_guest(guest, now)
    if guest.up(now) and guest.suspended is None:
        guest.suspended = Suspension(now, now + lasts)


def resume(guest: Guest, at: int) -> None:
    """Go on from where it stood; Tools then set the clock, where there are any with a host of theirs."""
    stands, guest.suspended = guest.suspended, None
    if stands is not None:
        _shift(guest, stands.since, at)
        tools_one_time(guest, at)


def _shift(guest: Guest, stood: int, now: int) -> None:
    """What was at `stood` is at `now`: nothing has aged in between, the clock included."""
    by = now - stood
    guest.clock = guest.clock.resumed(now, stood)
    guest.booted += by
    guest.next_periodic += by
    for line in guest.log:
        line.at += by
    if guest.disciplined is not None:
        guest.disciplined += by
    for unit in guest.units.values():
        unit.changed += by if unit.changed else 0
        unit.checked += by if unit.checked else 0
    for daemon in (guest.chronyd, guest.timesyncd, guest.ntpd):
        if daemon is not None:
            daemon.shift(by)


def snapshot(world: World, guest: Guest, name: str, now: int) -> None:
    """Keep the guest as it is now, memory included."""
    world.advance_guest(guest, now)
    guest.snapshots[name] = (now, copy_of(guest))


def revert(world: World, guest: Guest, name: str, now: int) -> None:
    """Back to a snapshot: files, daemons and the clock of then, under the same boot id.

    Raises:
        ValueError: no snapshot of that name was taken.
    """
    world.advance_guest(guest, now)
    if name not in guest.snapshots:
        raise ValueError(f"no snapshot {name!r} was taken of it before")
    taken, kept = guest.snapshots[name]
    _become(guest, kept)
    guest.connections += 1
    _shift(guest, taken, now)
    tools_one_time(guest, now)


def old_vm(world: World, guest: Guest, now: int) -> None:
    """The VM left behind on the source is powered on, and answers behind the guest's address.

    Raises:
        ValueError: the guest was not moved yet.
    """
    if guest.old is None:
        raise ValueError(f"{guest.name} was not moved, so nothing was left behind")
    _become(guest, guest.old)
    guest.stop_at = guest.suspended = None
    guest.rtc_written_ns, guest.move = None, None
    guest.connections += 1
    boot(world, guest, now)


def copy_of(guest: Guest) -> Guest:
    """The guest with everything in it, except its own past."""
    bare = replace(guest, snapshots={}, old=None)
    return copy.deepcopy(bare)


def _become(guest: Guest, kept: Guest) -> None:
    other = copy_of(kept)
    for one in fields(Guest):
        if one.name not in _KEPT:
            setattr(guest, one.name, getattr(other, one.name))
