"""`cutover drill`: worlds played by the same session the screens use, and held against what they expect."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec

from cutover_tui.cli.outcome import OPEN, REFUSED, BadInput
from cutover_tui.core.amounts import time_amount
from cutover_tui.core.loading import BadRunbook
from cutover_tui.lab.drill.drill import DoorName, Played, differs, drill
from cutover_tui.lab.drill.engineer import CannotPlay
from cutover_tui.lab.drill.piece import piece_of
from cutover_tui.lab.world.events import CannotHappen
from cutover_tui.lab.world_file.loading import LoadedWorld, WorldError, load_world, world_schema
from cutover_tui.record.files import RecordError


class Scored(msgspec.Struct, frozen=True):
    """One world, what came out, and where that is not what it expects."""

    world: str
    title: str
    pending: str | None  # why it is not yet expected to come out right
    played: Played
    differs: tuple[str, ...]

    @property
    def good(self) -> bool:
        """As expected; a pending world is, as long as it does not."""
        return bool(self.differs) == (self.pending is not None)


def run(arguments: argparse.Namespace) -> int:
    """Exit 0 when every world came out as it expects, 1 otherwise."""
    if arguments.schema:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(world_schema()), indent=2) + b"\n")
        return OPEN
    worlds = [_load(path) for path in _paths(arguments.world, arguments.all)]
    with _sessions(arguments.keep) as root:
        scored: list[Scored] = []
        for one in _play(worlds, root, arguments.door):
            scored.append(one)
            if not arguments.json:
                _show(one, several=len(worlds) > 1)
    if arguments.json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(scored), indent=2) + b"\n")
    elif len(scored) > 1:
        good, waiting = sum(s.good for s in scored), sum(s.pending is not None for s in scored)
        print(f"{good} of {len(scored)} as expected" + (f", {waiting} of them pending" if waiting else ""))
    return OPEN if all(s.good for s in scored) else REFUSED


def _paths(named: Sequence[str], everything: str | None) -> list[Path]:
    paths = [Path(name) for name in named]
    if everything is not None:
        folder = Path(everything)
        if not folder.is_dir():
            raise BadInput(f"{everything}: there is no such directory; give one that holds world files")
        paths += sorted(p for p in folder.rglob("*.yaml") if _is_world(p))
    if not paths:
        raise BadInput("no world to play; name a world file, or a directory of them with --all")
    return paths


def _is_world(path: Path) -> bool:
    """Runbooks lie beside worlds; a world begins with the key `world`."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return True  # loading says what is wrong with it
    return any(line.startswith("world:") for line in lines)


def _load(path: Path) -> LoadedWorld:
    try:
        return load_world(path)
    except WorldError as error:
        raise BadInput(str(error)) from None


@contextmanager
def _sessions(keep: str | None) -> Iterator[Path]:
    if keep is not None:
        yield Path(keep)
        return
    with tempfile.TemporaryDirectory(prefix="cutover-drill-") as scratch:
        yield Path(scratch)


def _play(worlds: Sequence[LoadedWorld], root: Path, door: DoorName) -> Iterator[Scored]:
    roots = [root / f"{n:03d}-{Path(world.name).stem}" for n, world in enumerate(worlds, 1)]
    processes = min(len(worlds), os.cpu_count() or 1)
    if processes == 1 or door == "real":  # at rate 1 nothing may be short of a processor
        yield from map(partial(_score, door=door), worlds, roots)
        return
    # Spawned: a fork would share the threads of whoever calls us.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(_score_file, [str(w.directory / Path(w.name).name) for w in worlds], roots)


def _score_file(path: str, root: Path) -> Scored:
    return _score(_load(Path(path)), root, door="virtual")


def _score(world: LoadedWorld, root: Path, *, door: DoorName) -> Scored:
    try:
        played = drill(piece_of(world), root, door)
    except (BadRunbook, CannotPlay, CannotHappen) as error:
        raise BadInput(f"{world.name}: cannot be played: {error}") from None
    except (RecordError, OSError) as error:
        raise BadInput(f"{world.name}: {error}; the drill was not played to its end") from None
    spec = world.spec
    return Scored(world.name, spec.title, spec.pending, played, differs(spec.expect, played))


def _show(one: Scored, *, several: bool) -> None:
    word = "as expected" if one.good else "NOT AS EXPECTED"
    if one.pending is not None:
        word = "pending" if one.good else "PENDING NO LONGER"
    played = one.played
    where = (
        ""
        if played.step is None
        else f" at {played.step}" + (f" on {played.host}" if played.host not in (None, "*") else "")
    )
    closed = ", ".join(f"{check} {reason}" for check, reason in played.findings)
    print(f"{word:16} {Path(one.world).stem}: {played.outcome}{where}" + (f" ({closed})" if closed else ""))
    for difference in one.differs:
        print(f"{'':16} {difference}")
    if one.pending is not None:
        print(f"{'':16} pending: {one.pending}")
    if not several:
        for truth in played.truth:
            shown = "off" if truth.offset_ns is None else time_amount(truth.offset_ns, sign=True)
            print(
                f"{'':16} in truth {truth.guest}: {shown} in the end" + (", BROKEN" if truth.broken else "")
            )
