"""What happens in a world and when: the events of its file, and clocks that jump by themselves.

A `Timeline` is told what the engineer and the session do (`happened`) and asked what is due;
whoever drives time advances it to `next_at` in between. It changes the world itself, at the
moment the file says, with the world brought up to that moment first.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from cutover_tui.lab.machine import services
from cutover_tui.lab.machine.clocks import SimClock
from cutover_tui.lab.machine.guest import File, Guest, Unit
from cutover_tui.lab.machine.packages import NGT_UNIT
from cutover_tui.lab.world import clockwork, hypervisor, members
from cutover_tui.lab.world.build import LEAPS, PASSWORD, USER, groups_of, route_of, rule_of
from cutover_tui.lab.world.network import ANYBODY, JUMP
from cutover_tui.lab.world.world import World
from cutover_tui.lab.world_file.model import (
    AccountChange,
    Change,
    ClockChange,
    ClockSpec,
    ClockStep,
    Event,
    FileChange,
    HostnameChange,
    IdentityChange,
    PrivilegesChange,
    PrivilegesSpec,
    RecordsChange,
    ReferenceChange,
    ServiceChange,
    SnapshotChange,
    StunChange,
    Trigger,
    WorldFile,
)

_PROCESSES = {
    "chrony": "chronyd",
    "timesyncd": "systemd-timesyncd",
    "ntpd": "ntpd",
    "open-vm-tools": "vmtoolsd",
    "qemu-guest-agent": "qemu-ga",
    "ngt": NGT_UNIT.process,
    "sssd": "sssd",
}


class CannotHappen(Exception):  # noqa: N818 - what an event asked for
    """An event asks for what this world cannot do (a revert to a snapshot never taken).

    `where` is the change's path in the world file, "" for one that is in none.
    """

    def __init__(self, what: str, where: str = "") -> None:
        super().__init__(what)
        self.where = where


@dataclass(frozen=True, slots=True)
class Happened:
    """One change that was made: when (true time), to whom, and which key of `do` it was."""

    at: int
    host: str | None
    what: str


@dataclass(order=True, slots=True)
class _Due:
    at: int
    order: int
    change: Change = field(compare=False)
    host: str | None = field(compare=False)
    where: str = field(compare=False)


class Timeline:
    """The events of one world that began at `began` (true UTC, ns)."""

    def __init__(self, spec: WorldFile, world: World, began: int) -> None:
        self._spec, self._world = spec, world
        self._due: list[_Due] = []
        self._order = 0
        self._boots = {name: guest.boots for name, guest in world.guests.items()}
        self._events = tuple(enumerate(spec.events))
        for n, event in self._events:
            if event.on == "time":
                self._schedule(n, event, began, None if event.host == ANYBODY else event.host)
        for who, clock in _clocks(spec):
            for step in clock.steps:
                self._push(began + step.after, _step_of(who, step), None, "")

    def happened(
        self,
        on: Trigger,
        now: int,
        *,
        id: str | None = None,  # noqa: A002 - the word of the file
        host: str | None = None,
        when: str = "done",
    ) -> None:
        """The engineer or the session did something; `host` None = the wave.

        `when` tells a step's start from its end, and an action's from its end.
        """
        for n, event in self._events:
            if event.on != on or event.on in ("time", "boot"):
                continue
            fits = (event.id in (None, id)) and event.when == when and (on != "mark" or when == "done")
            if fits and (event.host == ANYBODY or host is None or event.host == host):
                self._schedule(n, event, now, host if event.host == ANYBODY else event.host)

    def next_at(self) -> int | None:
        """True time of the next change that is known to come; boots may bring others."""
        return self._due[0].at if self._due else None

    def advance(self, now: int) -> list[Happened]:
        """Bring the world up to `now`, with every change made at its own moment.

        Raises:
            CannotHappen: an event asks for what cannot be done.
        """
        made: list[Happened] = []
        clockwork.advance(self._world, now if not self._due else min(now, self._due[0].at))
        self._look_for_boots()
        while self._due and self._due[0].at <= now:
            due = heapq.heappop(self._due)
            clockwork.advance(self._world, due.at)
            made += self._make(due)
            self._look_for_boots()
        clockwork.advance(self._world, now)
        self._look_for_boots()
        return made

    def _look_for_boots(self) -> None:
        for name, guest in self._world.guests.items():
            while self._boots[name] < guest.boots:
                self._boots[name] += 1
                for n, event in self._events:
                    if (
                        event.on == "boot"
                        and event.host in (name, ANYBODY)
                        and event.nth in (None, self._boots[name])
                    ):
                        self._schedule(n, event, guest.booted + self._world.boot_ns * 2 // 3, name)

    def _schedule(self, n: int, event: Event, now: int, host: str | None) -> None:
        for turn in range(event.times or 1):
            at = now + event.after + turn * (event.every or 0)
            for m, change in enumerate(event.do):
                self._push(at, change, host, f"events[{n}].do[{m}]")

    def _push(self, at: int, change: Change, host: str | None, where: str) -> None:
        self._order += 1
        heapq.heappush(self._due, _Due(at, self._order, change, host, where))

    def _make(self, due: _Due) -> list[Happened]:
        what = kind_of(due.change)
        try:
            return [
                Happened(due.at, host, what) for host in _apply(self._world, due.change, due.host, due.at)
            ]
        except CannotHappen as error:
            raise CannotHappen(str(error), due.where) from error


def kind_of(change: Change) -> str:
    """The one key of a change that is given."""
    return next(name for name in change.__struct_fields__ if getattr(change, name) is not None)


def apply(world: World, change: Change, now: int, host: str | None = None) -> None:
    """Make one change at that true time; `host` is whom it is about where it does not say.

    Raises:
        CannotHappen: it asks for what cannot be done.
    """
    clockwork.advance(world, now)
    for _ in _apply(world, change, host, now):
        pass


def _apply(world: World, change: Change, host: str | None, now: int) -> Iterator[str | None]:
    value = getattr(change, kind_of(change))
    match kind_of(change):
        case "clock":
            for name in _names(world, value.who or host, everybody=True):
                _clock(world, name, value, now)
                yield name
            return
        case "block":
            world.network.block(rule_of(value))
        case "unblock":
            world.network.unblock(rule_of(value))
        case "link":
            world.network.routes.append(route_of(value))
        case "computer":
            if world.domain is None:
                raise CannotHappen("computer: there is no domain that it could be in")
            members.computer(world.domain, value)
        case "reference":
            for name in world.references if value.name == ANYBODY else (value.name,):
                _reference(world, name, value)
        case kind:
            for name in _names(world, value.host or host):
                try:
                    _to_guest(world, world.guests[name], kind, value, now)
                except ValueError as error:
                    raise CannotHappen(f"{kind} of {name}: {error}") from error
                yield name
            return
    yield None


def _names(world: World, who: str | None, *, everybody: bool = False) -> list[str]:
    if who is None or who == ANYBODY:
        return list(world.guests)
    return [who] if everybody or who in world.guests else []


def _to_guest(world: World, guest: Guest, kind: str, value: object, now: int) -> None:
    match kind, value:
        case "service", ServiceChange():
            _service(world, guest, value, now)
        case "identity", IdentityChange():
            _identity(world, guest, value)
        case "file", FileChange():
            _file(guest, value)
        case "privileges", PrivilegesChange():
            _privileges(guest, value.privileges)
        case "account", AccountChange():
            members.change(world, guest, value, now)
        case "records", RecordsChange():
            members.register(world, guest, value)
        case "hostname", HostnameChange():
            guest.hostname = value.name
        case "stun", StunChange():
            hypervisor.suspend(world, guest, now, int(value.lasts))
        case "snapshot", SnapshotChange():
            hypervisor.snapshot(world, guest, value.name, now)
        case "revert", SnapshotChange():
            hypervisor.revert(world, guest, value.name, now)
        case "migrate", _:
            hypervisor.migrate(world, guest, now)
        case "reboot", _:
            hypervisor.reboot(world, guest, now)
        case "power_off", _:
            hypervisor.stay_off(world, guest, now)
        case "power_on", _:
            hypervisor.power_on(world, guest, now)
        case _:
            hypervisor.old_vm(world, guest, now)


def _clocks(spec: WorldFile) -> Iterator[tuple[str, ClockSpec]]:
    yield JUMP, spec.jump
    yield from ((guest.name, guest.clock) for guest in spec.guests)
    yield from ((reference.name, reference.clock) for reference in spec.references)


def _step_of(who: str, step: ClockStep) -> Change:
    return Change(clock=ClockChange(who=who, by=step.by))


def _clock(world: World, name: str, change: ClockChange, now: int) -> None:
    if name == JUMP:
        world.jump = _changed(world.jump, change, now)
    elif name in world.references:
        world.references[name].clock = _changed(world.references[name].clock, change, now)
    else:
        guest = world.guests[name]
        guest.clock = _changed(guest.clock, change, now)


def _changed(clock: SimClock, change: ClockChange, now: int) -> SimClock:
    if change.offset is not None:
        clock = clock.set_to(now, now + change.offset)
    if change.by is not None:
        clock = clock.stepped(now, change.by)
    return clock if change.rate is None else clock.with_rate(now, change.rate)


def _reference(world: World, name: str, change: ReferenceChange) -> None:
    found = world.references[name]
    found.silent = found.silent if change.down is None else change.down
    found.stratum = found.stratum if change.stratum is None else change.stratum
    if change.kdc_down is not None and found.kdc is not None:
        found.kdc.down = change.kdc_down
    if change.leap is not None:
        found.leap, found.synchronised = LEAPS[change.leap], change.leap != "unsynchronised"


def _service(world: World, guest: Guest, change: ServiceChange, now: int) -> None:
    units = [u for u in guest.units.values() if u.file.process == _PROCESSES[change.name]]
    if not units:
        raise ValueError(f"{change.name} is not installed")
    for unit in units:
        _act(world, guest, unit, change.act, now)


def _act(world: World, guest: Guest, unit: Unit, act: str, now: int) -> None:
    match act:
        case "enable" | "disable" | "mask":
            unit.enabled = {"enable": "enabled", "disable": "disabled", "mask": "masked"}[act]
            return
        case "stop":
            services.stop(guest, unit, now)
            return
        case "restart":
            services.stop(guest, unit, now)
    services.start(world, guest, unit, now)


def _identity(world: World, guest: Guest, change: IdentityChange) -> None:
    identity = change.identity
    if identity.machine_id is not None:
        guest.machine_id = identity.machine_id
    elif identity.new_machine_id:
        guest.machine_id = world.new_id().replace("-", "")
    if identity.new_host_key:
        world.new_host_key(guest)
        guest.connections += 1
    base = guest.platform
    guest.platform = replace(
        base,
        vendor=identity.vendor if identity.vendor is not None else base.vendor,
        product=identity.product if identity.product is not None else base.product,
        clocksource=identity.clocksource or base.clocksource,
    )


def _file(guest: Guest, change: FileChange) -> None:
    if change.text is None:
        guest.files.pop(change.path, None)
    else:
        guest.files[change.path] = File(change.text, int(change.mode, 8))


def _privileges(guest: Guest, may: PrivilegesSpec) -> None:
    before = guest.users[USER]
    password = PASSWORD if may.sudo == "password" else None
    sudo = may.sudo == "nopasswd"
    guest.users[USER] = replace(before, groups=groups_of(may), sudo=sudo, password=password)
    guest.unreadable = may.unreadable
