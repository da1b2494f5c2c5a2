"""A guest over SSH: one kept connection, few channels, and less where the server allows less.

The ladder: a kept `sh` for batches, a channel of its own for each clock loop and one for the
root shell; where no further session is opened, loops share the kept shell and elevated
commands go through it one by one; where only a terminal is given, the kept shell runs on it.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

from probes.arrival import Answered
from probes.breaker import Breaker
from probes.observation import Failure, FailureKind, Identity, Raw
from probes.prompts import Prompts
from probes.reader import Command
from probes.seam import Clock, LinkError, Loop
from probes.ssh.channel import Channel, ExecRefused, SessionRefused, Sink, open_channel
from probes.ssh.escalation import EscalationRefused, OnlyExactly, RootShell
from probes.ssh.forward import Forwards
from probes.ssh.framing import PTY_TAKEOVER, Scanner
from probes.ssh.known_hosts import KnownHosts
from probes.ssh.login import Connection, Login
from probes.ssh.shell import Inbox, KeptShell, Reply, Start, Started, exchange
from probes.ssh.target import SshTarget
from probes.ssh.way import local_socket
from probes.unsafe_text import without_controls


class SshGuest:
    """Implements `probes.seam.Guest`. Reconnecting is the caller's, by `connect` again."""

    def __init__(
        self,
        name: str,
        target: SshTarget,
        *,
        clock: Clock,
        known_hosts: KnownHosts,
        prompts: Prompts,
        breaker: Breaker,
    ) -> None:
        self._name = name
        self._target = target
        self._clock = clock
        self._prompts = prompts
        self._breaker = breaker
        self._login = Login(known_hosts, prompts, breaker)
        self._connecting = asyncio.Lock()
        self._link: _Link | None = None

    @property
    def name(self) -> str:
        """The host's name in the runbook."""
        return self._name

    @property
    def identity(self) -> Identity:
        """The host key the transport verified; empty when not connected."""
        link = self._link
        return Identity(host_key=link.connection.host_key) if link and link.connection.alive else Identity()

    async def connect(self) -> None:
        """Connect and log in; see `probes.seam.Guest.connect`."""
        async with self._connecting:
            if self._link is not None and self._link.connection.alive:
                return
            await self._drop()
            connection = await self._login.connect(self._target)
            self._link = _Link(
                self._name, self._target, connection, self._clock, self._prompts, self._breaker
            )

    async def run(self, commands: Sequence[Command]) -> tuple[Raw, ...]:
        """Run all commands; see `probes.seam.Guest.run`."""
        return await self._alive().run(commands)

    async def loop(self, argv: Sequence[str]) -> Loop:
        """Open a kept channel to a program that answers lines.

        Raises:
            LinkError: the connection is gone, or (tool-absent) the program is not there.
        """
        return await self._alive().loop(argv)

    async def tcp(
        self,
        host: str,
        port: int,
        make: Callable[[], bytes],
        complete: Callable[[bytes], bool],
        *,
        timeout_s: float,
    ) -> Answered:
        """One exchange from the guest; see `probes.seam.Guest` and `probes.ssh.forward`."""
        return await self._alive().forwards.tcp(host, port, make, complete, timeout_s=timeout_s)

    @asynccontextmanager
    async def way_in(self, port: int | None = None) -> AsyncIterator[str | None]:
        """How another process gets to this guest's services while this lasts: the path of a local socket that leads there
        through its jump hosts; None = as directly as we do.

        Args:
            port: of a service; None = its sshd.

        Raises:
            LinkError: the guest is not connected; as `probes.ssh.way.local_socket`.
        """
        connection = self._alive().connection
        if connection.via is None:
            yield None
            return
        host, sshd = connection.address
        async with local_socket(connection.via, host, port or sshd) as path:
            yield path

    async def close(self) -> None:
        """Close everything; the guest may be connected again."""
        async with self._connecting:
            await self._drop()

    def _alive(self) -> _Link:
        if self._link is None or not self._link.connection.alive:
            raise LinkError(Failure(FailureKind.LOST, f"{self._name} is not connected"))
        return self._link

    async def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()


