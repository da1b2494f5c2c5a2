"""A guest through the virtual door: `probes.seam.Guest` over the simulated guest's own shells.

What goes over the network takes the world's latency each way; what gets lost is sent again
as TCP does (RFC 6298), and a link that stays silent is given up as a client with keepalives
gives it up. A guest that went down, or stood still, or was reverted, has dropped its links.
"""

from __future__ import annotations

import asyncio
import base64
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from cutover_tui.core.runbook import Escalation
from cutover_tui.lab.doors.program import Printed, Program
from cutover_tui.lab.doors.virtual_exchange import Datagram, exchange
from cutover_tui.lab.machine.guest import Guest
from cutover_tui.lab.shell import Shell
from cutover_tui.lab.world import clockwork
from cutover_tui.lab.world.network import JUMP
from cutover_tui.lab.world.world import World
from probes.observation import Failure, FailureKind, Identity, Raw
from probes.reader import Command
from probes.seam import Clock, LinkError

SECOND = 1_000_000_000
CONNECT_S = 15.0
HANDSHAKE = 7
"""Round trips until a session answers: TCP, versions, two for the key exchange, two for the login, the channel."""

SILENCE_NS = 40 * SECOND
"""A keepalive after 10 s of silence, and three without an answer."""

_RTO_NS = SECOND // 5  # Linux' smallest retransmission timeout
_LOOK_NS = SECOND  # how often a long wait looks whether the guest is still there
_NOT_FOUND = 127
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def host_key_of(world: World, guest: Guest) -> str:
    """The fingerprint clients see; a guest without a key gets one (sshd makes it at its first start)."""
    if not guest.host_key_public:
        seed = UUID(world.new_id()).bytes * 2
        blob = b"".join(len(part).to_bytes(4) + part for part in (b"ssh-ed25519", seed))
        guest.host_key_public = f"ssh-ed25519 {base64.b64encode(blob).decode()}"
    blob = base64.b64decode(guest.host_key_public.split()[1])
    return "SHA256:" + base64.b64encode(sha256(blob).digest()).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Lane:
    """The path from the jump host to one guest."""

    world: World
    true: Callable[[], int]
    target: str  # the guest's name
    port: int
    dropped: Callable[[], None]  # called when a connection turns out to have ended

    def guest(self) -> Guest | None:
        """Who answers at that name now, brought up to this moment."""
        guest = self.world.guests.get(self.target)
        if guest is not None:
            clockwork.advance_guest(self.world, guest, self.true())
        return guest

    async def cross(self, *, back: bool = False) -> None:
        """One packet to the guest, or its answer back; sent again until it gets through.

        Raises:
            LinkError: nothing got through for SILENCE_NS (`lost`).
        """
        network, again_ns, waited_ns = self.world.network, _RTO_NS, 0
        while waited_ns < SILENCE_NS:
            now = self.true()
            if back or network.allows(JUMP, self.target, self.port, "tcp"):
                delay = network.delay(JUMP, self.target, now, back=back)
                if delay is not None:
                    await asyncio.sleep(delay / SECOND)
                    return
            await asyncio.sleep(again_ns / SECOND)
            waited_ns += again_ns
            again_ns = min(2 * again_ns, SILENCE_NS - waited_ns) or 1
        raise LinkError(Failure(FailureKind.LOST, f"{self.target}: no answer to three keepalives"))


class _Link:
    """One connection: it belongs to one life of one machine."""

    def __init__(self, lane: Lane, guest: Guest, user: str) -> None:
        self._lane = lane
        self._machine = guest
        self._life = (guest.boot_id, guest.connections)
        self._user = user
        self.closed = False

    @property
    def alive(self) -> bool:
        guest = self._lane.guest()
        return (
            not self.closed
            and guest is self._machine
            and guest.up(self._lane.true())
            and (guest.boot_id, guest.connections) == self._life
        )

    @property
    def forwards(self) -> bool:
        """Whether its sshd carries connections for us."""
        return self._machine.forwarding

    def check(self) -> None:
        """Raises LinkError (`lost`) when the guest has dropped the connection."""
        if not self.alive:
            self.closed = True
            self._lane.dropped()
            raise LinkError(Failure(FailureKind.LOST, f"{self._lane.target}: the connection ended"))

    async def there(self) -> None:
        """A line gets to the guest, and the guest to it."""
        self.check()
        await self._cross(back=False)
        self.check()
        while (until := self._machine.frozen_until(self._lane.true())) is not None:
            await asyncio.sleep(max(until - self._lane.true(), 1) / SECOND)
            self.check()

    async def back(self) -> None:
        """An answer gets to us."""
        await self._cross(back=True)
        if self.closed:
            raise LinkError(Failure(FailureKind.LOST, f"{self._lane.target}: the connection ended"))

    async def _cross(self, *, back: bool) -> None:
        try:
            await self._lane.cross(back=back)
        except LinkError:
            self.closed = True
            raise

    async def sleep(self, ns: int) -> None:
        """A program on the guest waits; a guest that goes down ends it."""
        until = self._lane.true() + ns
        while (left := until - self._lane.true()) > 0:
            await asyncio.sleep(min(left, _LOOK_NS) / SECOND)
            self.check()

    def program(self, command: str) -> Program:
        """A command of the login shell, as sshd runs it; not started."""
        guest, world = self._machine, self._lane.world
        user = guest.users[self._user]
        shell = Shell(world, guest, user, self._lane.true, flavour=user.shell)
        return Program(shell.script(command), self.sleep)


