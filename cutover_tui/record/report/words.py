"""Sentences that all three reports share."""

from __future__ import annotations

from collections import Counter

from cutover_tui.record.events import Section
from cutover_tui.record.report.build import Report
from cutover_tui.record.report.text import one_line
from cutover_tui.record.state import Status

AUTHENTIC = (
    "`cutover verify DIR --head HEAD` checks that every fact, decision and word here follows from the "
    "record. The head is a fingerprint of the whole record: who changes a line changes it. Only once it stands "
    "on the change ticket, written there when the evidence was, can nobody change both."
)
ACCEPTED = (
    "Each of these was there before the mark and did not grow, so it was accepted with a problem ticket and "
    "closed no gate. It is not mended: the ticket is where that happens."
)
UNCHECKED = "No check gates this step: it stands on a person's word."
LETTERS = "M mark, A action, B boot or another machine, D done, R refused, L link lost"


def outcome_of(report: Report) -> str:
    """How many steps are done, and that the others are not."""
    states = Counter(column.status for part, column in report.columns() if not part.rollback)
    total = sum(states.values())
    done = states["done"]
    words: tuple[tuple[Status, str], ...] = (
        ("regressed", "done and failing since"),
        ("refused", "refused"),
        ("started", "started"),
        ("todo", "not started"),
    )
    rest = ", ".join(f"{states[status]} {word}" for status, word in words if states[status])
    return f"{done} of {total} steps and hosts done{'; ' + rest if rest else ''}."


def section_words(section: Section) -> str:
    """`time: captured (4 observations)`."""
    why = f": {one_line(section.reason)}" if section.reason else ""
    many = f" ({len(section.observations)} observations)" if section.observations else ""
    return f"{section.family}: {section.state}{many}{why}"
