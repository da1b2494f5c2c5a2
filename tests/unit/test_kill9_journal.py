"""200 random SIGKILLs of a process that records under load: what it showed as recorded is there."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from cutover_tui.record.events import Event, Sealed
from cutover_tui.record.journal import read
from cutover_tui.record.tape import read_tape, tape_path

KILLS = 200
KILLS_A_JOURNAL = 5
LONGEST_LIFE_S = 0.04
ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("kill9_worker.py")
decode = msgspec.json.Decoder(Event).decode


def killed_once(worker: subprocess.Popen[str], directory: Path, life_s: float) -> tuple[int, list[int]]:
    """Let a child record into `directory`, kill it after `life_s`; what it resumed from and confirmed."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(f"{directory}\n")
    worker.stdin.flush()
    child, resumed, confirmed = 0, None, []
    for line in worker.stdout:
        match line.split():
            case ["pid", pid]:
                child = int(pid)
            case ["ready", seq]:
                resumed = int(seq)
            case ["end"]:
                pytest.fail("the worker ended by itself")
            case [seq]:
                confirmed.append(int(seq))
        if child and resumed is not None:
            break
    # The moment of death is what the test varies; nothing is waited for.
    time.sleep(life_s)
    os.kill(child, signal.SIGKILL)
    for line in worker.stdout:
        if line == "end\n":
            break
        confirmed.append(int(line))
    assert resumed is not None
    return resumed, confirmed


def test_what_was_shown_as_recorded_survives_kill_9(tmp_path: Path) -> None:
    chance = random.Random(9)  # noqa: S311 - moments of death, not secrets
    recorded = 0
    with subprocess.Popen(
        [sys.executable, str(WORKER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as worker:
        for kill in range(KILLS):
            directory = tmp_path / str(kill // KILLS_A_JOURNAL)
            path = directory / "journal.jsonl"
            before = len(read(path, decode).events) if path.exists() else 0
            resumed, confirmed = killed_once(worker, directory, chance.uniform(0, LONGEST_LIFE_S))
            loaded = read(path, decode)
            assert resumed == before
            assert [event.seq for event in loaded.events] == list(range(1, len(loaded.events) + 1))
            assert max(confirmed, default=0) <= len(loaded.events)
            recorded += len(confirmed)
            seals = [
                seal
                for event in loaded.events
                if isinstance(event.body, Sealed)
                for seal in event.body.windows
            ]
            tape = read_tape(tape_path(directory / "tapes", "guest"), seals)
            assert tape.lines >= tape.sealed
        assert worker.stdin is not None
        worker.stdin.close()
        assert worker.wait(timeout=10) == 0
    assert recorded > KILLS
