"""What is given wrongly to any command ends in exit code 2 and one clear sentence, never in a traceback."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cutover_tui.core.loading import load
from cutover_tui.engine.opening import Operator, begin
from cutover_tui.engine.recording.recorder import Recorder
from cutover_tui.engine.sessions import SessionDirectory, new_session
from cutover_tui.record.events import Noted
from probes.net import SystemClock

ROOT = Path(__file__).parents[2]
RUNBOOK = ROOT / "examples" / "minimal-time.yaml"
BAD_INPUT = 2


@dataclass(frozen=True)
class Case:
    """One command line, and a piece of the sentence it must end with."""

    argv: str
    says: str
    terminal: str | None = None  # TERM of a real terminal; None: no terminal
    state: str | None = None
    code: int = BAD_INPUT


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


async def a_session(root: Path, notes: int, *, leave_open: bool = False) -> tuple[SessionDirectory, Recorder]:
    directory = new_session(root, "CHG", SystemClock().now())
    recorder, _ = await begin(load(RUNBOOK), directory, Operator("op", "jump"), SystemClock().now)
    for n in range(notes):
        await recorder.record(Noted(f"note {n}"))
    if not leave_open:
        await recorder.close()
    return directory, recorder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory with everything that can be given wrongly."""
    folder = tmp_path_factory.mktemp("bad")
    root = folder / "state"
    (folder / "runbook.yaml").write_bytes(RUNBOOK.read_bytes())
    (folder / "other.yaml").write_text(RUNBOOK.read_text().replace("CHG0030211", "CHG0030212"))
    (folder / "not.yaml").write_text("a: [b\n")
    (folder / "latin1.yaml").write_bytes(b"schema: 1\nchange: {id: \xff}\n")
    (folder / "wrong.yaml").write_text(RUNBOOK.read_text().replace("time.offset", "time.offfset"))
    (folder / "full").mkdir()
    (folder / "full" / "report.html").write_text("somebody's")
    (folder / "empty").mkdir()
    (folder / "emptied" / "sessions" / "emptied" / "tapes").mkdir(parents=True)
    (folder / "emptied" / "sessions" / "emptied" / "journal.jsonl").touch()
    (folder / "file").write_text("this is no known_hosts file\n")

    async def play() -> Recorder:
        good, _ = await a_session(root, 3)
        good.path.rename(root / "sessions" / "good")
        damaged, _ = await a_session(root, 3)
        damaged.path.rename(root / "sessions" / "damaged")
        journal = root / "sessions" / "damaged" / "journal.jsonl"
        journal.write_bytes(journal.read_bytes().replace(b"note 1", b"nope 1"))
        busy, recorder = await a_session(root, 1, leave_open=True)
        busy.path.rename(root / "sessions" / "busy")
        return recorder

    with asyncio.Runner() as runner:
        recorder = runner.run(play())
        yield folder
        runner.run(recorder.close())


