"""The jump host's real network and clocks behind the seam.

Linux only: CLOCK_BOOTTIME, SO_TIMESTAMPNS (socket(7)) and /proc/sys/kernel/random/boot_id.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import cast

from probes.arrival import Answered, Arrival, Ended
from probes.observation import Failure, FailureKind, Instant
from probes.seam import LinkError

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# <asm-generic/socket.h>; Python has no names for them. The message type equals the option.
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")
_ANCILLARY_BYTES = 128
_DATAGRAM_BYTES = 4096


class SystemClock:
    """`Clock` of this machine.

    Raises:
        OSError: /proc does not show a boot id (not Linux).
    """

    def __init__(self) -> None:
        self._boot_id = _BOOT_ID.read_text(encoding="ascii").strip()

    def now(self) -> Instant:
        """Boot id, CLOCK_BOOTTIME and UTC of the same moment, to within half of the three readings' time."""
        before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        utc = time.clock_gettime_ns(time.CLOCK_REALTIME)
        after = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        return Instant(self._boot_id, (before + after) // 2, utc)

    def mono_ns(self) -> int:
        """CLOCK_BOOTTIME in nanoseconds."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    async def sleep_until(self, mono_ns: int) -> None:
        """Return at or after that CLOCK_BOOTTIME (the event loop's own clock may fire a little early)."""
        while (left := mono_ns - self.mono_ns()) > 0:  # noqa: ASYNC110 — time itself is what is waited for
            await asyncio.sleep(left / 1e9)


class SystemNetwork:
    """`Network` of this machine.

    Args:
        trust: whom TLS believes; None = the certificates this machine trusts.
    """

    def __init__(self, trust: ssl.SSLContext | None = None) -> None:
        self._trust = trust
        # The kernel stamps arrivals while any socket asks for it, and begins some time after the first one
        # did (net_enable_timestamp defers to a work queue); before that a stamp is the time of reading.
        # So one socket that asks stays open as long as this network is used.
        asking = _stamped(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        weakref.finalize(self, asking.close)

    async def udp(self, host: str, port: int, make: Callable[[], bytes], *, timeout_s: float) -> Answered:
        """Send what `make` returns to the first address of `host` and return the first answer from there.

        Raises:
            LinkError: unresolvable or refused (`unreachable`), no answer in time (`timeout`).
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await _exchange(host, port, make)
        except TimeoutError:
            raise LinkError(
                Failure(FailureKind.TIMEOUT, f"{host} port {port}/udp: no answer within {timeout_s:g} s")
            ) from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise LinkError(Failure(FailureKind.UNREACHABLE, f"{host} port {port}/udp: {reason}")) from error

    async def tcp(
        self,
        host: str,
        port: int,
        make: Callable[[], bytes],
        complete: Callable[[bytes], bool],
        *,
        timeout_s: float,
    ) -> Answered:
        """Connect to `host`, send what `make` returns and return what came once `complete` is true of it.

        Raises:
            LinkError: unresolvable or refused (`unreachable`), no whole answer in time (`timeout`),
                closed or too much before that (`lost`, `truncated`).
        """
        return await _over_stream(host, port, make, complete, timeout_s, None)

    async def tls(
        self,
        host: str,
        port: int,
        make: Callable[[], bytes],
        complete: Callable[[bytes], bool],
        *,
        timeout_s: float,
    ) -> Answered:
        """As `tcp`, over TLS whose certificate is for `host` and trusted.

        Raises:
            LinkError: as `tcp`; the certificate is not trusted or not for `host` (`denied`).
        """
        if self._trust is None:
            self._trust = await asyncio.to_thread(ssl.create_default_context)  # reads the machine's store
        return await _over_stream(host, port, make, complete, timeout_s, self._trust)


async def _over_stream(
    host: str,
    port: int,
    make: Callable[[], bytes],
    complete: Callable[[bytes], bool],
    timeout_s: float,
    trust: ssl.SSLContext | None,
) -> Answered:
    where = f"{host} port {port}/{'tcp' if trust is None else 'tls'}"
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            transport, stream = await loop.create_connection(lambda: _Stream(complete), host, port, ssl=trust)
            try:
                sent_ns = stream.send(make())
                data, received_ns = await stream.arrival.whole
            finally:
                transport.abort()
    except TimeoutError:
        detail = f"{where}: no answer within {timeout_s:g} s"
        raise LinkError(Failure(FailureKind.TIMEOUT, detail)) from None
    except ssl.SSLCertVerificationError as error:
        detail = f"{where}: certificate not trusted: {error.verify_message}"
        raise LinkError(Failure(FailureKind.UNTRUSTED, detail)) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise LinkError(Failure(FailureKind.UNREACHABLE, f"{where}: {reason}")) from error
    except Ended as ended:
        raise LinkError(Failure(ended.kind, f"{where}: {ended}")) from None
    return Answered(data, stream.address, sent_ns, received_ns, kernel_stamp=False)


class _Stream(asyncio.Protocol):
    """One request, one answer. Stamps are taken where the bytes are handed over."""

    def __init__(self, complete: Callable[[bytes], bool]) -> None:
        self.arrival = Arrival(complete)
        self.address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.address = str(transport.get_extra_info("peername", ("",))[0])

    def send(self, data: bytes) -> int:
        """Returns when."""
        sent_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self._transport.write(data)
        return sent_ns

    def data_received(self, data: bytes) -> None:
        self.arrival.feed(data, time.clock_gettime_ns(time.CLOCK_BOOTTIME))

    def connection_lost(self, exc: Exception | None) -> None:
        self.arrival.closed()


async def _exchange(host: str, port: int, make: Callable[[], bytes]) -> Answered:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as sock:
        _stamped(sock).setblocking(False)
        # Connected, so that the kernel drops datagrams of others and reports a closed port.
        sock.connect(address)
        arrived: asyncio.Future[Answered] = loop.create_future()
        data = make()
        sent_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        sock.send(data)
        loop.add_reader(sock, _receive, sock, str(address[0]), sent_ns, arrived)
        try:
            return await arrived
        finally:
            loop.remove_reader(sock)


def _stamped(sock: socket.socket) -> socket.socket:
    sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    return sock


def _receive(sock: socket.socket, address: str, sent_ns: int, arrived: asyncio.Future[Answered]) -> None:
    if arrived.done():
        return
    try:
        data, ancillary, _, _ = sock.recvmsg(_DATAGRAM_BYTES, _ANCILLARY_BYTES)
    except (BlockingIOError, InterruptedError):
        return
    except OSError as error:
        arrived.set_exception(error)
        return
    read_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    utc_ns = time.clock_gettime_ns(time.CLOCK_REALTIME)
    stamp_ns = _kernel_stamp(ancillary)
    received_ns = read_ns - (utc_ns - stamp_ns) if stamp_ns is not None else read_ns
    # The stamp is CLOCK_REALTIME: a step of it between arrival and reading shows as an impossible time.
    kernel = stamp_ns is not None and sent_ns <= received_ns <= read_ns
    arrived.set_result(Answered(data, address, sent_ns, received_ns if kernel else read_ns, kernel))


def _kernel_stamp(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(data)
            return int(seconds) * 10**9 + int(nanoseconds)
    return None
