"""The column that answers: what was measured, the value first. Pure."""

from __future__ import annotations

from cutover_tui.core.amounts import time_amount
from cutover_tui.core.finding import Finding
from screens.texts.wording import spell
from screens.widgets.glyphs import UNICODE, Charset, bounded

_LEAST = frozenset({"kerberos.margin"})
"""Checks whose limit is a least amount of something else than what was measured."""


def measured(finding: Finding, charset: Charset = UNICODE) -> str:
    """`+22.8 s ± 7 ms, max 5 s` where a time was measured; the check's own sentence otherwise.

    What is cut off at the end of a narrow column is then the limit, never a bound of error. The sentence stands
    below the table for the selected row.
    """
    ticket = f"{finding.acknowledged}: " if finding.acknowledged is not None else ""
    criterion = finding.criterion
    if finding.measured is None or criterion.unit != "ns":
        return spell(ticket + finding.reason, charset)
    most = ""
    if criterion.limit and finding.check not in _LEAST:
        most = f", max {time_amount(criterion.limit).replace('.00 ', ' ')}"
    return spell(f"{ticket}{bounded(finding.measured, finding.bound, charset)}{most}", charset)