class _Link:
    """One connection and what is kept open on it."""

    def __init__(
        self,
        name: str,
        target: SshTarget,
        connection: Connection,
        clock: Clock,
        prompts: Prompts,
        breaker: Breaker,
    ) -> None:
        self.connection = connection
        self.forwards = Forwards(connection.ssh, clock, name)
        self._name = name
        self._clock = clock
        self._ready_s = target.connect_timeout_s
        self._escalates = target.escalation != "none"
        self._terminal = False
        self._crowded = False
        self._answered = False
        self._closed = False
        self._no_root: Failure | None = None
        self._root = RootShell(target, f"{connection.user}@{name}", prompts, breaker, self._open)
        self._shell = KeptShell(self._start, clock, where=name, ready_s=self._ready_s)
        self._at_hand: Command | None = None  # for the root shell: what its next batch begins with
        self._root_shell = KeptShell(self._start_root, clock, where=f"{name} (root)", ready_s=self._ready_s)
        self._exactly: set[tuple[str, ...]] = set()
        """First commands of batches that sudo runs one by one, and gives no shell for."""
        self._loops: list[_OwnLoop | _SharedLoop] = []
        self._channels: list[Channel] = []

    async def run(self, commands: Sequence[Command]) -> tuple[Raw, ...]:
        plain = [n for n, command in enumerate(commands) if not command.elevate]
        raised = [n for n, command in enumerate(commands) if command.elevate]
        results: dict[int, Raw] = {}
        try:
            async with asyncio.TaskGroup() as group:
                one = group.create_task(self._plain([commands[n] for n in plain]))
                two = group.create_task(self._elevated([commands[n] for n in raised]))
        except BaseExceptionGroup as errors:
            first: BaseException = errors
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            raise first from None
        results.update(zip(plain, one.result(), strict=True))
        results.update(zip(raised, two.result(), strict=True))
        if self._closed or not self.connection.alive:
            raise LinkError(Failure(FailureKind.LOST, f"{self._name}: the connection ended"))
        return tuple(results[n] for n in range(len(commands)))

    async def loop(self, argv: Sequence[str]) -> Loop:
        await self._first_shell()  # takes the first session, so there is always one for batches
        loop: _OwnLoop | _SharedLoop | None = None
        if self._terminal:
            loop = await self._terminal_loop(argv)
        elif not self._crowded:
            loop = await self._own_loop(argv)
        if loop is None:
            self._crowded = True
            if tuple(argv) != ("sh",):
                await self._shell.replace(argv)
            loop = _SharedLoop(self._shell)
        self._loops.append(loop)
        return loop

    async def close(self) -> None:
        self._closed = True
        await self.forwards.close()
        for loop in self._loops:
            await loop.close()
        await self._root_shell.close()
        await self._shell.close()
        await self.connection.close()

    async def _plain(self, commands: Sequence[Command]) -> tuple[Raw, ...]:
        if not commands:
            return ()
        await self._first_shell()
        try:
            if not self._crowded:
                return await self._shell.run(commands)
            # One at a time, so that a clock loop on the same channel gets its turn between them.
            return tuple([raw for command in commands for raw in await self._shell.run([command])])
        except (SessionRefused, ExecRefused) as error:
            raise self._useless(error) from None

    async def _elevated(self, commands: Sequence[Command]) -> tuple[Raw, ...]:
        if not commands:
            return ()
        if not self._escalates:
            self._no_root = Failure(FailureKind.DENIED, f"{self._name}: the runbook allows no escalation")
        if self._no_root is not None:
            return _refused(commands, self._no_root)
        if not self._terminal and not self._crowded:
            try:
                await self._first_shell()
                return await self._as_root(commands)
            except EscalationRefused as refusal:
                if refusal.lasting:
                    self._no_root = refusal.failure
                return _refused(commands, refusal.failure)
            except LinkError as error:
                if not self.connection.alive:
                    raise
                return _refused(commands, error.failure)
            except (SessionRefused, ExecRefused):
                pass  # no channel for a root shell: through the kept one, below
        return self._unprefixed(commands, await self._plain([self._root.prefixed(c) for c in commands]))

    async def _as_root(self, commands: Sequence[Command]) -> tuple[Raw, ...]:
        """Through a root shell, or one by one where sudo allows just these; aside on a shell of their own."""
        aside = all(command.aside for command in commands)
        if commands[0].argv not in self._exactly:
            start = partial(self._root.start, allowed=partial(self._may, commands[0]))
            root = self._own_shell(start) if aside else self._root_shell
            self._at_hand = None if aside else commands[0]
            try:
                return await root.run(commands)
            except OnlyExactly:
                self._exactly.add(commands[0].argv)
            finally:
                if aside:
                    await root.close()  # a session of the few that a server gives
        shell = self._own_shell(self._start) if aside else self._shell
        try:
            return self._unprefixed(commands, await shell.run([self._root.prefixed(c) for c in commands]))
        finally:
            if aside:
                await shell.close()

    async def _start_root(self, sink: Sink) -> Started:
        return await self._root.start(sink, partial(self._may, self._at_hand))

    def _own_shell(self, start: Start) -> KeptShell:
        return KeptShell(start, self._clock, where=f"{self._name} (aside)", ready_s=self._ready_s)

    async def _may(self, command: Command | None) -> bool:
        listed = self._root.listed(command) if command is not None else None
        if listed is None:
            return False
        (raw,) = await self._plain([listed])
        return raw.rc == 0

    def _unprefixed(self, commands: Sequence[Command], raws: Sequence[Raw]) -> tuple[Raw, ...]:
        return tuple(self._root.unprefixed(command, raw) for command, raw in zip(commands, raws, strict=True))

    async def _first_shell(self) -> None:
        try:
            try:
                await self._shell.open()
            except LinkError as error:
                if error.failure.kind is not FailureKind.LOST or self._answered or not self.connection.alive:
                    raise
                self._terminal = True  # a command was taken and ended at once: a forced command, or a menu
                await self._shell.open()
            self._answered = True
        except (SessionRefused, ExecRefused) as error:
            raise self._useless(error) from None

    async def _start(self, sink: Sink) -> Started:
        """The kept shell: by exec, else on a terminal."""
        if not self._terminal:
            try:
                return Started(await self._open("sh", sink, False), pty=False)
            except ExecRefused:
                self._terminal = True
        return await self._start_terminal(sink)

    async def _start_terminal(self, sink: Sink) -> Started:
        channel = await self._open(None, sink, True)
        channel.write("".join(f"{line}\n" for line in PTY_TAKEOVER).encode())
        return Started(channel, pty=True)

    async def _open(self, command: str | None, sink: Sink, pty: bool) -> Channel:
        try:
            try:
                channel = await open_channel(self.connection.ssh, command, sink, pty=pty)
            except SessionRefused:
                if not self._one_just_ended():
                    raise
                # sshd frees a session only after the packets that came with our close: ask once more.
                channel = await open_channel(self.connection.ssh, command, sink, pty=pty)
        except LinkError:
            self.connection.condemn()
            raise
        self._channels.append(channel)
        return channel

    def _one_just_ended(self) -> bool:
        before = len(self._channels)
        self._channels = [channel for channel in self._channels if not channel.over]
        return len(self._channels) < before

    async def _own_loop(self, argv: Sequence[str]) -> _OwnLoop | None:
        inbox = Inbox()
        try:
            channel = await self._open(shlex.join(argv), inbox, False)
        except (SessionRefused, ExecRefused):
            return None
        return _OwnLoop(channel, inbox, self._clock, f"{self._name} ({argv[0]})")

    async def _terminal_loop(self, argv: Sequence[str]) -> _SharedLoop | None:
        shell = KeptShell(self._start_terminal, self._clock, where=self._name, ready_s=self._ready_s)
        try:
            await shell.open()
        except (SessionRefused, ExecRefused):
            return None
        if tuple(argv) != ("sh",):
            await shell.replace(argv)
        return _SharedLoop(shell, owned=True)

    def _useless(self, error: Exception) -> LinkError:
        said = without_controls(str(error))[:200]
        if self._answered:
            self.connection.condemn()
            detail = f"{self._name}: the server gives no session in place of the one that hung: {said}"
            return LinkError(Failure(FailureKind.LOST, detail))
        detail = f"{self._name}: the server gives no session to run commands in: {said}"
        return LinkError(Failure(FailureKind.DENIED, detail))


class _OwnLoop:
    """A program on a channel of its own."""

    def __init__(self, channel: Channel, inbox: Inbox, clock: Clock, where: str) -> None:
        self._channel = channel
        self._inbox = inbox
        self._clock = clock
        self._where = where
        self._scanner = Scanner()
        self._lock = asyncio.Lock()

    async def ask(self, line: str, *, token: str, timeout_s: float) -> Reply:
        async with self._lock:
            return await exchange(
                self._inbox, self._channel, self._clock, self._scanner, line, token, timeout_s, self._where
            )

    async def close(self) -> None:
        await self._channel.close()


class _SharedLoop:
    """A kept shell that answers lines between batches."""

    def __init__(self, shell: KeptShell, *, owned: bool = False) -> None:
        self._shell = shell
        self._owned = owned

    async def ask(self, line: str, *, token: str, timeout_s: float) -> Reply:
        return await self._shell.ask(line, token=token, timeout_s=timeout_s)

    async def close(self) -> None:
        if self._owned:
            await self._shell.close()


def _refused(commands: Sequence[Command], failure: Failure) -> tuple[Raw, ...]:
    return tuple(Raw(command.argv, None, "", failure=failure) for command in commands)
