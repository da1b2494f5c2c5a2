"""The virtual door: the world in memory, its exchanges delivered after the world's own latencies.

Round trips and error bounds are then the world's, and time costs nothing. What is measured
through it is measured by the same readers, samplers and checks as through the real door.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol
from uuid import UUID

from cutover_tui.core.runbook import Host, Runbook
from cutover_tui.engine.assembly import Outside, Surroundings, directory_watch, peers, resolver, watches_over
from cutover_tui.engine.ground import Ground
from cutover_tui.engine.messages import Emit
from cutover_tui.engine.secrets import Secrets
from cutover_tui.engine.watches.inline_probes import InlineProbes
from cutover_tui.engine.watches.probe_loop import Watches
from cutover_tui.engine.watches.probes_port import RunningProbes
from cutover_tui.lab.doors.virtual_directory import VirtualDirectory, VirtualNames
from cutover_tui.lab.doors.virtual_exchange import Datagram, datagram, exchange, serves
from cutover_tui.lab.doors.virtual_guest import Lane, VirtualGuest, host_key_of
from cutover_tui.lab.doors.virtual_loop import SECOND, VirtualLoop
from cutover_tui.lab.doors.virtual_peer import VirtualPeer
from cutover_tui.lab.machine.guest import Guest
from cutover_tui.lab.world import clockwork
from cutover_tui.lab.world.network import JUMP, NTP
from cutover_tui.lab.world.ntp_answer import answer
from cutover_tui.lab.world.world import World
from cutover_tui.record.writer import Writer
from probes.observation import Failure, FailureKind, Instant
from probes.seam import LinkError

UP_BEFORE_NS = 40 * 86_400 * SECOND
"""How long the jump host has been up when the world begins."""

_IDLE_NS = 60 * SECOND

_SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC835  # so that neighbouring seeds look nothing alike


class Clockwork(Protocol):
    """What happens in a world by itself."""

    def next_at(self) -> int | None: ...
    def advance(self, now: int) -> object: ...


class VirtualClock:
    """The jump host's clocks: CLOCK_BOOTTIME is virtual time, UTC what the world's jump host shows."""

    def __init__(self, loop: VirtualLoop, world: World, true: Callable[[], int]) -> None:
        self._loop, self._world, self._true = loop, world, true
        self._boot_id = str(UUID(int=world.seed * _SPREAD % 2**128, version=4))

    def now(self) -> Instant:
        """Boot id, BOOTTIME and UTC of this moment."""
        return Instant(self._boot_id, self.mono_ns(), self._world.jump.read(self._true()))

    def mono_ns(self) -> int:
        """BOOTTIME in nanoseconds."""
        return UP_BEFORE_NS + self._loop.now_ns

    async def sleep_until(self, mono_ns: int) -> None:
        """Return at or after that BOOTTIME."""
        while (left := mono_ns - self.mono_ns()) > 0:  # noqa: ASYNC110 - time itself is what is waited for
            await asyncio.sleep(left / SECOND)


class VirtualNetwork:
    """`probes.seam.Network` from the jump host to the world's references."""

    def __init__(self, world: World, true: Callable[[], int], clock: VirtualClock) -> None:
        self._world, self._true, self._clock = world, true, clock

    async def udp(self, host: str, port: int, make: Callable[[], bytes], *, timeout_s: float) -> Datagram:
        """One exchange with a reference.

        Raises:
            LinkError: no such name, nothing listens there, no answer in time.
        """
        where = f"{host} port {port}/udp"
        server = self._world.reference_at(host)
        if server is None:
            raise LinkError(Failure(FailureKind.UNREACHABLE, f"{where}: Name or service not known"))
        trip = self._world.network.round_trip(JUMP, server.name, port, self._true())
        data, sent_ns = make(), self._clock.mono_ns()
        reply: bytes | None = None
        if trip is not None:
            there, back = trip
            await asyncio.sleep(there / SECOND)
            if port != NTP and not serves(self._world, server, port, "udp", self._true):
                await asyncio.sleep(back / SECOND)
                raise LinkError(Failure(FailureKind.UNREACHABLE, f"{where}: Connection refused"))
            at = server.clock.read(self._true())
            reply = (
                answer(data, server, at, at)
                if port == NTP
                else datagram(self._world, server, port, data, self._true)
            )
            if reply is not None and (there + back) / SECOND <= timeout_s:
                await asyncio.sleep(back / SECOND)
                return Datagram(reply, server.address, sent_ns, self._clock.mono_ns())
        await self._clock.sleep_until(sent_ns + int(timeout_s * SECOND))
        raise LinkError(Failure(FailureKind.TIMEOUT, f"{where}: no answer within {timeout_s:g} s"))

    async def tcp(
        self,
        host: str,
        port: int,
        make: Callable[[], bytes],
        complete: Callable[[bytes], bool],
        *,
        timeout_s: float,
    ) -> Datagram:
        """One exchange over a stream with a KDC; `make` is called once it is connected.

        Raises:
            LinkError: no such name, nothing listens there, no answer in time.
        """
        return await exchange(
            self._world, self._true, self._clock, JUMP, host, port, make, complete, timeout_s=timeout_s
        )

    async def tls(
        self,
        host: str,
        port: int,
        make: Callable[[], bytes],
        complete: Callable[[bytes], bool],
        *,
        timeout_s: float,
    ) -> Datagram:
        """No server of this world speaks TLS: refused after a round trip.

        Raises:
            LinkError: always.
        """
        where = f"{host} port {port}/tls"
        server = self._world.reference_at(host)
        if server is None:
            raise LinkError(Failure(FailureKind.UNREACHABLE, f"{where}: Name or service not known"))
        trip = self._world.network.round_trip(JUMP, server.name, port, self._true(), "tcp")
        if trip is None or sum(trip) / SECOND > timeout_s:
            await asyncio.sleep(timeout_s)
            raise LinkError(Failure(FailureKind.TIMEOUT, f"{where}: no answer within {timeout_s:g} s"))
        await asyncio.sleep(sum(trip) / SECOND)
        raise LinkError(Failure(FailureKind.UNREACHABLE, f"{where}: Connection refused"))