@dataclass(frozen=True, slots=True)
class _Answer:
    text: str
    sent_ns: int
    received_ns: int


class _Loop:
    """`probes.seam.Loop`."""

    def __init__(self, link: _Link, program: Program, clock: Clock, where: str) -> None:
        self._link, self._program, self._clock, self._where = link, program, clock, where
        self._lock = asyncio.Lock()

    async def ask(self, line: str, *, token: str, timeout_s: float) -> _Answer:
        async with self._lock:
            sent_ns = self._clock.mono_ns()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._link.there()
                    printed = await self._feed(line)
                    found = next((text for text in printed.out.splitlines() if token in text), None)
                    while found is None and self._program.rc is None:
                        await asyncio.Event().wait()  # nothing more will come
                    await self._link.back()
            except TimeoutError:
                detail = f"{self._where}: no answer within {timeout_s:g} s"
                raise LinkError(Failure(FailureKind.TIMEOUT, detail)) from None
            if found is None:
                raise self._ended()
            return _Answer(_printable(found), sent_ns, self._clock.mono_ns())

    async def close(self) -> None:
        self._program.kill()

    async def _feed(self, line: str) -> Printed:
        try:
            return await self._program.feed(line)
        except asyncio.CancelledError:
            self._program.kill()  # it was in the middle of something and takes no other line
            raise

    def _ended(self) -> LinkError:
        if self._program.rc == _NOT_FOUND:
            return LinkError(Failure(FailureKind.TOOL_ABSENT, f"{self._where}: the program is not there"))
        return LinkError(Failure(FailureKind.LOST, f"{self._where}: the channel ended"))


class _KeptShell:
    """One `sh` for batches, opened again when a command hung."""

    def __init__(self, link: _Link, command: str, where: str) -> None:
        self._link, self._command, self._where = link, command, where
        self._program: Program | None = None
        self._refusal: str | None = None
        self._lock = asyncio.Lock()

    async def run(self, commands: Sequence[Command]) -> list[Raw]:
        """One round trip for the batch, besides the time the commands take."""
        async with self._lock:
            await self._link.there()
            raws = [await self._one(command) for command in commands]
            await self._link.back()
            return raws

    async def _one(self, command: Command) -> Raw:
        program = self._program
        if program is None or program.rc is not None:
            program = self._program = self._link.program(self._command)
            said = await program.start()
            self._refusal = (said.err or said.out).strip()[:200] if program.rc is not None else None
            for line in ("export LC_ALL=C", 'export PATH="$PATH:/usr/sbin:/sbin"'):
                await program.feed(line)
        if self._refusal is not None:
            detail = f"{self._where}: {_printable(self._refusal) or 'no shell'}"
            return Raw(command.argv, None, "", failure=Failure(FailureKind.DENIED, detail))
        try:
            async with asyncio.timeout(command.timeout_s):
                printed = await program.feed(f"{shlex.join(command.argv)} </dev/null; echo /$?")
        except TimeoutError:
            program.kill()
            detail = f"{self._where}: no end within {command.timeout_s:g} s"
            return Raw(command.argv, None, "", failure=Failure(FailureKind.TIMEOUT, detail))
        if program.rc is not None:
            detail = f"{self._where}: the shell ended while the command ran"
            return _raw(command, None, printed, Failure(FailureKind.LOST, detail))
        out, _, rc = printed.out.rpartition("/")
        return _raw(command, int(rc), Printed(out, printed.err), None)


