"""The palette: everything the keys do, by name, and every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from screens.context import Context, column_of, row_of
from screens.messages import Acknowledge, LookAgain, OpenStep, ReadClock, RunAction
from screens.texts.wording import STATUS_WORD, say
from screens.widgets.glyphs import clean

Command = tuple[str, str, Callable[[], object]]
_KEYS = (
    ("Overview: where are we?", "o", "app.go('overview')"),
    ("Step: what is missing?", "", "app.go('step')"),
    ("Clock: is time right?", "c", "app.go('clock')"),
    ("Identity: who can authenticate to whom?", "i", "app.go('identity')"),
    ("Choose a guest", "h", "app.hosts"),
    ("Prove this guest's tickets", "x", "app.prove"),
    ("Write a note", "n", "app.note"),
    ("Export the evidence", "e", "app.export"),
    ("Help for this screen", "?", "app.help"),
    ("Leave cutover", "q", "app.quit"),
)


class CutoverCommands(Provider):
    """Commands over the port; names come from the runbook and are shown as plain text."""

    @property
    def _context(self) -> Context:
        context = getattr(self.app, "context", None)
        assert isinstance(context, Context)  # noqa: S101 - registered by CutoverApp only
        return context

    def _commands(self) -> Iterator[Command]:
        app, place = self.app, self._context.place
        for name, key, action in _KEYS:
            yield name, f"key {key}" if key else "", partial(app.run_action, action)
        view = self._context.port.view()
        for row in view.steps:
            host = column_of(row, place.host)
            states = ", ".join(
                f"{h}: {STATUS_WORD[s]}" if h != "*" else STATUS_WORD[s] for h, s in row.states
            )
            yield (
                f"Step {row.id} {clean(row.title)}",
                clean(states),
                partial(app.post_message, OpenStep(row.id, host)),
            )
        for guest in view.hosts:
            yield f"Look again at {guest.name}", "key r", partial(app.post_message, LookAgain(guest.name))
        yield "Read a clock by two people", "key u on the clock", partial(app.post_message, ReadClock())
        here = row_of(view, place.step)
        if here is not None:
            host = column_of(here, place.host)
            step = self._context.port.step(here.id, host)
            for fault in step.live.findings:
                if fault.acknowledgeable:
                    yield (
                        f"Accept {clean(fault.check)} on {clean(fault.host)} with a problem ticket",
                        "key k: it was there before the mark",
                        partial(app.post_message, Acknowledge(here.id, host, fault.check, fault.host)),
                    )
            for runnable in step.actions:
                yield (
                    f"Run {clean(runnable.title)}",
                    f"{here.id} on {host}, asked first",
                    partial(app.post_message, RunAction(here.id, host, runnable.id)),
                )

    async def discover(self) -> Hits:
        for name, help_text, run in self._commands():
            yield DiscoveryHit(say(name), run, text=name, help=help_text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for name, help_text, run in self._commands():
            score = matcher.match(name)
            if score > 0:
                yield Hit(score, matcher.highlight(name), run, text=name, help=help_text)
