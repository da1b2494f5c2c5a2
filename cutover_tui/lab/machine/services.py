"""Packages and service units of a guest: install, remove, start, stop, and the daemons behind them."""

from __future__ import annotations

from cutover_tui.lab.kerberos import member
from cutover_tui.lab.machine.chronyd import Chronyd, Config, ServerLine, read_config
from cutover_tui.lab.machine.guest import SECOND, File, Guest, Unit
from cutover_tui.lab.machine.packages import Package, UnitFile
from cutover_tui.lab.machine.timesyncd import Timesyncd
from cutover_tui.lab.world.world import World

TOOLS_PERIOD = 60 * SECOND
TOOLS_CONF_PATH = "/etc/vmware-tools/tools.conf"
_NTPD_STEP_NS = 128_000_000


def tools_act(guest: Guest) -> bool:
    """Whether VMware Tools run *and* there is a host of theirs to tell the time."""
    runs = any(u.file.process == "vmtoolsd" and u.active == "active" for u in guest.units.values())
    return runs and guest.platform.name == "vmware"


def tools_off(guest: Guest) -> set[str]:
    """What tools.conf switches off: a subset of {"all", "periodic"}."""
    text = guest.files.get(TOOLS_CONF_PATH, File("")).text
    lines = {line.replace(" ", "").lower() for line in text.splitlines()}
    found = {"all", "periodic"} if "disable-all=true" in lines else set()
    return found | ({"periodic"} if "disable-periodic=true" in lines else set())


def tools_step(guest: Guest, at: int) -> None:
    """Tools set the clock: forward only, as without their `backward` options."""
    behind = -guest.clock.offset(at)
    if behind > 0:
        guest.clock = guest.clock.stepped(at, behind)


def tools_one_time(guest: Guest, at: int) -> None:
    """Tools' synchronisation at their start, at a resume and at a snapshot's revert."""
    if tools_act(guest) and "all" not in tools_off(guest):
        tools_step(guest, at)


def tools_periodic(guest: Guest, now: int) -> None:
    """Whatever the periodic loop had to do until now."""
    while guest.next_periodic <= now:
        at, guest.next_periodic = guest.next_periodic, guest.next_periodic + TOOLS_PERIOD
        if guest.tools_periodic and tools_act(guest) and "periodic" not in tools_off(guest):
            tools_step(guest, at)
        if not guest.tools_periodic and guest.next_periodic < now - TOOLS_PERIOD:
            guest.next_periodic = now


def start(world: World, guest: Guest, unit: Unit, now: int) -> bool:
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
            stop(guest, other, now)
    if not _start_daemon(world, guest, unit.file.process, now):
        unit.active, unit.sub, unit.changed = "failed", "failed", now
        return False
    unit.active, unit.sub, unit.pid, unit.changed = "active", "running", guest.pid(), now
    member.started(world, guest, unit.file.process, now)
    if unit.file.process == "vmtoolsd":
        guest.next_periodic = now + TOOLS_PERIOD
        tools_one_time(guest, now)
    return True


def _start_daemon(world: World, guest: Guest, process: str, now: int) -> bool:
    match process:
        case "chronyd":
            return _start_chronyd(world, guest, now)
        case "systemd-timesyncd":
            name = _timesyncd_server(guest)
            guest.timesyncd = Timesyncd.start(name, now, world.resolve)
        case "ntpd" if guest.ntpd_acts:
            lines = tuple(ServerLine(r.address, iburst=True) for r in world.references.values())
            config = Config(lines, makestep_ns=_NTPD_STEP_NS, makestep_updates=-1, rtcsync=True)
            guest.ntpd = Chronyd.start(config, now, world.resolve)
    return True


def _timesyncd_server(guest: Guest) -> str:
    text = guest.files.get("/etc/systemd/timesyncd.conf", File("")).text
    named = [line.partition("=")[2].split() for line in text.splitlines() if line.startswith("NTP=")]
    words = named[-1] if named else []
    return words[0] if words else "0.debian.pool.ntp.org"


def _start_chronyd(world: World, guest: Guest, now: int) -> bool:
    path = guest.system.chrony_conf
    try:
        config = read_config(guest.files[path].text, path)
    except (KeyError, ValueError):
        return False
    guest.chronyd = Chronyd.start(config, now, world.resolve)
    if not guest.chrony_controls:
        guest.chronyd.virtual = guest.clock
    elif guest.drift_ppb is not None:
        guest.clock = guest.clock.corrected(now, guest.drift_ppb)
    return True


def stop(guest: Guest, unit: Unit, now: int) -> None:
    """Stop a unit."""
    if unit.active != "active":
        unit.active, unit.sub = "inactive", "dead"
        return
    match unit.file.process:
        case "chronyd":
            if guest.chronyd is not None and guest.chronyd.updates and guest.chrony_controls:
                guest.drift_ppb = guest.clock.correction_ppb
            guest.chronyd = None
        case "systemd-timesyncd":
            guest.timesyncd = None
        case "ntpd":
            guest.ntpd = None
    member.stopped(guest, unit.file.process)
    unit.active, unit.sub, unit.pid, unit.changed = "inactive", "dead", 0, now


def add_unit(guest: Guest, file: UnitFile, package: str | None) -> Unit:
    """A unit file is there from now on."""
    unit = Unit(file, package, file.enabled)
    guest.units[file.name] = unit
    return unit


def install(world: World, guest: Guest, package: Package, now: int) -> None:
    """Unpack, write files that are not there yet, enable and start services."""
    for name in package.conflicts:
        if name in guest.packages:
            remove(guest, name, now, purge=False)
    guest.packages[package.name] = package.version
    servers = "\n".join(f"server {address} {world.server_options}" for address in world.site_servers())
    for path, (text, mode) in package.files.items():
        filled = text.replace("{servers}", servers)
        guest.files.setdefault(path, File(filled, mode, group="_chrony" if mode == 0o640 else "root"))
    for file in package.units:
        start(world, guest, add_unit(guest, file, package.name), now)


def remove(guest: Guest, name: str, now: int, *, purge: bool) -> None:
    """Stop and remove; with `purge` its configuration too."""
    package = guest.system.mirror[name]
    for file in package.units:
        unit = guest.units.pop(file.name, None)
        if unit is not None:
            stop(guest, unit, now)
    del guest.packages[name]
    guest.removed.add(name)
    if purge:
        for path in package.files:
            guest.files.pop(path, None)
        if name == "chrony":
            guest.drift_ppb = None
