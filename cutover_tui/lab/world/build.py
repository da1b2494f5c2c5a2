"""From a world file to a world: every key becomes state, at one moment of true time."""

from __future__ import annotations

from dataclasses import replace
from zlib import crc32

from cutover_tui.core.runbook import PlatformName
from cutover_tui.lab.kerberos.domain import Domain
from cutover_tui.lab.kerberos.kdc import Kdc
from cutover_tui.lab.machine import services
from cutover_tui.lab.machine.clocks import SimClock
from cutover_tui.lab.machine.guest import SECOND, File, Guest, Move, Rtc, Unit, User
from cutover_tui.lab.machine.packages import NGT_UNIT, UnitFile
from cutover_tui.lab.machine.platforms import PLATFORMS, Platform
from cutover_tui.lab.machine.services import TOOLS_CONF_PATH
from cutover_tui.lab.machine.systems import SYSTEMS, System
from cutover_tui.lab.world import clockwork, members
from cutover_tui.lab.world.network import GUESTS_NET, REFERENCES_NET, Link, Network, Route, Rule
from cutover_tui.lab.world.new_guest import add_guest
from cutover_tui.lab.world.world import Reference, World
from cutover_tui.lab.world_file.model import (
    ChronySpec,
    ClockSpec,
    GuestSpec,
    IdentitySpec,
    LinkSpec,
    MoveSpec,
    PrivilegesSpec,
    ReferenceSpec,
    RtcSpec,
    RuleSpec,
    ToolsSpec,
    WorldFile,
)

USER = "ops"
PASSWORD = "correct horse"  # noqa: S105 - of a simulated guest's sudo
LEAPS = {"normal": 0, "insert": 1, "delete": 2, "unsynchronised": 3}
_WARM_UP_NS = 2 * 3600 * SECOND
_REFIDS = ("GPS", "PPS", "DCFa", "PTP", "ATOM")
_CLIENT = {"bash": "bash", "dash": "sh", "ash": "ash"}


def build(spec: WorldFile, now: int) -> World:
    """The world as the file describes it at `now`; daemons that run have run for up to two hours.

    The file was read by `world_loading`, so names fit.
    """
    world = World(seed=spec.seed)
    world.jump = clock_of(spec.jump, now, _phase(spec.seed, "jump"))
    world.network = network_of(spec)
    world.domain = _domain(spec)
    began = now - min(_WARM_UP_NS, *(int(guest.up) for guest in spec.guests))
    for index, reference in enumerate(spec.references):
        world.add_reference(_reference(reference, index, spec.seed, now))
        if world.domain is not None and reference.controller:
            world.domain.join(reference.name, 1, "enabled", controller=True)
            found = world.references[reference.name]
            found.kdc = _kdc(reference)
            world.domain.register(world.full_name(found), found.address)
    for index, guest_spec in enumerate(spec.guests):
        _guest(world, guest_spec, index, spec.seed, began)
    clockwork.advance(world, now)
    for guest_spec in spec.guests:
        guest = world.guests[guest_spec.name]
        _settle(guest, guest_spec, now)
        joined = members.joins(guest_spec, guest.system)
        if world.domain is not None and joined is not None:
            members.settle(world, guest, joined, now)
    return world


def clock_of(spec: ClockSpec, now: int, phase: int) -> SimClock:
    """A clock that is as wrong at `now` as the file says."""
    return SimClock.wrong_by(now, spec.offset, spec.rate).noisy(spec.noise, phase)


def network_of(spec: WorldFile) -> Network:
    """The network at the start."""
    net = spec.network
    return Network(
        default=Link(net.latency, net.asymmetry, net.jitter, net.loss),
        routes=[route_of(link) for link in net.links],
        rules=[rule_of(rule) for rule in net.blocked],
        seed=spec.seed,
    )


def route_of(spec: LinkSpec) -> Route:
    return Route(spec.source, spec.target, Link(spec.latency, spec.asymmetry, spec.jitter, spec.loss))


def rule_of(spec: RuleSpec) -> Rule:
    return Rule(spec.source, spec.target, spec.port, spec.protocol)


def address_of(spec: GuestSpec | ReferenceSpec, index: int) -> str:
    """The address a guest or reference has where the file names none."""
    net = GUESTS_NET if isinstance(spec, GuestSpec) else REFERENCES_NET
    return spec.address or f"{net}.{index + 1}"


def platform_of(name: PlatformName, identity: IdentitySpec) -> Platform:
    """A platform with what the file says otherwise."""
    found = PLATFORMS[name]
    source = identity.clocksource
    return replace(
        found,
        vendor=identity.vendor if identity.vendor is not None else found.vendor,
        product=identity.product if identity.product is not None else found.product,
        clocksource=source or found.clocksource,
        clocksources=found.clocksources
        if source is None or source in found.clocksources
        else (source, *found.clocksources),
    )


