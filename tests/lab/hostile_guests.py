"""SSH servers that answer as no guest should, one port each, in a process of their own.

On stdout: one line of JSON with the ports. At the end of stdin: how many bytes each sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import asyncssh

GIB = 1 << 30
UNREADABLE = b"\x1b]0;pwned\x07\x1b[2J\xff\xfe\x9b31m \xe2\x80\xae\xc2\x9b\x00\x08 ok\r\n"
Process = asyncssh.SSHServerProcess[bytes]
Answer = Callable[[Process, str], Awaitable[int]]
"""Prints what a command line prints and returns its exit status."""


class Guest:
    """A plain machine where hardly any tool is installed; scenarios replace what it answers."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent = Counter[str]()
        self.boot_id, self.machine_id = str(uuid.uuid4()), uuid.uuid4().hex
        self.connections: set[asyncssh.SSHServerConnection] = set()
        self.answer: Answer = self.plain
        self.clock: Answer = self.tell
        self.opened: Callable[[], None] = lambda: None

    async def serve(self, process: Process) -> None:
        """One channel: a clock program, or a shell that reads command lines."""
        is_clock = process.command is not None and process.command.split()[0] != "sh"
        rc = 0
        with contextlib.suppress(OSError, asyncssh.Error):
            while line := (await process.stdin.readline()).decode():
                token = next((word for word in line.split() if word.startswith("CUT")), None)
                if token is not None and ">&2" in line:
                    process.stderr.write(f"\n{token}\n".encode())
                elif token is not None:
                    process.stdout.write(f"\n{token} {rc}\n".encode())
                elif is_clock:
                    rc = await self.clock(process, line)
                elif not line.startswith("export"):
                    rc = await self.answer(process, line)

    async def plain(self, process: Process, line: str) -> int:
        files = {
            "cat /proc/sys/kernel/random/boot_id": self.boot_id,
            "cat /proc/uptime": f"{time.clock_gettime(time.CLOCK_BOOTTIME):.2f} 100.00",
            "cat /etc/machine-id": self.machine_id,
        }
        text = files.get(line.removesuffix("\n").removesuffix(" </dev/null"))
        if text is None:
            process.stderr.write(b"sh: 1: not found\n")
            return 127
        process.stdout.write(f"{text}\n".encode())
        return 0

    async def tell(self, process: Process, line: str) -> int:
        seconds, nanos = divmod(time.time_ns(), 10**9)
        process.stdout.write(f"{line.split()[1]} {seconds}.{nanos // 1000:06}\n".encode())
        return 0

    async def flood(self, process: Process, _line: str) -> int:
        """A gibibyte that never repeats, so that nothing can keep it in one piece."""
        for _ in range(GIB >> 16):
            process.stdout.write(os.urandom(32768).hex().encode())
            self.sent["flood"] += 65536
            await process.stdout.drain()
        return 0

    async def paint(self, process: Process, _line: str) -> int:
        process.stdout.write(UNREADABLE)
        process.stderr.write(UNREADABLE)
        return 0

    async def hang_once(self, process: Process, line: str) -> int:
        if "os-release" in line:
            process.stdout.write(b"so far")
            await asyncio.Event().wait()
        return await self.plain(process, line)

    async def cut(self, process: Process, _line: str) -> int:
        process.stdout.write(b"half a li")
        await process.stdout.drain()
        process.channel.get_connection().abort()
        return 0


class Server(asyncssh.SSHServer):
    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._guest.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._guest.connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        if self._guest.name == "paints" and self._connection is not None:
            self._connection.send_auth_banner(UNREADABLE.decode("latin-1") * 1000)
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return True

    def auth_completed(self) -> None:
        self._guest.opened()


async def listen(guest: Guest, key: asyncssh.SSHKey, port: int = 0) -> asyncssh.SSHAcceptor:
    return await asyncssh.listen(
        "127.0.0.1",
        port,
        server_factory=lambda: Server(guest),
        server_host_keys=[key],
        process_factory=guest.serve,
        encoding=None,
        line_editor=False,
        reuse_address=True,
    )


async def mute(process: Process) -> None:
    await process.stdin.read()


async def main(key: asyncssh.SSHKey) -> None:
    names = ("floods", "babbles", "paints", "mute", "hangs", "cuts", "rekeyed")
    guests = {name: Guest(name) for name in names}
    guests["floods"].answer = guests["floods"].flood
    guests["babbles"].clock = guests["babbles"].flood
    guests["paints"].answer = guests["paints"].clock = guests["paints"].paint
    guests["mute"].serve = mute  # type: ignore[method-assign]
    guests["hangs"].answer = guests["hangs"].hang_once
    guests["cuts"].answer = guests["cuts"].cut
    servers = {name: await listen(guest, key) for name, guest in guests.items()}

    async def rekey() -> None:
        """Another machine's key at the same address, once the first was accepted and dropped."""
        port = servers["rekeyed"].get_port()
        servers["rekeyed"].close()
        await servers["rekeyed"].wait_closed()
        for connection in tuple(guests["rekeyed"].connections):
            connection.abort()
        servers["rekeyed"] = await listen(
            guests["rekeyed"], asyncssh.generate_private_key("ssh-ed25519"), port
        )
        guests["rekeyed"].opened = partial(guests["rekeyed"].sent.update, ["logins after"])

    waiting: list[asyncio.TimerHandle] = []
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[None]] = []
    guests["rekeyed"].opened = lambda: (
        None
        if waiting
        else waiting.append(loop.call_later(4, lambda: tasks.append(loop.create_task(rekey()))))
    )
    silent = await asyncio.start_server(lambda reader, writer: reader.read(), "127.0.0.1", 0)
    ports = {name: server.get_port() for name, server in servers.items()}
    ports["silent"] = silent.sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(json.dumps({name: guest.sent for name, guest in guests.items()}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(asyncssh.import_private_key(Path(sys.argv[1]).read_text())))
