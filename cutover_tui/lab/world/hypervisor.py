"""What is done to a guest as a whole: power, the move, a stun, a snapshot and its revert, the VM left behind."""

from __future__ import annotations

from cutover_tui.lab.machine.guest import SECOND, Guest, Suspension
from cutover_tui.lab.machine.power import become, boot, copy_of, shift
from cutover_tui.lab.machine.services import tools_one_time
from cutover_tui.lab.world.clockwork import advance_guest
from cutover_tui.lab.world.world import World

_SHUTDOWN_NS = SECOND // 2


def reboot(world: World, guest: Guest, now: int) -> None:
    """Go down now and come back with another boot id."""
    _go_down(world, guest, now, cold=False)


def power_off(world: World, guest: Guest, now: int) -> None:
    """Go down; who operates the platform powers it on again, on the target if a move waits."""
    _go_down(world, guest, now, cold=True)


def stay_off(world: World, guest: Guest, now: int) -> None:
    """Go down and stay down until `power_on`."""
    _go_down(world, guest, now, cold=True)
    guest.stays_off = True


def power_on(world: World, guest: Guest, now: int) -> None:
    """End `stay_off`."""
    if guest.stays_off:
        advance_guest(world, guest, now)
        guest.stays_off = False
        guest.down_until = now + world.boot_ns


def migrate(world: World, guest: Guest, now: int) -> None:
    """The cutover: power the guest off and on again where its move leads.

    Raises:
        ValueError: no move waits for this guest.
    """
    if guest.move is None:
        raise ValueError(f"no move is planned for {guest.name}")
    _go_down(world, guest, now, cold=True)


def _go_down(world: World, guest: Guest, now: int, *, cold: bool) -> None:
    """Begin a shutdown; `cold`: it ends in a power-off, so that the virtual RTC starts anew."""
    advance_guest(world, guest, now)
    if guest.up(now) and guest.stop_at is None:
        guest.stop_at, guest.cold = now + _SHUTDOWN_NS, cold


def suspend(world: World, guest: Guest, now: int, lasts: int) -> None:
    """Stun the guest for that long."""
    advance_guest(world, guest, now)
    if guest.up(now) and guest.suspended is None:
        guest.suspended = Suspension(now, now + lasts)


def snapshot(world: World, guest: Guest, name: str, now: int) -> None:
    """Keep the guest as it is now, memory included."""
    advance_guest(world, guest, now)
    guest.snapshots[name] = (now, copy_of(guest))


def revert(world: World, guest: Guest, name: str, now: int) -> None:
    """Back to a snapshot: files, daemons and the clock of then, under the same boot id.

    Raises:
        ValueError: no snapshot of that name was taken.
    """
    advance_guest(world, guest, now)
    if name not in guest.snapshots:
        raise ValueError(f"no snapshot {name!r} was taken of it before")
    taken, kept = guest.snapshots[name]
    become(guest, kept)
    guest.connections += 1
    shift(guest, taken, now)
    tools_one_time(guest, now)


def old_vm(world: World, guest: Guest, now: int) -> None:
    """The VM left behind on the source is powered on, and answers behind the guest's address.

    Raises:
        ValueError: the guest was not moved yet.
    """
    if guest.old is None:
        raise ValueError(f"{guest.name} was not moved, so nothing was left behind")
    become(guest, guest.old)
    guest.stop_at = guest.suspended = None
    guest.rtc_written_ns, guest.move = None, None
    guest.connections += 1
    boot(world, guest, now)
