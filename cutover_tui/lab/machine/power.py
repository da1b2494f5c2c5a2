"""What a guest goes through as a whole: the end of a shutdown, a boot, its arrival elsewhere, the end of a stun."""

from __future__ import annotations

import copy
from dataclasses import fields, replace

from cutover_tui.lab.machine.clocks import SimClock
from cutover_tui.lab.machine.guest import Guest, Move
from cutover_tui.lab.machine.services import add_unit, remove, start, stop, tools_one_time
from cutover_tui.lab.world.world import World

_VOLATILE = ("/run/", "/tmp/")  # noqa: S108 - a file system in memory, and what systemd-tmpfiles clears at boot
_KEPT = ("snapshots", "old", "boots", "connections", "name")


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


def resume(guest: Guest, at: int) -> None:
    """Go on from where it stood; Tools then set the clock, where there are any with a host of theirs."""
    stands, guest.suspended = guest.suspended, None
    if stands is not None:
        shift(guest, stands.since, at)
        tools_one_time(guest, at)


def shift(guest: Guest, stood: int, now: int) -> None:
    """What was at `stood` is at `now`: nothing has aged in between, the clock included."""
    by = now - stood
    guest.clock = guest.clock.resumed(now, stood)
    guest.booted += by
    guest.next_periodic += by
    if guest.stop_at is not None:
        guest.stop_at += by
    if guest.down_until is not None:
        guest.down_until += by
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


def copy_of(guest: Guest) -> Guest:
    """The guest with everything in it, except its own past."""
    bare = replace(guest, snapshots={}, old=None)
    return copy.deepcopy(bare)


def become(guest: Guest, kept: Guest) -> None:
    """Be as a kept guest was, its own past left out."""
    other = copy_of(kept)
    for one in fields(Guest):
        if one.name not in _KEPT:
            setattr(guest, one.name, getattr(other, one.name))
