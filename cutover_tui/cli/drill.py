"""`cutover drill`: worlds played by the same session the screens use, and held against what they expect."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from cutover_tui.cli.outcome import OPEN, REFUSED, BadInput
from cutover_tui.core.amounts import time_amount
from cutover_tui.lab.drill.scoring import NotPlayed, Scored, play
from cutover_tui.lab.world_file.loading import LoadedWorld, WorldError, load_world, world_schema


def run(arguments: argparse.Namespace) -> int:
    """Exit 0 when every world came out as it expects, 1 otherwise."""
    if arguments.schema:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(world_schema()), indent=2) + b"\n")
        return OPEN
    worlds = [_load(path) for path in _paths(arguments.world, arguments.all)]
    with _sessions(arguments.keep) as root:
        scored: list[Scored] = []
        try:
            for one in play(worlds, root, door=arguments.door):
                scored.append(one)
                if not arguments.json:
                    _show(one, several=len(worlds) > 1)
        except NotPlayed as error:
            raise BadInput(str(error)) from None
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
