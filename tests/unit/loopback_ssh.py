"""A real SSH server on loopback, in Python, with behaviours a guest or an attacker may have."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty as pseudo_terminal
import signal
import termios
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from probes.breaker import Breaker
from probes.observation import Instant
from probes.prompts import SecretRequest
from probes.ssh import SshGuest, SshTarget
from probes.ssh.known_hosts import KnownHosts, entry_name

Handler = Callable[[asyncssh.SSHServerProcess[bytes]], Awaitable[None]]


class WallClock:
    """The jump host's clock, real."""

    def now(self) -> Instant:
        return Instant("boot", self.mono_ns(), time.time_ns())

    def mono_ns(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    async def sleep_until(self, mono_ns: int) -> None:
        await asyncio.sleep(max(0, mono_ns - self.mono_ns()) / 1e9)


@dataclass
class Answers:
    """Prompts answered from a table, as a person with a memory would."""

    secrets: dict[str, str | None] = field(default_factory=dict)
    asked: list[SecretRequest] = field(default_factory=list)
    forgotten: list[SecretRequest] = field(default_factory=list)

    async def ask(self, request: SecretRequest) -> str | None:
        self.asked.append(request)
        return self.secrets.get(request.kind)

    def rejected(self, request: SecretRequest) -> None:
        self.forgotten.append(request)


@dataclass
class Behaviour:
    """What the server does; counts what was done to it."""

    handler: Handler | None = None
    password: str | None = None
    kbdint: list[tuple[str, str]] | None = None
    authorized: list[asyncssh.SSHKey] = field(default_factory=list)
    authority: asyncssh.SSHKey | None = None
    max_sessions: int = 1000
    exec_allowed: bool = True
    banner: str = ""
    logins: int = 0
    refused: int = 0
    open_sessions: int = 0
    commands: list[str | None] = field(default_factory=list)
    password_attempts: list[str] = field(default_factory=list)
    connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)
    running: set[asyncio.Task[None]] = field(default_factory=set)

    async def handle(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """Run the handler, and be known as running until it has cleaned up."""
        task = asyncio.current_task()
        assert task
        self.running.add(task)
        try:
            await (self.handler or local_shell)(process)
        finally:
            self.running.discard(task)

    async def stop(self) -> None:
        """End what clients left behind."""
        for connection in self.connections:
            connection.abort()
        for task in self.running:
            task.cancel()
        if self.running:
            await asyncio.wait(self.running, timeout=5)


class _Server(asyncssh.SSHServer):
    def __init__(self, behaviour: Behaviour) -> None:
        self._does = behaviour
        self.connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.connection = conn
        self._does.connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        does = self._does
        if does.banner and self.connection:
            self.connection.send_auth_banner(does.banner)
        return bool(does.password or does.kbdint or does.authorized or does.authority)

    def auth_completed(self) -> None:
        self._does.logins += 1

    def password_auth_supported(self) -> bool:
        return self._does.password is not None

    def validate_password(self, username: str, password: str) -> bool:
        self._does.password_attempts.append(password)
        good = password == self._does.password
        self._does.refused += not good
        return good

    def public_key_auth_supported(self) -> bool:
        return bool(self._does.authorized or self._does.authority)

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return key in self._does.authorized

    def validate_ca_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return key == self._does.authority

    def kbdint_auth_supported(self) -> bool:
        return self._does.kbdint is not None

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str):
        return "", "", "", [(prompt, False) for prompt, _ in self._does.kbdint or []]

    def validate_kbdint_response(self, username: str, responses: list[str]) -> bool:
        self._does.password_attempts.extend(responses)
        good = responses == [answer for _, answer in self._does.kbdint or []]
        self._does.refused += not good
        return good

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        return True

    def session_requested(self):
        does = self._does
        if does.open_sessions >= does.max_sessions:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "open failed")
        does.open_sessions += 1
        return _Process(does)


class _Process(asyncssh.SSHServerProcess[bytes]):
    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(behaviour.handle, None, 0, True)
        self._does = behaviour

    def exec_requested(self, command: str) -> bool:
        self._does.commands.append(command)
        return self._does.exec_allowed

    def shell_requested(self) -> bool:
        self._does.commands.append(None)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._does.open_sessions -= 1
        super().connection_lost(exc)