class VirtualDoor:
    """One jump host in front of a world, on a loop whose time jumps.

    The host keys of all guests as they are now are the ones it trusts. True time begins at `start_ns`.
    `script`: the world's events; without one the world only goes on.
    """

    def __init__(
        self, world: World, loop: VirtualLoop, start_ns: int, script: Clockwork | None = None
    ) -> None:
        self.world = world
        self._script = script
        self._woken = asyncio.Event()
        self._loop = loop
        self._start_ns = start_ns - loop.now_ns
        self.clock = VirtualClock(loop, world, self.true)
        self.network = VirtualNetwork(world, self.true, self.clock)
        self._pinned = {guest.name: host_key_of(world, guest) for guest in world.guests.values()}

    def true(self) -> int:
        """True time now, UTC nanoseconds."""
        return self._start_ns + self._loop.now_ns

    def guest(self, host: Host, user: str | None = None) -> VirtualGuest:
        """The guest a runbook's host leads to; `user`: whom to log in as where the host names nobody."""
        lane = Lane(self.world, self.true, self._name(host), host.port or 22, self.wake)
        return VirtualGuest(
            host.name,
            lane,
            self.clock,
            user=host.user or user,
            escalation=host.escalation,
            pinned=self._pinned.get(lane.target),
        )

    def ground(self) -> Ground:
        """What a session in front of this world stands on."""
        return Ground(self.clock, self._probes, self._writer)

    async def clockwork(self) -> None:
        """Let the world go on by itself, until cancelled: at every event of its script, and now and then.

        A guest that is asked is brought up to the moment anyway; this is for what nobody asks for.
        """
        while True:
            now = self.true()
            if self._script is None:
                clockwork.advance(self.world, now)
            else:
                self._script.advance(now)
            self._woken.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout((self._next(now) - now) / SECOND):
                    await self._woken.wait()

    def wake(self) -> None:
        """The script was told something, or a guest went down: look at the world now."""
        self._woken.set()

    def _next(self, now: int) -> int:
        known = [self._script.next_at() if self._script is not None else None]
        known += [clockwork.due(guest) for guest in self.world.guests.values()]
        return min([_IDLE_NS + now, *(max(at, now + 1) for at in known if at is not None)])

    def _name(self, host: Host) -> str:
        guests = self.world.guests.values()
        return next((g.name for g in guests if host.address in (g.name, g.address)), host.address)

    def _probes(self, runbook: Runbook, anchor: Instant, emit: Emit) -> RunningProbes:
        def guest(host: Host) -> VirtualGuest:
            credential = runbook.credentials.get(host.credential or "")
            return self.guest(host, credential.user if credential is not None else None)

        outside = Outside(
            guest,
            self.network,
            lambda _host: None,
            names=resolver(runbook, self._directory),
            directory=partial(directory_watch, runbook, self.clock, emit, self.network, self._directory),
        )

        def watches() -> Watches:
            attempts = peers(runbook, self.clock, emit, Surroundings(Path(), ssh_config=()), self._peer)
            return watches_over(runbook, self.clock, anchor, emit, outside, attempts)

        return InlineProbes(lambda: (watches(), Secrets(emit)))

    def _directory(self) -> tuple[VirtualDirectory, VirtualNames]:
        return VirtualDirectory(self.world, self.true), VirtualNames(self.world, self.true)

    def _peer(self) -> VirtualPeer:
        return VirtualPeer(self.world, self.true, self.clock, self._called)

    def _called(self, full_name: str) -> Guest | None:
        """The guest that has that name in the domain."""
        domain = self.world.domain
        names = {f"{name}.{domain.dns}".lower(): g for name, g in self.world.guests.items()} if domain else {}
        return names.get(full_name.lower())

    def _writer(self) -> Writer:
        writer = Writer()
        self._loop.hold(writer)
        return writer
