"""Accepting a fault, from the record: the live session and the audit derive the same event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cutover_tui.core.acknowledgement import Cause, objection, ticket_problem
from cutover_tui.core.checks.registry import CHECKS
from cutover_tui.core.finding import Finding, Verdict, Window
from cutover_tui.core.gate import WAVE, Question, Subject, judge, past_of
from cutover_tui.core.runbook import GateCheck, Runbook
from cutover_tui.record.asking import Logs, question
from cutover_tui.record.events import Acknowledged
from cutover_tui.record.state import State
from probes.observation import Instant

Judged = tuple[Finding, Subject, Question]


def accept(
    runbook: Runbook,
    state: State,
    logs: Logs,
    cause: Cause,
    host: str,
    ticket: str,
    now: Instant,
    seals: Mapping[str, Window],
) -> Acknowledged | str:
    """The acknowledgement of a cause on a host (`*`: on all that have it), or why there is none.

    It rests on sealed evidence of now: every gate of the runbook that asks this check is asked again.
    """
    check, code = cause
    problem = ticket_problem(ticket)
    if problem:
        return problem
    known = CHECKS.get(check)
    if known is None or known.spec.acknowledge is None:
        return f"{check} can never be acknowledged."
    judged = [j for j in _judged(runbook, state, logs, check, host, now, seals) if j[0].reason_code == code]
    taken: dict[str, Finding] = {}
    for finding, _, _ in judged:
        if finding.acknowledgeable and finding.host not in state.moved_unmarked:
            taken.setdefault(finding.host, finding)
    if taken:
        return Acknowledged(check, code, host, ticket, tuple(taken.values()))
    return _why_not(state, judged, cause, host)


def _judged(
    runbook: Runbook,
    state: State,
    logs: Logs,
    check: str,
    host: str,
    now: Instant,
    seals: Mapping[str, Window],
) -> Iterator[Judged]:
    """The failures of a check by every different set of numbers a gate asks it with."""
    seen: list[GateCheck] = []
    for step in runbook.steps():
        for asked in step.gate:
            if asked.check != check or asked in seen:
                continue
            seen.append(asked)
            ask = question(runbook, state, logs, step, WAVE, now, upto=state.seq, seals=seals)
            for subject in ask.subjects:
                if host in (WAVE, subject.host.name):
                    finding = judge(asked, subject, ask)
                    if finding.verdict is Verdict.FAIL:
                        yield finding, subject, ask


def _why_not(state: State, judged: list[Judged], cause: Cause, host: str) -> str:
    for finding, subject, ask in judged:
        if finding.acknowledged is not None:
            return f"It is accepted with {finding.acknowledged} already."
        if finding.host in state.moved_unmarked:
            return f"{finding.host} was moved without a mark: nothing can be shown to be from before it."
        why = objection(finding, past_of(subject, ask.runbook))
        if why is not None:
            return f"{finding.check} on {finding.host} cannot be accepted: {why}"
    where = "any host" if host == WAVE else host
    return f"{cause[0]} does not fail with {cause[1]} on {where} now."
