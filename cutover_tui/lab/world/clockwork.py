"""What goes on in a world by itself: `advance` brings everything up to a true time."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

from cutover_tui.lab.kerberos import member
from cutover_tui.lab.machine import power, services
from cutover_tui.lab.machine.chronyd import Chronyd, Reply
from cutover_tui.lab.machine.clocks import SimClock
from cutover_tui.lab.machine.guest import SECOND, Guest
from cutover_tui.lab.world.network import NTP
from cutover_tui.lab.world.world import World

_DAEMON = 102
"""The account time daemons go on under when they have opened what only root may."""


def advance(world: World, now: int) -> None:
    """Bring every guest up to that true time."""
    for guest in world.guests.values():
        advance_guest(world, guest, now)


def advance_guest(world: World, guest: Guest, now: int) -> None:
    """Finish a stun or a boot that is due, and let daemons and Tools do what was due."""
    if guest.suspended is not None:
        if now < guest.suspended.until:
            return
        power.resume(guest, guest.suspended.until)
    if guest.stop_at is not None and now >= guest.stop_at:
        at = guest.stop_at
        _work(world, guest, at)
        power.finish_shutdown(world, guest, at)
    if guest.stays_off:
        return
    if guest.down_until is not None:
        if now < guest.down_until:
            return
        power.boot(world, guest, guest.down_until)
    _work(world, guest, now)


def due(guest: Guest) -> int | None:
    """True time at which a stun, a shutdown or a boot of the guest is over; None: it waits for none of them.

    What stays off keeps the end of a boot that never came: nothing is due there until it is powered on.
    """
    if guest.suspended is not None:
        return guest.suspended.until
    if guest.stop_at is not None:
        return guest.stop_at
    return None if guest.stays_off else guest.down_until


def _work(world: World, guest: Guest, now: int) -> None:
    ask = _Asker(world, guest)
    for daemon in (guest.chronyd, guest.ntpd):
        if daemon is None:
            continue
        updates = daemon.updates
        if daemon.virtual is not None:
            daemon.virtual = daemon.advance(daemon.virtual, now, ask)
            daemon.stepped.clear()
            continue
        guest.clock = daemon.advance(guest.clock, now, ask)
        _tell(guest, daemon)
        if daemon.updates > updates and daemon.config.rtcsync:
            _disciplined(guest, daemon.last_update)
    if guest.timesyncd is not None:
        packets = guest.timesyncd.packets
        guest.clock = guest.timesyncd.advance(guest.clock, now, ask)
        if guest.timesyncd.packets > packets:
            _disciplined(guest, guest.timesyncd.last_update)
    member.work(world, guest, now)
    services.tools_periodic(guest, now)


def _disciplined(guest: Guest, at: int | None) -> None:
    """The kernel was told that it is right, and writes the RTC."""
    guest.disciplined = at
    if at is not None:
        guest.rtc_written_ns = guest.clock.offset(max(at, guest.clock.since))


def _tell(guest: Guest, daemon: Chronyd) -> None:
    """What a daemon says in the journal of the steps it made: the words of chrony's local.c and of ntpsec."""
    name = "ntpd" if daemon is guest.ntpd else "chronyd"
    unit = next((u.file.name for u in guest.units.values() if u.file.process == name), "")
    for at, by in daemon.stepped:
        seconds = f"{by / SECOND:.6f}"
        text = (
            f"CLOCK: time stepped by {seconds}"
            if name == "ntpd"
            else f"System clock was stepped by {seconds} seconds"
        )
        guest.say(at, name, text, uid=_DAEMON, unit=unit)
    daemon.stepped.clear()


@dataclass(frozen=True, slots=True)
class _Asker:
    """One NTP exchange from a guest, as the world's network lets it happen."""

    world: World
    guest: Guest

    def __call__(self, address: str, now: int, clock: SimClock) -> Reply | None:
        found = self.world.reference_at(address)
        if found is None or found.silent:
            return None
        ways = self.world.network.round_trip(self.guest.name, found.name, NTP, now)
        if ways is None:
            return None
        there, back = ways
        delay = there + back
        # What the path adds unevenly: up to a twentieth of the delay either way, the same for the same moment.
        noise = crc32(f"{self.guest.name} {address} {now}".encode()) % max(delay // 10, 1) - delay // 20
        return Reply(
            offset_ns=clock.read(now) - found.clock.read(now) - (there - back) // 2 + noise,
            delay_ns=delay,
            stratum=found.stratum,
            root_delay_ns=found.root_delay_ns,
            root_dispersion_ns=found.root_dispersion_ns,
            synchronised=found.synchronised,
        )
