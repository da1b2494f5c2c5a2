"""The demo world: a move on which every item of the checklist is green and nobody keeps the time.

Two guests leave VMware for AHV. `app01` had no time service of its own: VMware Tools set
its clock whenever it mattered. On the target nothing does, its virtual RTC starts 3.2 s
wrong and its oscillator is bad. `app02` runs chrony and is well.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from string import Template

from cutover_tui.lab.doors.loopback import LOOPBACK
from cutover_tui.lab.doors.real import RealDoor, TrueTime
from cutover_tui.lab.machine.clocks import SimClock
from cutover_tui.lab.machine.guest import Move, User
from cutover_tui.lab.machine.packages import NGT_UNIT
from cutover_tui.lab.machine.platforms import AHV
from cutover_tui.lab.world import clockwork, hypervisor
from cutover_tui.lab.world.new_guest import add_guest
from cutover_tui.lab.world.world import Reference, World

SECOND = 1_000_000_000
USER = "ops"
BAD, GOOD = "app01", "app02"
RATE_PPB = 31_400_000
OFFSET_NS = 3_200_000_000
MOVE_NS = 10 * SECOND
"""Enough for both guests to be down and up again."""


@dataclass(frozen=True, slots=True)
class Incident:
    """The world, its door (not open yet) and the files that lead to it."""

    world: World
    door: RealDoor
    runbook_path: Path
    known_hosts_path: Path
    user_key_path: Path

    def migrate(self, at: int) -> None:
        """Power every guest that still waits for its move off and on again on the target."""
        for guest in self.world.guests.values():
            if guest.move is not None:
                hypervisor.migrate(self.world, guest, at)


def build_world(now: int) -> World:
    """The two guests before the move and three references that agree."""
    world = World()
    for number, refid in ((1, b"GPS\0"), (2, b"PPS\0"), (3, b"DCFa")):
        world.add_reference(
            Reference(f"ntp{number}.lab.example", f"10.20.0.{number}", SimClock.wrong_by(now, 0), refid=refid)
        )
    user = User(USER, 1000, ((1000, USER), (27, "sudo")), sudo=True)
    usual = ("systemd", "openssh-server", "open-vm-tools")
    bad = add_guest(world, BAD, now, offset_ns=-4_000_000, rate_ppb=900, packages=usual, users=(user,))
    bad.move = Move(AHV, RATE_PPB, OFFSET_NS, (NGT_UNIT,))
    good = add_guest(
        world, GOOD, now - 120 * SECOND, rate_ppb=-12_000, packages=(*usual, "chrony"), users=(user,)
    )
    good.move = Move(AHV, -18_000, 40_000_000, (NGT_UNIT,))
    clockwork.advance(world, now)
    return world


def build_incident(directory: Path, *, moved: bool = False) -> Incident:
    """Make the world and write runbook.yaml, known_hosts and id_ed25519 into `directory`.

    With `moved` the guests came up on the target seconds before the door opens, and the
    runbook begins after the move. Open the result's `door` to let anybody in.
    """
    directory.mkdir(parents=True, exist_ok=True)
    clock = TrueTime()
    began = clock() - (MOVE_NS if moved else 0)
    world = build_world(began)
    door = RealDoor(world, clock)
    key_path, hosts_path = door.write_access(directory)
    runbook_path = directory / "runbook.yaml"
    runbook_path.write_text(runbook(door, key_path, "demo.yaml" if moved else "incident.yaml"))
    incident = Incident(world, door, runbook_path, hosts_path, key_path)
    if moved:
        incident.migrate(began)
        clockwork.advance(world, clock())
    return incident


def runbook(door: RealDoor, key_path: Path, name: str) -> str:
    """A runbook of this folder with the door's ports and a window that began a minute ago."""
    text = resources.files("cutover_tui.lab.demo").joinpath(name).read_text(encoding="utf-8")
    now = datetime.now(UTC).replace(microsecond=0)
    return Template(text).substitute(
        start=_stamp(now - timedelta(minutes=1)),
        end=_stamp(now + timedelta(hours=4)),
        rollback=_stamp(now + timedelta(hours=3)),
        references="".join(f"\n    - {LOOPBACK}:{door.ntp_port(name)}" for name in door.world.references),
        address=LOOPBACK,
        key=json.dumps(str(key_path)),
        bad_port=door.ssh_port(BAD),
        good_port=door.ssh_port(GOOD),
    )


def _stamp(moment: datetime) -> str:
    return f'"{moment.isoformat().replace("+00:00", "Z")}"'
