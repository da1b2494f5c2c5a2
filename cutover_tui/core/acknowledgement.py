"""Acknowledgement: which faults may be accepted with a problem ticket, and how long that holds. Pure.

A fault is accepted once per *cause* (check and reason code). It must have been there before the mark and
must not grow: on a marked host the baseline shows both; before the mark what fails now is there before it
by definition, and is compared with its value when it was accepted. How large it may be at all is the
check's own business (`CheckSpec.acknowledge`). The finding stays a `fail`; it only closes no gate.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from cutover_tui.core.amounts import amount
from cutover_tui.core.checks.registry import CHECKS
from cutover_tui.core.evidence import Baseline, MarkPoint
from cutover_tui.core.finding import Before, Finding, Unit, Verdict
from cutover_tui.core.runbook import SECOND

Cause = tuple[str, str]
"""Check id and reason code: what is accepted once, for every host that has it."""

SLACK_NS = 1 * SECOND
"""A fault in time has not grown while it is within a second of what it was, or within `SLACK_PART` of it."""

SLACK_PART = 10
"""In any unit a fault has not grown while it is within a tenth of what it was."""

_TICKET = re.compile(r"#?[A-Za-z0-9][A-Za-z0-9._/:-]{0,62}")


@dataclass(frozen=True, slots=True)
class Accepted:
    """An acknowledgement as one host sees it.

    `then` is the fault on this host when it was accepted; None: it was accepted for every host with this
    cause, and this one did not show it at that moment.
    """

    ticket: str
    seq: int  # of its event
    then: Before | None


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a host from before its mark. `marks`: some step of the runbook sets one at all.

    `arrived`: it is seen on that platform, the target's, without a mark.
    """

    marks: bool
    mark: MarkPoint | None
    baseline: Baseline | None
    arrived: str | None = None


def ticket_problem(text: str) -> str:
    """What is wrong with a problem-ticket number; empty when nothing is."""
    if not text.strip():
        return "Nothing is accepted without a problem-ticket number."
    if not _TICKET.fullmatch(text) or not any(c.isdigit() for c in text):
        return f"That is no ticket number: {text.strip()[:40]}"
    return ""


def weigh(finding: Finding, past: Past, accepted: Mapping[Cause, Accepted]) -> Finding:
    """The finding, and whether it was accepted with a ticket or may be.

    An acceptance that does not hold (any more) says so in the finding's reason.
    """
    if finding.verdict is not Verdict.FAIL or CHECKS[finding.check].spec.acknowledge is None:
        return finding
    by = accepted.get((finding.check, finding.reason_code))
    never = objection(finding, past)
    lapsed = never if never is not None or by is None else _since(finding, past, by)
    if by is not None and lapsed is None:
        return msgspec.structs.replace(finding, acknowledged=by.ticket)
    reason = finding.reason if by is None else f"{finding.reason} {by.ticket} does not cover it: {lapsed}"
    if never is not None:
        return msgspec.structs.replace(finding, reason=reason)
    remedy = f"{finding.remedy} Or accept it with a problem ticket: it was there before the mark.".strip()
    return msgspec.structs.replace(finding, reason=reason, remedy=remedy, acknowledgeable=True)


def objection(finding: Finding, past: Past) -> str | None:
    """Why nobody may accept this failure, as a sentence; None when a person may."""
    limit, unit = CHECKS[finding.check].spec.acknowledge, finding.criterion.unit
    if limit is None:
        return f"{finding.check} can never be acknowledged."
    if not past.marks:
        return "no step of the runbook sets the mark, so nothing was there before it."
    if past.mark is None and past.arrived is not None:
        return f"it runs on {past.arrived} already and has no mark, so nothing is from before the move."
    if past.mark is not None and finding.origin != "pre-existing":
        return "it was not there before the mark."
    if finding.measured is None:
        return "it has no value, so nobody can tell whether it grows."
    if abs(finding.measured) + (finding.bound or 0) > limit:
        return f"more than {amount(limit, unit).lstrip('+')} is never accepted."
    if past.mark is None or past.baseline is None:
        return None
    return _grown(past.baseline.findings[finding.check], finding, unit)


def _since(finding: Finding, past: Past, by: Accepted) -> str | None:
    """Whether it grew since it was accepted; after the mark, an acceptance rests on the baseline alone."""
    late = past.mark is not None and by.seq > past.mark.seq
    return None if late or by.then is None else _grown(by.then, finding, finding.criterion.unit)


def _grown(then: Before, now: Finding, unit: Unit) -> str | None:
    """Beyond both bounds and the slack, or to others; a fault that changed sides counts from zero."""
    others = sorted(set(now.about) - set(then.about))
    if others:
        return f"it was not {' and '.join(others)} then."
    if then.measured is None or now.measured is None:
        return "there is no earlier value to compare it with."
    same_side = (then.measured < 0) == (now.measured < 0)
    was = abs(then.measured) if same_side else 0
    slack = max(was // SLACK_PART, SLACK_NS if unit == "ns" else 0)
    if abs(now.measured) - (now.bound or 0) <= was + (then.bound or 0) + slack:
        return None
    return f"it has grown from {amount(then.measured, unit)} to {amount(now.measured, unit)}."
