"""The report as one self-contained HTML file: no script, nothing fetched, readable on paper and at night."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from cutover_tui.core.finding import Finding, Missing
from cutover_tui.record.report.accepted import COLUMNS
from cutover_tui.record.report.build import ActionPart, ColumnPart, DecisionPart, HostPart, Report, StepPart
from cutover_tui.record.report.clock import ClockGraph
from cutover_tui.record.report.svg import svg
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
from cutover_tui.record.report.words import ACCEPTED, AUTHENTIC, LETTERS, UNCHECKED, outcome_of, section_words

CSS = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--rule:#d8dde4;--paper:#fff;--box:#f4f6f8;
--good:#1a7f37;--bad:#c4232b;--doubt:#8a5a00;--line:#0b62c4;--band:#0b62c433;--warn:#b87500}
@media(prefers-color-scheme:dark){:root{--ink:#dfe5ec;--soft:#97a3b2;--rule:#38414d;--paper:#14181d;
--box:#1d232a;--good:#4cc26a;--bad:#ff6b6b;--doubt:#e0a93b;--line:#5aa9ff;--band:#5aa9ff33;--warn:#e0a93b}}
*{box-sizing:border-box}body{margin:0 auto;max-width:64rem;padding:1.5rem;background:var(--paper);
color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.15rem;margin:2.2rem 0 .6rem;padding-bottom:.2rem;
border-bottom:1px solid var(--rule)}h3{font-size:1rem;margin:1.6rem 0 .3rem}h4{font-size:.95rem;margin:1rem 0 .3rem}
p{margin:.4rem 0}.soft{color:var(--soft)}table{border-collapse:collapse;width:100%;margin:.5rem 0;font-size:.9rem}
th,td{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--rule)}
th{font-weight:600;color:var(--soft)}td.n{white-space:nowrap;font-variant-numeric:tabular-nums}
code,pre{font:.86em/1.45 ui-monospace,monospace;overflow-wrap:anywhere}pre{background:var(--box);padding:.6rem;
margin:.4rem 0;white-space:pre-wrap}.head{word-break:break-all}.box{background:var(--box);padding:.7rem .9rem;margin:.8rem 0}
.done,.pass{color:var(--good);font-weight:600;white-space:nowrap}.refused,.regressed,.fail{color:var(--bad);
font-weight:600;white-space:nowrap}.unknown,.started{color:var(--doubt);font-weight:600;white-space:nowrap}
.todo,.na{color:var(--soft);white-space:nowrap}svg.clock{display:block;width:100%;height:auto;margin:.4rem 0}
svg text{font:11px ui-monospace,monospace;fill:var(--soft)}svg path{fill:none;stroke:var(--rule);stroke-width:1}
svg .zero{stroke:var(--soft)}svg .line{stroke:var(--line);stroke-width:1.6;stroke-linejoin:round}
svg .band{fill:var(--band);stroke:none}svg .warn{stroke:var(--warn);stroke-dasharray:5 4}
svg .fail{stroke:var(--bad);stroke-dasharray:5 4}svg .warn-text{fill:var(--warn)}svg .fail-text{fill:var(--bad)}
svg .gap{fill:var(--box);stroke:none}svg .mark{stroke:var(--ink);stroke-dasharray:2 3}
svg .mark-text{fill:var(--ink);font-weight:700}
@media print{body{max-width:none;padding:0;font-size:10pt}h2,h3,h4{break-after:avoid}
tr,svg,pre{break-inside:avoid}}
"""


def html(report: Report) -> str:
    """The whole file."""
    return "\n".join(_page(report)) + "\n"


def e(text: object) -> str:
    """Text from anywhere as HTML text or attribute value."""
    return escape(plain(str(text)))