def agent_unit(system: System, name: str) -> UnitFile:
    """The unit of a platform's agent as that platform's tools put it in."""
    return NGT_UNIT if name == "ngt" else system.mirror["qemu-guest-agent"].units[0]


def groups_of(may: PrivilegesSpec) -> tuple[tuple[int, str], ...]:
    """The groups of the login."""
    extra = ((4, "adm", may.journal), (27, "sudo", may.sudo != "none"))
    return ((1000, USER), *((number, name) for number, name, member in extra if member))


def rtc_of(spec: RtcSpec) -> Rtc:
    platform = spec.platform if spec.platform is not None else spec.guest
    return Rtc(spec.offset, spec.zone, spec.guest == "localtime", platform == "localtime")


def _phase(seed: int, name: str) -> int:
    return crc32(f"{seed} {name}".encode()) * 1_000


def _reference(spec: ReferenceSpec, index: int, seed: int, now: int) -> Reference:
    refid = spec.refid if spec.refid is not None else _REFIDS[index % len(_REFIDS)]
    return Reference(
        name=spec.name,
        address=address_of(spec, index),
        clock=clock_of(spec.clock, now, _phase(seed, spec.name)),
        stratum=spec.stratum,
        refid=refid.encode("ascii"),
        root_delay_ns=spec.root_delay or 0,
        root_dispersion_ns=spec.root_dispersion or 500_000,
        synchronised=spec.leap != "unsynchronised",
        silent=spec.down,
        leap=LEAPS[spec.leap],
        controller=spec.controller,
    )


def _domain(spec: WorldFile) -> Domain | None:
    made = spec.domain
    if made is None:
        return None
    domain = Domain(made.realm, made.dns or made.realm.lower(), made.site)
    for computer in made.computers:
        members.computer(domain, computer)
    return domain


def _kdc(spec: ReferenceSpec) -> Kdc | None:
    return None if spec.kdc is None else Kdc(spec.kdc.microseconds, spec.kdc.down, spec.kdc.udp)


def _guest(world: World, spec: GuestSpec, index: int, seed: int, began: int) -> Guest:
    system = SYSTEMS[spec.os]
    shell = _CLIENT[spec.shell or system.login_shell]
    may = spec.privileges
    user = User(
        USER,
        1000,
        groups_of(may),
        sudo=may.sudo == "nopasswd",
        password=PASSWORD if may.sudo == "password" else None,
        shell=shell,
    )
    guest = add_guest(
        world,
        spec.name,
        began,
        platform=platform_of(spec.platform, spec.identity),
        system=system,
        rate_ppb=spec.clock.rate,
        packages=system.base,
        up_for=int(spec.up),
        users=(user,),
    )
    guest.clock = guest.clock.noisy(spec.clock.noise, _phase(seed, spec.name))
    guest.address = address_of(spec, index)
    guest.machine_id = spec.identity.machine_id or guest.machine_id
    guest.rtc = rtc_of(spec.rtc)
    guest.unreadable = may.unreadable
    guest.forwarding = may.forwarding
    _time(world, guest, spec, began)
    _tools(world, guest, spec.tools, began)
    for agent in spec.agents:
        _agent(world, guest, agent, began)
    joined = members.joins(spec, system)
    if world.domain is not None and joined is not None:
        members.join(world, guest, joined, began)
        world.domain.register(f"{guest.name}.{world.domain.dns}", guest.address)
    if spec.move is not None:
        guest.move = _move(guest, spec.move)
    return guest


def _time(world: World, guest: Guest, spec: GuestSpec, now: int) -> None:
    mirror, time = guest.system.mirror, spec.time
    several = [name for name in ("chrony", "timesyncd", "ntpd") if getattr(time, name) is not None]
    if time.chrony is not None:
        _put(world, guest, "chrony", now)
        guest.drift_ppb = time.chrony.drift
        guest.chrony_controls = time.chrony.control
        guest.chrony_for_root = not time.chrony.cmdport
        _write_chrony(world, guest, time.chrony)
        _state(world, guest, "chronyd", time.chrony.running, time.chrony.enabled, now)
    if time.timesyncd is not None:
        server = time.timesyncd.server or next(iter(world.references))
        guest.files["/etc/systemd/timesyncd.conf"] = File(f"[Time]\nNTP={server}\n")
        _put(world, guest, "systemd-timesyncd", now, beside=len(several) > 1)
        _state(world, guest, "systemd-timesyncd", time.timesyncd.running, time.timesyncd.enabled, now)
    if time.ntpd is not None:
        guest.ntpd_acts = time.ntpd.acts
        _put(world, guest, ntpd_package(guest.system), now, beside=len(several) > 1)
        _state(world, guest, "ntpd", time.ntpd.running, time.ntpd.enabled, now)
    assert all(p in mirror for p in guest.packages)  # noqa: S101 - what is installed came from the mirror


