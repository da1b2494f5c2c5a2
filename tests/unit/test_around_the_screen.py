"""What the command line does before and after the screens: who works, in which window, what stays behind."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from cutover_tui.cli import main, places
from cutover_tui.core.finding import Criterion, Decision, Finding, Missing, Verdict
from cutover_tui.engine.checking import Looked
from cutover_tui.engine.recording.recorder import FORMAT
from cutover_tui.engine.sessions import SessionDirectory, all_sessions
from cutover_tui.record.events import SessionResumed, SessionStarted
from cutover_tui.record.journal import read
from probes.observation import Instant
from tests.unit.no_screen import at_terminal

OVER = Path(__file__).parents[2] / "examples" / "minimal-time.yaml"
"""Its window was in March 2026."""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CUTOVER_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("SUDO_USER", raising=False)
    at_terminal(monkeypatch)
    return tmp_path / "state"


def operators(session: SessionDirectory) -> list[str]:
    bodies = [e.body for e in read(session.journal, FORMAT.decode).events]
    return [b.operator for b in bodies if isinstance(b, SessionStarted | SessionResumed)]


def test_root_is_asked_for_a_name_and_an_account_of_ones_own_is_not(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(places.getpass, "getuser", lambda: "root")
    monkeypatch.setattr("sys.stdin", io.StringIO("ana\nraj\n"))
    assert main(["run", str(OVER)]) == 0
    assert "root names nobody" in capsys.readouterr().err
    (session,) = all_sessions(state)
    assert main(["resume", session.name]) == 0
    monkeypatch.setattr(places.getpass, "getuser", lambda: "lee")
    assert main(["resume", session.name]) == 0
    assert main(["resume", session.name, "--operator", "kim"]) == 0
    assert operators(session) == ["ana", "raj", "lee", "kim"]


def test_who_became_root_by_sudo_is_named(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places.getpass, "getuser", lambda: "root")
    monkeypatch.setenv("SUDO_USER", "ana")
    assert main(["run", str(OVER)]) == 0
    (session,) = all_sessions(state)
    assert operators(session) == ["ana"]


def test_a_window_that_is_over_is_said(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(OVER), "--operator", "ana"]) == 0
    words = "warning: the window of CHG0030211 ended 2026-03-15 01:00:00 UTC"
    assert words in capsys.readouterr().err

    async def nothing_to_see(*_args: object, **_options: object) -> Looked:
        return Looked((), ())

    monkeypatch.setattr("cutover_tui.cli.check.check", nothing_to_see)
    assert main(["check", str(OVER)]) == 0
    assert words in capsys.readouterr().err
    assert state.exists()


def test_a_look_without_a_session_speaks_of_no_past_and_of_no_screen(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Finding(
        "time.offset", 1, "app7", Verdict.UNKNOWN, "not-read",
        "The guest's clock has not been read since the last disturbance.", Criterion("x"),
        remedy="Read a clock by two people (key u on the clock screen).",
    )  # fmt: skip
    gap = Missing(found.check, found.verdict, found.reason, found.remedy)
    now = Instant("b", 0, 0)
    decision = Decision("provider", "app7", now, 1, "x", None, (), (found,), "refused", (gap,))

    async def nothing_read(*_args: object, **_options: object) -> Looked:
        return Looked((decision,), ())

    monkeypatch.setattr("cutover_tui.cli.check.check", nothing_read)
    assert main(["check", str(OVER)]) == 3
    printed = capsys.readouterr().out
    assert "The guest's clock has not been read." in printed
    assert "clock screen" not in printed
    assert not state.exists()


@pytest.mark.parametrize("which", [[], ["--before"], ["--world", "b2-timesync-masks-skew"]])
def test_the_demo_leaves_nothing_in_the_record(
    which: list[str], state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--operator", "ana", *which]) == 0
    assert not state.exists()
    told = capsys.readouterr().err
    assert "is gone with the demo" in told
    assert "cutover resume" not in told


def test_a_journal_cut_short_is_said_by_sessions_and_export(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(OVER), "--operator", "ana"]) == 0
    (session,) = all_sessions(state)
    whole = session.journal.read_bytes()
    session.journal.write_bytes(whole[:-100])
    capsys.readouterr()
    assert main(["sessions"]) == 0
    assert "CUT SHORT: journal.jsonl" in capsys.readouterr().out
    assert main(["export", session.name, "-o", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr()
    assert printed.err.startswith("warning: journal.jsonl")
    assert "is not in this evidence" in printed.err
    session.journal.write_bytes(whole)
    assert main(["sessions"]) == 0
    assert "CUT SHORT" not in capsys.readouterr().out
