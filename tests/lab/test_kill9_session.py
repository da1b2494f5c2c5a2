"""SIGKILL at random moments of the real program's life: what it showed as recorded is there after resume."""

from __future__ import annotations

from pathlib import Path

from tests.lab.killing import kill_sessions

KILLS = 40
"""Two hundred of them run in the system tier."""


def test_what_a_session_showed_survives_kill_9(tmp_path: Path) -> None:
    killers = kill_sessions(tmp_path, KILLS)
    shown = sum((k.shown for k in killers), start=type(killers[0].shown)())
    assert shown["note"] > KILLS
    assert shown["open"] > KILLS // 2
    for kind in ("started", "decided", "ran", "head"):
        assert shown[kind]
    assert sum(k.unfinished for k in killers)
