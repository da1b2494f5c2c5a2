"""The watch over one guest: connect, sample its clock, read its readers; again after every loss."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from msgspec import structs

from cutover_tui.engine.internal import first_of
from cutover_tui.engine.messages import Emit, Gapped, LinkChanged, Sampled, Seen
from probes.clocks import clock as guest_clock
from probes.facts_identity import BootFacts, PlatformFacts
from probes.observation import (
    Facts,
    Failure,
    FailureKind,
    Identity,
    Instant,
    Observation,
    Raw,
    Sample,
)
from probes.reader import Command, Reader
from probes.seam import Clock, Guest, LinkError

SECOND = 1_000_000_000
SAMPLE_INTERVAL_NS = SECOND
BACKOFF_NS = (1 * SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND, 15 * SECOND)
"""Waits between attempts to connect; a rebooting guest is back within one of them."""

UNREACHED_EVERY_NS = 15 * SECOND
"""How often it is recorded that a guest cannot be reached."""

TURN_LIMIT = 256 * 1024
"""Characters of output one turn may put on the tape: a guest that prints rubbish must not fill the disk."""

KEPT_OF_CUT = 2048
"""Characters kept of an output that was cut: it cannot be parsed, its beginning shows what it was."""

TURN_NS = SECOND
"""How often it is looked which readers are due."""


class Asks(Protocol):
    """What a guest is asked of others while it is connected."""

    def look(self) -> None: ...
    async def run(self, identity: Callable[[], Identity]) -> None: ...


@dataclass(slots=True)
class GuestWatch:
    """Watches one guest for the life of the session; probes outlive screens."""

    host: str
    guest: Guest
    readers: Sequence[Reader]
    clock: Clock
    anchor: Instant
    emit: Emit
    phase_ns: int = 0
    reset: Callable[[], None] | None = None
    """Called when a person asks again while there is no link: a refused credential may be tried once more."""
    asks: Sequence[Asks] = ()
    """What this guest asks of others' clocks, where it may."""
    _up: bool = False
    _useful: bool = False
    """Whether this link has carried a turn of readings."""
    _said_ns: int = -UNREACHED_EVERY_NS
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _read_once: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether its clock was read over this link, or could not be."""
    _identity: Identity = field(default_factory=Identity)

    def look(self) -> None:
        """Read everything at the next turn; while disconnected: try again now, if no login was refused."""
        for others in self.asks:
            others.look()
        self._wake.set()

    def retry(self) -> None:
        """A person asks: the same, and a refused credential is sent once more."""
        if not self._up and self.reset is not None:
            self.reset()
        self.look()

    async def run(self) -> None:
        """Until cancelled."""
        attempt = 0
        try:
            while True:
                failure = await self._connected()
                self.emit(LinkChanged(self.host, self.clock.now(), self._identity, failure))
                self._nothing_seen(failure)
                # A link that is lost before it was of any use must not be made anew every second.
                attempt = 0 if self._useful else attempt
                pause = BACKOFF_NS[min(attempt, len(BACKOFF_NS) - 1)]
                attempt += 1
                self._wake.clear()
                await self._pause(pause)
        finally:
            await self.guest.close()

    async def act(self, command: Command) -> Raw:
        """Run an action's command; everything is read again when it ended.

        Raises:
            LinkError: the guest is not connected, or was lost while it ran.
        """
        (raw,) = await self.guest.run((command,))
        self.look()
        return raw

    async def attempt(self, reader: Reader, number: int) -> None:
        """Run a proof's commands once; a link that is not there is what was seen then."""
        began = self.clock.now()
        try:
            raws = bounded(await self.guest.run(reader.commands))
        except LinkError as error:
            raws = tuple(Raw(c.argv, None, "", failure=error.failure) for c in reader.commands)
        self._see(reader, raws, reader.parse(raws), began, self.clock.now(), attempt=number)

    def _nothing_seen(self, failure: Failure) -> None:
        """Not reaching a guest is an observation of it: the checks say so, with its reason."""
        now_ns = self.clock.mono_ns()
        if now_ns < self._said_ns + UNREACHED_EVERY_NS:
            return
        self._said_ns = now_ns
        self._unread(failure)

    def _unread(self, failure: Failure) -> None:
        at = self.clock.now()
        for reader in self.readers:
            raws = tuple(Raw(c.argv, None, "", failure=failure) for c in reader.commands)
            self._see(reader, raws, reader.parse(raws), at, at)

    def stopped(self, failure: Failure) -> None:
        """Say that this guest is not watched now."""
        self._up = False
        self.emit(LinkChanged(self.host, self.clock.now(), self._identity, failure))
        self._unread(failure)

    async def _connected(self) -> Failure:
        """One life of the link; returns why it ended."""
        self._useful = False
        self._read_once.clear()
        try:
            await self.guest.connect()
        except LinkError as error:
            return error.failure
        self._identity = Identity(host_key=self.guest.identity.host_key)
        self.emit(LinkChanged(self.host, self.clock.now(), self._identity, None))
        self._up = True
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._sampling())
                group.create_task(self._reading())
                for others in self.asks:
                    group.create_task(self._asking(others))
        except* LinkError as errors:
            first = first_of(errors)
            assert isinstance(first, LinkError)  # noqa: S101 - except* LinkError
            failure = first.failure
        self._up = False
        await self.guest.close()
        return Failure(FailureKind.LOST, failure.detail)

    async def _pause(self, pause_ns: int) -> None:
        """Wait, or less when somebody asks to look."""
        waits = [
            asyncio.ensure_future(self.clock.sleep_until(self.clock.mono_ns() + pause_ns)),
            asyncio.ensure_future(self._wake.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _sampling(self) -> None:
        sampler = await guest_clock.open_sampler(self.guest, self.clock)
        try:
            await guest_clock.run(
                sampler, self.anchor, self.clock, self.phase_ns, SAMPLE_INTERVAL_NS, self._sampled
            )
        finally:
            await sampler.close()

    async def _asking(self, others: Asks) -> None:
        """What a guest finds of another clock counts between two readings of its own: not before the first."""
        await self._read_once.wait()
        await others.run(lambda: self._identity)

    def _sampled(self, seen: Sample | guest_clock.Missed) -> None:
        self._read_once.set()
        if isinstance(seen, Sample):
            self.emit(Sampled(self.host, seen))
        else:
            self.emit(Gapped(self.host, seen.due_ns, seen.due_ns + SAMPLE_INTERVAL_NS, seen.failure.detail))

    async def _reading(self) -> None:
        due: dict[str, int] = {}
        self._wake.set()
        while True:
            if self._wake.is_set():
                self._wake.clear()
                due.clear()
            now_ns = self.clock.mono_ns()
            turn = [r for r in self.readers if due.get(r.name, 0) <= now_ns]
            for reader in turn:
                due[reader.name] = now_ns + int(reader.interval_s * SECOND)
            if turn:
                await self._read(turn)
            await self._pause(TURN_NS)

    async def _read(self, turn: Sequence[Reader]) -> None:
        began = self.clock.now()
        commands = [c for reader in turn for c in reader.commands]
        raws = bounded(await self.guest.run(commands))
        ended = self.clock.now()
        self._useful = True
        outcomes: list[tuple[Reader, tuple[Raw, ...], Facts | Failure]] = []
        at = 0
        for reader in turn:
            mine = raws[at : at + len(reader.commands)]
            at += len(reader.commands)
            if reader.further and reader.wanted(mine):
                mine += bounded(await self.guest.run(reader.further))
                ended = self.clock.now()
            outcomes.append((reader, mine, reader.parse(mine)))
        self._recognise([facts for _, _, facts in outcomes])
        for reader, mine, outcome in outcomes:
            self._see(reader, mine, outcome, began, ended)

    def _see(
        self,
        reader: Reader,
        raws: tuple[Raw, ...],
        outcome: Facts | Failure,
        began: Instant,
        ended: Instant,
        *,
        attempt: int = 1,
    ) -> None:
        self.emit(
            Seen(
                Observation(
                    id=f"{self.host}/{reader.name}/{ended.boottime_ns}",
                    reader=reader.name,
                    version=reader.version,
                    host=self.host,
                    identity=self._identity,
                    vantage="guest",
                    began=began,
                    ended=ended,
                    attempt=attempt,
                    raw=raws,
                    facts=None if isinstance(outcome, Failure) else outcome,
                    failure=outcome if isinstance(outcome, Failure) else None,
                )
            )
        )

    def _recognise(self, seen: Sequence[Facts | Failure]) -> None:
        """Which machine this is, from what it just said of itself."""
        known = self._identity
        for facts in seen:
            if isinstance(facts, PlatformFacts):
                known = Identity(
                    host_key=known.host_key,
                    machine_id=facts.machine_id,
                    boot_id=known.boot_id,
                    dmi_vendor=facts.dmi_vendor,
                    platform=facts.platform,
                )
            elif isinstance(facts, BootFacts):
                known = Identity(
                    host_key=known.host_key,
                    machine_id=known.machine_id,
                    boot_id=facts.boot_id,
                    dmi_vendor=known.dmi_vendor,
                    platform=known.platform,
                )
        self._identity = known


def bounded(raws: Sequence[Raw]) -> tuple[Raw, ...]:
    """What of these outputs goes on the tape: cut ones as an excerpt, and no more than TURN_LIMIT in all."""
    left = TURN_LIMIT
    kept: list[Raw] = []
    for raw in raws:
        if raw.truncated or len(raw.out) + len(raw.err) > left:
            raw = structs.replace(raw, out=raw.out[:KEPT_OF_CUT], err=raw.err[:KEPT_OF_CUT], truncated=True)
        left -= len(raw.out) + len(raw.err)
        kept.append(raw)
    return tuple(kept)
