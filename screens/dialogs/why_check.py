"""Everything about a check of one guest, outside a step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from cutover_tui.core.finding import Finding
from screens.dialogs.dialog import Dialog, labelled, paragraph
from screens.dialogs.why import amount
from screens.texts.wording import finding_state, say, spell
from screens.widgets.glyphs import UNICODE, Charset, mark


class WhyCheck(Dialog[None]):
    """What was measured, what must be, by whom it was seen, and what to do."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,w", "back", "back", show=False, id="why-check.close", tooltip="Close"),
    ]

    def __init__(
        self,
        what: str,
        host: str,
        finding: Finding | None,
        told: Sequence[tuple[str, str]],
        charset: Charset = UNICODE,
    ) -> None:
        super().__init__(f"{what} on {host}")
        self._finding, self._told, self._charset = finding, told, charset

    def body(self) -> Iterable[Widget]:
        rows = [(label, text) for label, text in self._told if text]
        finding = self._finding
        if finding is not None:
            shown = mark(finding_state(finding), self._charset)
            rules = f"  {finding.reason_code}, rules version {finding.version}; not on the record"
            yield paragraph(say((shown.text, shown.role), rules))
            if finding.measured is not None:
                unit = finding.criterion.unit
                rows.append(("measured", amount(finding.measured, finding.bound, unit, self._charset)))
            rows.append(("seen by", ", ".join(finding.provenance) or "nobody"))
        for label, text in rows:
            yield labelled(label, say(spell(text, self._charset)))

    def on_mount(self) -> None:
        self.query_one("#dialog-body").focus()
