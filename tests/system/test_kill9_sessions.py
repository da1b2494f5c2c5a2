"""Two hundred SIGKILLs of the real program under load; `make test` does forty of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.lab.killing import kill_sessions

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]
KILLS = 200


def test_two_hundred_kills(tmp_path: Path) -> None:
    killers = kill_sessions(tmp_path, KILLS)
    shown = sum((killer.shown for killer in killers), start=Counter[str]())
    assert all(shown[kind] for kind in ("open", "note", "head", "started", "decided", "ran"))
    assert shown["note"] > KILLS
    assert sum(killer.unfinished for killer in killers)
