"""The texts of the step screen: actions, gate, findings, the selected one explained. Pure."""

from __future__ import annotations

from string import ascii_lowercase

from textual.content import Content

from cutover_tui.core.finding import Finding, Missing, Soak
from cutover_tui.core.words import TAKEN
from cutover_tui.engine.port import ActionView, SessionView, StepView
from screens.context import Context, neighbour, next_host
from screens.texts.measured import measured
from screens.texts.wording import (
    Part,
    acknowledged_count,
    action_of,
    action_state,
    action_traits,
    ago,
    closing_counts,
    dot,
    finding_state,
    lines,
    quoted,
    say,
    since_of,
    status_mark,
    utc_time,
    words,
)
from screens.widgets.glyphs import UNICODE, Charset, State, duration, fit, mark
from screens.widgets.table import Cell, Column

ACTION_LETTERS = tuple(c for c in ascii_lowercase if c not in TAKEN)
"""The others mean the same on every screen; an action that asks for one of those is run by its F-key."""

FINDING_COLUMNS = (
    Column("state", "state", 14, priority=0),
    Column("check", "check", 18, priority=1, min_width=12),
    Column("reason", "measured", 30, priority=2, min_width=24, grow=True),
    Column("next", "next", 11, priority=3, min_width=6, align="right"),
)
ACKNOWLEDGE_KEY = "k"
"""Accepts a fault that was there before the mark, on every screen that shows one."""

_RULE = "rule:"
_BAR = 12


def action_key(action: ActionView, index: int) -> str:
    """The key that runs an action: its letter, or F2… where that letter is taken or absent."""
    return action.key if action.key in ACTION_LETTERS else f"F{index + 2}"


def action_lines(step: StepView, width: int, charset: Charset = UNICODE) -> Content:
    """Key, whole command, what it does to the guest, last result. A long command continues on its own lines."""
    shown: list[Content] = []
    for i, action in enumerate(step.actions):
        key = action_key(action, i)
        state, role = action_state(action)
        tail = words(charset, *action_traits(action))
        command = quoted(action.argv)
        used = len(key) + len(tail) + len(state) + 8
        loud = "warn" if action.tier == "D" or action.breaks_rollback else "quiet"
        if used + len(command) <= width:
            gap = " " * (width - used - len(command))
            shown.append(say((f" {key}  ", "strong"), command, gap, "  ", (tail, loud), "  ", (state, role)))
            continue
        room = max(8, width - len(key) - 3)
        rows = [command[n : n + room] for n in range(0, len(command), room)][:4] or [""]
        if len(rows) * room < len(command):
            rows[-1] = fit(rows[-1], room - 1) + charset.ellipsis
        shown.append(say((f" {key}  ", "strong"), rows[0]))
        shown.extend(say(" " * (len(key) + 3) + row) for row in rows[1:])
        shown.append(say(" " * (len(key) + 3), (tail, loud), "  ", (state, role)))
    return lines(shown)


def gate_line(step: StepView, view: SessionView, context: Context, *, deciding: bool) -> Content:
    """Is the gate open, what is missing, how far the soak is, and where to go next."""
    charset = context.charset
    of = len(step.live.findings)
    parts: list[Part] = [" "]
    if step.status == "done":
        done = status_mark("done", charset, gated=step.gated)
        decision = context.decided.get((step.step, step.host))
        at = f" {utc_time(decision.at.utc_ns)}" if decision is not None else ""
        parts += [(f"{done.glyph} {done.word.upper() if step.gated else done.word}{at}", done.role)]
        if step.unverified_since is not None:
            parts += [
                "  ",
                (f"unverified since {utc_time(step.unverified_since.utc_ns, seconds=False)}", "warn"),
            ]
        parts += [*accepted_parts(step), "  ", *onward(step, view)]
        return say(*parts)
    if step.status in ("regressed", "todo"):
        shown = status_mark(step.status, charset)
        parts += [(f"{shown.text}  ", shown.role)]
    is_open = step.live.outcome == "open"
    if deciding:
        parts += [("GATE deciding on the record", "wait")]
    elif step.status == "todo":
        parts += [("s", "strong"), " starts it   ", (_would_be(step, charset), "quiet")]
    elif is_open and not step.gated:
        parts += [("NO GATE: a person's word", "warn"), "   d says it is done"]
    elif is_open:
        parts += [(f"GATE open{_of(of, charset)}", "ok"), *accepted_parts(step), "   d marks it done"]
    else:
        parts += [("GATE refused", "bad"), dot(charset) + closed(step, charset)]
    soak = longest_soak(step)
    if soak is not None and not soak.complete and step.status != "todo":
        parts += [
            "   soak ",
            (bar(soak, charset), "wait"),
            f" {duration(soak.held_ns)} of ",
            duration(soak.needed_ns),
        ]
    return say(*parts)


def _would_be(step: StepView, charset: Charset) -> str:
    """Of a step nobody began: nothing is decided, this is what it would come to now."""
    if step.live.outcome != "open":
        return f"gate would be refused: {closed(step, charset)}"
    return "gate would be open" if step.gated else "no gate: a person's word"


def accepted_parts(step: StepView) -> list[Part]:
    """That the gate is open although something fails is never left out."""
    count = acknowledged_count(step)
    return [("  ", ""), (f"{count} acknowledged", "warn")] if count else []


def onward(step: StepView, view: SessionView) -> list[Part]:
    """Where the work goes on after this step."""
    host = next_host(view, step.step, step.host)
    after = neighbour(view, step.step, 1)
    parts: list[Part] = []
    if host is not None:
        parts += [("h", "strong"), f" on {host}  "]
    if after is not None:
        parts += [("PgDn", "strong"), f" to {after}"]
    return parts


