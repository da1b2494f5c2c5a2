"""Widgets that look at a model twice a second, and only while somebody can see them."""

from __future__ import annotations

from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget


class Live(Widget):
    """Base of widgets that pull their data in `flush`.

    One timer a widget, paused while the widget is hidden, scrolled away, or on a screen that is not shown
    (a screen behind a modal one is). No message is sent per sample: what arrives between two flushes
    coalesces in the model.
    """

    FLUSH_INTERVAL_S = 0.5

    _timer: Timer | None = None
    _shown = False

    def flush(self) -> int:
        """Take over what changed in the model and refresh those rows only; returns how many."""
        raise NotImplementedError

    @property
    def flushing(self) -> bool:
        """Whether the widget follows its model at the moment."""
        return self._shown and self._on_visible_screen()

    def _on_visible_screen(self) -> bool:
        # `Screen.is_current` also holds for the screen just below an opaque one.
        for screen in reversed(self.app.screen_stack):
            if screen is self.screen:
                return True
            if not screen.is_modal:
                return False
        return False

    def on_mount(self) -> None:
        self._timer = self.set_interval(self.FLUSH_INTERVAL_S, self._tick, pause=True)
        self.app.screen_change_signal.subscribe(self, self._screen_changed)

    def on_show(self) -> None:
        self._shown = True
        self._follow()

    def on_hide(self) -> None:
        self._shown = False
        self._follow()

    def _screen_changed(self, _screen: Screen[object]) -> None:
        self._follow()

    def _follow(self) -> None:
        if self._timer is None:
            return
        if self.flushing:
            self.flush()
            self._timer.resume()
        else:
            self._timer.pause()

    def _tick(self) -> None:
        # A tick that was due when the timer was paused still arrives on resume or after it.
        if self.flushing:
            self.flush()
