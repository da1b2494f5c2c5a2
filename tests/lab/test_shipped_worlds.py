"""Every shipped world comes out as it says, and a twin differs from its world in one key only."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import cutover_tui.lab.worlds as shipped
from cutover_tui.engine.recorder import FORMAT
from cutover_tui.lab.drill.drill import Played, drill
from cutover_tui.lab.drill.piece import piece_of
from cutover_tui.lab.world_file.loading import load_world
from cutover_tui.record.events import ActionIntended, Body, SessionResumed
from cutover_tui.record.journal import read

DIRECTORY = Path(next(iter(shipped.__path__)))
WORLDS = sorted(
    path
    for path in DIRECTORY.glob("*.yaml")
    if any(line.startswith("world:") for line in path.read_text(encoding="utf-8").splitlines())
)
TWINS = [p for p in WORLDS if load_world(p).spec.twin_of is not None]
SAID = {"title", "scenario", "twin_of", "expect", "naive", "pending"}

HARMLESS = {"f9-crash"}
"""Incidents whose harm no gate refuses because it must not happen: a crash after which nothing is done twice."""


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Every key whose value is another, or that only one side has: with all below it, it is one."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() | other.keys():
            if key in one and key in other:
                yield from differences(one[key], other[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}"
    elif isinstance(one, list) and isinstance(other, list):
        for n in range(max(len(one), len(other))):
            if n < min(len(one), len(other)):
                yield from differences(one[n], other[n], f"{path}[{n}]")
            else:
                yield f"{path}[{n}]"
    elif one != other or type(one) is not type(other):
        yield path


def plain(name: str) -> dict[str, Any]:
    """What happens in a world, without what its file says of it."""
    data = yaml.safe_load((DIRECTORY / f"{name}.yaml").read_text(encoding="utf-8"))
    return {k: v for k, v in data.items() if k not in SAID}


@pytest.mark.parametrize("path", TWINS, ids=lambda p: p.stem)
def test_a_twin_differs_in_one_key(path: Path) -> None:
    twin = load_world(path).spec
    assert twin.twin_of is not None
    world = load_world(DIRECTORY / f"{twin.twin_of}.yaml").spec
    assert world.expect.outcome == ("allowed" if twin.twin_of in HARMLESS else "refused")
    assert twin.expect.outcome == "allowed"
    assert twin.scenario == world.scenario
    found = sorted(differences(plain(path.stem), plain(twin.twin_of)))
    assert len(found) == 1, found


def test_one_key_is_one_with_all_that_is_below_it() -> None:
    one = {"a": {"b": 1}, "c": [1, {"d": 2}]}
    assert list(differences(one, one)) == []
    assert list(differences(one, {"a": {"b": 1, "e": {"f": 1, "g": 2}}, "c": [1, {"d": 2}]})) == [".a.e"]
    assert list(differences(one, {"a": {"b": 1}, "c": [1, {"d": 3}]})) == [".c[1].d"]
    assert sorted(differences(one, {"a": {"b": True}, "c": [1]})) == [".a.b", ".c[1]"]


def test_every_incident_has_a_twin() -> None:
    incidents = {p.stem for p in WORLDS if load_world(p).spec.expect.outcome == "refused"} | HARMLESS
    assert incidents == {load_world(p).spec.twin_of for p in TWINS}


@pytest.mark.timeout(300)
def test_every_shipped_world_comes_out_as_it_says() -> None:
    command = str(Path(sys.executable).with_name("cutover"))
    played = subprocess.run(
        [command, "drill", "--all", str(DIRECTORY)], capture_output=True, text=True, check=False, timeout=280
    )
    assert played.returncode == 0, played.stdout + played.stderr
    assert f"{len(WORLDS)} of {len(WORLDS)} as expected" in played.stdout


# F9: what a gate cannot say


def bodies(played: Played) -> list[Body]:
    return [e.body for e in read(Path(played.journal), FORMAT.decode).events]


def test_after_a_crash_the_guest_is_powered_off_once(tmp_path: Path) -> None:
    found = bodies(drill(piece_of(load_world(DIRECTORY / "f9-crash.yaml")), tmp_path))
    assert sum(isinstance(b, SessionResumed) for b in found) == 1
    assert [b.action for b in found if isinstance(b, ActionIntended)] == ["power-off"]


def test_the_trap_of_that_world_closes(tmp_path: Path) -> None:
    """Set for the only power-off instead of a second one, it is refused: so nobody powered off twice."""
    text = (DIRECTORY / "f9-crash.yaml").read_text(encoding="utf-8")
    (tmp_path / "f9.yaml").write_text(text.replace("nth: 2", "nth: 1"), encoding="utf-8")
    played = drill(piece_of(load_world(tmp_path / "f9.yaml")), tmp_path)
    assert (played.outcome, played.step) == ("refused", "provider")
    assert played.findings == (("time.provider", "no-reachable-source"),)