def ntpd_package(system: System) -> str:
    """The package whose daemon is called ntpd there."""
    return next(p.name for p in system.mirror.values() if any(u.process == "ntpd" for u in p.units))


def _put(world: World, guest: Guest, name: str, now: int, *, beside: bool = False) -> None:
    """Install; `beside` others that the package would drive out (a site that built its own)."""
    package = guest.system.mirror[name]
    if beside:
        units = tuple(replace(unit, conflicts=()) for unit in package.units)
        package = replace(package, conflicts=(), units=units)
    services.install(world, guest, package, now)


def _write_chrony(world: World, guest: Guest, spec: ChronySpec) -> None:
    path = guest.system.chrony_conf
    names = (
        spec.sources
        if spec.sources is not None
        else tuple(r.name for r in world.references.values() if not r.controller)
    )
    options = f"{'iburst ' if spec.iburst else ''}minpoll {spec.minpoll} maxpoll {spec.maxpoll}"
    servers = [f"server {world.resolve(name) or name} {options}" for name in names]
    step = spec.makestep
    lines = []
    for line in guest.files[path].text.splitlines():
        word = line.split(" ", 1)[0]
        if word == "server":
            lines += servers
            servers = []
        elif word == "makestep":
            threshold = f"{int(step.threshold) / SECOND:g}"
            lines += [f"makestep {threshold} {step.limit}"] if step.limit else []
        elif word != "rtcsync" or spec.rtcsync:
            lines.append(line)
    lines += servers
    if not spec.cmdport:
        lines.append("cmdport 0")
    if spec.local is not None:
        lines.append(f"local stratum {spec.local}")
    guest.files[path] = replace(guest.files[path], text="\n".join(lines) + "\n")


def _tools(world: World, guest: Guest, spec: ToolsSpec, now: int) -> None:
    if not spec.installed:
        return
    package = guest.system.mirror["open-vm-tools"]
    services.install(world, guest, package, now)
    text = guest.files[TOOLS_CONF_PATH].text
    for key, on in (("disable-all", spec.disable_all), ("disable-periodic", spec.disable_periodic)):
        if on:
            text = text.replace(f"#{key}=false", f"{key}=true")
    guest.files[TOOLS_CONF_PATH] = File(text, 0o644 if spec.conf_readable else 0o600)
    guest.tools_periodic = spec.periodic
    _state(world, guest, "vmtoolsd", spec.running, spec.enabled, now)
    if spec.vendor_installer:
        del guest.packages["open-vm-tools"]
        guest.loose_tools = ("vmware-toolbox-cmd",)
        for unit in guest.units.values():
            unit.package = None if unit.package == "open-vm-tools" else unit.package


def _agent(world: World, guest: Guest, name: str, now: int) -> None:
    if name == "ngt":
        from_iso = Unit(NGT_UNIT, None, NGT_UNIT.enabled)
        guest.units[NGT_UNIT.name] = from_iso
        services.start(world, guest, from_iso, now)
    else:
        services.install(world, guest, guest.system.mirror[name], now)


def _state(world: World, guest: Guest, process: str, running: bool, enabled: bool, now: int) -> None:
    for unit in guest.units.values():
        if unit.file.process == process:
            unit.enabled = "enabled" if enabled else "disabled"
            services.stop(guest, unit, now)
            if running:
                services.start(world, guest, unit, now)


def _move(guest: Guest, spec: MoveSpec) -> Move:
    clock = spec.clock
    names = spec.agents if spec.agents is not None else _usual_agents(spec.platform)
    rtc = rtc_of(spec.rtc) if spec.rtc is not None else None
    if rtc is not None and clock is not None and clock.offset:
        rtc = replace(rtc, offset_ns=rtc.offset_ns + clock.offset)
    identity = spec.identity
    made = f"{crc32(guest.machine_id.encode()):08x}" * 4
    return Move(
        platform=platform_of(spec.platform, identity),
        rate_ppb=clock.rate if clock is not None else guest.clock.rate_ppb,
        offset_ns=clock.offset if clock is not None else 0,
        units=tuple(agent_unit(guest.system, name) for name in names),
        noise_ns=clock.noise if clock is not None else guest.clock.noise_ns,
        rtc=rtc,
        machine_id=identity.machine_id or (made if identity.new_machine_id else None),
        new_host_key=identity.new_host_key,
        removes_tools=spec.removes_tools,
    )


def _usual_agents(platform: PlatformName) -> tuple[str, ...]:
    return {"ahv": ("ngt",), "kvm": ("qemu-guest-agent",)}.get(platform, ())


def _settle(guest: Guest, spec: GuestSpec, now: int) -> None:
    """What the file says of the clock holds now, whatever daemons did to it on the way here."""
    kept = spec.time.chrony is not None and spec.time.chrony.running and guest.disciplined is not None
    kept = kept or guest.disciplined is not None
    if not kept or spec.clock.offset:
        guest.clock = guest.clock.set_to(now, now + spec.clock.offset)
