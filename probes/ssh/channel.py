"""One session channel of a connection, delivering bytes as they arrive."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

import asyncssh
from asyncssh.constants import (
    OPEN_REQUEST_PTY_FAILED,
    OPEN_REQUEST_SESSION_FAILED,
    PTY_ECHO,
    PTY_ONLCR,
)

from probes.observation import Failure, FailureKind
from probes.seam import LinkError
from probes.unsafe_text import without_controls

_WINDOW = 512 * 1024  # what a flood can have under way to us
_OPEN_S = 15.0
_CLOSE_S = 3.0
_CONNECTION_CLOSED = "SSH connection closed"  # asyncssh's own words, said before is_closed() is true


class SessionRefused(Exception):  # noqa: N818 an answer of the server, not a fault
    """The server opens no further session (MaxSessions)."""


class ExecRefused(Exception):  # noqa: N818
    """The server opens a session but starts no command in it."""


class Sink(Protocol):
    """Where a channel's bytes go, called from the event loop's read callback."""

    def feed(self, data: bytes, *, stderr: bool) -> None: ...
    def ended(self, rc: int | None) -> None: ...


class Channel(asyncssh.SSHClientSession[bytes]):
    """A running command. Ends by itself, by `close` or by `kill`; the sink is told once."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._rc: int | None = None
        self.over = False

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        """The session is open."""
        self._channel = chan

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """Bytes of stdout (`datatype` None) or stderr."""
        if not self.over:
            self._sink.feed(data, stderr=datatype is not None)

    def eof_received(self) -> bool:
        """The command closed its output. Not the end: its status comes with the server's close, and
        only then a server that counts sessions has one to give again.
        """
        return True

    def exit_status_received(self, status: int) -> None:
        """How the command ended."""
        self._rc = status

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is closed, with or without its connection."""
        if not self.over:
            self.over = True
            self._sink.ended(self._rc)

    def write(self, data: bytes) -> None:
        """Send to the command's stdin.

        Raises:
            LinkError: the channel ended.
        """
        if self.over or self._channel is None:
            raise LinkError(Failure(FailureKind.LOST, "the channel ended"))
        try:
            self._channel.write(data)
        except OSError:
            raise LinkError(Failure(FailureKind.LOST, "the channel is closing")) from None

    async def kill(self) -> None:
        """End the command with SIGKILL where the server passes signals on, and the channel for sure."""
        await self._end(signal=True)

    async def close(self) -> None:
        """Close stdin and the channel: a shell that waits for a line ends."""
        await self._end(signal=False)

    async def _end(self, *, signal: bool) -> None:
        if not self.over:
            self.over = True  # what still arrives goes nowhere
            self._sink.ended(self._rc)
        channel = self._channel
        if channel is None:
            return
        with contextlib.suppress(OSError):  # already closing
            if signal:
                channel.send_signal("KILL")
        channel.abort()
        with contextlib.suppress(TimeoutError):  # the connection goes on without this answer
            async with asyncio.timeout(_CLOSE_S):
                await channel.wait_closed()


async def open_channel(
    ssh: asyncssh.SSHClientConnection, command: str | None, sink: Sink, *, pty: bool = False
) -> Channel:
    """Start `command` (None: the login shell), with a terminal that neither echoes nor adds CR if `pty`.

    Raises:
        SessionRefused: no further session; ExecRefused: no command or terminal in it.
        LinkError: the connection is gone, or the server does not answer.
    """
    channel = Channel(sink)
    try:
        async with asyncio.timeout(_OPEN_S):
            await ssh.create_session(
                lambda: channel,
                command,
                subsystem=None,
                env=None,
                send_env=None,
                request_pty="force" if pty else False,
                term_type="dumb" if pty else None,
                term_size=(1000, 50) if pty else (),
                term_modes={PTY_ECHO: 0, PTY_ONLCR: 0} if pty else {},
                x11_forwarding=False,
                encoding=None,
                window=_WINDOW,
            )
    except TimeoutError:
        detail = f"the server did not answer within {_OPEN_S:g} s when a session was asked for"
        raise LinkError(Failure(FailureKind.TIMEOUT, detail)) from None
    except asyncssh.ChannelOpenError as error:
        if error.code in (OPEN_REQUEST_SESSION_FAILED, OPEN_REQUEST_PTY_FAILED):
            await channel.close()  # a server that counts sessions has to see this one end first
            raise ExecRefused(error.reason) from None
        if ssh.is_closed() or error.reason == _CONNECTION_CLOSED:
            raise LinkError(Failure(FailureKind.LOST, "the connection ended")) from None
        raise SessionRefused(error.reason) from None
    except (asyncssh.Error, OSError) as error:
        raise LinkError(
            Failure(FailureKind.LOST, f"the connection ended: {without_controls(str(error))[:200]}")
        ) from None
    return channel
