"""One line of text from a person: a note, a directory, a name, a password."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from cutover_tui.engine.port import SecretRequest
from screens.dialogs.dialog import Dialog, keys, paragraph
from screens.texts.wording import say

LONGEST = 4_000


class Ask(Dialog[str | None]):
    """Asks for one line; the answer is never empty. None = left without an answer."""

    def __init__(
        self,
        title: str,
        text: str,
        *,
        value: str = "",
        label: str = "Save",
        problem: Callable[[str], str] | None = None,
    ) -> None:
        """`problem` says what is wrong with an answer, empty when nothing is."""
        super().__init__(title)
        self._text = text
        self._value = value
        self._label = label
        self._problem = problem

    def body(self) -> Iterable[Widget]:
        yield paragraph(self._text)
        yield Horizontal(Static(">", markup=False), self.field(), classes="line")
        yield Static(id="dialog-problem", markup=False)

    def field(self) -> Input:
        """The line that is typed into."""
        return Input(self._value, max_length=LONGEST, compact=True)  # a proposal: typing replaces it

    def controls(self) -> Iterable[Widget]:
        yield Button("Back", id="back", compact=True)
        yield Button(self._label, id="yes", compact=True)

    def hints(self) -> Content:
        return keys(("enter", self._label.lower()), ("esc", "back"), ("tab", "buttons"))

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @on(Button.Pressed, "#back")
    def _leave(self) -> None:
        self.dismiss(None)

    @on(Button.Pressed, "#yes")
    @on(Input.Submitted)
    def _answered(self) -> None:
        value = self.query_one(Input).value
        problem = self._problem_with(value)
        if problem:
            self.query_one("#dialog-problem", Static).update(say((problem, "bad")))
        else:
            self.dismiss(value)

    def _problem_with(self, value: str) -> str:
        if not value.strip():
            return "Nothing is written yet."
        return self._problem(value) if self._problem is not None else ""


class AskSecret(Ask):
    """A password, masked; it goes to the session and nowhere else. None = not told."""

    def __init__(self, request: SecretRequest) -> None:
        super().__init__(
            f"Asked for {request.credential}",
            request.prompt or "Password",
            label="Answer",
        )
        self.request = request

    def field(self) -> Input:
        # No select-and-copy of a secret: the mask is what is selected.
        return Input(password=not self.request.echo, max_length=LONGEST, compact=True)

    def hints(self) -> Content:
        return keys(("enter", "answer"), ("esc", "do not answer"), ("tab", "buttons"))

    def _problem_with(self, value: str) -> str:
        return "" if value else "Nothing is written yet; Back leaves it unanswered."
