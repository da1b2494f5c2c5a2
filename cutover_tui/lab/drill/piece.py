"""A world file as a piece to play."""

from __future__ import annotations

from pathlib import Path

from cutover_tui.lab.drill.drill import Piece
from cutover_tui.lab.drill.naive_book import Book, naive_text
from cutover_tui.lab.world.build import build
from cutover_tui.lab.world.events import Timeline
from cutover_tui.lab.world.world import World
from cutover_tui.lab.world_file.loading import LoadedWorld
from cutover_tui.lab.world_file.runbook import runbook_text


def piece_of(loaded: LoadedWorld, book: Book = "ours") -> Piece:
    """The world, its events and play as its file says, with its runbook or the naive checklist of that.

    Raises:
        OSError: the runbook cannot be read.
        yaml.YAMLError: it is no YAML (where the naive checklist is made of it).
    """
    spec = loaded.spec
    text_of = runbook_text if book == "ours" else naive_text

    def make(now: int) -> tuple[World, Timeline]:
        world = build(spec, now)
        return world, Timeline(spec, world, now)

    return Piece(
        name=Path(loaded.name).stem,
        build=make,
        runbook=text_of(spec, loaded.directory),
        play=spec.play,
        aftermath_ns=int(spec.aftermath),
        unhurried=book == "naive",
    )
