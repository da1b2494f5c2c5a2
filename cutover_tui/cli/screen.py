"""Runs the screens over a session. The only module of the command line that imports them."""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from cutover_tui.cli import places
from cutover_tui.cli.outcome import BadInput
from cutover_tui.engine.session import Session
from cutover_tui.record.files import RecordError
from screens.app import CutoverApp
from screens.terminal import Terminal, look

Opened = Callable[[], AbstractAsyncContextManager[Session]]


def usable(arguments: argparse.Namespace) -> Terminal:
    """The terminal this process runs on; asked before a session is made.

    Raises:
        BadInput: this is no terminal the app can use.
    """
    terminal = look(ascii_asked=arguments.ascii)
    if terminal.refusal is not None:
        raise BadInput(terminal.refusal)
    return terminal


def in_terminal(
    opened: Opened, arguments: argparse.Namespace, terminal: Terminal, *, lasting: bool = True
) -> int:
    """Open the session, run the app until the engineer leaves, close the session.

    Args:
        lasting: whether its guests are there tomorrow, so that it can be resumed.

    Raises:
        RecordError: the session could not be begun.
    """
    name: str | None = None

    async def main() -> None:
        nonlocal name
        async with opened() as session:
            name = session.view().session
            places.warn(session.loaded)
            places.warn_of_window(session.loaded, session.view().now.utc_ns)
            app = CutoverApp(
                session,
                ascii=terminal.ascii,
                dots=terminal.dots,
                theme=terminal.theme,
                hints=terminal.hints,
                lasting=lasting,
            )
            keep_what_lasts()
            await app.run_async(mouse=not arguments.no_mouse)

    try:
        asyncio.run(main())
    except RecordError as error:
        if name is None:
            raise
        print(f"{error}; all that was shown as recorded is on the record", file=sys.stderr)
    assert name is not None  # noqa: S101 - else an error has left this function
    print(farewell(name, lasting=lasting), file=sys.stderr)
    return 0


def keep_what_lasts() -> None:
    """Leave modules, style sheets and checks out of every later collection.

    They live as long as the process. Walking through them held the loop for 40 to 100 ms each time (bench lag).
    """
    gc.collect()
    gc.freeze()


def farewell(name: str, *, lasting: bool) -> str:
    """What can be done with the session next."""
    if not lasting:
        return f"session {name} is gone with the demo and its guests; what was exported is kept"
    return f"session {name}\n  cutover resume {name}\n  cutover export {name} -o DIR"
