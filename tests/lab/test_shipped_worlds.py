"""Every shipped world comes out as it says, and a twin differs from its world in one key only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import cutover_tui.lab.worlds as shipped
from cutover_tui.engine.recording.recorder import FORMAT
from cutover_tui.lab.drill.drill import Played, drill
from cutover_tui.lab.drill.piece import piece_of
from cutover_tui.lab.world_file.loading import load_world
from cutover_tui.lab.world_file.twins import differing_keys, path_of
from cutover_tui.record.events import ActionIntended, Body, SessionResumed
from cutover_tui.record.journal import read

DIRECTORY = Path(next(iter(shipped.__path__)))
WORLDS = sorted(
    path
    for path in DIRECTORY.glob("*.yaml")
    if any(line.startswith("world:") for line in path.read_text(encoding="utf-8").splitlines())
)
TWINS = [p for p in WORLDS if load_world(p).spec.twin_of is not None]

HARMLESS = {"f9-crash"}
"""Incidents whose harm no gate refuses because it must not happen: a crash after which nothing is done twice."""


@pytest.mark.parametrize("path", TWINS, ids=lambda p: p.stem)
def test_a_twin_differs_in_one_key(path: Path) -> None:
    twin = load_world(path).spec
    assert twin.twin_of is not None
    world = load_world(DIRECTORY / f"{twin.twin_of}.yaml").spec
    assert world.expect.outcome == ("allowed" if twin.twin_of in HARMLESS else "refused")
    assert twin.expect.outcome == "allowed"
    assert twin.scenario == world.scenario
    found = differing_keys(path.read_bytes(), path_of(twin.twin_of, DIRECTORY).read_bytes())
    assert len(found) == 1, found


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
