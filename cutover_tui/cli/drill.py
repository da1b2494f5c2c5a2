"""`cutover drill`: worlds played by the same session the screens use, and held against what they expect."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import msgspec

from cutover_tui.cli import generated
from cutover_tui.cli.drill_text import naive_looks, scored_lines, summary
from cutover_tui.cli.outcome import OPEN, REFUSED, BadInput
from cutover_tui.lab.drill.scoring import NotPlayed, Scored, play
from cutover_tui.lab.drill.scratch import scratch
from cutover_tui.lab.drill.table import BOOKS, Row, row_of, table_of
from cutover_tui.lab.drill.table_text import heading, row_lines, total_lines
from cutover_tui.lab.world_file.loading import LoadedWorld, WorldError, load_world, world_schema


def run(arguments: argparse.Namespace) -> int:
    """Exit 0 when every world came out as it expects, 1 otherwise."""
    if arguments.schema:
        _write(world_schema())
        return OPEN
    if arguments.generate is not None:
        with _sessions(arguments.keep) as root:
            return generated.run(arguments, root)
    worlds = [_load(path) for path in _paths(arguments.world, arguments.all)]
    try:
        with _sessions(arguments.keep) as root:
            if arguments.table:
                return _table(worlds, root, arguments)
            return _each(worlds, root, arguments)
    except NotPlayed as error:
        raise BadInput(str(error)) from None


def _each(worlds: Sequence[LoadedWorld], root: Path, arguments: argparse.Namespace) -> int:
    """Every world once, with the one book or the other."""
    if arguments.naive and not arguments.json:
        _print(naive_looks())
    scored: list[Scored] = []
    for one in play(worlds, root, books=("naive" if arguments.naive else "ours",), door=arguments.door):
        scored.append(one)
        if one.book == "ours":  # the naive checklist is asked for on purpose
            for warning in one.played.warnings:
                print(f"warning: {warning}", file=sys.stderr)
        if not arguments.json:
            _print(scored_lines(one, truth=len(worlds) == 1 or arguments.naive))
    if arguments.json:
        _write(scored)
    elif len(scored) > 1:
        print(summary(scored))
    return OPEN if all(s.good for s in scored) else REFUSED


def _table(worlds: Sequence[LoadedWorld], root: Path, arguments: argparse.Namespace) -> int:
    """Every world with both books, row by row as they come, incidents first."""
    pending = [w.name for w in worlds if w.spec.pending is not None]
    counted = [w for w in worlds if w.spec.pending is None]
    if not counted:
        raise BadInput(f"nothing to count: {len(pending)} of {len(worlds)} worlds are pending")
    counted.sort(key=lambda w: w.spec.expect.outcome != "refused")
    plays = play(counted, root, books=BOOKS, door=arguments.door)
    rows: list[Row] = []
    for naive, ours in zip(plays, plays, strict=True):  # from one iterator: the two plays of a world
        row = row_of(naive, ours)
        if not arguments.json:
            if not rows or rows[-1].incident != row.incident:
                _print((*([""] if rows else []), heading(incident=row.incident)))
            _print(row_lines(row))
        rows.append(row)
    table = table_of(rows, pending)
    if arguments.json:
        _write(table)
    else:
        _print(("", *total_lines(table)))
    return OPEN if table.good else REFUSED


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line.rstrip(), flush=True)


def _write(value: object) -> None:
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def _paths(named: Sequence[str], everything: str | None) -> list[Path]:
    paths = [Path(name) for name in named]
    if everything is not None:
        folder = Path(everything)
        if not folder.is_dir():
            raise BadInput(f"{everything}: there is no such directory; give one that holds world files")
        paths += sorted(p for p in folder.rglob("*.yaml") if _is_world(p))
    if not paths:
        raise BadInput("no world to play; name a world file, or a directory of them with --all")
    return list(dict.fromkeys(paths))  # named twice, a world still counts once


def _is_world(path: Path) -> bool:
    """Runbooks lie beside worlds and have the key `schema`; whatever else is no world is told, and not left out."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return True  # loading says what is wrong with it
    keys = {line.partition(":")[0] for line in lines}
    return "world" in keys or "schema" not in keys


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
    before = signal.signal(signal.SIGTERM, _ended)
    try:
        with scratch() as directory:
            yield directory
    finally:
        signal.signal(signal.SIGTERM, before)


def _ended(number: int, _frame: object) -> NoReturn:
    """What lies in memory would stay there: nobody looks for sessions of drills in /dev/shm."""
    raise SystemExit(128 + number)