class VirtualGuest:
    """Implements `probes.seam.Guest`.

    `user`: whom to log in as. `pinned`: the fingerprint the jump host trusts, None = none.
    """

    def __init__(
        self,
        name: str,
        lane: Lane,
        clock: Clock,
        *,
        user: str | None,
        escalation: Escalation,
        pinned: str | None,
    ) -> None:
        self._name, self._lane, self._clock = name, lane, clock
        self._user, self._escalation, self._pinned = user or "root", escalation, pinned
        self._link: _Link | None = None
        self._forwards = asyncio.Lock()
        self._shells: tuple[_KeptShell, _KeptShell | None] | None = None

    @property
    def name(self) -> str:
        """The host's name in the runbook."""
        return self._name

    @property
    def identity(self) -> Identity:
        """The host key, while connected."""
        link = self._link
        return Identity(host_key=self._pinned) if link is not None and link.alive else Identity()

    async def connect(self) -> None:
        """Connect and log in.

        Raises:
            LinkError: unreachable, timeout, host-key, denied.
        """
        if self._link is not None and self._link.alive:
            return
        await self.close()
        where = f"{self._lane.target} port {self._lane.port}"
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._handshake(where)
        except TimeoutError:
            detail = f"{where}: no answer within {CONNECT_S:g} s"
            raise LinkError(Failure(FailureKind.TIMEOUT, detail)) from None

    async def _handshake(self, where: str) -> None:
        if self._lane.guest() is None:
            raise LinkError(Failure(FailureKind.UNREACHABLE, f"{where}: Name or service not known"))
        await self._lane.cross()
        guest = self._lane.guest()
        if guest is None or not guest.up(self._lane.true()):
            await self._lane.cross(back=True)
            raise LinkError(Failure(FailureKind.UNREACHABLE, f"{where}: Connection refused"))
        link = _Link(self._lane, guest, self._user)
        await link.back()
        for _ in range(HANDSHAKE - 1):
            await link.there()
            await link.back()
        presented = host_key_of(self._lane.world, guest)
        if self._pinned is None or presented != self._pinned:
            known = "is not known" if self._pinned is None else f"has changed from {self._pinned}"
            raise LinkError(Failure(FailureKind.HOST_KEY, f"{where}: its host key {presented} {known}"))
        if self._user not in guest.users:
            raise LinkError(Failure(FailureKind.DENIED, f"the login of {self._user}@{where} was refused"))
        self._link = link
        root = (
            None
            if self._escalation == "none"
            else _KeptShell(link, f"env LC_ALL=C {self._escalation} -n sh", f"{self._name} (root)")
        )
        self._shells = (_KeptShell(link, "sh", self._name), root)

    async def run(self, commands: Sequence[Command]) -> tuple[Raw, ...]:
        """Run all commands; see `probes.seam.Guest.run`."""
        link = self._alive()
        assert self._shells is not None  # noqa: S101 - connected
        plain, root = self._shells
        results: dict[int, Raw] = {}
        elevated = [n for n, command in enumerate(commands) if command.elevate]
        ordinary = [n for n, command in enumerate(commands) if not command.elevate]
        if ordinary:
            raws = await plain.run([commands[n] for n in ordinary])
            results.update(zip(ordinary, raws, strict=True))
        if elevated and root is not None:
            raws = await root.run([commands[n] for n in elevated])
            results.update(zip(elevated, raws, strict=True))
        elif elevated:
            refused = Failure(FailureKind.DENIED, f"{self._name}: the runbook allows no escalation")
            results.update({n: Raw(commands[n].argv, None, "", failure=refused) for n in elevated})
        link.check()
        return tuple(results[n] for n in range(len(commands)))

    async def loop(self, argv: Sequence[str]) -> _Loop:
        """Open a kept channel to a program that answers lines."""
        link = self._alive()
        await link.there()
        program = link.program(shlex.join(argv))
        await program.start()
        await link.back()
        return _Loop(link, program, self._clock, f"{self._name} ({argv[0]})")

    async def tcp(
        self,
        host: str,
        port: int,
        make: Callable[[], bytes],
        complete: Callable[[bytes], bool],
        *,
        timeout_s: float,
    ) -> Datagram:
        """One exchange from the guest, by its view of the network; see `probes.seam.Guest.tcp`."""
        link, lane = self._alive(), self._lane
        where = f"{host} port {port}/tcp from {self._name}"
        async with self._forwards:
            if not link.forwards:
                await link.there()
                await link.back()
                detail = f"{where}: the guest's sshd forwards no connections (AllowTcpForwarding, PermitOpen)"
                raise LinkError(Failure(FailureKind.DENIED, detail))
            asked = (lane.world, lane.true, self._clock, lane.target, host, port, make, complete)
            return await exchange(*asked, timeout_s=timeout_s, carrier=link)

    async def close(self) -> None:
        """Close everything; the guest may be connected again."""
        link, self._link, self._shells = self._link, None, None
        if link is not None:
            link.closed = True

    def _alive(self) -> _Link:
        if self._link is None or not self._link.alive:
            raise LinkError(Failure(FailureKind.LOST, f"{self._name} is not connected"))
        return self._link


def _raw(command: Command, rc: int | None, printed: Printed, failure: Failure | None) -> Raw:
    out, err = _printable(printed.out), _printable(printed.err)
    cut = len(out) > command.limit or len(err) > command.limit
    if cut:
        failure = Failure(FailureKind.TRUNCATED, f"printed more than {command.limit} bytes")
    return Raw(command.argv, None if cut else rc, out[: command.limit], err[: command.limit], cut, failure)


def _printable(text: str) -> str:
    """Control characters replaced, as every transport does."""
    return _UNPRINTABLE.sub("\ufffd", text)
