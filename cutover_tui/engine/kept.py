"""Work that lasts as long as the session: what ended it is told, and it is begun again after a while."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

SECOND = 1_000_000_000
FIRST_NS = 2 * SECOND
LONGEST_NS = 60 * SECOND
"""Waits double from the first to the longest; whoever lasted longer than that begins at the first again."""


class EndedByItself(Exception):  # noqa: N818 - what happened
    """Work that never ends has returned."""


async def kept(
    run: Callable[[], Awaitable[None]],
    told: Callable[[BaseException], None],
    mono_ns: Callable[[], int],
    pause: Callable[[int], Awaitable[None]],
) -> None:
    """Run it until this task is cancelled.

    Args:
        told: is given every error, before the wait.
        mono_ns: CLOCK_BOOTTIME.
        pause: returns after so many nanoseconds.
    """
    wait = FIRST_NS
    while True:
        began = mono_ns()
        error: BaseException = EndedByItself()
        try:
            await run()
        except asyncio.CancelledError as cancelled:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            error = cancelled  # nobody cancelled us: something inside was
        except Exception as failed:  # noqa: BLE001 - the boundary: told, and begun again
            error = failed
        told(error)
        if mono_ns() - began > LONGEST_NS:
            wait = FIRST_NS
        await pause(wait)
        wait = min(2 * wait, LONGEST_NS)
