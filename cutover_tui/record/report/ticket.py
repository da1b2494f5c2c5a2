"""The report as a ticket's work note: plain text, at most 4,000 characters, the important first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cutover_tui.core.finding import Missing, Verdict
from cutover_tui.record.report.build import ColumnPart, DecisionPart, Report, StepPart
from cutover_tui.record.report.text import STATUS, VERDICT, command, offset_text, one_line, where
from cutover_tui.record.report.words import outcome_of
from cutover_tui.record.state import Status

LIMIT = 4000
LINE = 240
"""A guest's long sentence must not push the others out."""


def ticket(report: Report) -> str:
    """The note. What does not fit is counted: `… n more lines in report.html`."""
    first = "\n".join(_first(report))
    budget = LIMIT - len(first) - 1
    lines = list(_rest(report))
    kept: list[str] = []
    used = 0
    for n, line in enumerate(lines):
        left = f"… {len(lines) - n} more lines in report.html"
        room = 0 if n == len(lines) - 1 else len(left) + 1
        if used + len(line) + 1 + room > budget:
            kept.append(left)
            break
        kept.append(line)
        used += len(line) + 1
    return "\n".join((first, *kept)) + "\n"


def _cut(text: str, limit: int = LINE) -> str:
    flat = one_line(text)
    return flat if len(flat) <= limit else f"{flat[: limit - 1]}…"


def _first(r: Report) -> Iterator[str]:
    """What must be there whatever else is: which change, how it ended, and the head."""
    change, window = r.runbook.change, r.runbook.change.window
    yield _cut(f"{change.id} {change.title}")
    yield _cut(f"Window {window.start} - {window.end}")
    yield _cut(f"Recorded {r.first} - {r.last}, session {r.started.session}")
    yield _cut(f"People: {', '.join(r.people)}; jump host {r.started.jump_host}; cutover {r.tool}")
    yield f"Outcome: {outcome_of(r)}"
    yield f"Chain head (keep this line): {r.head}"


def _rest(r: Report) -> Iterator[str]:
    yield ""
    for part in r.steps:
        yield from _step(part)
    if r.accepted:
        yield ""
        yield "Acknowledged (there before the mark, not mended):"
        for p in r.accepted:
            yield _cut(
                f"- {p.ticket} {p.cause} on {p.host}: {p.before or p.then or 'no value'} before, last {p.last}; {p.by}"
            )
    yield from (_cut(f"NO ROLLBACK: {words}") for words in r.lost_ways())
    if r.warnings:
        yield ""
        yield "Warnings of the runbook:"
        yield from (_cut(f"- {warning}") for warning in r.warnings)
    unfinished = r.unfinished()
    if unfinished:
        yield ""
        yield "Actions whose end is not known:"
        for part, action in unfinished:
            yield _cut(f"- {part.step.id} on {action.intent.host}: {action.intent.action}, begun {action.at}")
    refused = [(part, column) for part, column in r.columns() if column.refusals]
    if refused:
        yield ""
        yield "Refused (what was found, the worst answer of each gate):"
        for part, column in refused:
            yield from _refusal(part, column)
    acted = [(part, action) for part, column in r.columns() for action in column.actions]
    if acted:
        yield ""
        yield "Actions:"
        for _part, action in acted:
            end = (
                "end not known" if action.ended is None else action.ended.failure or f"exit {action.ended.rc}"
            )
            yield _cut(
                f"- {action.at} {action.by} on {action.intent.host}: {command(action.intent.argv)} ({end})"
            )
    disturbed = [(h, at, d) for h in r.hosts for at, d in h.disturbances if d.kind != "action"]
    if disturbed:
        yield ""
        yield "Disturbances:"
        yield from (_cut(f"- {at} {h.name}: {d.cause}") for h, at, d in disturbed)
    notes = [*r.notes, *(note for _, column in r.columns() for note in column.notes)]
    if notes:
        yield ""
        yield "Notes:"
        yield from (_cut(f"- {at} {by}: {text}") for at, by, text in notes)
    yield ""
    yield f"Times are UTC, local (UTC{offset_text(r.offset_s)}) in brackets. Full evidence: report.html."


def _step(part: StepPart) -> Iterator[str]:
    """One line a step; hosts in the same state share it."""
    by_status: dict[Status, list[str]] = {}
    for column in part.columns:
        by_status.setdefault(column.status, []).append(where(column.host))
    states = "; ".join(f"{STATUS[s]} {', '.join(hosts)}" for s, hosts in by_status.items())
    yield _cut(f"{part.step.id} {part.step.title}: {states}")


def _refusal(part: StepPart, column: ColumnPart) -> Iterator[str]:
    """What the gate stopped: its worst answer; how often and until when it refused."""
    shown, last = _worst(column.refusals), column.refusals[-1]
    times = f", {len(column.refusals)} times, last {last.at}" if len(column.refusals) > 1 else ""
    now = " (done since)" if column.status == "done" else ""
    yield _cut(f"- {part.step.id} on {where(column.host)}{times}{now}, {shown.at} by {shown.by}:")
    for missing in shown.decision.missing:
        yield f"  {_cut(_lacking(missing))}"


def _worst(refusals: Sequence[DecisionPart]) -> DecisionPart:
    """The one with the most failures, of those the one that lacks the most; the latest of equals."""

    def weight(part: DecisionPart) -> tuple[int, int, int]:
        missing = part.decision.missing
        return sum(m.verdict is Verdict.FAIL for m in missing), len(missing), part.seq

    return max(refusals, key=weight)


def _lacking(m: Missing) -> str:
    return f"{VERDICT[m.verdict]} {m.what}: {m.reason}"
