"""The simulated world: guests, references, the network between them. True time is an argument.

Nothing here sleeps or reads a clock: `advance(now)` brings everything up to that true time,
and every method that changes something takes the moment it happens at. Doors decide what
true time is.
"""

from __future__ import annotations

import random
import uuid
from base64 import b64encode
from dataclasses import dataclass, field
from zlib import crc32

from cutover_tui.lab.kerberos import member
from cutover_tui.lab.kerberos.domain import Domain
from cutover_tui.lab.kerberos.kdc import Kdc
from cutover_tui.lab.machine import power, services
from cutover_tui.lab.machine.chronyd import Chronyd, Reply
from cutover_tui.lab.machine.clocks import SimClock
from cutover_tui.lab.machine.guest import SECOND, Guest, Unit, User
from cutover_tui.lab.machine.packages import Package
from cutover_tui.lab.machine.platforms import VMWARE, Platform
from cutover_tui.lab.machine.systems import DEBIAN12, System
from cutover_tui.lab.world.network import NTP, Network

BOOT_NS = 3 * SECOND
_DAEMON = 102
"""The account time daemons go on under when they have opened what only root may."""


@dataclass(slots=True)
class Reference:
    """An NTP server with a clock of its own."""

    name: str
    address: str  # as guests know it
    clock: SimClock
    stratum: int = 1
    refid: bytes = b"GPS\0"
    root_delay_ns: int = 0
    root_dispersion_ns: int = 500_000
    synchronised: bool = True
    silent: bool = False
    leap: int = 0  # RFC 5905: 1 and 2 announce a leap second, 3 is what `synchronised` False says
    controller: bool = False  # a domain controller: a time source of the domain, not an independent one
    kdc: Kdc | None = None


