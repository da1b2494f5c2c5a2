"""A guest more in a world."""

from __future__ import annotations

from cutover_tui.lab.machine import services
from cutover_tui.lab.machine.clocks import SimClock
from cutover_tui.lab.machine.guest import SECOND, Guest, User
from cutover_tui.lab.machine.platforms import VMWARE, Platform
from cutover_tui.lab.machine.systems import DEBIAN12, System
from cutover_tui.lab.world.world import World


def add_guest(
    world: World,
    name: str,
    now: int,
    *,
    platform: Platform = VMWARE,
    system: System = DEBIAN12,
    offset_ns: int = 0,
    rate_ppb: int = 0,
    packages: tuple[str, ...] = ("systemd", "openssh-server", "open-vm-tools"),
    up_for: int = 86_400 * SECOND,
    users: tuple[User, ...] = (),
) -> Guest:
    """A running guest with those packages, booted `up_for` before `now`."""
    guest = Guest(
        name=name,
        platform=platform,
        system=system,
        clock=SimClock.wrong_by(now, offset_ns, rate_ppb),
        machine_id=world.new_id().replace("-", ""),
        boot_id=world.new_id(),
        booted=now - up_for,
        next_periodic=now + services.TOOLS_PERIOD,
    )
    guest.users |= {user.name: user for user in users}
    world.new_host_key(guest)
    world.guests[name] = guest
    for package in packages:
        services.install(world, guest, system.mirror[package], now)
    return guest
