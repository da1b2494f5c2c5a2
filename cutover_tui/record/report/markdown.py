"""The report as Markdown (CommonMark and GitHub's tables), every foreign character made inert."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cutover_tui.core.amounts import time_amount
from cutover_tui.core.finding import Finding, Missing
from cutover_tui.record.report.accepted import COLUMNS
from cutover_tui.record.report.build import ActionPart, ColumnPart, DecisionPart, HostPart, Report, StepPart
from cutover_tui.record.report.clock import ClockGraph
from cutover_tui.record.report.text import (
    STATUS,
    VERDICT,
    clock_time,
    command,
    measured,
    offset_text,
    one_line,
    plain,
    verdict_words,
    where,
)
from cutover_tui.record.report.words import ACCEPTED, AUTHENTIC, UNCHECKED, outcome_of, section_words

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|~!$&@^]|(?<=[a-z]):(?=//)|(?<=www)\.", re.IGNORECASE)


def markdown(report: Report) -> str:
    """The whole file."""
    return "\n".join(_page(report)) + "\n"


def inert(text: str) -> str:
    """Text on one line in which nothing is markup, a link or a mention (CommonMark 2.4)."""
    return _SPECIAL.sub(lambda m: "\\" + m[0], one_line(text))


def fenced(text: str) -> str:
    """A code block whose fence is longer than any in the text."""
    body = plain(text).strip("\n")
    longest = max((len(run) for run in re.findall(r"`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"\n{fence}text\n{body}\n{fence}\n"


def code(text: str) -> str:
    """A code span around one line (CommonMark 6.1)."""
    body = one_line(text).replace("|", "¦")
    longest = max((len(run) for run in re.findall(r"`+", body)), default=0)
    ticks = "`" * (longest + 1)
    return f"{ticks} {body} {ticks}" if longest else f"{ticks}{body or ' '}{ticks}"


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _table(*names: str) -> Iterator[str]:
    yield ""
    yield row(*names)
    yield row(*("---" for _ in names))


def _page(r: Report) -> Iterator[str]:
    change, window = r.runbook.change, r.runbook.change.window
    yield f"# {inert(change.id)} {inert(change.title)}"
    yield ""
    yield inert(outcome_of(r))
    yield from _table("", "")
    yield row("window", inert(f"{window.start} – {window.end}"))
    move = f"{r.runbook.source.platform} → {r.runbook.target.platform}, {len(r.hosts)} hosts"
    yield row("move", inert(move))
    yield row("session", inert(f"{r.started.session} on {r.started.jump_host}"))
    yield row("people", inert(", ".join(r.people)))
    yield row("recorded", inert(f"{r.first} – {r.last}"))
    many = f"{r.events} events, {r.observations} observations, {r.samples} clock samples"
    yield row("evidence", many)
    yield row("runbook", inert(f"{r.started.runbook_name}, SHA-256 {r.started.runbook_sha256}"))
    yield row("written by", inert(f"cutover {r.tool}; local times are UTC{offset_text(r.offset_s)}"))
    yield row("chain head", code(r.head))
    yield ""
    yield AUTHENTIC
    yield ""
    yield "## Outcome"
    yield from _table("step", "host", "state", "since", "refused")
    for part, column in r.columns():
        refused = f"{len(column.refusals)}×" if column.refusals else ""
        title = f"{inert(part.step.id)} {inert(part.step.title)}"
        yield row(title, inert(where(column.host)), STATUS[column.status], inert(column.since), refused)
    if r.lost_ways():
        yield ""
        yield "### No rollback any more"
        yield ""
        yield from (f"- {inert(words)}" for words in r.lost_ways())
    if r.warnings:
        yield ""
        yield "### Warnings of the runbook"
        yield ""
        yield from (f"- {inert(warning)}" for warning in r.warnings)
    unfinished = r.unfinished()
    if unfinished:
        yield ""
        yield "### Unfinished actions"
        yield ""
        for part, action in unfinished:
            on = f"{part.step.id} on {where(action.intent.host)}: action {action.intent.action}"
            yield f"- {inert(f'{on} was begun {action.at}, its end is not known.')}"
    if r.accepted:
        yield ""
        yield "## Acknowledged faults"
        yield ""
        yield ACCEPTED
        yield from _table(*COLUMNS)
        yield from (row(*map(inert, part.cells())) for part in r.accepted)
    yield ""
    yield "## Steps"
    for part in r.steps:
        yield from _step(part)
    yield ""
    yield "## Clocks"
    yield from _clocks(r.clocks)
    yield ""
    yield "## Hosts"
    for host in r.hosts:
        yield from _host(host)
    if r.notes:
        yield ""
        yield "## Notes"
        yield from _notes(r.notes)
    yield ""
    yield "## Timeline"
    yield from _table("event", "when", "who", "what")
    for seq, at, by, words in r.timeline:
        yield row(str(seq), inert(at), inert(by), inert(words))
    if r.left_out:
        yield ""
        yield f"… {r.left_out} more in journal.jsonl"


def _step(part: StepPart) -> Iterator[str]:
    yield ""
    yield f"### {inert(part.step.id)} {inert(part.step.title)}"
    marks = [w for w, on in (("sets the mark", part.step.mark), ("two people", part.step.two_person)) if on]
    yield ""
    yield inert(", ".join((part.phase, *marks)))
    for column in part.columns:
        yield from _column(column)


def _column(column: ColumnPart) -> Iterator[str]:
    yield ""
    since = f", {inert(column.since)}" if column.since else ""
    yield f"#### {inert(where(column.host))}: {STATUS[column.status]}{since}"
    if column.standing is not None:
        yield from _decision(column.standing)
    for at, regressed in column.regressions:
        yield ""
        yield inert(f"{at}: {regressed.check} fails: {regressed.reason}")
    for refusal in column.refusals:
        yield from _decision(refusal)
    for action in column.actions:
        yield from _action(action)
    yield from _notes(column.notes)


def _decision(d: DecisionPart) -> Iterator[str]:
    second = f" with {d.second}" if d.second else ""
    yield ""
    words = f"{'Done' if d.done else 'Refused'} {d.at} by {d.by}{second}, event {d.seq}, "
    yield inert(f"{words}decided on event {d.decision.upto}.")
    rest = [m for m in d.decision.missing if m.what not in {f.check for f in d.decision.findings}]
    if rest:
        yield ""
        yield from (_lacking(m) for m in rest)
    if d.done and not d.decision.findings:
        yield ""
        yield UNCHECKED
    if d.decision.findings:
        yield from _table("verdict", "check", "criterion", "measured", "reason", "not believed")
        yield from (_finding(f, several=d.decision.host == "*") for f in d.decision.findings)


def _lacking(m: Missing) -> str:
    return f"- {VERDICT[m.verdict]} {inert(f'{m.what}: {m.reason} {m.remedy}')}"


def _finding(f: Finding, *, several: bool) -> str:
    host = f"{f.host} " if several else ""
    old = " (pre-existing: it failed the same way before the mark)" if f.origin == "pre-existing" else ""
    remedy = f" {f.remedy}" if f.remedy and f.verdict != "pass" else ""
    return row(
        inert(verdict_words(f)) if f.acknowledged is not None else VERDICT[f.verdict],
        inert(f"{host}{f.check} v{f.version}"),
        inert(f.criterion.text),
        inert(measured(f)),
        inert(f"{f.reason}{old}{remedy}"),
        inert(f.naive),
    )


def _action(a: ActionPart) -> Iterator[str]:
    yield ""
    yield f"Action {inert(a.title)} by {inert(a.by)}, {inert(a.at)}, event {a.seq}: {code(command(a.intent.argv))}"
    if a.intent.disturbs:
        yield inert(f"; disturbs {', '.join(a.intent.disturbs)}")
    if a.intent.breaks_rollback:
        yield "; breaks rollback"
    if a.ended is None:
        yield "; its end is not on the record"
        return
    how = a.ended.failure or f"exit status {a.ended.rc} (proves nothing; the checks do)"
    yield inert(f"; ended {a.ended_at}: {how}")
    if a.ended.out_tail.strip():
        yield fenced(a.ended.out_tail)


def _clocks(graphs: Iterable[ClockGraph]) -> Iterator[str]:
    """The graphs are in report.html; here are their numbers."""
    yield from _table(
        "host", "from (UTC)", "to", "readings", "gaps", "least", "greatest", "last", "references"
    )
    for g in graphs:
        low, high = min(c.low for c in g.columns), max(c.high for c in g.columns)
        yield row(
            inert(g.host),
            clock_time(g.start_ns),
            clock_time(g.end_ns),
            str(g.readings),
            str(len(g.gaps)),
            time_amount(low, sign=True),
            time_amount(high, sign=True),
            f"{time_amount(g.last.offset_ns, sign=True)} ± {time_amount(g.last.bound_ns)}",
            inert(", ".join(g.references)),
        )


def _host(h: HostPart) -> Iterator[str]:
    yield ""
    yield f"### {inert(h.name)} ({inert(f'{h.address}, {h.about}')})"
    yield ""
    yield f"- {inert('Marked ' + h.marked if h.marked else 'No mark was set.')}"
    if h.baseline is None:
        yield "- No baseline was captured."
    else:
        at, body = h.baseline
        boot = body.boot_id or "not read"
        yield f"- Baseline {inert(f'{at}, boot {boot}')}"
        yield from (f"  - {inert(section_words(s))}" for s in body.sections)
    if h.hidden:
        yield f"- Not visible to the account: {inert('; '.join(h.hidden))}"
    for at, d in h.disturbances:
        families = ", ".join(d.families)
        yield f"- Disturbed {inert(f'{at}: {d.cause} ({families})')}"
    for at, words in h.links:
        yield f"- Link {inert(f'{at}: {words}')}"


def _notes(notes: list[tuple[str, str, str]]) -> Iterator[str]:
    for at, by, text in notes:
        yield ""
        yield f"Note by {inert(by)}, {inert(at)}:"
        yield fenced(text)