def longest_soak(step: StepView) -> Soak | None:
    """The soak that has longest to go."""
    soaks = [f.soak for f in step.live.findings if f.soak is not None]
    return max(soaks, key=lambda s: s.needed_ns - s.held_ns, default=None)


def bar(soak: Soak, charset: Charset = UNICODE) -> str:
    """How much of the stretch has held; full only when it has."""
    full, empty = ("━", "─") if charset.name == "unicode" else ("#", "-")
    done = min(_BAR, max(0, soak.held_ns) * _BAR // max(1, soak.needed_ns))
    return full * done + empty * (_BAR - done)


def rules(step: StepView) -> list[Missing]:
    """What the gate lacks besides its checks."""
    checks = {f.check for f in step.live.findings}
    return [m for m in step.live.missing if m.what not in checks]


def finding_rows(step: StepView, charset: Charset = UNICODE) -> list[tuple[str, list[Cell]]]:
    """Rules of the gate first, then the checks in the runbook's order."""
    rows: list[tuple[str, list[Cell]]] = []
    for missing in rules(step):
        shown = mark(missing.verdict.value, charset)
        rows.append(
            (
                _RULE + missing.what,
                [Cell(shown.text, shown.role), Cell(missing.what), Cell(missing.reason), Cell("")],
            )
        )
    wave = step.host == "*"
    for finding in step.live.findings:
        shown = mark(finding_state(finding), charset)
        said = measured(finding, charset)
        rows.append(
            (
                row_key(finding),
                [
                    Cell(shown.text, shown.role),
                    Cell(finding.check),
                    Cell(
                        f"{finding.host}: {said}" if wave else said,
                        "quiet" if finding.verdict == "na" else "",
                    ),
                    Cell(next_thing(finding, step, charset)),
                ],
            )
        )
    return rows


def next_thing(finding: Finding, step: StepView, charset: Charset = UNICODE) -> str:
    """The key that mends it, or how much soak is left."""
    action = remedy(step, finding)
    if action is not None:
        return f"{charset.arrow} {action_key(action, step.actions.index(action))}"
    if finding_state(finding) is State.SOAKING and finding.soak is not None:
        return f"{duration(finding.soak.held_ns)}/{duration(finding.soak.needed_ns)}"
    return f"{charset.arrow} {ACKNOWLEDGE_KEY}" if finding.acknowledgeable else ""


def remedy(step: StepView, finding: Finding) -> ActionView | None:
    """The step's action that would mend it.

    One that breaks rollback is no remedy while the step owes another: what it takes away has to be done by
    somebody else first.
    """
    action = action_of(step, finding.action)
    if action is None or finding.verdict == "pass" or (action.breaks_rollback and rules(step)):
        return None
    return action


def to_do(step: StepView, finding: Finding) -> str:
    """The sentence of what would mend it, and that it has to wait where it would take something away too early."""
    action = action_of(step, finding.action)
    early = action is not None and remedy(step, finding) is None and finding.verdict != "pass"
    return f"Only after what this step owes: {finding.remedy}" if early else finding.remedy


def row_key(finding: Finding) -> str:
    """The row of a finding in the table."""
    return f"{finding.check}@{finding.host}"


def acknowledgeable(step: StepView, key: str | None) -> Finding | None:
    """The fault the acknowledging key is about: the selected one, or the first that may be accepted."""
    may = [f for f in step.live.findings if f.acknowledgeable]
    return next((f for f in may if row_key(f) == key), may[0] if may else None)


def selected_finding(step: StepView, key: str | None) -> Finding | None:
    """The finding of a row of the table."""
    return next((f for f in step.live.findings if row_key(f) == key), None)


def selected_rule(step: StepView, key: str | None) -> Missing | None:
    """The rule of a row of the table."""
    return next((m for m in rules(step) if _RULE + m.what == key), None)


def explained(step: StepView, key: str | None, charset: Charset = UNICODE) -> list[tuple[str, str]]:
    """Label and sentence of everything worth knowing about the selected row, most urgent first."""
    rule = selected_rule(step, key)
    if rule is not None:
        return [("reason", rule.reason), ("to do", rule.remedy)]
    finding = selected_finding(step, key)
    if finding is None:
        return []
    since = since_of(step, finding.check, finding.host)
    when = ""
    if since is not None:
        when = f"seen since {utc_time(since.utc_ns, seconds=False)} ({ago(since, step.live.at)})"
    action = remedy(step, finding)
    key_part = ""
    if action is not None:
        key_part = f"{charset.arrow} {action_key(action, step.actions.index(action))} {action.title}"
    before = "was so before the mark" if finding.origin == "pre-existing" else ""
    ticket = f"acknowledged with {finding.acknowledged}" if finding.acknowledged is not None else ""
    accept = f"{charset.arrow} {ACKNOWLEDGE_KEY} accept" if finding.acknowledgeable else ""
    return [
        ("reason", words(charset, ticket, finding.reason)),
        ("must", words(charset, finding.criterion.text, when, before)),
        ("to do", words(charset, key_part, accept, to_do(step, finding))),
        ("naive", f"would pass: {finding.naive}" if finding.naive else ""),
    ]


def _of(of: int, charset: Charset) -> str:
    return f"{dot(charset)}{of} of {of}" if of else ""


def closed(step: StepView, charset: Charset = UNICODE) -> str:
    """`2 of 6 checks do not hold · 1 thing is owed`: what is owed is no check."""
    checks, of, owed = closing_counts(step)
    does = "does" if checks == 1 else "do"
    held = f"{checks} of {of} checks {does} not hold" if checks else ""
    things = f"{owed} thing is owed" if owed == 1 else f"{owed} things are owed"
    return words(charset, held, things if owed else "")
