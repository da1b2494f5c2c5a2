"""The frame of every dialog: a title, a body that scrolls, and a line of ways out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from screens.texts.wording import Part, say

R = TypeVar("R")


class Dialog(ModalScreen[R]):
    """Base. ESC takes half a second under tmux's defaults, so there is always a second way out."""

    TITLE_ROLE: ClassVar[str] = "strong"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,b", "back", "back", key_display="b", id="dialog.back", tooltip="Leave all as it is"),
        Binding("pagedown", "turn(1)", "further", show=False, id="dialog.down", tooltip="Scroll down"),
        Binding("pageup", "turn(-1)", "back up", show=False, id="dialog.up", tooltip="Scroll up"),
    ]

    def __init__(self, title: str) -> None:
        super().__init__()
        self._heading = title

    def body(self) -> Iterable[Widget]:
        """What is between the title and the ways out."""
        return ()

    def controls(self) -> Iterable[Widget]:
        """Inputs and buttons below the body; they never scroll away."""
        return ()

    def hints(self) -> Content:
        """The keys that work here."""
        return keys(("b", "back"))

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(say((self._heading, self.TITLE_ROLE)), id="dialog-title", markup=False)
            with VerticalScroll(id="dialog-body"):
                yield from self.body()
            controls = list(self.controls())
            if controls:
                yield Horizontal(*controls, id="dialog-controls")
            yield Static(self.hints(), id="dialog-hints", markup=False)

    def on_resize(self) -> None:
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        """What is too long scrolls; the ways out stay."""
        frame, body = self.query_one("#dialog"), self.query_one("#dialog-body")
        others = [w for w in frame.children if w is not body]
        used = sum(w.outer_size.height + w.styles.margin.height for w in others) + frame.gutter.height
        body.styles.max_height = max(1, self.size.height - used)

    def action_turn(self, by: int) -> None:
        body = self.query_one("#dialog-body")
        body.scroll_relative(y=by * max(1, body.size.height - 1), animate=False)

    def action_back(self) -> None:
        self.dismiss(None)


class Sentence(Dialog[None]):
    """Something that has to be read: what happened and what to do about it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "back", "back", show=False, id="sentence.back", tooltip="Close"),
    ]

    def __init__(self, title: str, text: str, remedy: str = "", *, bad: bool = True) -> None:
        super().__init__(title)
        self._text = text
        self._remedy = remedy
        self.set_class(bad, "-bad")

    def body(self) -> Iterable[Widget]:
        yield paragraph(self._text)
        if self._remedy:
            yield paragraph(self._remedy, "strong")


def paragraph(text: str | Content, role: str = "") -> Static:
    """Wrapped plain text with a line free above it."""
    return Static(say((text, role)) if isinstance(text, str) else text, classes="paragraph", markup=False)


def labelled(label: str, content: Content) -> Horizontal:
    """A word in front, and a text that wraps beside it and never under it."""
    return Horizontal(
        Static(label, classes="label", markup=False),
        Static(content, classes="value", markup=False),
        classes="labelled",
    )


def keys(*pairs: tuple[str, str]) -> Content:
    """`b back   h next host`."""
    parts: list[Part] = []
    for key, what in pairs:
        parts += [(key, "strong"), f" {what}   "]
    return say(*parts)
