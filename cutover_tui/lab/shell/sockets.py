"""bash's /dev/udp: a connected socket of a guest in the world."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from cutover_tui.lab.machine.guest import Guest
from cutover_tui.lab.tools.call import Datagrams
from cutover_tui.lab.world.network import NTP
from cutover_tui.lab.world.ntp_answer import answer
from cutover_tui.lab.world.world import Reference, World

_DEVICE = re.compile(r"/dev/udp/([^/]+)/([0-9]{1,5})")


@dataclass(slots=True)
class UdpSocket(Datagrams):
    """What was sent to a server of the world arrives there and comes back after the network's latencies."""

    world: World
    guest: Guest
    server: Reference
    port: int
    arriving: list[tuple[int, bytes | None]] = field(default_factory=list)  # None: refused (ICMP)

    def send(self, data: bytes, now: int) -> None:
        """One datagram leaves at `now`, true time."""
        trip = self.world.network.round_trip(self.guest.name, self.server.name, self.port, now)
        if trip is None:
            return
        there, back = trip
        at = self.server.clock.read(now + there)
        reply = answer(data, self.server, at, at) if self.port == NTP else None
        if reply is not None or self.port != NTP:
            self.arriving.append((now + there + back, reply))

    def next(self) -> tuple[int, bytes | None] | None:
        """When the next datagram is there and what it is; None when nothing is on its way."""
        return self.arriving.pop(0) if self.arriving else None


def open_udp(world: World, guest: Guest, path: str) -> UdpSocket | str:
    """The socket behind a /dev/udp path, or what bash says."""
    found = _DEVICE.fullmatch(path)
    if found is None:
        return f"{path}: No such file or directory"
    server = world.reference_at(found[1])
    if server is None:
        return f"{found[1]}: Name or service not known"
    return UdpSocket(world, guest, server, int(found[2]))
