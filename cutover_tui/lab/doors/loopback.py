"""A jump host's network in which a lab's controllers are at their own ports, wherever on loopback they listen.

An engine asks a controller at port 88 or 389 of its name; nobody but root may listen there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NoReturn

from probes.observation import Failure, FailureKind
from probes.seam import Datagram, LinkError, Network

LOOPBACK = "127.0.0.1"
Served = tuple[str, int, Literal["udp", "tcp"]]
"""A controller's name or address, the port of its service, the protocol."""


class LoopbackNetwork:
    """`probes.seam.Network`: what `ports` names is on loopback, other servers are where they are."""

    def __init__(self, inner: Network, ports: Mapping[Served, int]) -> None:
        self._inner, self._ports = inner, ports
        self._known = {host for host, _, _ in ports}

    async def udp(self, host: str, port: int, make: Callable[[], bytes], *, timeout_s: float) -> Datagram:
        """As `probes.seam.Network.udp`.

        Raises:
            LinkError: as there; a controller has nothing at that port.
        """
        where, at = self._at(host, port, "udp")
        return await self._inner.udp(where, at, make, timeout_s=timeout_s)

    async def tcp(
        self,
        host: str,
        port: int,
        make: Callable[[], bytes],
        complete: Callable[[bytes], bool],
        *,
        timeout_s: float,
    ) -> Datagram:
        """As `probes.seam.Network.tcp`.

        Raises:
            LinkError: as there; a controller has nothing at that port.
        """
        where, at = self._at(host, port, "tcp")
        return await self._inner.tcp(where, at, make, complete, timeout_s=timeout_s)

    async def tls(
        self,
        host: str,
        port: int,
        make: Callable[[], bytes],
        complete: Callable[[bytes], bool],
        *,
        timeout_s: float,
    ) -> Datagram:
        """As `probes.seam.Network.tls`; a certificate of the lab is for names, which nobody resolves here.

        Raises:
            LinkError: as there; always for a controller.
        """
        if host in self._known:
            _refused(host, port, "tls")
        return await self._inner.tls(host, port, make, complete, timeout_s=timeout_s)

    def _at(self, host: str, port: int, protocol: Literal["udp", "tcp"]) -> tuple[str, int]:
        found = self._ports.get((host, port, protocol))
        if found is None and host in self._known:
            _refused(host, port, protocol)
        return (host, port) if found is None else (LOOPBACK, found)


def _refused(host: str, port: int, protocol: str) -> NoReturn:
    detail = f"{host} port {port}/{protocol}: Connection refused"
    raise LinkError(Failure(FailureKind.UNREACHABLE, detail))
