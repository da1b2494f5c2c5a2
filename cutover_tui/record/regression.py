"""When a done step counts as regressed: the live session writes it down, and the audit asks whether it did."""

from __future__ import annotations

from cutover_tui.core.checks.registry import CHECKS
from cutover_tui.core.finding import Finding, Verdict
from cutover_tui.core.gate import WAVE
from cutover_tui.core.runbook import MINUTE, Runbook, Step
from cutover_tui.record.state import State

LASTS_NS = MINUTE
"""How long a check of a done step fails before the step counts as regressed: longer than a boot."""


def fails(finding: Finding) -> bool:
    """What was accepted with a ticket makes no step regress, as long as that holds."""
    return finding.verdict is Verdict.FAIL and finding.acknowledged is None


def can_regress(runbook: Runbook, state: State, step: Step, host: str) -> frozenset[str]:
    """The checks by which a done step can regress.

    A step done before the mark judged the source; what it said of guests cannot regress after it.
    What it said of us and of the references can: they were not moved.
    """
    judged_the_source = any(s.mark for s in runbook.steps()) and not _done_after_marks(
        runbook, state, step, host
    )
    return frozenset(g.check for g in step.gate if not judged_the_source or CHECKS[g.check].of_no_guest)


def _done_after_marks(runbook: Runbook, state: State, step: Step, host: str) -> bool:
    at = state.steps.get((step.id, host))
    names = tuple(h.name for h in runbook.hosts) if host == WAVE else (host,)
    marks = [mark for name in names if (mark := state.marks.get(name)) is not None]
    return (
        at is not None
        and at.decision is not None
        and bool(marks)
        and all(at.decision.upto >= m.seq for m in marks)
    )
