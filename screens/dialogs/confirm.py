"""Yes or no, where no is what Enter says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from cutover_tui.engine.port import ActionView, HostView, ProofView, StepView
from screens.dialogs.dialog import Dialog, keys, paragraph
from screens.texts.step import rules
from screens.texts.wording import TIER_WORDS, Part, lines, quoted, say


class Confirm(Dialog[bool]):
    """Cancel has the focus. With `typed`, that word must be written before yes can be said at all."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", "yes", id="confirm.yes", tooltip="Do it"),
    ]

    def __init__(self, title: str, text: Content, *, yes: str, typed: str | None = None) -> None:
        super().__init__(title)
        self._text = text
        self._yes = yes
        self._typed = typed

    def body(self) -> Iterable[Widget]:
        yield paragraph(self._text)
        if self._typed is not None:
            asked = say(
                *("Type ", (self._typed, "strong"), " to allow it; Enter then leads to "),
                *((self._yes, "strong"), ", and Enter there does it."),
            )
            yield paragraph(asked)
            yield Horizontal(Static(">", markup=False), self._field(), classes="line")
            yield Static(id="dialog-problem", markup=False)

    def _field(self) -> Input:
        return Input(max_length=200, compact=True, select_on_focus=False)

    def controls(self) -> Iterable[Widget]:
        yes = Button(self._yes, id="yes", compact=True, disabled=self._typed is not None)
        no = Button("Cancel", id="cancel", compact=True)
        # From the field Tab leads to what was just allowed; without a field no stands first and has the focus.
        yield from (yes, no) if self._typed is not None else (no, yes)

    def hints(self) -> Content:
        return self._ways("cancel")

    def _ways(self, enter: str) -> Content:
        if self._typed is not None:
            return keys(("enter", enter), ("esc", "cancel"), ("tab", "move"))
        return keys(("enter", enter), ("b", "cancel"), ("y", self._yes.lower()))

    def on_mount(self) -> None:
        if self._typed is not None:
            # The field is empty, so Enter in it still cancels.
            self.query_one(Input).focus()
        else:
            self.query_one("#cancel").focus()

    @property
    def _allowed(self) -> bool:
        return self._typed is None or self.query_one(Input).value.strip() == self._typed

    @on(Input.Changed)
    def _written(self) -> None:
        self.query_one("#yes", Button).disabled = not self._allowed
        self._say_what_enter_does()

    def on_descendant_focus(self) -> None:
        self._say_what_enter_does()

    def _say_what_enter_does(self) -> None:
        """Enter does something else in the field, on either button, and once the word is written."""
        focused = self.focused
        if isinstance(focused, Input):
            written = bool(focused.value.strip())
            enter = "cancel" if not written else f"to {self._yes}" if self._allowed else "is not allowed yet"
        else:
            enter = self._yes.lower() if focused is not None and focused.id == "yes" else "cancel"
        self.query_one("#dialog-hints", Static).update(self._ways(enter))

    @on(Input.Submitted)
    def _submitted(self) -> None:
        if not self.query_one(Input).value.strip():
            self.dismiss(False)
        elif self._allowed:
            # Enter alone never confirms: it only leads to the button.
            self.query_one("#yes", Button).focus()
        else:
            self.query_one("#dialog-problem", Static).update(say((f"That is not {self._typed}.", "bad")))

    def action_yes(self) -> None:
        if self._allowed:
            self.dismiss(True)

    def action_back(self) -> None:
        self.dismiss(False)

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.dismiss(False)

    @on(Button.Pressed, "#yes")
    def _confirmed(self) -> None:
        self.action_yes()


