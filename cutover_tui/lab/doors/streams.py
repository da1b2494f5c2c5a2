"""A stream server that leaves nothing open: its connections end with it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(
    serve: Handler, sock: socket.socket, tls: ssl.SSLContext | None = None
) -> AsyncIterator[None]:
    """Serve every connection to `sock` while this lasts; then break off those that are left, and wait for them.

    `asyncio.Server.close` leaves its connections to the end of the loop, where a TLS one would
    wait for a goodbye that nobody reads any more.
    """
    open_now: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs handlers in tasks
        open_now[task] = writer
        try:
            await serve(reader, writer)
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()
        finally:
            writer.transport.abort()
            del open_now[task]

    server = await asyncio.start_server(connected, sock=sock, ssl=tls)
    try:
        yield
    finally:
        server.close()
        for task, writer in tuple(open_now.items()):
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*open_now, return_exceptions=True)
