"""What `cutover drill` prints of worlds played one by one, in at most 80 columns."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from cutover_tui.core.amounts import time_amount
from cutover_tui.core.checks.registry import CHECKS, asked
from cutover_tui.core.runbook import GateCheck
from cutover_tui.lab.drill.naive_book import AFTER, CHECKLIST
from cutover_tui.lab.drill.scoring import Scored
from probes.clocks.clock import LADDER
from probes.linux import READERS

WIDTH = 79
_INDENT = 17


def scored_lines(one: Scored, *, truth: bool) -> Iterator[str]:
    """What came out, where that is not as expected, and with `truth` what was true."""
    played = one.played
    where = "" if played.step is None else f" at {played.step}"
    if played.host not in (None, "*"):
        where += f" on {played.host}"
    closed = ", ".join(f"{check} {reason}" for check, reason in played.findings)
    outcome = f"{Path(one.world).stem}: {played.outcome}{where}" + (f" ({closed})" if closed else "")
    yield from _wrapped(outcome, f"{_word(one):16} ")
    for difference in one.differs:
        yield from _wrapped(difference)
    if one.no_twin is not None:
        yield from _wrapped(one.no_twin)
    if one.pending is not None:
        yield from _wrapped(f"pending: {one.pending}")
    if truth:
        for guest in played.truth:
            end = "off" if guest.offset_ns is None else time_amount(guest.offset_ns, sign=True)
            worst = f", {time_amount(guest.worst_ns)} at worst" + (", BROKEN" if guest.broken else "")
            yield from _wrapped(f"in truth {guest.guest}: {end} in the end{worst}")


def summary(scored: Sequence[Scored]) -> str:
    """How many came out right, of those of which the files say what is right."""
    held = [s for s in scored if s.held]
    waiting, silent = sum(s.pending is not None for s in held), len(scored) - len(held)
    said = [f"{sum(s.good for s in held)} of {len(held)} as expected"] if held else []
    said += [f"{waiting} of them pending"] if waiting else []
    said += [f"of {silent} nothing is expected"] if silent else []
    return ", ".join(said)


def naive_looks() -> Iterator[str]:
    """When the naive checklist ticks, and every command of the readers it asks."""
    yield f"The naive checklist ({CHECKLIST}) ticks when"
    readers: dict[str, None] = {}
    for name in AFTER:
        check = CHECKS[name]
        asks = (*(("clock",) if check.looks_back is not None else ()), *check.readers)
        readers |= dict.fromkeys(asks)
        text = check.criterion(asked(GateCheck(check=name))).text
        yield from _wrapped(f"{text} (by {', '.join(asks)})", f"  {name:18} ", indent=21)
    yield "by what these commands say, the same that our own checks read:"
    for reader in readers:
        for command in _commands(reader):
            yield from _wrapped(command, f"  {reader:11} $ ", indent=16)
    yield ""


def _commands(reader: str) -> Iterator[str]:
    """A reader's command lines; of the clock's, which are tried in turn, the first and the programs of the rest."""
    if reader == "clock":
        first, *others = LADDER
        programs = ", ".join(f"`{rung.argv[0]}`" for rung in others)
        yield f"{shlex.join(first.argv)}   asked: {first.line}   (without bash: {programs})"
    for known in READERS:
        if known.name == reader:
            yield from (shlex.join(command.argv) for command in known.commands)


def _word(one: Scored) -> str:
    if not one.held:
        return "nothing expected"
    if one.pending is not None:
        return "pending" if one.good else "PENDING NO LONGER"
    return "as expected" if one.good else "NOT AS EXPECTED"


def _wrapped(text: str, start: str = " " * _INDENT, *, indent: int = _INDENT) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=start,
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
    )
