"""An NTP server on loopback that answers from a simulated clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from cutover_tui.lab.world.ntp_answer import answer
from cutover_tui.lab.world.world import Reference


class NtpServer(asyncio.DatagramProtocol):
    """Answers datagrams; `clock` gives true time."""

    def __init__(self, reference: Reference, clock: Callable[[], int]) -> None:
        self._reference = reference
        self._clock = clock
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio's own datagram transport is no subclass of DatagramTransport before 3.12.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        received = self._reference.clock.read(self._clock())
        reply = answer(data, self._reference, received, self._reference.clock.read(self._clock()))
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)
