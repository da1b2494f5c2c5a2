"""Plays a world through one of its doors, and says what came out and what was true.

The session, its readers, checks, gate and record are the real ones; the world, the door and
the engineer's hands are the lab's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from cutover_tui.core.loading import Loaded, load_text
from cutover_tui.engine.export import exporter
from cutover_tui.engine.ground import Ground, jump_host
from cutover_tui.engine.internal import first_of
from cutover_tui.engine.opening import Operator, resumed_on, started_on
from cutover_tui.engine.sessions import SessionDirectory, new_session
from cutover_tui.lab.doors.virtual import VirtualDoor
from cutover_tui.lab.doors.virtual_loop import VirtualLoop, run
from cutover_tui.lab.drill.engineer import Crashed, Engineer, Stopped
from cutover_tui.lab.drill.real_lab import Build, Script, open_lab
from cutover_tui.lab.drill.runbooks import direct, fill
from cutover_tui.lab.world.world import World
from cutover_tui.lab.world_file.model import Trigger
from cutover_tui.lab.world_file.play import Expect, Play
from cutover_tui.record.files import RecordError

SECOND = 1_000_000_000
START_NS = 1_795_383_000 * SECOND
"""2026-11-22 21:30 UTC: when worlds begin behind the virtual door."""

LIMIT_NS = 300 * SECOND
"""Kerberos' tolerance: beyond it the incident has happened."""

_STEP_NS = 600 * SECOND
DoorName = Literal["virtual", "real"]
OPERATOR = Operator("drill", "lab")


@dataclass(frozen=True, slots=True)
class Piece:
    """What is played."""

    name: str
    build: Build
    runbook: str  # its text; see `cutover_tui.lab.drill.runbooks`
    play: Play
    aftermath_ns: int
    unhurried: bool = False  # see `cutover_tui.lab.drill.engineer.Engineer`


class Truth(msgspec.Struct, frozen=True):
    """What became of a guest, seen by nobody: ns ahead of true time; None while it is off."""

    guest: str
    at_close_ns: int | None
    offset_ns: int | None  # when the aftermath is over
    worst_ns: int  # the largest amount in between

    @property
    def broken(self) -> bool:
        """Whether Kerberos refused it at some time."""
        return self.worst_ns > LIMIT_NS


class Played(msgspec.Struct, frozen=True):
    """The outcome of one drill."""

    world: str
    door: DoorName
    outcome: Literal["allowed", "refused"]
    step: str | None
    host: str | None
    findings: tuple[tuple[str, str], ...]  # check id or rule of the gate, reason code
    journal: str
    took_ns: int  # of the world's time, aftermath left out
    truth: tuple[Truth, ...]
    warnings: tuple[str, ...] = ()  # of its runbook


def differs(expect: Expect, played: Played) -> tuple[str, ...]:
    """Where a drill went otherwise than its world expects, a sentence each; empty when it did not."""
    said: list[str] = []
    if played.outcome != expect.outcome:
        said.append(f"{played.outcome}, expected {expect.outcome}")
    if expect.outcome == "refused" and played.outcome == "refused":
        if expect.step is not None and played.step != expect.step:
            said.append(f"refused at {played.step}, expected at {expect.step}")
        if expect.host is not None and played.host != expect.host:
            said.append(f"refused on {played.host}, expected on {expect.host}")
    if expect.outcome == "refused" and not expect.findings:
        return tuple(said)
    wanted = {(f.check, f.reason) for f in expect.findings}
    found = set(played.findings)
    said += [f"{check} {reason} was not expected" for check, reason in sorted(found - wanted)]
    said += [f"{check} {reason} is missing" for check, reason in sorted(wanted - found)]
    return tuple(said)


def drill(piece: Piece, root: Path, door: DoorName = "virtual") -> Played:
    """Play it once; the session is kept under `root`.

    Raises:
        BadRunbook: its runbook does not load. CannotPlay: the play does not fit it.
        CannotHappen: an event asks for what this world cannot do. RecordError, OSError.
    """
    return run(lambda loop: _virtually(piece, root, loop)) if door == "virtual" else _really(piece, root)


@dataclass(frozen=True, slots=True)
class _Stage:
    """Where a piece is played."""

    ground: Ground
    happened: Callable[[str, str, str | None, str], None]


