"""The app as the command line drives it, left at once: for what `run`, `resume` and `demo` do around it."""

from __future__ import annotations

import pytest

from cutover_tui.cli import screen
from screens.terminal import Terminal


class NoScreen:
    """Takes the place of `CutoverApp`."""

    def __init__(self, *_args: object, **_options: object) -> None: ...

    async def run_async(self, *, mouse: bool) -> None: ...


def at_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this were a terminal, with nobody who stays."""
    monkeypatch.setattr(screen, "CutoverApp", NoScreen)
    terminal = Terminal(ascii=False, dots="braille", theme="textual-dark", hints=(), refusal=None)
    monkeypatch.setattr(screen, "look", lambda **_asked: terminal)
