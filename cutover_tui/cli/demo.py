"""`cutover demo`: an incident to be walked through by hand, in a lab of real servers on loopback.

The usual one is the morning after a move; `--world` takes any other that a drill can play.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cutover_tui.cli import places
from cutover_tui.cli.outcome import BadInput
from cutover_tui.cli.screen import Opened, in_terminal, usable
from cutover_tui.core.loading import Loaded
from cutover_tui.engine.assembly import Surroundings
from cutover_tui.engine.export import exporter
from cutover_tui.engine.opening import Operator, started
from cutover_tui.engine.session import Session
from cutover_tui.engine.sessions import new_session
from cutover_tui.lab.demo.background import incident
from cutover_tui.lab.drill.by_hand import follow
from cutover_tui.lab.drill.piece import piece_of
from cutover_tui.lab.drill.real_lab import open_lab
from cutover_tui.lab.drill.real_limits import not_real
from cutover_tui.lab.drill.runbooks import fill
from cutover_tui.lab.world.events import CannotHappen
from cutover_tui.lab.world_file.loading import LoadedWorld, NoSuchWorld, WorldError, named_world
from cutover_tui.record.files import RecordError
from probes.net import SystemClock
from screens.terminal import Terminal


def run(arguments: argparse.Namespace) -> int:
    """Open the screens on the incident. Nothing of your machine is touched.

    The session goes with its guests: it could neither be resumed nor is it a record of anything.
    """
    world = _world(arguments.world) if arguments.world is not None else None
    terminal = usable(arguments)
    with tempfile.TemporaryDirectory(prefix="cutover-demo-") as scratch:
        try:
            if world is not None:
                return _in_world(world, Path(scratch), arguments, terminal)
            with incident(Path(scratch), moved=not arguments.before) as lab:
                around = Surroundings(lab.known_hosts_path, ssh_config=())
                opened = _opened(places.runbook(str(lab.runbook_path)), Path(scratch), arguments, around)
                return in_terminal(opened, arguments, terminal, lasting=False)
        except (RecordError, OSError) as error:
            raise BadInput(f"{error}; the demo was not started") from None


def _world(name: str) -> LoadedWorld:
    try:
        world = named_world(name)
    except (NoSuchWorld, WorldError) as error:
        raise BadInput(str(error)) from None
    if limit := not_real(world):
        raise BadInput(f"{limit}; `cutover drill` plays it")
    return world


def _in_world(world: LoadedWorld, scratch: Path, arguments: argparse.Namespace, terminal: Terminal) -> int:
    piece = piece_of(world)
    try:
        with open_lab(piece.build, scratch) as lab:
            book = scratch / "runbook.yaml"
            book.write_text(fill(piece.runbook, lab.world, lab.access, lab.clock(), world.spec.title))
            usual = _opened(places.runbook(str(book)), scratch, arguments, lab.surroundings)

            @asynccontextmanager
            async def followed() -> AsyncIterator[Session]:
                async with usual() as session:
                    stop = follow(session, lab.happened)
                    try:
                        yield session
                    finally:
                        stop()

            return in_terminal(followed, arguments, terminal, lasting=False)
    except CannotHappen as error:
        raise BadInput(f"{world.name}: {error}") from None


def _opened(loaded: Loaded, scratch: Path, arguments: argparse.Namespace, around: Surroundings) -> Opened:
    directory = new_session(scratch / "state", loaded.runbook.change.id, SystemClock().now())
    operator = Operator.current(arguments.operator)
    return lambda: started(loaded, directory, operator, around, exporter(directory))
