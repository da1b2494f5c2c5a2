"""The seam between what measures and what is measured; the lab stands behind the same protocols.

Two doors: real sockets (probes.ssh, probes.clocks.ntp) or a simulated world whose time jumps when
idle. Nothing above the seam may read a clock, sleep or open a socket in another way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from probes.observation import Failure, Identity, Instant, Raw
from probes.reader import Command


class Clock(Protocol):
    """The jump host's own clocks."""

    def now(self) -> Instant:
        """Boot id, CLOCK_BOOTTIME and UTC, read together."""
        ...

    def mono_ns(self) -> int:
        """CLOCK_BOOTTIME in nanoseconds."""
        ...

    async def sleep_until(self, mono_ns: int) -> None:
        """Return at or after that CLOCK_BOOTTIME."""
        ...


class LinkError(Exception):
    """The guest could not be reached or was lost; carries the typed failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


class Answer(Protocol):
    """One exchange over a kept channel; stamps are CLOCK_BOOTTIME of the jump host."""

    @property
    def text(self) -> str: ...
    @property
    def sent_ns(self) -> int: ...
    @property
    def received_ns(self) -> int: ...


class Loop(Protocol):
    """A kept request/response channel to one program on the guest (a shell reading lines)."""

    async def ask(self, line: str, *, token: str, timeout_s: float) -> Answer:
        """Send one line and return the first line of output that contains `token`.

        Other lines (banners, profile noise, late answers) are passed over.

        Raises:
            LinkError: no answer in time, or the channel ended.
        """
        ...

    async def close(self) -> None: ...


class Datagram(Protocol):
    """A UDP answer with its stamps: CLOCK_BOOTTIME and the kernel's word if there was one."""

    @property
    def data(self) -> bytes: ...
    @property
    def address(self) -> str: ...
    @property
    def sent_ns(self) -> int: ...
    @property
    def received_ns(self) -> int: ...
    @property
    def kernel_stamp(self) -> bool: ...


class Streams(Protocol):
    """Somewhere from where a server is reached over TCP: the jump host, or a guest."""

    async def tcp(
        self,
        host: str,
        port: int,
        make: Callable[[], bytes],
        complete: Callable[[bytes], bool],
        *,
        timeout_s: float,
    ) -> Datagram:
        """Connect, send what `make` returns (called as late as possible), read until `complete` is true of
        what has come. The stamps are of the exchange and leave the connecting out.

        Raises:
            LinkError: unresolvable, refused, no whole answer in time, closed or flooded before that.
        """
        ...


class Guest(Streams, Protocol):
    """One guest over one kept connection.

    `tcp` connects *from the guest*, through its connection: names are the guest's, firewalls too. Stamps are
    this machine's all the same and hold the way to the guest and back. One exchange at a time takes
    place. It fails further where the guest's server forbids such connections (`denied`) and where the link is lost.
    """

    @property
    def name(self) -> str: ...

    @property
    def identity(self) -> Identity:
        """What the transport itself verified (the host key); the rest is read by readers."""
        ...

    async def connect(self) -> None:
        """Connect and log in, or return at once when connected.

        Raises:
            LinkError: unreachable, host-key, denied, timeout.
        """
        ...

    async def run(self, commands: Sequence[Command]) -> tuple[Raw, ...]:
        """Run all commands; one `Raw` each, in order.

        A command that fails, hangs or floods yields a Raw with `failure` set and never stops
        the others.

        Raises:
            LinkError: the connection itself is gone.
        """
        ...

    async def loop(self, argv: Sequence[str]) -> Loop:
        """Open a kept channel to a program that answers lines."""
        ...

    async def close(self) -> None: ...


class Network(Streams, Protocol):
    """Exchanges from the jump host to servers that are not guests."""

    async def udp(self, host: str, port: int, make: Callable[[], bytes], *, timeout_s: float) -> Datagram:
        """Send what `make` returns (called as late as possible) and return the answer.

        Raises:
            LinkError: unresolvable, refused, no answer in time.
        """
        ...

    async def tls(
        self,
        host: str,
        port: int,
        make: Callable[[], bytes],
        complete: Callable[[bytes], bool],
        *,
        timeout_s: float,
    ) -> Datagram:
        """As `tcp`, over TLS that has shown a certificate for `host` this machine trusts.

        Raises:
            LinkError: as `tcp`; not trusted (`denied`).
        """
        ...