def _page(r: Report) -> Iterator[str]:
    change = r.runbook.change
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield (
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<title>{e(change.id)} {e(one_line(change.title))}</title><style>{CSS}</style></head><body>"
    yield f"<h1>{e(change.id)} {e(one_line(change.title))}</h1>"
    yield f'<p class="soft">{e(outcome_of(r))}</p>'
    yield from _about(r)
    yield from _matrix(r)
    yield from _open(r)
    yield from _accepted(r)
    yield "<h2>Steps</h2>"
    for part in r.steps:
        yield from _step(part)
    yield "<h2>Clocks</h2>"
    yield '<p class="soft">Guest minus the domain, or minus the references where no controllers answer. The band is the error bound: the true offset lies inside.</p>'
    for graph in r.clocks:
        yield from _clock(graph)
    if not r.clocks:
        yield "<p>No reading of any guest's clock could be compared with clocks that agree.</p>"
    yield "<h2>Hosts</h2>"
    for host in r.hosts:
        yield from _host(host)
    if r.notes:
        yield "<h2>Notes</h2>"
        yield from _notes(r.notes)
    yield from _timeline(r)
    yield "</body></html>"


def _about(r: Report) -> Iterator[str]:
    window = r.runbook.change.window
    rows = (
        ("window", f"{window.start} – {window.end}"),
        ("move", f"{r.runbook.source.platform} → {r.runbook.target.platform}, {len(r.hosts)} hosts"),
        ("session", f"{r.started.session} on {r.started.jump_host}"),
        ("people", ", ".join(r.people)),
        ("recorded", f"{r.first} – {r.last}"),
        ("evidence", f"{r.events} events, {r.observations} observations, {r.samples} clock samples"),
        ("runbook", f"{r.started.runbook_name}, SHA-256 {r.started.runbook_sha256}"),
        ("written by", f"cutover {r.tool}; local times are UTC{offset_text(r.offset_s)}"),
    )
    yield f"<table>{''.join(f'<tr><th>{k}</th><td>{e(v)}</td></tr>' for k, v in rows)}</table>"
    yield f'<div class="box"><p>Chain head <code class="head">{e(r.head)}</code></p><p>{e(AUTHENTIC)}</p></div>'


def _matrix(r: Report) -> Iterator[str]:
    yield "<h2>Outcome</h2><table><tr><th>step</th><th>host</th><th>state</th><th>since</th><th>refused</th></tr>"
    for part, column in r.columns():
        refused = f"{len(column.refusals)}×" if column.refusals else ""
        yield (
            f"<tr><td>{e(part.step.id)} {e(one_line(part.step.title))}</td><td>{e(where(column.host))}</td>"
            f'<td class="{column.status}">{STATUS[column.status]}</td>'
            f'<td class="n">{e(column.since)}</td><td>{refused}</td></tr>'
        )
    yield "</table>"


def _open(r: Report) -> Iterator[str]:
    if r.lost_ways():
        listed = "".join(f"<li>{e(words)}</li>" for words in r.lost_ways())
        yield f"<h3>No rollback any more</h3><ul>{listed}</ul>"
    if r.warnings:
        listed = "".join(f"<li>{e(one_line(warning))}</li>" for warning in r.warnings)
        yield f"<h3>Warnings of the runbook</h3><ul>{listed}</ul>"
    rows = [
        f"<li>{e(part.step.id)} on {e(where(action.intent.host))}: action {e(action.intent.action)} was begun "
        f"{e(action.at)}, its end is not known.</li>"
        for part, action in r.unfinished()
    ]
    if rows:
        yield f"<h3>Unfinished actions</h3><ul>{''.join(rows)}</ul>"


def _accepted(r: Report) -> Iterator[str]:
    if not r.accepted:
        return
    yield f"<h2>Acknowledged faults</h2><p>{e(ACCEPTED)}</p>"
    yield f"<table><tr>{''.join(f'<th>{name}</th>' for name in COLUMNS)}</tr>"
    for part in r.accepted:
        yield f"<tr>{''.join(f'<td>{e(one_line(cell))}</td>' for cell in part.cells())}</tr>"
    yield "</table>"


def _step(part: StepPart) -> Iterator[str]:
    step = part.step
    marks = [w for w, on in (("sets the mark", step.mark), ("two people", step.two_person)) if on]
    about = ", ".join((part.phase, *marks))
    yield f'<h3>{e(step.id)} {e(one_line(step.title))} <span class="soft">{e(one_line(about))}</span></h3>'
    for column in part.columns:
        yield from _column(column)


def _column(column: ColumnPart) -> Iterator[str]:
    since = f', <span class="soft">{e(column.since)}</span>' if column.since else ""
    yield (
        f'<h4>{e(where(column.host))}: <span class="{column.status}">{STATUS[column.status]}</span>{since}</h4>'
    )
    if column.standing is not None:
        yield from _decision(column.standing)
    for at, regressed in column.regressions:
        yield f'<p class="fail">{e(at)}: {e(regressed.check)} fails: {e(one_line(regressed.reason))}</p>'
    for refusal in column.refusals:
        yield from _decision(refusal)
    for action in column.actions:
        yield from _action(action)
    yield from _notes(column.notes)


def _decision(d: DecisionPart) -> Iterator[str]:
    second = f" with {d.second}" if d.second else ""
    words = "Done" if d.done else "Refused"
    yield f"<p>{words} {e(d.at)} by {e(d.by)}{e(second)}, event {d.seq}, decided on event {d.decision.upto}.</p>"
    rest = [m for m in d.decision.missing if m.what not in {f.check for f in d.decision.findings}]
    if rest:
        yield f"<ul>{''.join(_lacking(m) for m in rest)}</ul>"
    if d.done and not d.decision.findings:
        yield f"<p>{e(UNCHECKED)}</p>"
    if d.decision.findings:
        yield "<table><tr><th>verdict</th><th>check</th><th>criterion</th><th>measured</th><th>reason</th></tr>"
        yield from (_finding(f, several=d.decision.host == "*") for f in d.decision.findings)
        yield "</table>"


def _lacking(m: Missing) -> str:
    return f"<li>{e(VERDICT[m.verdict])} {e(m.what)}: {e(one_line(m.reason))} {e(one_line(m.remedy))}</li>"


def _finding(f: Finding, *, several: bool) -> str:
    host = f"{e(f.host)} " if several else ""
    old = " (pre-existing: it failed the same way before the mark)" if f.origin == "pre-existing" else ""
    naive = f'<br><span class="soft">not believed: {e(one_line(f.naive))}</span>' if f.naive else ""
    remedy = f"<br>{e(one_line(f.remedy))}" if f.remedy and f.verdict != "pass" else ""
    seen = f'<br><span class="soft">seen by {e(", ".join(f.provenance))}</span>' if f.provenance else ""
    return (
        f'<tr><td class="{f.verdict if f.acknowledged is None else "unknown"}">{e(verdict_words(f))}</td><td>{host}{e(f.check)} v{f.version}</td>'
        f'<td>{e(one_line(f.criterion.text))}</td><td class="n">{e(measured(f))}</td>'
        f"<td>{e(one_line(f.reason))}{e(old)}{remedy}{naive}{seen}</td></tr>"
    )


def _action(a: ActionPart) -> Iterator[str]:
    yield f"<p>Action {e(one_line(a.title))} by {e(a.by)}, {e(a.at)}, event {a.seq}: <code>{e(command(a.intent.argv))}</code>"
    if a.intent.disturbs:
        yield f"<br>disturbs {e(', '.join(a.intent.disturbs))}"
    if a.intent.breaks_rollback:
        yield "<br>breaks rollback"
    if a.ended is None:
        yield '<br><span class="unknown">its end is not on the record</span></p>'
        return
    how = a.ended.failure or f"exit status {a.ended.rc} (proves nothing; the checks do)"
    yield f"<br>ended {e(a.ended_at)}: {e(one_line(how))}</p>"
    if a.ended.out_tail.strip():
        yield f"<pre>{e(a.ended.out_tail.rstrip())}</pre>"


def _clock(g: ClockGraph) -> Iterator[str]:
    gaps = f", {len(g.gaps)} gaps without data" if g.gaps else ""
    yield (
        f'<h3>{e(g.host)} <span class="soft">{clock_time(g.start_ns)} – {clock_time(g.end_ns)} UTC, '
        f"{g.readings} readings against {e(', '.join(g.references))}{gaps}</span></h3>"
    )
    yield svg(g)
    if g.marks:
        rows = "".join(
            f"<li>{m.letter} {clock_time(m.at_ns)} {e(one_line(m.words))}</li>" for m in g.marks[:50]
        )
        yield f'<p class="soft">{e(LETTERS)}</p><ul class="soft">{rows}</ul>'


def _host(h: HostPart) -> Iterator[str]:
    yield f'<h3>{e(h.name)} <span class="soft">{e(h.address)}, {e(h.about)}</span></h3>'
    yield f"<p>{e('Marked ' + h.marked if h.marked else 'No mark was set.')}</p>"
    if h.baseline is None:
        yield "<p>No baseline was captured.</p>"
    else:
        at, body = h.baseline
        yield f"<p>Baseline {e(at)}, boot {e(body.boot_id or 'not read')}</p>"
        yield _list(e(section_words(s)) for s in body.sections)
    if h.hidden:
        yield "<p>Not visible to the account</p>"
        yield _list(e(one_line(words)) for words in h.hidden)
    if h.disturbances:
        yield "<p>Disturbances</p>"
        yield _list(
            f"{e(at)}: {e(one_line(d.cause))} ({e(', '.join(d.families))})" for at, d in h.disturbances
        )
    if h.links:
        yield "<p>Links</p>"
        yield _list(f"{e(at)}: {e(one_line(words))}" for at, words in h.links)


def _list(items: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"


def _notes(notes: list[tuple[str, str, str]]) -> Iterator[str]:
    for at, by, text in notes:
        yield f'<p>Note by {e(by)}, <span class="soft">{e(at)}</span></p><pre>{e(text)}</pre>'


def _timeline(r: Report) -> Iterator[str]:
    yield "<h2>Timeline</h2><table><tr><th>event</th><th>when</th><th>who</th><th>what</th></tr>"
    for seq, at, by, words in r.timeline:
        yield f'<tr><td>{seq}</td><td class="n">{e(at)}</td><td>{e(by)}</td><td>{e(words)}</td></tr>'
    yield "</table>"
    if r.left_out:
        yield f"<p>… {r.left_out} more in journal.jsonl</p>"