def confirm_action(step: StepView, action: ActionView, host: HostView | None) -> Confirm:
    """The whole command, where, and what else it does; destructive ones need the host's name typed."""
    where = step.host if host is None else f"{host.name} ({host.address})"
    rows: list[list[Part]] = [
        [("run      ", "quiet"), (quoted(action.argv), "strong")],
        [("on       ", "quiet"), where, ("  as root" if action.elevate else "")],
        [("is       ", "quiet"), (TIER_WORDS[action.tier], "bad" if action.tier == "D" else "")],
    ]
    if action.provocation:
        rows.append([("         ", ""), "a provocation: it makes a delayed failure happen now"])
    if action.disturbs:
        voids = ", ".join(action.disturbs)
        rows.append(
            [("voids    ", "quiet"), f"what was measured about {voids} on this guest; soaks start again"]
        )
    if action.touches:
        rows.append([("touches  ", "quiet"), ", ".join(action.touches)])
    rows.extend([("NOT YET  ", "bad"), gap.reason] for gap in rules(step) if gap.what != "two-person")
    if action.breaks_rollback:
        rows.append(
            [("BREAKS ROLLBACK", "bad"), ": after this the source VM cannot simply be switched on again"]
        )
    if action.state in ("running", "unfinished"):
        rows.append([("It began before and has no result yet.", "warn")])
    dangerous = action.tier == "D" or action.breaks_rollback
    typed = (host.name if host is not None else "the wave") if dangerous else None
    return Confirm(f"{action.title}?", lines(say(*row) for row in rows), yes="Run", typed=typed)


def confirm_proof(proof: ProofView, host: HostView | None) -> Confirm:
    """Every command of an attempt, in full, and what it leaves behind."""
    where = proof.host if host is None else f"{host.name} ({host.address})"
    often = f"{proof.attempts} times, until one is refused"
    rows: list[list[Part]] = [
        [("on       ", "quiet"), where, "  as root"],
        [
            ("is       ", "quiet"),
            "a read that leaves traces: tickets at the KDC, a directory that is removed again",
        ],
        [("runs     ", "quiet"), f"{often}; later by itself where a step needs it, at most every 5 min"],
    ]
    for argv in proof.commands:
        if argv[0] == "ap-in":
            rows.append(
                [
                    ("from here", "quiet"),
                    " a fresh ticket of yours for ",
                    (argv[-1], "strong"),
                    f" is shown to its {argv[1]} service; no session is opened",
                ]
            )
        else:
            rows.append([("run      ", "quiet"), (quoted(argv), "strong")])
    title = "Prove it again?" if proof.approved else "Approve this proof for the whole session?"
    return Confirm(title, lines(say(*row) for row in rows), yes="Prove")


def confirm_mark(step: StepView, hosts: Sequence[HostView]) -> Confirm:
    """The mark separates before from after; there is no taking it back.

    Where a guest is on the target already there is no before any more, and its name has to be typed.

    Args:
        hosts: the guests it would mark.
    """
    rows = [say("Starting this step writes the mark for ", (_name(step.host), "strong"), ".")]
    for name, platform in step.arrived:
        rows.append(say((f"{name} runs on {platform} already: nothing was measured before the move.", "bad")))
    if step.arrived:
        rows.append(
            say(
                "It gets a mark and no baseline: no fault can be shown to be older than the move, nothing can be "
                "compared with what was, and none can be accepted. Every gate then asks for measurements from "
                "after the mark. It cannot be undone."
            )
        )
    else:
        rows.extend(
            say(f"{host.name} is seen on {host.platform} now.")
            if host.platform not in (None, "unknown")
            else say((f"On which platform {host.name} runs is not seen: was it moved already?", "warn"))
            for host in hosts
        )
        rows.append(
            say(
                "What was measured until now becomes the baseline, as what was before the move; every gate then "
                "asks for measurements from after the mark. It cannot be undone."
            )
        )
        rows.extend(say((f"{lack}.", "bad")) for lack in step.lacks)
    typed = _name(step.host) if step.arrived else None
    return Confirm(f"Set the mark: {step.step} {step.title}?", lines(rows), yes="Set mark", typed=typed)


def _name(host: str) -> str:
    return "the wave" if host == "*" else host


def confirm_quit(running: int, recording: bool, session: str, *, lasting: bool = True) -> Confirm:
    """Leaving ends the measuring, so soaks start again; the record stays where the session is `lasting`."""
    if not lasting:
        return Confirm(
            "Leave cutover?",
            say("The demo's guests and its session end with it; e exports the evidence before."),
            yes="Leave",
        )
    rows = [say("Measuring stops, and soaks start again when the session is resumed.")]
    if running:
        rows.append(say((f"{running} command(s) still run on guests; their results will be missing.", "bad")))
    if recording:
        rows.append(
            say("All that the screen called recorded is on the record of session ", (session, "strong"))
        )
    return Confirm("Leave cutover?", lines(rows), yes="Leave")