async def _virtually(piece: Piece, root: Path, loop: VirtualLoop) -> Played:
    world, script = piece.build(START_NS)
    door = VirtualDoor(world, loop, START_NS, script)
    loaded = load_text(fill(piece.runbook, world, direct(world), START_NS), piece.name)

    def happened(on: str, name: str, host: str | None, when: str) -> None:
        script.happened(msgspec.convert(on, Trigger), door.true(), id=name, host=host, when=when)
        door.wake()

    directory = new_session(root, loaded.runbook.change.id, door.clock.now())
    try:
        async with asyncio.TaskGroup() as group:
            clockwork = group.create_task(door.clockwork())
            stopped = await _perform(piece, loaded, directory, _Stage(door.ground(), happened))
            clockwork.cancel()
    except BaseExceptionGroup as errors:
        raise first_of(errors) from errors
    took, now = door.true() - START_NS, door.true()
    return _played(piece, "virtual", stopped, directory, took, world, script, now, loaded)


class Defective(Exception):  # noqa: N818 - what the program was
    """Something in the program broke while it was played. A session goes on without it; a play shows nothing then."""

    def __init__(self, defects: Iterable[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{part}: {words}" for part, words in sorted(defects)))


async def _perform(
    piece: Piece, loaded: Loaded, directory: SessionDirectory, stage: _Stage
) -> Stopped | None:
    """One session, or as many as the play's crashes make of it."""
    engineer = Engineer(piece.play, stage.ground.clock, stage.happened, piece.unhurried)
    opened = started_on(loaded, directory, OPERATOR, stage.ground, exporter(directory))
    while True:
        stopped, crashed = None, False
        try:
            async with opened as session:
                try:
                    stopped = await engineer.walk(session)
                except Crashed:
                    crashed = True
                if session.recorder.defects and not crashed:
                    raise Defective(session.recorder.defects)
        except RecordError:
            if not crashed:  # a program that is gone closes nothing
                raise
        if not crashed:
            return stopped
        opened = resumed_on(directory, OPERATOR, stage.ground, exporter(directory))


def _played(
    piece: Piece,
    door: DoorName,
    stopped: Stopped | None,
    directory: SessionDirectory,
    took_ns: int,
    world: World,
    script: Script,
    now: int,
    loaded: Loaded,
) -> Played:
    return Played(
        world=piece.name,
        door=door,
        outcome="allowed" if stopped is None else "refused",
        step=None if stopped is None else stopped.step,
        host=None if stopped is None else stopped.host,
        findings=() if stopped is None else stopped.findings,
        journal=str(directory.journal),
        took_ns=took_ns,
        truth=aftermath(world, script, now, piece.aftermath_ns),
        warnings=tuple(map(str, loaded.warnings)),
    )


def aftermath(world: World, script: Script, now: int, lasts_ns: int) -> tuple[Truth, ...]:
    """Let the world go on with nobody looking, and say what became of its guests."""
    script.advance(now)
    begin = {name: _offset(world, name, now) for name in world.guests}
    worst = {name: abs(offset or 0) for name, offset in begin.items()}
    end = now + lasts_ns
    while now < end:
        now = min(now + _STEP_NS, end)
        script.advance(now)
        for name in world.guests:
            worst[name] = max(worst[name], abs(_offset(world, name, now) or 0))
    return tuple(Truth(name, begin[name], _offset(world, name, end), worst[name]) for name in world.guests)


def _offset(world: World, name: str, now: int) -> int | None:
    guest = world.guests[name]
    return guest.clock.offset(now) if guest.up(now) else None


def _really(piece: Piece, root: Path) -> Played:
    keys = root / "lab"
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open_lab(piece.build, keys) as lab:
        loaded = load_text(fill(piece.runbook, lab.world, lab.access, lab.clock()), piece.name)
        ground = jump_host(lab.surroundings)
        directory = new_session(root, loaded.runbook.change.id, ground.clock.now())
        began = lab.clock()
        stopped = asyncio.run(_perform(piece, loaded, directory, _Stage(ground, lab.happened)))
        took = lab.clock() - began
    now = lab.clock()
    return _played(piece, "real", stopped, directory, took, lab.world, lab.script, now, loaded)
