"""The real door: SSH, NTP, Kerberos and LDAP servers on loopback in front of a simulated world, at rate 1.

Ports are bound when the door is made, so that a runbook can name them before it opens. A
guest that goes down drops its connections and refuses new ones until its boot is over; its
port stays taken, so nobody else can answer in its place.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType

import asyncssh

from cutover_tui.lab.doors.kdc_server import ControllerServer, serve_stream
from cutover_tui.lab.doors.ldap_server import Authority, LdapServer, PingServer, view_of
from cutover_tui.lab.doors.loopback import LOOPBACK, Served
from cutover_tui.lab.doors.ntp_server import NtpServer
from cutover_tui.lab.doors.streams import listening
from cutover_tui.lab.kerberos import kdc
from cutover_tui.lab.machine.guest import Guest
from cutover_tui.lab.shell import Shell
from cutover_tui.lab.tools.call import Out, Running, Wait
from cutover_tui.lab.world import clockwork
from cutover_tui.lab.world.network import NTP
from cutover_tui.lab.world.world import World

LDAP, LDAPS = 389, 636
_TICK_S = 0.1
_Process = asyncssh.SSHServerProcess[str]


class TrueTime:
    """True time of the world: UTC when it was made, carried on by CLOCK_BOOTTIME."""

    def __init__(self) -> None:
        self._utc, self._boot = time.time_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def __call__(self) -> int:
        return self._utc + time.clock_gettime_ns(time.CLOCK_BOOTTIME) - self._boot


@dataclass(slots=True)
class _Front:
    """One guest's SSH side."""

    guest: Guest
    reserved: socket.socket  # bound, never listening: keeps the port while the guest is down
    key: asyncssh.SSHKey
    listener: asyncssh.SSHAcceptor | None = None
    connections: set[asyncssh.SSHServerConnection] = field(default_factory=set)
    life: int = 0  # the guest's `connections` when these were made

    @property
    def port(self) -> int:
        return int(self.reserved.getsockname()[1])


class _Login(asyncssh.SSHServer):
    """Lets the lab's key into every account of the guest, and nothing else."""

    def __init__(self, front: _Front, user_key: str) -> None:
        self._front, self._user_key = front, user_key
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._front.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._front.connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username in self._front.guest.users and _public(key) == self._user_key


