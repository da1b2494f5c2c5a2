"""States of a chronyd, set by the same configuration and the same events on both sides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cutover_tui.lab.machine import services
from cutover_tui.lab.machine.clocks import SimClock
from cutover_tui.lab.machine.guest import File
from cutover_tui.lab.machine.platforms import QEMU
from cutover_tui.lab.world.new_guest import add_guest
from cutover_tui.lab.world.world import Reference, World
from tests.system.differential.sides import SECOND, Lab, Real
from tests.system.nodes import network
from tests.system.nodes.lab import SystemLab

WRONG_S = 40
STRATUM = 8
NOON = 1_795_348_800 * SECOND
STARTED_S, SETTLED_S, LATER_S, SOAKED_S = 1, 12, 34, 62
_FAST = "iburst minpoll 1 maxpoll 1"
_TAIL = "rtcsync\ndriftfile /var/lib/chrony/chrony.drift\npidfile /run/chrony/chronyd.pid\n"


@dataclass(frozen=True)
class Event:
    """Something that happens to the guest or its sources."""

    at_s: float
    real: Callable[[SystemLab, Real], None]
    lab: Callable[[Lab], None]


@dataclass(frozen=True)
class State:
    """A configuration of chronyd, a clock to begin with, and what happens later."""

    name: str
    conf: Callable[[dict[str, str]], str]
    """chrony.conf for those addresses of references."""
    offset_s: float = 0
    drift_ppm: int = 0
    enabled: bool = True
    running: bool = True
    event: Event | None = None
    moments: tuple[int, ...] = (SETTLED_S, LATER_S, SOAKED_S)
    """Seconds after the start at which both are looked at: decided; eight polls after an event at the
    latest; and when a soak of one minute and the grace of a silent provider are over."""


def _servers(
    *names: str, options: str = _FAST, more: str = "makestep 1 3\n"
) -> Callable[[dict[str, str]], str]:
    return lambda known: "".join(f"server {known[name]} {options}\n" for name in names) + more + _TAIL


def _step(seconds: float) -> Event:
    def real(_: SystemLab, side: Real) -> None:
        side.guest.clock.step(round(seconds * SECOND))

    def lab(side: Lab) -> None:
        side.guest.clock = side.guest.clock.stepped(side.now, round(seconds * SECOND))

    return Event(14, real, lab)


def _unplugged(name: str) -> Event:
    def real(lab: SystemLab, _: Real) -> None:
        network.unplug(lab.servers[name])

    def lab(side: Lab) -> None:
        side.world.references[name].silent = True

    return Event(12.5, real, lab)


STATES = (
    State("synchronised", _servers("ntp1", "ntp2"), offset_s=-3, drift_ppm=50),
    State(
        "just-started",
        _servers("ntp1", options="iburst minpoll 4 maxpoll 4"),
        moments=(STARTED_S, SETTLED_S),
    ),
    State("not-enabled", _servers("ntp1"), enabled=False),
    State("no-sources", _servers()),
    State("unreachable", _servers("nobody")),
    State("lost-source", _servers("lost"), event=_unplugged("lost")),
    State("local-reference", _servers(more="local stratum 10\nallow\n"), offset_s=-8),
    State("stepped", _servers("ntp1", "ntp2"), event=_step(-20)),
    State("one-falseticker", _servers("ntp1", "ntp2", "wrong", more="minsources 2\nmakestep 1 3\n")),
    State("not-running", _servers("ntp1"), running=False, offset_s=6),
)


def real_references(lab: SystemLab) -> dict[str, str]:
    """Name → address: two that are right, one to be lost, one that is wrong, and an address of nobody."""
    for name in ("ntp1", "ntp2", "lost"):
        lab.reference(name, stratum=STRATUM)
    lab.reference("wrong", wrong_by_s=WRONG_S, stratum=STRATUM)
    return {name: node.address for name, node in lab.servers.items()} | {"nobody": f"{network.PREFIX}.250"}


def set_real(lab: SystemLab, state: State, addresses: dict[str, str]) -> Real:
    """A guest of namespaces in that state, its chronyd not started yet."""
    guest = lab.guest(state.name, offset_s=state.offset_s, drift_ppm=state.drift_ppm, vendor="QEMU")
    guest.node.write("/etc/chrony/chrony.conf", state.conf(addresses))
    if state.enabled:
        guest.chrony.enable()
    return Real(guest)


def set_lab(state: State, addresses: dict[str, str]) -> Lab:
    """A world of the lab in that state, its chronyd started now."""
    world = World()
    for name, address in addresses.items():
        if name != "nobody":
            clock = SimClock.wrong_by(NOON, (WRONG_S if name == "wrong" else 0) * SECOND)
            world.add_reference(Reference(name, address, clock, stratum=STRATUM))
    guest = add_guest(
        world,
        state.name,
        NOON,
        platform=QEMU,
        offset_ns=round(state.offset_s * SECOND),
        rate_ppb=state.drift_ppm * 1000,
        packages=("systemd", "openssh-server"),
    )
    guest.files["/etc/chrony/chrony.conf"] = File(state.conf(addresses))
    side = Lab(world, guest, NOON)
    services.install(world, guest, guest.system.mirror["chrony"], NOON)
    unit = guest.units["chrony.service"]
    if not state.running:
        services.stop(guest, unit, NOON)
    if not state.enabled:
        side.command(("systemctl", "disable", "chrony"))
    return side
