"""Fixtures of the unit tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.held import Held


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Callable[..., Held]]:
    """Commands that wait to be let go, by name."""
    made: dict[str, Held] = {}

    def named(name: str = "held") -> Held:
        if name not in made:
            made[name] = Held(tmp_path, name)
        return made[name]

    yield named
    for one in made.values():
        one.close()
