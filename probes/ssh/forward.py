"""Exchanges a guest's sshd carries to somewhere else: `direct-tcpip` of RFC 4254 section 7.2.

No port is opened on the jump host or on the guest, and no program runs there. A channel of this
kind is none of those that `MaxSessions` counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import asyncssh
from asyncssh.constants import (
    OPEN_ADMINISTRATIVELY_PROHIBITED,
    OPEN_CONNECT_FAILED,
    OPEN_UNKNOWN_CHANNEL_TYPE,
)

from probes.arrival import Answered, Arrival, Ended
from probes.observation import Failure, FailureKind
from probes.seam import Clock, LinkError
from probes.unsafe_text import without_controls

_MOST_PENDING = 4
"""Connects that sshd may still be trying for us after we stopped waiting (the kernel takes 130 s for one)."""

_FORBIDS = (OPEN_ADMINISTRATIVELY_PROHIBITED, OPEN_UNKNOWN_CHANNEL_TYPE)

_Opening = asyncio.Task[asyncssh.SSHTCPChannel[bytes]]


class Forwards:
    """All exchanges over one connection, one at a time.

    A connect that has begun cannot be taken back: sshd goes on until its kernel gives up. It is then waited for by
    the next exchange with the same server, and never begun a second time beside it.
    """

    def __init__(self, ssh: asyncssh.SSHClientConnection, clock: Clock, name: str) -> None:
        self._ssh, self._clock, self._name = ssh, clock, name
        self._turn = asyncio.Lock()
        self._pending: dict[tuple[str, int], tuple[_Opening, _Session]] = {}

    async def tcp(
        self,
        host: str,
        port: int,
        make: Callable[[], bytes],
        complete: Callable[[bytes], bool],
        *,
        timeout_s: float,
    ) -> Answered:
        """As `probes.seam.Guest.tcp`.

        Raises:
            LinkError: the guest's sshd forbids it (`denied`), does not reach the server (`unreachable`) or not
                in time (`timeout`); closed or flooded before the answer was whole (`lost`, `truncated`).
        """
        where = f"{host} port {port}/tcp from {self._name}"
        async with self._turn:
            try:
                async with asyncio.timeout(timeout_s):
                    channel, session = await self._open(host, port, where)
                    try:
                        return await self._exchange(channel, session, host, make, complete)
                    finally:
                        channel.abort()
            except TimeoutError:
                detail = f"{where}: no answer within {timeout_s:g} s"
                raise LinkError(Failure(FailureKind.TIMEOUT, detail)) from None
            except asyncssh.ChannelOpenError as error:
                failure = not_opened(error, where, "the guest's sshd", closed=self._ssh.is_closed())
                raise LinkError(failure) from None
            except Ended as ended:
                raise LinkError(Failure(ended.kind, f"{where}: {ended}")) from None
            except (asyncssh.Error, OSError) as error:
                detail = f"{where}: {without_controls(str(error))[:200]}"
                raise LinkError(Failure(FailureKind.LOST, detail)) from None

    async def close(self) -> None:
        """Wait for nothing any more; the connection is about to be closed, and its channels with it."""
        openings = [opening for opening, _ in self._pending.values()]
        self._pending.clear()
        for opening in openings:
            opening.cancel()
        await asyncio.gather(*openings, return_exceptions=True)

    async def _open(self, host: str, port: int, where: str) -> tuple[asyncssh.SSHTCPChannel[bytes], _Session]:
        """A channel to the server. What the wait for it is cut off from stays pending."""
        self._forget()
        found = self._pending.get((host, port))
        if found is None:
            if len(self._pending) >= _MOST_PENDING:
                detail = f"{where}: {_MOST_PENDING} connects of before have not ended yet"
                raise LinkError(Failure(FailureKind.TIMEOUT, detail))
            session = _Session(self._clock)
            opening = asyncio.ensure_future(self._connect(session, host, port))
            found = self._pending[host, port] = opening, session
        opening, session = found
        channel = await asyncio.shield(opening)
        del self._pending[host, port]
        return channel, session

    async def _connect(self, session: _Session, host: str, port: int) -> asyncssh.SSHTCPChannel[bytes]:
        channel, _ = await self._ssh.create_connection(lambda: session, host, port, encoding=None)
        return channel

    def _forget(self) -> None:
        """What was pending and has failed, or was closed by the other side since."""
        for key, (opening, session) in list(self._pending.items()):
            if opening.done() and (opening.cancelled() or opening.exception() is not None or session.over):
                del self._pending[key]

    async def _exchange(
        self,
        channel: asyncssh.SSHTCPChannel[bytes],
        session: _Session,
        host: str,
        make: Callable[[], bytes],
        complete: Callable[[bytes], bool],
    ) -> Answered:
        arrival = session.expect(complete)
        request = make()
        sent_ns = self._clock.mono_ns()
        with suppress(OSError):  # closing already: why comes with its end
            channel.write(request)
        data, received_ns = await arrival.whole
        return Answered(data, host, sent_ns, received_ns, kernel_stamp=False)


def not_opened(error: asyncssh.ChannelOpenError, where: str, whose: str, *, closed: bool) -> Failure:
    """Why there is no channel: forbidden, nobody there, or the connection itself is gone.

    Args:
        whose: the sshd that was asked to forward.
        closed: that its connection is.
    """
    said = without_controls(error.reason).strip()[:200] or f"code {error.code}"
    if error.code in _FORBIDS:
        return Failure(
            FailureKind.DENIED,
            f"{where}: {whose} forwards no connections ({said}; AllowTcpForwarding, PermitOpen)",
        )
    if error.code == OPEN_CONNECT_FAILED and not closed:
        return Failure(FailureKind.UNREACHABLE, f"{where}: {said}")
    return Failure(FailureKind.LOST, f"{where}: {said}")


class _Session(asyncssh.SSHTCPSession[bytes]):
    """One request, one answer. Stamps are taken where the bytes are handed over."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._arrival: Arrival | None = None
        self.over = False

    def expect(self, complete: Callable[[bytes], bool]) -> Arrival:
        """Wait for an answer from now on."""
        self._arrival = Arrival(complete)
        if self.over:
            self._arrival.closed()
        return self._arrival

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """A piece; what comes before anything was asked is no answer."""
        if self._arrival is not None:
            self._arrival.feed(data, self._clock.mono_ns())

    def eof_received(self) -> bool:
        """The server has said all; its side may stay open for long."""
        self._end()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is closed."""
        self._end()

    def _end(self) -> None:
        self.over = True
        if self._arrival is not None:
            self._arrival.closed()
