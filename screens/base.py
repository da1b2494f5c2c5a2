"""What every full screen does: look at the session twice a second while it can be seen."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.content import Content
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Static

from cutover_tui.engine.port import SessionView
from screens.context import Context

REFRESH_S = 0.5


class PortScreen(Screen[None]):
    """Base of the full screens. Subclasses draw in `look`; it must be cheap, it runs on the UI loop."""

    HELP_TEXT: ClassVar[str] = ""
    """What this screen answers, for the help."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self._timer: Timer | None = None

    def look(self, view: SessionView) -> None:
        """Draw what the session is now."""
        raise NotImplementedError

    def look_now(self) -> None:
        """Draw at once, for instance because of an event."""
        if self.is_mounted and self.is_attached:
            self.look(self.context.port.view())

    def say(self, selector: str, content: Content) -> None:
        """Show a text if it changed; an empty one takes no room."""
        widget = self.query_one(selector, Static)
        if not isinstance(widget.content, Content) or not content.is_same(widget.content):
            widget.update(content)
        widget.set_class(not content.plain, "-empty")

    def on_mount(self) -> None:
        self._timer = self.set_interval(REFRESH_S, self._tick)
        self.look_now()

    def _tick(self) -> None:
        if self._seen():
            self.look_now()

    def _seen(self) -> bool:
        """A screen behind a dialog is still seen; one of another mode is not."""
        return self in self.app.screen_stack

    def on_screen_suspend(self) -> None:
        if self._timer is not None and not self._seen():
            self._timer.pause()

    def on_screen_resume(self) -> None:
        if self._timer is not None:
            self._timer.resume()
            self.look_now()

    def on_resize(self, _event: events.Resize) -> None:
        self.call_after_refresh(self.look_now)
