"""The lines below the table: the selected row explained, wrapped, never cut while there is room. Pure."""

from __future__ import annotations

from textual.content import Content

from cutover_tui.engine.port import StepView
from screens.texts.instruction import wrap
from screens.texts.step import explained, finding_rows
from screens.texts.wording import lines, say, spell
from screens.widgets.glyphs import UNICODE, Charset, fit

_LABEL = 9
LEAST = 4
"""Lines that are always there: one for each label."""

Line = tuple[str, str]


def _wrapped(step: StepView, key: str | None, width: int, charset: Charset) -> list[Line]:
    room = max(8, width - _LABEL - 1)
    rows: list[Line] = []
    for label, text in explained(step, key, charset):
        if text:
            first, *rest = wrap(spell(text, charset), room)
            rows += [(label, first), *(("", more) for more in rest)]
    return rows


def detail_height(step: StepView, width: int, most: int, charset: Charset = UNICODE) -> int:
    """Lines for the longest of the rows: what is below must not jump when the selection moves."""
    keys = [key for key, _ in finding_rows(step, charset)]
    longest = max((len(_wrapped(step, key, width, charset)) for key in keys), default=0)
    return max(LEAST, min(most, longest))


def detail_lines(
    step: StepView, key: str | None, width: int, height: int = LEAST, charset: Charset = UNICODE
) -> Content:
    """The selected row explained in `height` lines; where they do not do, the last says that `w` has the rest."""
    rows = _wrapped(step, key, width, charset)
    if len(rows) > height:
        label, text = rows[height - 1]
        more = f" {charset.ellipsis} (w)"
        kept = fit(text, max(0, min(len(text), width - _LABEL - 1 - len(more)))).rstrip()
        rows = [*rows[: height - 1], (label, kept + more)]
    rows += [("", "")] * (height - len(rows))
    return lines(say((f" {label:<7} ", "quiet"), text) for label, text in rows)
