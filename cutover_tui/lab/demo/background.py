"""A lab on a thread and loop of its own, so that what is tried on it cannot slow it down."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cutover_tui.lab.demo.incident import Incident, build_incident


@contextmanager
def incident(directory: Path, *, moved: bool) -> Iterator[Incident]:
    """The incident with its door open, until the block is left.

    Raises:
        OSError: the directory cannot be written, or loopback refuses a port.
    """
    opened: list[Incident] = []
    failed: list[BaseException] = []
    ready = threading.Event()
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        made = build_incident(directory, moved=moved)
        async with made.door:
            leave = asyncio.Event()
            stop.append((asyncio.get_running_loop(), leave))
            opened.append(made)
            ready.set()
            await leave.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="lab", daemon=True)
    thread.start()
    ready.wait()
    if failed:
        raise failed[0]
    try:
        yield opened[0]
    finally:
        loop, leave = stop[0]
        loop.call_soon_threadsafe(leave.set)
        thread.join()
    if failed:
        raise failed[0]
