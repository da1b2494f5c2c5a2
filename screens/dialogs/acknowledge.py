"""Accepting a fault that was there before the mark: what it is, and under which problem ticket."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from cutover_tui.core.acknowledgement import ticket_problem
from cutover_tui.core.finding import Finding
from cutover_tui.engine.port import StepView
from screens.dialogs.dialog import Dialog, keys, labelled, paragraph
from screens.dialogs.why import amount
from screens.texts.wording import ago, say, since_of, spell, utc_time
from screens.widgets.glyphs import UNICODE, Charset

_MEANS = (
    "It stays a fault and is listed in the report. It closes no gate on any host where it was there before the "
    "mark, until it grows. The ticket is for whoever mends it: this move does not."
)


class AcknowledgeDialog(Dialog[str | None]):
    """Dismissed with the ticket number, or None. The field is empty at first, so Enter alone cancels."""

    TITLE_ROLE: ClassVar[str] = "warn"

    def __init__(self, step: StepView, fault: Finding, charset: Charset = UNICODE) -> None:
        super().__init__(f"Accept with a problem ticket: {fault.check}")
        self._step, self._fault, self._charset = step, fault, charset

    def body(self) -> Iterable[Widget]:
        fault = self._fault
        since = since_of(self._step, fault.check, fault.host)
        when = (
            f"{utc_time(since.utc_ns, seconds=False)} ({ago(since, self._step.live.at)})"
            if since is not None
            else "now"
        )
        before = ", and before the mark" if fault.origin == "pre-existing" else ", the mark is not set yet"
        rows = [
            ("fault", fault.reason),
            ("cause", f"{fault.reason_code} on {fault.host}"),
            ("since", when + before),
        ]
        if fault.measured is not None:
            rows.append(("value", amount(fault.measured, fault.bound, fault.criterion.unit, self._charset)))
        rows.append(("must", fault.criterion.text))
        for label, text in rows:
            yield labelled(label, say(spell(text, self._charset)))
        yield paragraph(_MEANS)

    def controls(self) -> Iterable[Widget]:
        yield Static("ticket >", classes="asked", markup=False)
        yield Input(max_length=64, compact=True, select_on_focus=False)
        yield Button("Cancel", id="cancel", compact=True)
        yield Button("Accept", id="yes", compact=True, disabled=True)

    def hints(self) -> Content:
        return keys(("enter", "cancel"), ("esc", "cancel"), ("tab", "to Accept"))

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @property
    def _ticket(self) -> str:
        return self.query_one(Input).value.strip()

    @on(Input.Changed)
    def _written(self) -> None:
        self.query_one("#yes", Button).disabled = bool(ticket_problem(self._ticket))
        self.query_one("#dialog-hints", Static).update(self.hints())

    @on(Input.Submitted)
    def _submitted(self) -> None:
        problem = ticket_problem(self._ticket)
        if not self._ticket:
            self.dismiss(None)
        elif problem:
            self.query_one("#dialog-hints", Static).update(say((problem, "bad")))
        else:
            # Enter alone never confirms: it only leads to the button.
            self.query_one("#yes", Button).focus()

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.dismiss(None)

    @on(Button.Pressed, "#yes")
    def _accepted(self) -> None:
        if not ticket_problem(self._ticket):
            self.dismiss(self._ticket)
