"""Plays world files, each in a process of its own where there are several, and scores what came out.

Score = what was played, and where it differs from what the world's file expects of that
runbook: `expect` of the world's own, `naive` of the naive checklist.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec
import yaml

from cutover_tui.core.loading import BadRunbook
from cutover_tui.lab.drill.drill import DoorName, Played, differs, drill
from cutover_tui.lab.drill.engineer import CannotPlay
from cutover_tui.lab.drill.naive_book import Book
from cutover_tui.lab.drill.piece import piece_of
from cutover_tui.lab.drill.real_limits import not_real
from cutover_tui.lab.world.events import CannotHappen
from cutover_tui.lab.world_file.loading import LoadedWorld, WorldError, load_world_text
from cutover_tui.lab.world_file.twins import differing_keys, path_of
from cutover_tui.record.files import RecordError


class NotPlayed(Exception):  # noqa: N818 - a world that asks for what cannot be, or a full disk
    """A world could not be played to its end; `str()` names it and says why."""


class Scored(msgspec.Struct, frozen=True):
    """One world, what came out, and where that is not what it expects."""

    world: str
    title: str
    pending: str | None  # why `expect` is not yet expected to come out right
    incident: bool  # the class: its `expect` is a refusal
    twin_of: str | None
    apart: tuple[str, ...]  # the keys in which it differs from that; one, or it is no twin
    book: Book
    held: bool  # the file says what must come out of this book; where not, nothing can differ
    played: Played
    differs: tuple[str, ...]

    @property
    def no_twin(self) -> str | None:
        """Why it is no twin of the world it names, None where it is one or names none."""
        if self.twin_of is None or len(self.apart) == 1:
            return None
        keys = f"{len(self.apart)} keys: {', '.join(self.apart)}" if self.apart else "none"
        return f"no twin of {self.twin_of}: a twin differs in one key, this in {keys}"

    @property
    def good(self) -> bool:
        """As expected; a pending world is, as long as its own runbook does not come out right."""
        if self.pending is None:
            return not self.differs
        return bool(self.differs) or self.book == "naive"


def score(world: LoadedWorld, root: Path, *, book: Book = "ours", door: DoorName = "virtual") -> Scored:
    """Play one world, in this process; its session is kept under `root`.

    Raises:
        NotPlayed: its runbook does not load, the play or an event asks for what is not there or the door
            cannot have, or the disk fails.
    """
    limit = not_real(world) if door == "real" else None
    if limit is not None:
        raise NotPlayed(f"{limit}; play it in virtual time")
    try:
        played = drill(piece_of(world, book), root, door)
    except CannotHappen as error:
        line = world.lines.get(error.where)
        at = world.name if line is None else f"{world.name}:{line}"
        raise NotPlayed(f"{at}: cannot be played: {error}") from None
    except (BadRunbook, CannotPlay, yaml.YAMLError) as error:
        raise NotPlayed(f"{world.name}: cannot be played: {error}") from None
    except (RecordError, OSError) as error:
        raise NotPlayed(f"{world.name}: {error}; the drill was not played to its end") from None
    spec = world.spec
    expect = spec.expect if book == "ours" else spec.naive
    return Scored(
        world=world.name,
        title=spec.title,
        pending=spec.pending,
        incident=spec.expect.outcome == "refused",
        twin_of=spec.twin_of,
        apart=_apart(world),
        book=book,
        held=expect is not None,
        played=played,
        differs=() if expect is None else differs(expect, played),
    )


def _apart(world: LoadedWorld) -> tuple[str, ...]:
    twin_of = world.spec.twin_of
    return (
        () if twin_of is None else differing_keys(world.text, path_of(twin_of, world.directory).read_bytes())
    )


def play(
    worlds: Sequence[LoadedWorld],
    root: Path,
    *,
    books: Sequence[Book] = ("ours",),
    door: DoorName = "virtual",
    processes: int | None = None,
) -> Iterator[Scored]:
    """Play every world once with each book: the worlds in their order, the books of a world in theirs.

    Sessions are kept in a directory each under `root`. `processes` is the number of
    processors where not given; behind the real door it is 1, because at rate 1 nothing may
    be short of a processor. The processes are spawned, so a script that calls this guards
    its main part with `if __name__ == "__main__"`.

    Raises:
        NotPlayed: as `score`, at the first world that cannot be played.
    """
    parts = [
        _Part(world, root / f"{n:03d}-{_stem(world)}{'' if book == 'ours' else '-naive'}", book)
        for n, world in enumerate(worlds, 1)
        for book in books
    ]
    workers = min(len(parts), processes or os.cpu_count() or 1)
    if workers <= 1 or door == "real":
        for part in parts:
            yield score(part.world, part.root, book=part.book, door=door)
        return
    # Spawned: a fork would share the threads of whoever calls us.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin) as pool:
        yield from pool.map(_score_sent, [part.sent() for part in parts])


@dataclass(frozen=True, slots=True)
class _Part:
    """One world with one book. A loaded world does not pickle, so its text goes to the other process."""

    world: LoadedWorld
    root: Path
    book: Book

    def sent(self) -> tuple[bytes, str, Path, Path, Book]:
        return self.world.text, self.world.name, self.world.directory, self.root, self.book


def _begin() -> None:
    """A worker ends with whoever sent it worlds, when that one says so: `timeout` tells its whole group at once.

    A drill makes many objects that stay until its end: looking through them all the time costs 5 % of it.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _score_sent(sent: tuple[bytes, str, Path, Path, Book]) -> Scored:
    text, name, directory, root, book = sent
    try:
        world = load_world_text(text, name, directory)
    except WorldError as error:  # a runbook beside it is gone since
        raise NotPlayed(str(error)) from None
    return score(world, root, book=book)


def _stem(world: LoadedWorld) -> str:
    return Path(world.name).stem
