"""A controller of the lab on loopback: NTP and Kerberos at one UDP port, Kerberos at the TCP port of that number.

The first byte of a datagram tells them apart. Who asks a controller at port 88 or 123 is led here by
`cutover_tui.lab.doors.loopback`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from cutover_tui.lab.doors.ntp_server import NtpServer
from cutover_tui.lab.kerberos import kdc
from cutover_tui.lab.world.world import Reference, World

_LARGEST = 64 * 1024
_PATIENCE_S = 10.0


def answer(world: World, controller: Reference, request: bytes, now: int) -> bytes | None:
    """What the controller's KDC says to a message at that true time, None where nobody answers."""
    if world.domain is None or controller.kdc is None or controller.silent:
        return None
    return controller.kdc.answer(request, world.domain, controller.clock.read(now))


class ControllerServer(NtpServer):
    """Answers datagrams of both protocols; `clock` gives true time."""

    def __init__(self, world: World, controller: Reference, clock: Callable[[], int]) -> None:
        super().__init__(controller, clock)
        self._world, self._controller, self._now = world, controller, clock
        self._udp: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._udp = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not kdc.is_kerberos(data):
            super().datagram_received(data, addr)
        elif self._controller.kdc is not None and self._controller.kdc.udp and self._udp is not None:
            reply = answer(self._world, self._controller, data, self._now())
            if reply is not None:
                self._udp.sendto(reply, addr)


async def serve_stream(
    world: World,
    controller: Reference,
    clock: Callable[[], int],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """One connection: a message with its length, one answer. Silence holds it until the client goes."""
    with suppress(TimeoutError, asyncio.IncompleteReadError, ConnectionError):
        async with asyncio.timeout(_PATIENCE_S):
            size = kdc.wants(await reader.readexactly(kdc.LENGTH))
            request = await reader.readexactly(size) if size <= _LARGEST else b""
            reply = answer(world, controller, request, clock())
            if reply is None:
                await reader.read()
            else:
                writer.write(len(reply).to_bytes(kdc.LENGTH) + reply)
                await writer.drain()
