"""Runs the screens over a session. The only module of the command line that imports them."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from cutover_tui.cli.outcome import BadInput
from cutover_tui.engine.session import Session
from screens.app import CutoverApp
from screens.terminal import Unusable, glyphs_for, prepare

Opened = Callable[[], AbstractAsyncContextManager[Session]]


def in_terminal(opened: Opened, arguments: argparse.Namespace) -> int:
    """Open the session, run the app until the engineer leaves, close the session.

    Raises:
        BadInput: this is no terminal the app can use.
    """
    try:
        prepare()
    except Unusable as error:
        raise BadInput(str(error)) from None

    async def main() -> None:
        async with opened() as session:
            app = CutoverApp(session, ascii=arguments.ascii or glyphs_for() == "ascii")
            await app.run_async(mouse=not arguments.no_mouse)

    asyncio.run(main())
    return 0
