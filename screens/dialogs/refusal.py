"""A refusal teaches: each missing check, why, since when, and the next thing to do, as a key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

import msgspec
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from cutover_tui.core.finding import Decision, Finding, Missing
from cutover_tui.engine.port import ActionView, StepView
from screens.dialogs.dialog import Dialog, keys, paragraph
from screens.texts.accepting import why_not
from screens.texts.step import (
    ACKNOWLEDGE_KEY,
    ACTION_LETTERS,
    acknowledgeable,
    action_key,
    closed,
    remedy,
    row_key,
    rules,
    to_do,
)
from screens.texts.wording import (
    Part,
    ago,
    dot,
    finding_state,
    say,
    since_of,
    spell,
    utc_time,
)
from screens.widgets.glyphs import UNICODE, Charset, State, mark


class RefusalDialog(Dialog[str | Finding | None]):
    """Dismissed with `host` for another guest, an action's id to run it, a fault to accept it, or None."""

    TITLE_ROLE = "bad"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "back", "back", show=False, id="refusal.close", tooltip="Close"),
        Binding(
            ACKNOWLEDGE_KEY,
            "acknowledge",
            "accept",
            id="refusal.acknowledge",
            tooltip="Accept a fault that was there before the mark, with a problem ticket",
        ),
        Binding("h", "host", "next host", id="refusal.host", tooltip="Work on another guest meanwhile"),
        *(
            Binding(
                key, f"act('{key}')", "run action", show=False, id=f"refusal.{key}", tooltip="Run the remedy"
            )
            for key in (*ACTION_LETTERS, *(f"f{n}" for n in range(2, 10)))
        ),
    ]

    def __init__(
        self, step: StepView, decision: Decision, next_host: str | None, charset: Charset = UNICODE
    ) -> None:
        on = "the wave" if decision.host == "*" else decision.host
        super().__init__(f"Not done yet: {step.step} {step.title} on {on}")
        self._step = msgspec.structs.replace(step, live=decision)
        self._next_host = next_host
        self._charset = charset

    @property
    def _remedies(self) -> list[ActionView]:
        """The actions that would mend what is missing."""
        wanted = [remedy(self._step, f) for f in missing_findings(self._step)]
        return [a for a in dict.fromkeys(wanted) if a is not None]

    def body(self) -> Iterable[Widget]:
        yield paragraph(f"{closed(self._step, self._charset)}.")
        found = {(f.check, f.reason): f for f in missing_findings(self._step)}
        for gap in self._step.live.missing:
            yield from _shown(gap, found.get((gap.what, gap.reason)), self._step, self._charset)
        naive = [f.naive for f in missing_findings(self._step) if f.naive]
        if naive:
            listed = "; ".join(dict.fromkeys(naive))
            yield paragraph(f"A naive checklist would pass here: {listed}.", "quiet")

    def hints(self) -> Content:
        pairs = [("b", "back")]
        if self._next_host is not None:
            pairs.append(("h", f"next host ({self._next_host})"))
        if acknowledgeable(self._step, None) is not None:
            pairs.append((ACKNOWLEDGE_KEY, "accept with a ticket"))
        actions = self._step.actions
        pairs += [(action_key(a, actions.index(a)), a.title) for a in self._remedies]
        return keys(*pairs)

    def on_mount(self) -> None:
        self.query_one("#dialog-body").focus()

    def action_host(self) -> None:
        if self._next_host is not None:
            self.dismiss("host")

    def action_acknowledge(self) -> None:
        fault = acknowledgeable(self._step, None)
        if fault is not None:
            self.dismiss(fault)
            return
        failed = next((f for f in missing_findings(self._step) if f.verdict == "fail"), None)
        self.notify(why_not(self._step, row_key(failed) if failed else None), timeout=6, markup=False)

    def action_act(self, key: str) -> None:
        actions = self._step.actions
        chosen = next((a for i, a in enumerate(actions) if action_key(a, i).lower() == key), None)
        if chosen is not None and not (chosen.breaks_rollback and rules(self._step)):
            self.dismiss(chosen.id)


def missing_findings(step: StepView) -> list[Finding]:
    """The findings that keep the gate closed."""
    return [f for f in step.live.findings if f.verdict not in ("pass", "na") and f.acknowledged is None]


def _shown(gap: Missing, finding: Finding | None, step: StepView, charset: Charset) -> Iterator[Static]:
    """One missing thing: glyph, word, check; reason; since when and what would fix it."""
    shown = mark(finding_state(finding) if finding is not None else State(gap.verdict.value), charset)
    host = f" on {finding.host}" if finding is not None and step.host == "*" else ""
    yield Static(say((shown.text, shown.role), f"  {gap.what}{host}"), classes="first", markup=False)
    yield Static(say(spell(gap.reason, charset)), classes="indented", markup=False)
    fix: list[Part] = []
    since = since_of(step, finding.check, finding.host) if finding is not None else None
    if since is not None:
        when = f"seen since {utc_time(since.utc_ns, seconds=False)} ({ago(since, step.live.at)})"
        fix.append((when + dot(charset), "quiet"))
    action = remedy(step, finding) if finding is not None else None
    if action is not None:
        key = action_key(action, step.actions.index(action))
        fix += ["run ", (key, "strong"), f" {action.title}, and look again"]
    elif finding is not None and finding.acknowledgeable:
        fix += [spell(gap.remedy, charset), f" {charset.arrow} ", (ACKNOWLEDGE_KEY, "strong")]
    else:
        fix.append(spell(to_do(step, finding) if finding is not None else gap.remedy, charset))
    yield Static(say(*fix), classes="indented", markup=False)