@dataclass(slots=True)
class World:
    """Everything there is. The same seed gives the same ids and the same noise."""

    seed: int = 1
    guests: dict[str, Guest] = field(default_factory=dict)
    references: dict[str, Reference] = field(default_factory=dict)
    domain: Domain | None = None
    network: Network = field(default_factory=Network)
    jump: SimClock = field(default_factory=lambda: SimClock.wrong_by(0, 0))  # UTC of the jump host
    server_options: str = "iburst minpoll 2 maxpoll 2"  # of the `server` lines the site's package writes
    boot_ns: int = BOOT_NS
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - reproducible ids, no secret

    def new_id(self) -> str:
        """A random UUID of this world."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def new_host_key(self, guest: Guest) -> None:
        """Another SSH host key: a public one that only looks right; a door with real sockets makes its own."""
        parts = (b"ssh-ed25519", self._random.randbytes(32))
        blob = b"".join(len(part).to_bytes(4) + part for part in parts)
        guest.host_key = ""
        guest.host_key_public = f"ssh-ed25519 {b64encode(blob).decode()}"

    def add_reference(self, reference: Reference) -> Reference:
        self.references[reference.name] = reference
        return reference

    def add_guest(
        self,
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
            machine_id=self.new_id().replace("-", ""),
            boot_id=self.new_id(),
            booted=now - up_for,
            next_periodic=now + services.TOOLS_PERIOD,
        )
        guest.users |= {user.name: user for user in users}
        self.new_host_key(guest)
        self.guests[name] = guest
        for package in packages:
            self.install(guest, system.mirror[package], now)
        return guest

    # Names

    def resolve(self, name: str) -> str | None:
        """The address of a reference's name; an address stands for itself, an unknown name resolves to none."""
        known = self._called(name)
        return known.address if known is not None else _literal(name)

    def reference_at(self, address: str) -> Reference | None:
        """The reference behind an address or a name."""
        return self._called(address) or next(
            (r for r in self.references.values() if r.address == address), None
        )

    def full_name(self, reference: Reference) -> str:
        """A controller's name in the domain's DNS; another reference's own."""
        return (
            f"{reference.name}.{self.domain.dns}" if self.domain and reference.controller else reference.name
        )

    def _called(self, name: str) -> Reference | None:
        found = self.references.get(name)
        if found is not None or self.domain is None:
            return found
        return next((r for r in self.references.values() if self.full_name(r) == name), None)

    def site_servers(self) -> tuple[str, ...]:
        """Addresses that the site's packages are configured with."""
        return tuple(r.address for r in self.references.values())

    # Time

    def advance(self, now: int) -> None:
        """Bring every guest up to that true time."""
        for guest in self.guests.values():
            self.advance_guest(guest, now)

    def advance_guest(self, guest: Guest, now: int) -> None:
        """Finish a stun or a boot that is due, and let daemons and Tools do what was due."""
        if guest.suspended is not None:
            if now < guest.suspended.until:
                return
            power.resume(guest, guest.suspended.until)
        if guest.stop_at is not None and now >= guest.stop_at:
            at = guest.stop_at
            self._work(guest, at)
            power.finish_shutdown(self, guest, at)
        if guest.stays_off:
            return
        if guest.down_until is not None:
            if now < guest.down_until:
                return
            power.boot(self, guest, guest.down_until)
        self._work(guest, now)

    def _work(self, guest: Guest, now: int) -> None:
        ask = _Asker(self, guest)
        for daemon in (guest.chronyd, guest.ntpd):
            if daemon is None:
                continue
            updates = daemon.updates
            guest.clock = daemon.advance(guest.clock, now, ask)
            _tell(guest, daemon)
            if daemon.updates > updates and daemon.config.rtcsync:
                self._disciplined(guest, daemon.last_update)
        if guest.timesyncd is not None:
            packets = guest.timesyncd.packets
            guest.clock = guest.timesyncd.advance(guest.clock, now, ask)
            if guest.timesyncd.packets > packets:
                self._disciplined(guest, guest.timesyncd.last_update)
        member.work(self, guest, now)
        services.tools_periodic(guest, now)

    def _disciplined(self, guest: Guest, at: int | None) -> None:
        """The kernel was told that it is right, and writes the RTC."""
        guest.disciplined = at
        if at is not None:
            guest.rtc_written_ns = guest.clock.offset(max(at, guest.clock.since))

    def tools_act(self, guest: Guest) -> bool:
        """Whether VMware Tools run *and* there is a host of theirs to tell the time."""
        return services.tools_act(guest)

    # Power and platform

    def reboot(self, guest: Guest, now: int) -> None:
        """Go down now and come back with another boot id."""
        power.go_down(self, guest, now, cold=False)

    def power_off(self, guest: Guest, now: int) -> None:
        """Go down; who operates the platform powers it on again, on the target if a move waits."""
        power.go_down(self, guest, now, cold=True)

    def stay_off(self, guest: Guest, now: int) -> None:
        """Go down and stay down until `power_on`."""
        power.go_down(self, guest, now, cold=True)
        guest.stays_off = True

    def power_on(self, guest: Guest, now: int) -> None:
        """End `stay_off`."""
        if guest.stays_off:
            self.advance_guest(guest, now)
            guest.stays_off = False
            guest.down_until = now + self.boot_ns

    def migrate(self, guest: Guest, now: int) -> None:
        """The cutover: power the guest off and on again where its move leads.

        Raises:
            ValueError: no move waits for this guest.
        """
        if guest.move is None:
            raise ValueError(f"no move is planned for {guest.name}")
        power.go_down(self, guest, now, cold=True)

    # Services and packages

    def start(self, guest: Guest, unit: Unit, now: int) -> bool:
        """Start a unit as systemd would; a failed condition skips it without an error."""
        return services.start(self, guest, unit, now)

    def stop(self, guest: Guest, unit: Unit, now: int) -> None:
        """Stop a unit."""
        services.stop(guest, unit, now)

    def install(self, guest: Guest, package: Package, now: int) -> None:
        """Unpack, write files that are not there yet, enable and start services."""
        services.install(self, guest, package, now)

    def remove(self, guest: Guest, name: str, now: int, *, purge: bool) -> None:
        """Stop and remove; with `purge` its configuration too."""
        services.remove(guest, name, now, purge=purge)


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


def _literal(name: str) -> str | None:
    """An address stands for itself; a name nobody knows does not resolve."""
    return name if name.replace(".", "").isdigit() or ":" in name else None


__all__ = ["BOOT_NS", "Network", "Reference", "World"]
