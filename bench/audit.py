"""Reading, folding and auditing a journal of a million events, against one SHA-256 over its bytes.

Twelve hours of a wave give some ten thousand events; a million is the promise that a session
is never too long to be resumed or verified.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from pathlib import Path

import msgspec

from bench.ratios import say
from cutover_tui import __version__
from cutover_tui.core.checks.registry import versions
from cutover_tui.core.finding import Verdict
from cutover_tui.record.audit import audit
from cutover_tui.record.events import (
    GENESIS,
    Body,
    Event,
    LinkLost,
    LinkUp,
    Noted,
    SessionStarted,
    StepStarted,
    VerdictChanged,
)
from cutover_tui.record.journal import read
from cutover_tui.record.state import fold
from probes.observation import Instant

EVENTS = 1_000_000
BUDGET_S = 5.0
RUNBOOK = """\
schema: 1
change: {id: CHG1, title: t, window: {start: "2026-11-22T20:00:00Z", end: "2026-11-23T02:00:00Z"}}
source: {platform: vmware}
target: {platform: ahv}
hosts: [{name: app01, address: 192.0.2.10}]
phases: [{id: p, title: P, steps: [{id: base, title: Base, gate: [{check: time.jump-host}]}]}]
"""

decode = msgspec.json.Decoder(Event).decode
encode = msgspec.json.Encoder().encode


def write(path: Path, events: int) -> None:
    """A journal of what a session writes most: verdict changes, links, notes."""
    start = SessionStarted(
        session="bench",
        tool=__version__,
        runbook_name="bench.yaml",
        runbook_sha256=sha256(RUNBOOK.encode()).hexdigest(),
        runbook_text=RUNBOOK,
        anchor=_at(0),
        rules=versions(),
        operator="ana",
        jump_host="jump01",
    )
    reason = "+4.12 ms ± 2.00 ms, held for 06:12 of 10:00."
    often: tuple[Body, ...] = (
        VerdictChanged("base", "app01", "time.jump-host", Verdict.UNKNOWN, "soaking", reason),
        VerdictChanged("base", "app01", "time.jump-host", Verdict.PASS, "ok", reason),
        LinkLost("app01", "lost", "the connection broke"),
        LinkUp("app01", "SHA256:abc", None),
        Noted("looked at the console", "base", "app01"),
    )
    prev = GENESIS
    with path.open("wb") as file:
        for seq in range(1, events + 1):
            body: Body = start if seq == 1 else StepStarted("base", "app01") if seq == 2 else often[seq % 5]
            line = encode(Event(seq, prev, _at(seq), "ana", body))
            prev = sha256(line).hexdigest()
            file.write(line + b"\n")


def _at(seq: int) -> Instant:
    ns = seq * 40_000_000
    return Instant("0b8f1c62-7b1e-4c7e-9a57-6f6d5f3c2b1a", ns, 1_790_000_000_000_000_000 + ns)


def hashed(path: Path) -> None:
    sha256(path.read_bytes()).hexdigest()


def read_and_folded(path: Path) -> None:
    assert fold(read(path, decode).events).seq == EVENTS


def audited(path: Path) -> None:
    result, _ = audit(read(path, decode), path, path.parent / "tapes", {}, __version__)
    assert result.answer == "follows"


def seconds(job: Callable[[Path], None], path: Path) -> float:
    """CPU seconds in a fresh process, as a command would take them."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_timed, job, path).result()


def _timed(job: Callable[[Path], None], path: Path) -> float:
    begin = time.process_time()
    job(path)
    return time.process_time() - begin


def main() -> None:
    """Print seconds beside the budget, and the ratio to one hash over the file."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "journal.jsonl"
        write(path, EVENTS)
        floor = seconds(hashed, path)
        for what, job, target in (
            ("read + chain + fold of 10^6 events, s (resume)", read_and_folded, f"<= {BUDGET_S:.0f}"),
            ("read + chain + fold + audit of 10^6 events, s (verify)", audited, f"<= {2 * BUDGET_S:.0f}"),
        ):
            took = seconds(job, path)
            say(what, took, target, f"{took / floor:.1f} x one SHA-256, {path.stat().st_size >> 20} MiB")


if __name__ == "__main__":
    main()