class Cli:
    """The program, started once and forked for each command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("forked_cli.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )

    def run(self, case: Case) -> Ended:
        """Run it to its end; with a terminal, stdin and stderr are one."""
        assert self.server.stdin
        assert self.server.stdout
        out, err = self.folder / "out.txt", self.folder / "err.txt"
        out.write_bytes(b"")
        err.write_bytes(b"")
        ours, theirs = pty.openpty()
        try:
            terminal = os.ttyname(theirs) if case.terminal else None
            environment = {
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "CUTOVER_STATE": case.state or str(self.folder / "state"),
                "TERM": case.terminal or "xterm-256color",
            }
            job = {
                "argv": case.argv.split(),
                "environment": environment,
                "cwd": str(self.folder),
                "files": [terminal or "/dev/null", str(out), terminal or str(err)],
            }
            self.server.stdin.write(json.dumps(job) + "\n")
            self.server.stdin.flush()
            code = int(self.server.stdout.readline())
            shown = err.read_text() if terminal is None else os.read(ours, 65536).decode()
        finally:
            os.close(theirs)
            os.close(ours)
            err.unlink()
        return Ended(code, out.read_text(), shown)

    def close(self) -> None:
        assert self.server.stdin
        assert self.server.stdout
        self.server.stdin.close()
        self.server.stdout.close()
        self.server.wait(10)


CASES = (
    Case("", "COMMAND"),
    Case("frobnicate", "invalid choice"),
    Case("check", "runbook"),
    Case("check runbook.yaml --frob", "unrecognized arguments"),
    # Runbooks
    Case("check missing.yaml", "missing.yaml:1: cannot be read: No such file or directory"),
    Case("run missing.yaml", "missing.yaml:1: cannot be read: No such file or directory"),
    Case("check full", "full:1: cannot be read: Is a directory"),
    Case("check not.yaml", "not.yaml:"),
    Case("check latin1.yaml", "latin1.yaml:"),
    Case("check wrong.yaml", "time.offfset"),
    Case("check runbook.yaml --step nope", "there is no step nope; its steps are provider"),
    Case("check runbook.yaml --host nope", "there is no host nope; its hosts are app7"),
    Case("check runbook.yaml --ssh-config nope", "no such ssh configuration"),
    # Sessions
    Case("check runbook.yaml --session nope", "there is no such session"),
    Case("check other.yaml --session good", "is not the runbook session good was started with"),
    Case("check runbook.yaml --session damaged", "journal.jsonl:3:"),
    Case("resume nope", "there is no such session"),
    Case(
        "sessions",
        "/dev/null/x/sessions: cannot look for sessions there: Not a directory",
        state="/dev/null/x",
    ),
    Case("sessions", "emptied  DAMAGED  ", state="emptied", code=0),
    Case("resume emptied --operator op", "the journal is empty", state="emptied", terminal="xterm-256color"),
    Case("export emptied -o out", "has no session in it", state="emptied"),
    Case("verify emptied/sessions/emptied", "the journal is empty", code=1),
    Case("export nope -o out", "there is no such session"),
    Case("export good -o full", "full"),
    Case("export good -o file", "file"),
    Case("export good -o file/below", "file"),
    Case("export damaged -o out", "journal.jsonl:3:"),
    Case("export good", "-o"),
    Case("verify nope", "nope"),
    Case("verify empty", "empty"),
    Case("verify file", "file"),
    Case("verify state/sessions/good --head 12", "64 hex digits"),
    Case("verify state/sessions/damaged", "journal.jsonl:3", code=1),
    Case("resume damaged --operator op", "journal.jsonl:3:", terminal="xterm-256color"),
    Case("resume busy --operator op", "is being written by process", terminal="xterm-256color"),
    # Trust
    Case("trust", "name at least one HOST"),
    Case("trust --from missing", "missing: No such file or directory; nothing was pinned"),
    Case("trust --from full", "full: Is a directory; nothing was pinned"),
    Case("trust --from file", "file:1"),
    Case("trust --from file host", "not both"),
    Case("trust host:99999", "port"),
    # Terminals
    Case("run runbook.yaml", "must be a terminal; use `cutover check` in scripts"),
    Case("resume good", "must be a terminal"),
    Case("demo", "must be a terminal"),
    Case("demo --world b2-timesync-mask-skew", "`b2-timesync-masks-skew` (did you mean that?)"),
    Case("demo --world missing/world.yaml", "missing/world.yaml:1: cannot be read"),
    Case("demo --world f5-our-own-clock", "f5-our-own-clock.yaml:"),
    Case("demo --world f2-old-vm --before", "not allowed with"),
    Case("run runbook.yaml", "TERM is dumb", terminal="dumb"),
    # State
    Case(
        "run runbook.yaml --operator op", "cannot create", terminal="xterm-256color", state="/proc/none/state"
    ),
    Case(
        "run runbook.yaml --operator op", "cannot create", terminal="xterm-256color", state="/dev/null/state"
    ),
    Case("trust --from state/known", "known"),
)


@pytest.fixture(scope="module")
def cli(place: Path) -> Iterator[Cli]:
    made = Cli(place)
    yield made
    made.close()


@pytest.fixture(scope="module")
def ended(cli: Cli) -> dict[Case, Ended]:
    return {case: cli.run(case) for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.argv or 'nothing'} {case.terminal or ''}")
def test_one_sentence_and_no_traceback(case: Case, ended: dict[Case, Ended]) -> None:
    result = ended[case]
    said = result.err if case.code == BAD_INPUT else result.out
    assert result.code == case.code, result
    assert case.says in said
    assert "Traceback" not in result.out + result.err
    assert "\x1b" not in result.out + result.err
    assert len(said.strip().splitlines()) <= 4
    if case.code == BAD_INPUT:
        assert result.out == ""


def test_a_damaged_session_hides_no_other(cli: Cli) -> None:
    result = cli.run(Case("sessions", ""))
    assert result.code == 0
    lines = {line.split()[0]: line for line in result.out.splitlines()}
    assert lines.keys() == {"good", "damaged", "busy"}
    assert "journal.jsonl:3" in lines["damaged"]


def test_nothing_was_made_or_changed(place: Path, ended: dict[Case, Ended]) -> None:
    assert sorted(p.name for p in (place / "state" / "sessions").iterdir()) == ["busy", "damaged", "good"]
    assert not (place / "out").exists()
    assert [p.name for p in (place / "full").iterdir()] == ["report.html"]
    assert not (place / "state" / "known_hosts").exists()
