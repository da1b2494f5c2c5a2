"""Kills sessions at random moments and holds their record to what they showed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import msgspec

from cutover_tui.engine.recording.recorder import FORMAT
from cutover_tui.engine.sessions import SessionDirectory
from cutover_tui.lab.demo.background import incident
from cutover_tui.lab.demo.incident import Incident
from cutover_tui.lab.machine.guest import File
from cutover_tui.record.events import (
    ActionEnded,
    ActionIntended,
    Decided,
    Done,
    Event,
    Noted,
    SessionResumed,
    StepStarted,
)
from cutover_tui.record.journal import read
from tests.lab.recorded import audited

LIVES_A_SESSION = 5
AFTER = ("open", "ran", "note", "decided", "ran", "pid")
"""What a life is cut short after, in turn: some lines of that kind, or only its birth."""
LONGEST_AFTER_S = {"pid": 0.3}
USUAL_AFTER_S = 0.1
ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("kill9_session.py")

Said = list[object]


class Killer:
    """One worker process; every life it forks is killed."""

    def __init__(self, lab: Incident, directory: Path, seed: int) -> None:
        self.lab = lab
        self.directory = directory
        self.chance = random.Random(seed)  # noqa: S311 - moments of death, not secrets
        self.shown = Counter[str]()
        self.unfinished = 0
        directory.mkdir()
        self.worker = subprocess.Popen(
            [sys.executable, str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def kill(self, times: int) -> None:
        """Sessions of a few lives each, all of them cut short."""
        for number in range(times):
            name = f"{self.directory.name}-{number // LIVES_A_SESSION}"
            session = SessionDirectory(self.directory / name)
            runbook = self._runbook(name)
            before = read(session.journal, FORMAT.decode).events if session.journal.exists() else []
            if not before:  # killed before there was a session: nothing was shown, nothing is resumed
                session.journal.unlink(missing_ok=True)
            said = self._one_life(number, session, runbook)
            self._check(session, name, before, said)

    def close(self) -> None:
        assert self.worker.stdin
        assert self.worker.stdout
        self.worker.stdin.close()
        self.worker.stdout.close()
        assert self.worker.wait(timeout=10) == 0

    def _runbook(self, name: str) -> Path:
        """The incident's, with an action that leaves a line on the guest each time it really runs."""
        path = self.directory / f"{name}.yaml"
        action = f'[sh, -c, "echo ran >> /tmp/{name}; sleep 0.02"]'
        text = self.lab.runbook_path.read_text()
        path.write_text(text.replace("[apt-get, -y, install, chrony]", action))
        return path

    def _one_life(self, number: int, session: SessionDirectory, runbook: Path) -> list[Said]:
        worker = self.worker
        assert worker.stdin
        assert worker.stdout
        worker.stdin.write(f"{session.path} {runbook} {self.lab.known_hosts_path}\n")
        worker.stdin.flush()
        after = AFTER[number % len(AFTER)]
        left = 1 if after in ("pid", "open") else self.chance.randint(1, 3)
        said: list[Said] = []
        child = 0
        while not child or left > 0:
            line = msgspec.json.decode(worker.stdout.readline())
            left -= line[0] == after
            if line[0] == "pid":
                child = line[1]
            else:
                said.append(line)
        # The moment of death is what is varied; nothing is waited for.
        time.sleep(self.chance.uniform(0, LONGEST_AFTER_S.get(after, USUAL_AFTER_S)))
        os.kill(child, signal.SIGKILL)
        for text in worker.stdout:
            line = msgspec.json.decode(text)
            assert line[0] != "pid"
            if line == ["end"]:
                return said
            said.append(line)
        raise AssertionError("the worker ended")

    def _check(self, session: SessionDirectory, name: str, before: list[Event], said: list[Said]) -> None:
        if not session.journal.exists():
            assert not said
            return
        events = read(session.journal, FORMAT.decode).events
        assert events[: len(before)] == before
        lines = session.journal.read_bytes().split(b"\n")
        bodies = [e.body for e in events]
        noted = {b.text for b in bodies if isinstance(b, Noted)}
        begun = {(b.step, b.host) for b in bodies if isinstance(b, StepStarted)}
        decided = {
            (b.decision.step, b.decision.host, b.decision.upto, b.decision.outcome)
            for b in bodies
            if isinstance(b, Decided)
        }
        intents = {e.seq: e.body for e in events if isinstance(e.body, ActionIntended)}
        ended = {b.intent: b for b in bodies if isinstance(b, ActionEnded)}
        ran = Counter[object]()
        for line in said:
            self.shown[str(line[0])] += 1
            match line:
                case ["note", text]:
                    assert text in noted
                case ["head", int() as seq, head]:
                    assert sha256(lines[seq - 1]).hexdigest() == head
                case ["started", step, host]:
                    assert (step, host) in begun
                case ["decided", step, host, upto, outcome]:
                    assert (step, host, upto, outcome) in decided
                case ["ran", guest, None]:
                    ran[guest] += 1
                case ["open", *notices]:
                    self._named(before, events, ended, notices)
                case other:
                    raise AssertionError(other)
        for guest in ("app01", "app02"):
            mine = [seq for seq, intent in intents.items() if intent.host == guest]
            assert ran[guest] <= sum(seq in ended for seq in mine)
            # Written ahead and never run again by itself: at most one run an intent.
            done = self.lab.world.guests[guest].files.get(f"/tmp/{name}", File("")).text.count("ran")
            assert done <= len(mine)
        # The second gate is never open: chrony was not really installed on app01.
        assert not any(isinstance(b, Done) and (b.step, b.host) == ("provider", "app01") for b in bodies)
        result = audited(session)
        assert result.answer == "follows", result.remarks

    def _named(
        self, before: list[Event], events: list[Event], ended: dict[int, ActionEnded], notices: list[object]
    ) -> None:
        """What had begun and not ended before this life is named, and closed as unknown."""
        over = {e.body.intent for e in before if isinstance(e.body, ActionEnded)}
        left = [e for e in before if isinstance(e.body, ActionIntended) and e.seq not in over]
        self.unfinished += len(left)
        for event in left:
            assert isinstance(event.body, ActionIntended)
            name = f"action {event.body.action} of {event.body.step} on {event.body.host} was begun"
            assert any(name in str(notice) for notice in notices)
            resumptions = [e.body.notice for e in events if isinstance(e.body, SessionResumed)]
            assert any(name in (notice or "") for notice in resumptions)
            closed = ended[event.seq]
            assert closed.rc is None
            assert closed.failure is not None


@contextmanager
def lab_for_killing(directory: Path) -> Iterator[Incident]:
    """The incident with a place for actions to leave their lines."""
    with incident(directory, moved=False) as lab:
        for guest in lab.world.guests.values():
            guest.files["/tmp/.X11-unix"] = File("")
        yield lab


def kill_sessions(directory: Path, kills: int, workers: int = 2) -> list[Killer]:
    """Kill that many lives, several at a time; everything is checked after each."""
    with lab_for_killing(directory / "lab") as lab:
        killers = [Killer(lab, directory / f"worker{n}", seed=n) for n in range(workers)]
        try:
            with ThreadPoolExecutor(workers) as pool:
                for future in [pool.submit(k.kill, kills // workers) for k in killers]:
                    future.result()
        finally:
            for killer in killers:
                killer.close()
    return killers
