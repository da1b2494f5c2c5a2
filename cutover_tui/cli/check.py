"""`cutover check`: one look, or a soak, without a screen."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys

import msgspec

from cutover_tui.cli import places
from cutover_tui.cli.outcome import OPEN, REFUSED, UNKNOWN, BadInput
from cutover_tui.core.finding import Decision, Verdict
from cutover_tui.core.loading import Loaded
from cutover_tui.core.runbook import Step
from cutover_tui.engine.checking import Looked, check
from cutover_tui.engine.recording.recorder import FORMAT
from cutover_tui.record.files import RecordError
from cutover_tui.record.journal import read
from cutover_tui.record.state import Contradiction, State, fold
from probes.net import SystemClock

GLYPH = {
    Verdict.PASS: "pass",
    Verdict.FAIL: "FAIL",
    Verdict.UNKNOWN: "unknown",
    Verdict.NA: "na",
}


def run(arguments: argparse.Namespace) -> int:
    """Exit 0 when every gate asked for is open, 1 when a check fails, 3 when only unknowns refuse."""
    loaded = places.runbook(arguments.runbook)
    places.warn(loaded)
    places.warn_of_window(loaded, SystemClock().now().utc_ns)
    steps = _steps(loaded, arguments.step)
    hosts = _hosts(loaded, arguments.host)
    state = _state(loaded, arguments.session) if arguments.session is not None else None
    say = _quiet if arguments.json else _progress
    looked = asyncio.run(
        check(
            loaded,
            steps,
            hosts,
            places.surroundings(arguments),
            soak=arguments.soak,
            state=state,
            progress=say,
            secret=_ask,
        )
    )
    if arguments.json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(looked.decisions), indent=2) + b"\n")
    else:
        show(looked, loaded)
    verdicts = {m.verdict for d in looked.decisions for m in d.missing}
    if Verdict.FAIL in verdicts:
        return REFUSED
    return UNKNOWN if verdicts else OPEN


def show(looked: Looked, loaded: Loaded) -> None:
    """Print the decisions, and what of each guest was not visible."""
    for decision in looked.decisions:
        _show(decision, loaded)
    for host, words in looked.not_visible:
        print(f"{host}: not visible to this account: {'; '.join(words)}")


_SCREEN_WORDS = (
    (" since the last disturbance", ""),
    (" (key u on the clock screen)", " (key u in `cutover run`)"),
)
"""What the checks say of a session, and what it is in a look that has neither a past nor screens."""


def _here(text: str) -> str:
    for words, other in _SCREEN_WORDS:
        text = text.replace(words, other)
    return text


def _show(decision: Decision, loaded: Loaded) -> None:
    step = loaded.runbook.step(decision.step)
    title = step.title if step is not None else ""
    print(f"{decision.step} {title} · {decision.host}: gate {decision.outcome}")
    named = {f.check for f in decision.findings}
    for missing in decision.missing:
        if missing.what not in named:
            print(
                f"  {GLYPH[missing.verdict]:8} {missing.what}: {_here(missing.reason)} {_here(missing.remedy)}"
            )
    for f in decision.findings:
        where = f"{f.host} " if decision.host == "*" else ""
        shown = f"! acknowledged {f.acknowledged}" if f.acknowledged is not None else GLYPH[f.verdict]
        print(f"  {shown:8} {where}{f.check}: {_here(f.reason)}")
        if f.remedy and f.verdict is not Verdict.PASS and f.acknowledged is None:
            print(f"           {_here(f.remedy)}")


def _progress(line: str) -> None:
    print(line, file=sys.stderr)


def _ask(words: str, echo: bool) -> str | None:
    """A person's answer at the terminal, masked unless the server allows otherwise; None without one."""
    try:
        with open("/dev/tty", "r+", encoding="utf-8", errors="replace") as terminal:
            if echo:
                terminal.write(f"{words}: ")
                terminal.flush()
                return terminal.readline().rstrip("\n") or None
            return getpass.getpass(f"{words}: ", stream=terminal) or None
    except (OSError, EOFError):
        return None


def _quiet(_line: str) -> None:
    """JSON goes to a program; it wants nothing else."""


def _steps(loaded: Loaded, wanted: str | None) -> tuple[Step, ...]:
    if wanted is None:
        return tuple(s for s in loaded.runbook.steps() if s.gate)
    step = loaded.runbook.step(wanted)
    if step is None:
        known = ", ".join(s.id for s in loaded.runbook.steps())
        raise BadInput(f"{loaded.name}: there is no step {wanted}; its steps are {known}")
    return (step,)


def _hosts(loaded: Loaded, wanted: str | None) -> tuple[str, ...]:
    names = tuple(h.name for h in loaded.runbook.hosts)
    if wanted is None:
        return names
    if wanted not in names:
        raise BadInput(f"{loaded.name}: there is no host {wanted}; its hosts are {', '.join(names)}")
    return (wanted,)


def _state(loaded: Loaded, name: str) -> State:
    directory = places.session(name)
    try:
        state = fold(read(directory.journal, FORMAT.decode).events)
    except (RecordError, Contradiction) as error:
        raise BadInput(f"{error}; the session cannot be compared with") from None
    if state.started is not None and state.started.runbook_sha256 != loaded.digest:
        raise BadInput(
            f"{loaded.name} is not the runbook session {directory.name} was started with; give that one"
        )
    return state
