"""A way for another process to what only our SSH connection to a jump host reaches: a local socket, for one connection."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncssh

from probes.observation import Failure, FailureKind
from probes.seam import LinkError
from probes.ssh.forward import not_opened
from probes.unsafe_text import without_controls

_PIECE = 64 * 1024
_BROKEN = (OSError, asyncssh.Error)

_Streams = tuple["asyncssh.SSHReader[bytes]", "asyncssh.SSHWriter[bytes]"]


@asynccontextmanager
async def local_socket(via: asyncssh.SSHClientConnection, host: str, port: int) -> AsyncIterator[str]:
    """The path of a socket only we may use. One connection to it goes by `via` to the server, while this lasts.

    Raises:
        LinkError: no such socket can be made here. At the end: somebody came, and `via` forwards nothing there (`denied`),
            does not reach the server (`unreachable`), not in time (`timeout`), or is gone (`lost`).
    """
    carried = _Carried(via, host, port)
    with tempfile.TemporaryDirectory(prefix="cutover-") as folder:  # mode 0700
        path = f"{folder}/way"
        with socket.socket(socket.AF_UNIX) as listening:
            try:
                listening.bind(path)
            except OSError as error:
                detail = f"{carried.where}: no socket can be made here ({error.strerror})"
                raise LinkError(Failure(FailureKind.LOST, detail)) from None
            listening.listen(1)
            listening.setblocking(False)
            carrying = asyncio.create_task(carried.by(listening))
            try:
                yield path
            finally:
                carrying.cancel()
                await asyncio.wait([carrying])
    if not carrying.cancelled():
        carrying.result()
    if carried.failure is not None:
        raise LinkError(carried.failure)


class _Carried:
    """One connection, and why it did not come about."""

    def __init__(self, via: asyncssh.SSHClientConnection, host: str, port: int) -> None:
        self._via, self._host, self._port = via, host, port
        self.where = f"{host} port {port}/tcp from the jump host"
        self.failure: Failure | None = None

    async def by(self, listening: socket.socket) -> None:
        """Wait for somebody to come, and carry both ways what is said until both have said all."""
        accepted, _ = await asyncio.get_running_loop().sock_accept(listening)
        reader, writer = await asyncio.open_unix_connection(sock=accepted)
        try:
            far = await self._far()
            if far is None:
                return
            far_reader, far_writer = far
            try:
                await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
            finally:
                far_writer.close()
        finally:
            writer.close()

    async def _far(self) -> _Streams | None:
        """A channel to the server; None = `failure` says why not."""
        opening: asyncio.Task[_Streams] = asyncio.ensure_future(self._open())
        try:
            return await asyncio.shield(opening)
        except asyncssh.ChannelOpenError as error:
            self.failure = not_opened(error, self.where, "its sshd", closed=self._via.is_closed())
        except _BROKEN as error:
            said = without_controls(str(error))[:200]
            self.failure = Failure(FailureKind.LOST, f"{self.where}: {said}")
        except asyncio.CancelledError:
            # A connect that has begun cannot be taken back: sshd goes on until its kernel gives up.
            opening.add_done_callback(_closed)
            self.failure = Failure(FailureKind.TIMEOUT, f"{self.where}: no connection in time")
            raise
        return None

    async def _open(self) -> _Streams:
        reader, writer = await self._via.open_connection(self._host, self._port)
        return reader, writer


def _closed(opening: asyncio.Task[_Streams]) -> None:
    """Nobody waits any more for what has come."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result()[1].channel.abort()


async def _pump(
    source: asyncio.StreamReader | asyncssh.SSHReader[bytes],
    sink: asyncio.StreamWriter | asyncssh.SSHWriter[bytes],
) -> None:
    """Until the end of what is said. That a side breaks off is the other's to see, and no matter of the way."""
    with suppress(*_BROKEN):
        while data := await source.read(_PIECE):
            sink.write(data)
            await sink.drain()
    with suppress(*_BROKEN):
        if sink.can_write_eof():
            sink.write_eof()
