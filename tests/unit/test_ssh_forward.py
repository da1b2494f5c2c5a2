"""Exchanges carried by a guest's SSH server: one at a time, none begun twice, each failure by its kind."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
import pytest

from cutover_tui.lab.doors import streams
from cutover_tui.lab.doors.streams import Handler
from probes.arrival import LONGEST
from probes.facts_kerberos import KdcFacts
from probes.kerberos import kdc
from probes.net import SystemNetwork
from probes.observation import FailureKind
from probes.seam import LinkError
from tests.unit.loopback_ssh import Behaviour, WallClock, loopback
from tests.unit.test_kdc import MIT_UNKNOWN, framed


def whole(data: bytes) -> bool:
    return data.endswith(b"\n")


@dataclass
class Peer:
    """What the guest's server connects us to: says each line again in capitals, after `gate`."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    at_once: int = 0
    most: int = 0
    asked: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            line = await reader.readline()
            self.asked.append(line)
            self.came.set()
            await self.gate.wait()
            writer.write(line.upper())
            await reader.read()
        finally:
            self.at_once -= 1
            writer.close()


@asynccontextmanager
async def listening(serve: Handler) -> AsyncIterator[int]:
    bound = socket.create_server(("127.0.0.1", 0))
    async with streams.listening(serve, bound):
        yield bound.getsockname()[1]


@contextlib.asynccontextmanager
async def connected(folder, does=None):
    async with loopback(folder, does) as server:
        server.trust()
        guest = server.guest()
        await guest.connect()
        try:
            yield guest
        finally:
            await guest.close()


async def ask(guest, port: int, line: bytes = b"hello\n", timeout_s: float = 5.0):
    return await guest.tcp("127.0.0.1", port, lambda: line, whole, timeout_s=timeout_s)


async def test_an_exchange_has_the_jump_hosts_stamps(tmp_path):
    peer = Peer()
    peer.gate.set()
    async with listening(peer.serve) as port, connected(tmp_path) as guest:
        before = WallClock().mono_ns()
        answer = await ask(guest, port)
        assert answer.data == b"HELLO\n"
        assert before < answer.sent_ns <= answer.received_ns <= WallClock().mono_ns()
        assert answer.kernel_stamp is False


async def test_one_exchange_at_a_time_whoever_asks(tmp_path):
    peer = Peer()
    async with listening(peer.serve) as port, connected(tmp_path) as guest:
        asking = [asyncio.ensure_future(ask(guest, port, b"%d\n" % n)) for n in range(3)]
        await peer.came.wait()
        peer.gate.set()
        answers = await asyncio.gather(*asking)
    assert [a.data for a in answers] == [b"0\n", b"1\n", b"2\n"]
    assert peer.most == 1


async def test_nobody_listening_is_unreachable_and_the_next_is_asked_all_the_same(tmp_path):
    peer = Peer()
    peer.gate.set()
    async with listening(peer.serve) as gone:
        pass
    async with listening(peer.serve) as port, connected(tmp_path) as guest:
        with pytest.raises(LinkError) as refused:
            await ask(guest, gone)
        assert refused.value.failure.kind is FailureKind.UNREACHABLE
        assert "from web1" in refused.value.failure.detail
        assert (await ask(guest, port)).data == b"HELLO\n"


async def test_silence_ends_in_time_and_a_flood_is_cut(tmp_path):
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            for _ in range(64):
                writer.write(b"x" * LONGEST)
                await writer.drain()
        writer.close()

    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"hal")
        writer.close()

    kinds = [
        (silent, FailureKind.TIMEOUT),
        (flood, FailureKind.TRUNCATED),
        (early, FailureKind.LOST),
    ]
    async with connected(tmp_path) as guest:
        for serve, kind in kinds:
            async with listening(serve) as port:
                with pytest.raises(LinkError) as ended:
                    await ask(guest, port, timeout_s=0.5)
            assert ended.value.failure.kind is kind


async def test_a_server_that_forwards_nothing_is_named_as_such(tmp_path, monkeypatch):
    def forbids(*_where: object) -> bool:
        raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "open failed")

    monkeypatch.setattr("tests.unit.loopback_ssh._Server.connection_requested", forbids)
    async with connected(tmp_path) as guest:
        with pytest.raises(LinkError) as refused:
            await ask(guest, 88)
    assert refused.value.failure.kind is FailureKind.DENIED
    assert "AllowTcpForwarding" in refused.value.failure.detail


async def test_a_connect_that_hangs_is_not_begun_again_beside_itself(tmp_path, monkeypatch):
    begun: list[tuple[str, int]] = []
    let_go = asyncio.Event()

    def hangs(_server, host: str, port: int, *_orig: object):
        async def connect():
            begun.append((host, port))
            await let_go.wait()
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "Connection timed out")

        return connect()

    monkeypatch.setattr("tests.unit.loopback_ssh._Server.connection_requested", hangs)
    async with connected(tmp_path) as guest:
        for _ in range(3):
            with pytest.raises(LinkError) as late:
                await ask(guest, 88, timeout_s=0.1)
            assert late.value.failure.kind is FailureKind.TIMEOUT
        assert begun == [("127.0.0.1", 88)]
        for port in range(89, 95):
            with pytest.raises(LinkError):
                await ask(guest, port, timeout_s=0.1)
        assert len(begun) == 4  # no more than that wait at once
        let_go.set()
        with pytest.raises(LinkError) as failed:
            await ask(guest, 88)
        assert "Connection timed out" in failed.value.failure.detail


