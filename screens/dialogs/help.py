"""What the keys do here, and what the marks mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget

from screens.base import PortScreen
from screens.dialogs.dialog import Dialog, paragraph
from screens.step import StepScreen
from screens.texts.step import action_key
from screens.texts.wording import lines, quoted, say
from screens.widgets.glyphs import UNICODE, Charset, State, mark

_LEGEND = {
    State.PASS: "measured, and the criterion holds",
    State.FAIL: "measured, and it does not hold",
    State.UNKNOWN: "not measured well enough to say; never opens a gate",
    State.SOAKING: "holds so far, and has to go on holding; comes by itself",
    State.NA: "this guest does not use the function, as its baseline shows",
    State.ACKNOWLEDGED: "fails as it did before the mark, accepted with a problem ticket; closes no gate",
    State.REGRESSED: "was done; a check of it fails now",
}


class HelpDialog(Dialog[None]):
    """For the screen it was opened on and the widget that had the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,question_mark,f1", "back", "back", show=False, id="help.close", tooltip="Close"),
    ]

    def __init__(self, about: Screen[object], charset: Charset = UNICODE) -> None:
        super().__init__("Help")
        self._charset = charset
        self._text = about.HELP_TEXT if isinstance(about, PortScreen) else ""
        focused = about.focused
        self._focused = ""
        if focused is not None:
            own = [(b.key, b.tooltip or b.description) for _, b in focused._bindings]
            moves = ", ".join(f"{key} {what.lower()}" for key, what in own if what)
            self._focused = f"The table has the focus: {moves}." if moves else ""
        self._keys = _keys(about)

    def body(self) -> Iterable[Widget]:
        if self._text:
            yield paragraph(self._text)
        yield paragraph(lines(say((f"{key:>9}  ", "strong"), what) for key, what in self._keys))
        if self._focused:
            yield paragraph(self._focused)
        rows = []
        for state, meaning in _LEGEND.items():
            shown = mark(state, self._charset)
            rows.append(say((f"{shown.text:<15}", shown.role), meaning))
        yield paragraph(lines(rows))

    def on_mount(self) -> None:
        self.query_one("#dialog-body").focus()


def _keys(about: Screen[object]) -> list[tuple[str, str]]:
    """Key and meaning: of the step's actions, then of this screen, then what works everywhere."""
    found: dict[str, tuple[str, str]] = {}
    for active in about.active_bindings.values():
        binding = active.binding
        ours = binding.id is not None and active.node in (about, about.app)
        if ours and active.enabled and binding.id not in found and not binding.action.startswith("act("):
            shown = about.app.get_key_display(binding)
            found[str(binding.id)] = (shown, binding.tooltip or binding.description)
    actions = about.actions() if isinstance(about, StepScreen) else ()
    return [
        *((action_key(a, i), f"{a.title}: {quoted(a.argv)}") for i, a in enumerate(actions)),
        *(pair for name, pair in found.items() if not name.startswith("app.")),
        *(pair for name, pair in found.items() if name.startswith("app.") and name != "app.quit-now"),
        ("^p", "All commands by name"),
    ]
