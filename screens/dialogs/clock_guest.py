"""Everything about one guest's clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from screens.dialogs.dialog import Dialog, labelled


class ClockGuestDialog(Dialog[None]):
    """What does not fit into the table's row, as of the moment it was opened."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "back", "back", show=False, id="clock-guest.close", tooltip="Close"),
    ]

    def __init__(self, host: str, at: str, rows: Sequence[tuple[str, Content]]) -> None:
        super().__init__(f"The clock of {host} at {at}")
        self._rows = rows

    def body(self) -> Iterable[Widget]:
        for label, text in self._rows:
            yield labelled(label, text)

    def on_mount(self) -> None:
        self.query_one("#dialog-body").focus()
