"""Everything about the selected check, and the whole instruction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from cutover_tui.engine.port import StepView
from screens.dialogs.dialog import Dialog, labelled, paragraph
from screens.texts.instruction import paragraphs
from screens.texts.step import explained, selected_finding
from screens.texts.wording import finding_state, lines, say, spell
from screens.widgets.glyphs import UNICODE, Charset, drift, mark, offset


class WhyDialog(Dialog[None]):
    """What was asked, what was measured, by whom, and what to do."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,w", "back", "back", show=False, id="why.close", tooltip="Close"),
    ]

    def __init__(self, step: StepView, selected: str | None, charset: Charset = UNICODE) -> None:
        finding = selected_finding(step, selected)
        super().__init__(
            f"{finding.check} on {finding.host}" if finding is not None else f"{step.step} {step.title}"
        )
        self._step, self._selected, self._charset = step, selected, charset

    def body(self) -> Iterable[Widget]:
        finding = selected_finding(self._step, self._selected)
        rows = [(label, text) for label, text in explained(self._step, self._selected, self._charset) if text]
        if finding is not None:
            shown = mark(finding_state(finding), self._charset)
            rules = f"  {finding.reason_code}, rules version {finding.version}"
            yield paragraph(say((shown.text, shown.role), rules))
            unit = finding.criterion.unit
            if finding.measured is not None:
                rows.append(("measured", amount(finding.measured, finding.bound, unit, self._charset)))
            if finding.soak is not None and finding.soak.broken_by:
                rows.append(("broken by", finding.soak.broken_by))
            rows.append(("seen by", ", ".join(finding.provenance) or "nobody"))
            rows.append(("rests on", _some(finding.used)))
        for label, text in rows:
            yield labelled(label, say(spell(text, self._charset)))
        yield paragraph("Instruction", "strong")
        yield paragraph(lines(say(text) for text in paragraphs(self._step.instruction)))

    def on_mount(self) -> None:
        self.query_one("#dialog-body").focus()


def amount(value: int, bound: int | None, unit: str, charset: Charset = UNICODE) -> str:
    """A measured value in the criterion's unit."""
    match unit:
        case "ns":
            return offset(value, bound, charset)
        case "ppb":
            return drift(value)
        case _:
            return str(value)


def _some(names: tuple[str, ...], most: int = 6) -> str:
    if not names:
        return "no observation"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[-most:]) + more
