"""What the accepting key says where there is nothing it may accept. Pure."""

from __future__ import annotations

from cutover_tui.core.finding import Verdict
from cutover_tui.engine.port import StepView
from screens.texts.step import selected_finding, selected_rule


def why_not(step: StepView, key: str | None) -> str:
    """Why the selected row cannot be accepted with a ticket, as a sentence."""
    rule = selected_rule(step, key)
    if rule is not None:
        return f"{rule.what} is a rule of the gate; only a measured fault can be accepted."
    finding = selected_finding(step, key)
    if finding is None:
        return "Nothing fails here that could be accepted."
    if finding.acknowledged is not None:
        return f"{finding.check} is accepted with {finding.acknowledged} already."
    if finding.verdict is Verdict.FAIL:
        why = {(check, host): sentence for check, host, sentence in step.objections}
        return f"Not to be accepted: {why.get((finding.check, finding.host), finding.check)}"
    if finding.verdict is Verdict.UNKNOWN:
        return f"{finding.check} is unknown: only a measured fault can be accepted."
    return f"{finding.check} does not fail: there is nothing to accept."
