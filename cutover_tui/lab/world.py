"""The simulated world: guests, references, the network between them. True time is an argument.

Nothing here sleeps or reads a clock: `advance(now)` brings everything up to that true time,
and every method that changes something takes the moment it happens at. Doors decide what
true time is.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field, replace
from zlib import crc32

from cutover_tui.lab.chronyd import Chronyd, Reply, read_config
from cutover_tui.lab.clocks import SimClock
from cutover_tui.lab.guest import SECOND, File, Guest, Unit, User
from cutover_tui.lab.packages import MIRROR, Package, UnitFile
from cutover_tui.lab.platforms import VMWARE, Platform

_SHUTDOWN_NS = SECOND // 2
BOOT_NS = 3 * SECOND
_TOOLS_PERIOD = 60 * SECOND
CHRONY_CONF_PATH = "/etc/chrony/chrony.conf"
TOOLS_CONF_PATH = "/etc/vmware-tools/tools.conf"


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


@dataclass(slots=True)
class Network:
    """Who cannot reach whom, and how long a packet takes."""

    delay_ns: int = 400_000
    blocked: set[tuple[str, str]] = field(default_factory=set)  # (guest, reference)


@dataclass(slots=True)
class World:
    """Everything there is. The same seed gives the same ids and the same noise."""

    seed: int = 1
    guests: dict[str, Guest] = field(default_factory=dict)
    references: dict[str, Reference] = field(default_factory=dict)
    network: Network = field(default_factory=Network)
    server_options: str = "iburst minpoll 2 maxpoll 2"  # of the `server` lines the site's package writes
    boot_ns: int = BOOT_NS
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - reproducible ids, no secret

    def new_id(self) -> str:
        """A random UUID of this world."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def add_reference(self, reference: Reference) -> Reference:
        self.references[reference.name] = reference
        return reference

    def add_guest(
        self,
        name: str,
        now: int,
        *,
        platform: Platform = VMWARE,
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
            clock=SimClock.wrong_by(now, offset_ns, rate_ppb),
            machine_id=self.new_id().replace("-", ""),
            boot_id=self.new_id(),
            booted=now - up_for,
        )
        guest.users |= {user.name: user for user in users}
        self.guests[name] = guest
        for package in packages:
            self.install(guest, MIRROR[package], now)
        return guest

    # Time

    def advance(self, now: int) -> None:
        """Bring every guest up to that true time."""
        for guest in self.guests.values():
            self.advance_guest(guest, now)

    def advance_guest(self, guest: Guest, now: int) -> None:
        """Finish a boot that is due, and let daemons and Tools do what was due."""
        if guest.stop_at is not None and now >= guest.stop_at:
            at, guest.stop_at = guest.stop_at, None
            self._work(guest, at)
            for unit in guest.units.values():
                self.stop(guest, unit, at)
            guest.down_until = at + self.boot_ns
        if guest.down_until is not None:
            if now < guest.down_until:
                return
            self._boot(guest, guest.down_until)
        self._work(guest, now)

    def _work(self, guest: Guest, now: int) -> None:
        if guest.chronyd is not None:
            updates = guest.chronyd.updates
            guest.clock = guest.chronyd.advance(guest.clock, now, self._asker(guest))
            if guest.chronyd.updates > updates and guest.chronyd.config.rtcsync:
                guest.disciplined = guest.chronyd.last_update
        self._periodic(guest, now)

    def _asker(self, guest: Guest) -> _Asker:
        return _Asker(self, guest)

    def _periodic(self, guest: Guest, now: int) -> None:
        while guest.next_periodic <= now:
            at, guest.next_periodic = guest.next_periodic, guest.next_periodic + _TOOLS_PERIOD
            if guest.tools_periodic and self.tools_act(guest) and "periodic" not in self.tools_off(guest):
                self._tools_step(guest, at)
            if guest.next_periodic < now - _TOOLS_PERIOD:
                guest.next_periodic = now

    def tools_act(self, guest: Guest) -> bool:
        """Whether VMware Tools run *and* there is a host of theirs to tell the time."""
        unit = guest.unit("open-vm-tools")
        return unit is not None and unit.active == "active" and guest.platform.name == "vmware"

    def tools_off(self, guest: Guest) -> set[str]:
        """What tools.conf switches off: a subset of {"all", "periodic"}."""
        text = guest.files.get(TOOLS_CONF_PATH, File("")).text
        lines = {line.replace(" ", "").lower() for line in text.splitlines()}
        everything = "disable-all=true" in lines
        found = {"all", "periodic"} if everything else set()
        return found | ({"periodic"} if "disable-periodic=true" in lines else set())

    def _tools_step(self, guest: Guest, at: int) -> None:
        """Forward only, as Tools do without `backward` options."""
        behind = -guest.clock.offset(at)
        if behind > 0:
            guest.clock = guest.clock.stepped(at, behind)

    # Power and platform

    def reboot(self, guest: Guest, now: int) -> None:
        """Go down now and come back with another boot id."""
        self._go_down(guest, now)

    def power_off(self, guest: Guest, now: int) -> None:
        """Go down; who operates the platform powers it on again, on the target if a move waits."""
        self._go_down(guest, now)

    def migrate(self, guest: Guest, now: int) -> None:
        """The cutover: power the guest off and on again where its move leads.

        Raises:
            ValueError: no move waits for this guest.
        """
        if guest.move is None:
            raise ValueError(f"no move is planned for {guest.name}")
        self._go_down(guest, now)

    def _go_down(self, guest: Guest, now: int) -> None:
        self.advance_guest(guest, now)
        if guest.up(now) and guest.stop_at is None:
            guest.stop_at = now + _SHUTDOWN_NS

    def _boot(self, guest: Guest, now: int) -> None:
        guest.down_until = None
        guest.boot_id, guest.disciplined = self.new_id(), None
        guest.booted = now - self.boot_ns * 2 // 3  # the kernel's start; services are there at `now`
        clock = guest.clock.at(now)
        guest.clock = replace(clock, correction_ppb=0, slew_ns=0)
        if guest.move is not None:
            move, guest.move = guest.move, None
            guest.platform = move.platform
            guest.clock = SimClock.wrong_by(now, move.offset_ns, move.rate_ppb)
            for unit in move.units:
                self._add_unit(guest, unit, None)
        for unit_state in guest.units.values():
            unit_state.condition, unit_state.checked = False, 0
            if unit_state.enabled in ("enabled", "static"):
                self.start(guest, unit_state, now)

    # Services

    def start(self, guest: Guest, unit: Unit, now: int) -> bool:
        """Start a unit as systemd would; a failed condition skips it without an error."""
        if unit.active == "active":
            return True
        only_on = unit.file.only_on
        unit.checked = now
        unit.condition = only_on is None or guest.platform.virt == only_on
        if not unit.condition:
            return True
        for name in unit.file.conflicts:
            other = guest.units.get(name)
            if other is not None:
                self.stop(guest, other, now)
        if unit.file.process == "chronyd" and not self._start_chronyd(guest, now):
            unit.active, unit.sub, unit.changed = "failed", "failed", now
            return False
        unit.active, unit.sub, unit.pid, unit.changed = "active", "running", guest.pid(), now
        if unit.file.process == "vmtoolsd":
            guest.next_periodic = now + _TOOLS_PERIOD
            if self.tools_act(guest) and "all" not in self.tools_off(guest):
                self._tools_step(guest, now)
        return True

    def _start_chronyd(self, guest: Guest, now: int) -> bool:
        try:
            config = read_config(guest.files[CHRONY_CONF_PATH].text)
        except (KeyError, ValueError):
            return False
        known = {r.name: r.address for r in self.references.values()}
        addresses = set(known.values())
        guest.chronyd = Chronyd.start(
            config, now, lambda name: name if name in addresses else known.get(name) or _literal(name)
        )
        if guest.drift_ppb is not None:
            guest.clock = guest.clock.corrected(now, guest.drift_ppb)
        return True

    def stop(self, guest: Guest, unit: Unit, now: int) -> None:
        """Stop a unit."""
        if unit.active != "active":
            unit.active, unit.sub = "inactive", "dead"
            return
        if unit.file.process == "chronyd" and guest.chronyd is not None:
            if guest.chronyd.updates:
                guest.drift_ppb = guest.clock.correction_ppb
            guest.chronyd = None
        unit.active, unit.sub, unit.pid, unit.changed = "inactive", "dead", 0, now

    def _add_unit(self, guest: Guest, file: UnitFile, package: str | None) -> Unit:
        unit = Unit(file, package, file.enabled)
        guest.units[file.name] = unit
        return unit

    # Packages

    def install(self, guest: Guest, package: Package, now: int) -> None:
        """Unpack, write files that are not there yet, enable and start services."""
        for name in package.conflicts:
            if name in guest.packages:
                self.remove(guest, name, now, purge=False)
        guest.packages[package.name] = package.version
        servers = "\n".join(f"server {r.address} {self.server_options}" for r in self.references.values())
        for path, (text, mode) in package.files.items():
            filled = text.replace("{servers}", servers)
            guest.files.setdefault(path, File(filled, mode, group="_chrony" if mode == 0o640 else "root"))
        for file in package.units:
            self.start(guest, self._add_unit(guest, file, package.name), now)

    def remove(self, guest: Guest, name: str, now: int, *, purge: bool) -> None:
        """Stop and remove; with `purge` its configuration too."""
        package = MIRROR[name]
        for file in package.units:
            unit = guest.units.pop(file.name, None)
            if unit is not None:
                self.stop(guest, unit, now)
        del guest.packages[name]
        guest.removed.add(name)
        if purge:
            for path in package.files:
                guest.files.pop(path, None)
            if name == "chrony":
                guest.drift_ppb = None


@dataclass(frozen=True, slots=True)
class _Asker:
    """One NTP exchange from a guest, as the world's network lets it happen."""

    world: World
    guest: Guest

    def __call__(self, address: str, now: int, clock: SimClock) -> Reply | None:
        found = next((r for r in self.world.references.values() if r.address == address), None)
        if found is None or found.silent or (self.guest.name, found.name) in self.world.network.blocked:
            return None
        delay = self.world.network.delay_ns
        # Asymmetry of the path: up to a twentieth of the delay either way, the same for the same moment.
        noise = crc32(f"{self.guest.name} {address} {now}".encode()) % max(delay // 10, 1) - delay // 20
        return Reply(
            offset_ns=clock.read(now) - found.clock.read(now) + noise,
            delay_ns=delay,
            stratum=found.stratum,
            root_delay_ns=found.root_delay_ns,
            root_dispersion_ns=found.root_dispersion_ns,
            synchronised=found.synchronised,
        )


def _literal(name: str) -> str | None:
    """An address stands for itself; a name nobody knows does not resolve."""
    return name if name.replace(".", "").isdigit() or ":" in name else None


__all__ = ["Network", "Reference", "World"]
