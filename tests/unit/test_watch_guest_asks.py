"""A guest is asked about others' clocks once its own was read: what it finds counts between two readings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from cutover_tui.engine.messages import Message, Sampled
from cutover_tui.engine.watches.watch_guest import GuestWatch
from probes.observation import Identity
from tests.unit.loopback_ssh import WallClock, loopback


class Asks:
    """Notes how often the guest's clock had been read when it was its turn."""

    def __init__(self, seen: list[Message]) -> None:
        self.seen, self.readings, self.begun = seen, -1, asyncio.Event()

    def look(self) -> None: ...

    async def run(self, identity: Callable[[], Identity]) -> None:
        self.readings = sum(isinstance(m, Sampled) for m in self.seen)
        assert identity().host_key
        self.begun.set()
        await asyncio.Event().wait()


async def test_the_first_question_comes_after_the_first_reading(tmp_path: Path):
    async with loopback(tmp_path) as server:
        server.trust()
        seen: list[Message] = []
        clock, asks = WallClock(), Asks(seen)
        watch = GuestWatch("web1", server.guest(), (), clock, clock.now(), seen.append, asks=(asks,))
        watching = asyncio.ensure_future(watch.run())
        async with asyncio.timeout(10):
            await asks.begun.wait()
        watching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watching
    assert asks.readings == 1