async def local_shell(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """What sshd does: the command by `sh -c`, a login shell without one, on a terminal if asked."""
    argv = ["sh", "-c", process.command] if process.command else ["sh", "-i"]
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8"}
    if process.term_type is not None:
        await _on_terminal(process, argv, environment)
        return
    child = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    assert child.stdin
    assert child.stdout
    assert child.stderr
    await _serve(process, child, child.stdin.write, child.stdin.close, [child.stdout, child.stderr])


async def _on_terminal(process, argv, environment) -> None:
    ours, theirs = pseudo_terminal.openpty()
    child = await asyncio.create_subprocess_exec(
        *argv,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # as sshd gives
    )
    os.close(theirs)
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours, "rb", 0)
    )
    try:
        await _serve(process, child, lambda data: os.write(ours, data), lambda: None, [reader])
    finally:
        transport.close()


async def _serve(process, child, write, close, outputs) -> None:
    """Carry bytes both ways until the command or the channel ends, as sshd does."""

    async def inward() -> None:
        try:
            while data := await process.stdin.read(65536):
                write(data)
        except (asyncssh.SignalReceived, asyncssh.Error):
            end_group(child)
        close()
        if process.is_closing():
            end_group(child)

    async def outward(reader: asyncio.StreamReader, writer) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:  # EIO: the terminal's other end closed; or the channel is gone
            end_group(child)

    writers = [process.stdout, process.stderr]
    incoming = asyncio.create_task(inward())
    try:
        async with asyncio.TaskGroup() as group:
            for reader, writer in zip(outputs, writers, strict=False):
                group.create_task(outward(reader, writer))
            rc = await child.wait()
        process.exit(rc if rc >= 0 else 255)
    finally:
        incoming.cancel()
        end_group(child)
        await child.wait()
        child._transport.close()  # its pipes too, which nobody reads to the end any more


def end_group(child: asyncio.subprocess.Process) -> None:
    """Kill the shell and what it started."""
    if child.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)


@dataclass
class Loopback:
    """A running server and guests that can reach it."""

    does: Behaviour
    port: int
    host_key: asyncssh.SSHKey
    folder: Path
    answers: Answers = field(default_factory=Answers)
    breaker: Breaker = field(default_factory=Breaker)
    acceptor: asyncssh.SSHAcceptor | None = None

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def trust(self, key: asyncssh.SSHKey | None = None, *, marker: str = "", name: str | None = None) -> None:
        """Write a known_hosts line."""
        public = (key or self.host_key).export_public_key().decode().split()
        line = f"{marker} {name or entry_name('127.0.0.1', self.port)} {public[0]} {public[1]}\n".lstrip()
        with self.known_hosts.open("a") as file:
            file.write(line)

    def target(self, **more: object) -> SshTarget:
        defaults: dict[str, object] = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": "ops",
            "credential": "ops",
            "methods": ("password", "keyboard-interactive"),
            "config": (),
            "connect_timeout_s": 5.0,
        }
        return SshTarget(**{**defaults, **more})

    def guest(self, **more: object) -> SshGuest:
        return SshGuest(
            "web1",
            self.target(**more),
            clock=WallClock(),
            known_hosts=KnownHosts([self.known_hosts]),
            prompts=self.answers,
            breaker=self.breaker,
        )


@asynccontextmanager
async def loopback(
    folder: Path,
    does: Behaviour | None = None,
    *,
    certificate: bytes | None = None,
    key: asyncssh.SSHKey | None = None,
) -> AsyncIterator[Loopback]:
    """Start a server; its host key is trusted only after `trust`."""
    does = does or Behaviour()
    key = key or asyncssh.generate_private_key("ssh-ed25519")
    host_keys = [(key, certificate)] if certificate else [key]
    acceptor = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=lambda: _Server(does),
        server_host_keys=host_keys,
        encoding=None,
        line_editor=False,
        kbdint_auth=True,
    )
    try:
        yield Loopback(does, acceptor.get_port(), key.convert_to_public(), folder, acceptor=acceptor)
    finally:
        acceptor.close()
        await acceptor.wait_closed()
        await does.stop()