async def test_a_guest_that_is_gone_says_so(tmp_path):
    does = Behaviour()
    async with connected(tmp_path, does) as guest:
        await does.stop()
        with pytest.raises(LinkError) as gone:
            await ask(guest, 88)
    assert gone.value.failure.kind is FailureKind.LOST


async def test_a_kdc_is_asked_through_a_guest(tmp_path):
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(int.from_bytes(await reader.readexactly(4)))
        writer.write(framed(MIT_UNKNOWN))
        await reader.read()
        writer.close()

    async with listening(serve) as port, connected(tmp_path) as guest:
        asker = kdc.Asker(SystemNetwork(), WallClock(), "KRB.TEST")
        facts = kdc.parse((await asker.ask_from(guest, "127.0.0.1", port=port),))
    assert isinstance(facts, KdcFacts)
    assert (facts.transport, facts.code, facts.server) == ("tcp", 6, f"127.0.0.1:{port}")


@contextlib.asynccontextmanager
async def behind_a_jump_host(folder, does=None):
    """A guest reached through another SSH server, whose ports are in `loopback_ssh` the same machine's."""
    async with loopback(folder, does) as jump, loopback(folder) as server:
        jump.trust()
        server.trust()
        guest = server.guest(jump=jump.target())
        await guest.connect()
        try:
            yield guest
        finally:
            await guest.close()


async def said_by(path: str, line: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(line)
        writer.write_eof()
        return await reader.read()
    finally:
        writer.close()


async def capitals(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says all at once what was said, when that has its end; and so far more than a window holds."""
    writer.write((await reader.read()).upper())
    writer.close()


async def test_another_process_gets_to_a_service_behind_the_jump_host(tmp_path):
    async with listening(capitals) as port, behind_a_jump_host(tmp_path) as guest:
        async with guest.way_in(port) as path:
            assert path is not None
            assert (await asyncio.to_thread(lambda: _mode(path))) == 0o700
            assert await said_by(path, b"hello" * 500_000) == b"HELLO" * 500_000
        with pytest.raises(OSError):
            await asyncio.open_unix_connection(path)
        async with guest.way_in() as path:
            assert path is not None
            assert (await said_by(path, b"")).startswith(b"SSH-2.0-")
    async with connected(tmp_path) as direct, direct.way_in(port) as path:
        assert path is None


def _mode(path: str) -> int:
    return Path(path).parent.stat().st_mode & 0o777


async def test_a_way_that_leads_nowhere_says_so_at_its_end(tmp_path, monkeypatch):
    async with listening(capitals) as gone:
        pass
    async with behind_a_jump_host(tmp_path) as guest:
        async with guest.way_in(gone):
            pass  # nobody came
        with pytest.raises(LinkError) as refused:
            async with guest.way_in(gone) as path:
                assert await said_by(path, b"hello") == b""
        assert refused.value.failure.kind is FailureKind.UNREACHABLE
        assert f"127.0.0.1 port {gone}/tcp from the jump host" in refused.value.failure.detail

        def forbids(*_where: object) -> bool:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "open failed")

        monkeypatch.setattr("tests.unit.loopback_ssh._Server.connection_requested", forbids)
        with pytest.raises(LinkError) as forbidden:
            async with guest.way_in(gone) as path:
                assert await said_by(path, b"hello") == b""
        assert forbidden.value.failure.kind is FailureKind.DENIED
        assert "AllowTcpForwarding" in forbidden.value.failure.detail


class _Far(asyncssh.SSHTCPSession[bytes]):
    def __init__(self) -> None:
        self.closed = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()


async def test_a_way_whose_far_end_does_not_connect_is_given_up_and_kept_by_nobody(tmp_path, monkeypatch):
    let_go, begun, far = asyncio.Event(), asyncio.Event(), _Far()
    async with behind_a_jump_host(tmp_path) as guest:

        def hangs(*_where: object):
            async def connect() -> _Far:
                begun.set()
                await let_go.wait()
                return far

            return connect()

        monkeypatch.setattr("tests.unit.loopback_ssh._Server.connection_requested", hangs)

        async def comes() -> None:
            async with guest.way_in(88) as path:
                _, writer = await asyncio.open_unix_connection(path)
                await begun.wait()
                writer.close()

        with pytest.raises(LinkError) as late:
            await comes()
        assert late.value.failure.kind is FailureKind.TIMEOUT
        let_go.set()
        async with asyncio.timeout(5):
            await far.closed.wait()  # it came about too late
