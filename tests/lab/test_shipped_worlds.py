"""Every shipped world comes out as it says, and a twin differs from its world in one key only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import cutover_tui.lab.worlds as shipped
from cutover_tui.lab.world_file.loading import load_world

DIRECTORY = Path(next(iter(shipped.__path__)))
RUNBOOKS = {"linux-time.yaml", "naive-checklist.yaml"}
WORLDS = sorted(p for p in DIRECTORY.glob("*.yaml") if p.name not in RUNBOOKS)
TWINS = [p for p in WORLDS if load_world(p).spec.twin_of is not None]
SAID = {"title", "scenario", "twin_of", "expect", "naive", "pending"}


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Every leaf of plain data by its path."""
    if isinstance(value, dict):
        items = {f"{path}.{k}": v for k, v in value.items()}
    elif isinstance(value, list | tuple):
        items = {f"{path}[{n}]": v for n, v in enumerate(value)}
    else:
        return {path: value}
    found: dict[str, Any] = {}
    for name, inner in items.items():
        found |= leaves(inner, name)
    return found or {path: None}


@pytest.mark.parametrize("path", TWINS, ids=lambda p: p.stem)
def test_a_twin_differs_in_one_key(path: Path) -> None:
    twin = load_world(path).spec
    assert twin.twin_of is not None
    world = load_world(DIRECTORY / f"{twin.twin_of}.yaml").spec
    assert world.expect.outcome == "refused"
    assert twin.expect.outcome == "allowed"

    def data(name: str) -> dict[str, Any]:
        plain = yaml.safe_load((DIRECTORY / f"{name}.yaml").read_text(encoding="utf-8"))
        return leaves({k: v for k, v in plain.items() if k not in SAID})

    mine, theirs = data(path.stem), data(twin.twin_of)
    changed = {p for p in mine.keys() | theirs.keys() if mine.get(p, ...) != theirs.get(p, ...)}
    assert len(changed) == 1, changed


@pytest.mark.timeout(300)
def test_every_shipped_world_comes_out_as_it_says() -> None:
    command = str(Path(sys.executable).with_name("cutover"))
    played = subprocess.run(
        [command, "drill", "--all", str(DIRECTORY)], capture_output=True, text=True, check=False, timeout=280
    )
    assert played.returncode == 0, played.stdout + played.stderr
    assert f"{len(WORLDS)} of {len(WORLDS)} as expected" in played.stdout