class RealDoor:
    """Open with `async with`; all of it lives in that event loop, the world included."""

    def __init__(self, world: World, clock: TrueTime | None = None) -> None:
        self.world = world
        self.clock = clock if clock is not None else TrueTime()
        self._user_key = asyncssh.generate_private_key("ssh-ed25519", comment="lab")
        self._fronts: dict[str, _Front] = {}
        for guest in world.guests.values():
            key = (
                asyncssh.import_private_key(guest.host_key)
                if guest.host_key
                else asyncssh.generate_private_key("ssh-ed25519")
            )
            guest.host_key = key.export_private_key().decode()
            guest.host_key_public = _public(key)
            self._fronts[guest.name] = _Front(guest, _bind(0), key)
        self._streams: dict[str, socket.socket] = {}
        self._ntp: dict[str, socket.socket] = {}
        for name, reference in world.references.items():
            if reference.kdc is None:
                self._ntp[name] = _bind(0, socket.SOCK_DGRAM)
            else:
                self._ntp[name], self._streams[name] = _bind_pair()
        self._authority: Authority | None = None
        self._ldap: dict[str, tuple[socket.socket, socket.socket, socket.socket]] = {}
        for name, reference in world.references.items():
            if view_of(world, reference, self.clock) is not None:
                self._authority = self._authority or Authority()
                self._ldap[name] = (_bind(0), _bind(0), _bind(0, socket.SOCK_DGRAM))
        self._stack: AsyncExitStack | None = None

    def ssh_port(self, guest: str) -> int:
        """The guest's SSH port on 127.0.0.1."""
        return self._fronts[guest].port

    def ntp_port(self, reference: str) -> int:
        """The reference's UDP port on 127.0.0.1; a controller's KDC is there too, and at the TCP port of that number."""
        return _port(self._ntp[reference])

    def served(self) -> Mapping[Served, int]:
        """Where on 127.0.0.1 the services of a domain's controllers are, by every name of theirs."""
        found: dict[Served, int] = {}
        for name, (plain, secure, ping) in self._ldap.items():
            reference = self.world.references[name]
            for who in (name, reference.address, self.world.full_name(reference)):
                found[who, NTP, "udp"] = self.ntp_port(name)
                found[who, LDAP, "tcp"], found[who, LDAPS, "tcp"] = _port(plain), _port(secure)
                found[who, LDAP, "udp"] = _port(ping)
                if name in self._streams:
                    found[who, kdc.PORT, "udp"] = self.ntp_port(name)
                    found[who, kdc.PORT, "tcp"] = _port(self._streams[name])
        return found

    @property
    def ca_pem(self) -> bytes:
        """The CA of the controllers' certificates; empty where the world has no domain."""
        return self._authority.pem if self._authority is not None else b""

    def known_hosts_text(self) -> str:
        """known_hosts lines for every guest."""
        return "".join(
            f"[{LOOPBACK}]:{front.port} {front.guest.host_key_public}\n" for front in self._fronts.values()
        )

    def write_access(self, directory: Path) -> tuple[Path, Path]:
        """Write the user's private key and a known_hosts file; returns both paths."""
        key_path, hosts_path = directory / "id_ed25519", directory / "known_hosts"
        descriptor = os.open(key_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(self._user_key.export_private_key())
        hosts_path.write_text(self.known_hosts_text())
        return key_path, hosts_path

    def close(self) -> None:
        """Give the ports back; only needed for a door that was never opened."""
        for front in self._fronts.values():
            front.reserved.close()
        ldap = (bound for three in self._ldap.values() for bound in three)
        for bound in (*self._ntp.values(), *self._streams.values(), *ldap):
            bound.close()

    async def __aenter__(self) -> RealDoor:
        stack = AsyncExitStack()
        stack.callback(self.close)
        try:
            loop = asyncio.get_running_loop()
            for name, bound in self._ntp.items():
                reference = self.world.references[name]
                make: Callable[[], NtpServer] = partial(NtpServer, reference, self.clock)
                if name in self._streams:
                    make = partial(ControllerServer, self.world, reference, self.clock)
                    served = partial(serve_stream, self.world, reference, self.clock)
                    await stack.enter_async_context(listening(served, self._streams[name]))
                transport, _ = await loop.create_datagram_endpoint(make, sock=bound)
                stack.callback(transport.close)
            for name in self._ldap:
                await self._directory(name, stack)
            for front in self._fronts.values():
                stack.push_async_callback(self._shut, front)
                await self._listen(front)
            group = await stack.enter_async_context(asyncio.TaskGroup())
            stack.callback(group.create_task(self._clockwork()).cancel)
        except BaseException:
            await stack.aclose()
            raise
        self._stack = stack
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stack, self._stack = self._stack, None
        if stack is not None:
            await stack.aclose()

    async def _directory(self, name: str, stack: AsyncExitStack) -> None:
        reference, (plain, secure, ping) = self.world.references[name], self._ldap[name]
        view = view_of(self.world, reference, self.clock)
        assert view is not None  # noqa: S101 - it has sockets
        assert self._authority is not None  # noqa: S101
        tls = self._authority.serving(view.controller, LOOPBACK)
        server = LdapServer(view, reference, tls)
        for served, bound, context in ((server.plain, plain, None), (server.secure, secure, tls)):
            await stack.enter_async_context(listening(served, bound, context))
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            partial(PingServer, self.world, reference, view), sock=ping
        )
        stack.callback(transport.close)

    # Guests that come and go

    async def _clockwork(self) -> None:
        while True:
            now = self.clock()
            clockwork.advance(self.world, now)
            for front in self._fronts.values():
                up = front.guest.up(now)
                if up and front.listener is None:
                    await self._listen(front)
                elif not up and front.listener is not None:
                    await self._shut(front)
                elif front.life != front.guest.connections:
                    for connection in tuple(front.connections):
                        connection.abort()
                front.life = front.guest.connections
            await asyncio.sleep(_TICK_S)

    async def _listen(self, front: _Front) -> None:
        user_key = _public(self._user_key)
        front.listener = await asyncssh.listen(
            sock=_bind(front.port),
            server_factory=lambda: _Login(front, user_key),
            server_host_keys=[front.key],
            process_factory=lambda process: self._serve(front.guest, process),
            encoding="utf-8",
            errors="replace",
            server_version="OpenSSH_9.2p1 Debian-2+deb12u9",
            keepalive_interval=0,
            login_timeout=30,
        )

    async def _shut(self, front: _Front) -> None:
        listener, front.listener = front.listener, None
        if listener is not None:
            listener.close()
        for connection in tuple(front.connections):
            connection.abort()
        if listener is not None:
            await listener.wait_closed()

    # Sessions

    async def _serve(self, guest: Guest, process: _Process) -> None:
        user = guest.users[process.get_extra_info("username")]
        shell = Shell(self.world, guest, user, self.clock, flavour=user.shell)
        prompt = ""
        if process.term_type is not None:
            shell.env["TERM"] = process.term_type
            prompt = f"{user.name}@{guest.name}:~{'#' if user.uid == 0 else '$'} "
        running = shell.interact(prompt) if process.command is None else shell.script(process.command)
        try:
            rc = await self._drive(guest, running, process)
        except (ConnectionError, asyncssh.Error):
            return  # the other side is gone: there is nobody to tell
        process.exit(rc)

    async def _drive(self, guest: Guest, running: Running, process: _Process) -> int:
        line: str | None = None
        while True:
            await self._thaw(guest)
            try:
                event = running.send(line)
            except StopIteration as end:
                return int(end.value)
            line = None
            if isinstance(event, Out):
                stream = process.stdout if event.fd == 1 or process.term_type is not None else process.stderr
                stream.write(event.text)
                await stream.drain()
            elif isinstance(event, Wait):
                await asyncio.sleep(event.ns / 1e9)
            else:
                line = await _line(process)

    async def _thaw(self, guest: Guest) -> None:
        """A guest that stands still does nothing until it is resumed."""
        while (until := guest.frozen_until(now := self.clock())) is not None:  # noqa: ASYNC110 - a moment in time
            await asyncio.sleep((until - now) / 1e9)


async def _line(process: _Process) -> str | None:
    while True:
        try:
            text = await process.stdin.readline()
        except asyncssh.TerminalSizeChanged:
            continue
        except (asyncssh.BreakReceived, asyncssh.SignalReceived):
            return None
        return text.rstrip("\r\n") if text else None


def _public(key: asyncssh.SSHKey) -> str:
    """`ssh-ed25519 AAAA…` without a comment."""
    return " ".join(key.export_public_key().decode().split()[:2])


def _port(bound: socket.socket) -> int:
    return int(bound.getsockname()[1])


def _bind(port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
    bound = socket.socket(socket.AF_INET, kind)
    if kind is socket.SOCK_STREAM:
        # The reserved socket and the listening one share the port; only one of them listens.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setblocking(False)
    bound.bind((LOOPBACK, port))
    return bound


def _bind_pair() -> tuple[socket.socket, socket.socket]:
    """A UDP and a TCP socket of one number."""
    taken: list[socket.socket] = []
    try:
        while True:
            stream = _bind(0)
            try:
                return _bind(stream.getsockname()[1], socket.SOCK_DGRAM), stream
            except OSError:
                taken.append(stream)  # kept until a pair is found, so that it is not drawn again
    finally:
        for one in taken:
            one.close()
