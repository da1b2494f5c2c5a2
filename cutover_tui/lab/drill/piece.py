"""A world file as a piece to play."""

from __future__ import annotations

from pathlib import Path

from cutover_tui.lab.drill.drill import Piece
from cutover_tui.lab.world.build import build
from cutover_tui.lab.world.events import Timeline
from cutover_tui.lab.world.world import World
from cutover_tui.lab.world_file.loading import LoadedWorld
from cutover_tui.lab.world_file.runbook import runbook_text


def piece_of(loaded: LoadedWorld) -> Piece:
    """The world, its events, runbook and play as its file says.

    Raises:
        OSError: the runbook cannot be read.
    """
    spec = loaded.spec

    def make(now: int) -> tuple[World, Timeline]:
        world = build(spec, now)
        return world, Timeline(spec, world, now)

    return Piece(
        name=Path(loaded.name).stem,
        build=make,
        runbook=runbook_text(spec, loaded.directory),
        play=spec.play,
        aftermath_ns=int(spec.aftermath),
    )
