"""One exchange over a stream with a server of the world, begun by the jump host or by a guest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cutover_tui.lab.doors import kdc_server
from cutover_tui.lab.doors.ldap_server import is_pdc, view_of
from cutover_tui.lab.kerberos import kdc
from cutover_tui.lab.ldap.conversation import pinged
from cutover_tui.lab.world.world import Reference, World
from probes.observation import Failure, FailureKind
from probes.seam import Clock, LinkError

SECOND = 1_000_000_000
LDAP = 389


@dataclass(frozen=True, slots=True)
class Datagram:
    """`probes.seam.Datagram`."""

    data: bytes
    address: str
    sent_ns: int
    received_ns: int
    kernel_stamp: bool = True


class Carrier(Protocol):
    """What takes each packet from us to where the exchange begins, and back."""

    async def there(self) -> None: ...
    async def back(self) -> None: ...


class _Here:
    """It begins with us."""

    async def there(self) -> None: ...
    async def back(self) -> None: ...


async def exchange(
    world: World,
    true: Callable[[], int],
    clock: Clock,
    source: str,
    host: str,
    port: int,
    make: Callable[[], bytes],
    complete: Callable[[bytes], bool],
    *,
    timeout_s: float,
    carrier: Carrier | None = None,
) -> Datagram:
    """With a KDC; `make` is called once it is connected.

    Args:
        source: the party that connects, by its name in the world.
        carrier: by which we have it connect; None = we do.

    Raises:
        LinkError: no such name, nothing listens there, no answer in time.
    """
    where, ours = f"{host} port {port}/tcp", carrier or _Here()
    await ours.there()
    server = world.reference_at(host)
    if server is None:
        await ours.back()
        raise LinkError(Failure(FailureKind.UNREACHABLE, f"{where}: Name or service not known"))
    trip = world.network.round_trip(source, server.name, port, true(), "tcp")
    if trip is None or sum(trip) / SECOND > timeout_s:
        await asyncio.sleep(timeout_s)
        raise LinkError(Failure(FailureKind.TIMEOUT, f"{where}: no answer within {timeout_s:g} s"))
    began = clock.mono_ns()
    await asyncio.sleep(sum(trip) / SECOND)
    await ours.back()
    if not serves(world, server, port, "tcp", true):
        raise LinkError(Failure(FailureKind.UNREACHABLE, f"{where}: Connection refused"))
    data, sent_ns = make(), clock.mono_ns()
    await ours.there()
    await asyncio.sleep(trip[0] / SECOND)
    reply = kdc_server.answer(world, server, data[kdc.LENGTH :], true())
    if reply is not None and complete(framed := len(reply).to_bytes(kdc.LENGTH) + reply):
        await asyncio.sleep(trip[1] / SECOND)
        await ours.back()
        received_ns = clock.mono_ns()
        if received_ns - began <= timeout_s * SECOND:
            return Datagram(framed, server.address, sent_ns, received_ns, kernel_stamp=False)
    await clock.sleep_until(began + int(timeout_s * SECOND))
    raise LinkError(Failure(FailureKind.TIMEOUT, f"{where}: no answer within {timeout_s:g} s"))


def serves(world: World, server: Reference, port: int, protocol: str, true: Callable[[], int]) -> bool:
    """Whether something is bound there; a host that is down refuses nothing either."""
    kept = server.kdc if world.domain is not None else None
    ping = port == LDAP and protocol == "udp" and view_of(world, server, true) is not None
    listens = port == kdc.PORT and kept is not None and (protocol == "tcp" or kept.udp)
    return server.silent or listens or ping


def datagram(
    world: World, server: Reference, port: int, data: bytes, true: Callable[[], int]
) -> bytes | None:
    """What a controller's KDC or LDAP server answers to a datagram."""
    view = view_of(world, server, true) if port == LDAP else None
    if view is None or server.silent:
        return kdc_server.answer(world, server, data, true())
    return pinged(view, data, pdc=is_pdc(world, server))
