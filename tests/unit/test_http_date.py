"""The Date of HTTPS servers: a real TLS server on loopback, and a clock narrowed by aimed questions."""

from __future__ import annotations

import asyncio
import datetime
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cutover_tui.core.checks.clocks.witness import DATE_LAG_NS, https_date
from cutover_tui.engine.messages import Message, Seen
from cutover_tui.engine.watches.watch_https import FIRST, INTERVAL_NS, HttpsWatch
from cutover_tui.lab.doors.virtual_loop import VirtualLoop, run
from probes.clocks import http_date
from probes.facts_time import HttpDateFacts
from probes.net import SystemClock, SystemNetwork
from probes.observation import Failure, FailureKind, Instant, Observation, Raw

S = 10**9
MS = 10**6


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificate and key of `localhost`, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def date_of(utc_ns: int) -> str:
    return formatdate(utc_ns // S, usegmt=True)


@asynccontextmanager
async def serving(identity: Path, head: Callable[[], str]) -> AsyncIterator[tuple[int, list[bytes]]]:
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(head().replace("\n", "\r\n").encode() + b"\r\n\r\n")
        await writer.drain()
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity)
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], asked


async def ask(port: int, identity: Path | None, host: str = "localhost", path: str = "/") -> Raw:
    trust = ssl.create_default_context(cafile=str(identity)) if identity is not None else None
    url = f"https://{host}:{port}{path}"
    return await http_date.query(SystemNetwork(trust), SystemClock(), url, host, port, path)


def kind(raw: Raw) -> FailureKind:
    found = http_date.parse((raw,))
    assert isinstance(found, Failure), found
    return found.kind


async def test_a_real_servers_date_holds_the_time_between_question_and_answer(identity: Path) -> None:
    clock = SystemClock()
    anchor = clock.now()
    async with serving(
        identity, lambda: f"HTTP/1.1 403 Forbidden\ndate: {date_of(time.time_ns())}\nAge: 0"
    ) as (
        port,
        asked,
    ):
        facts = http_date.parse((await ask(port, identity, path="/health"),))
    assert isinstance(facts, HttpDateFacts)
    assert facts.server == f"https://localhost:{port}/health"
    assert facts.date_ns <= anchor.on_timescale(facts.received_ns) + MS
    assert anchor.on_timescale(facts.sent_ns) <= facts.date_ns + S + MS
    assert asked[0].startswith(b"HEAD /health HTTP/1.1\r\n")
    assert f"Host: localhost:{port}\r\n".encode() in asked[0]


async def test_who_cannot_show_a_trusted_certificate_for_that_name_is_nobody(identity: Path) -> None:
    async with serving(identity, lambda: f"HTTP/1.1 200 OK\nDate: {date_of(time.time_ns())}") as (
        port,
        asked,
    ):
        assert kind(await ask(port, None)) is FailureKind.UNTRUSTED
        assert kind(await ask(port, identity, host="127.0.0.1")) is FailureKind.UNTRUSTED
        assert asked == []


NOW = "Thu, 26 Nov 2026 04:00:00 GMT"


@pytest.mark.parametrize(
    "head",
    [
        f"HTTP/1.1 200 OK\nDate: {NOW}\nAge: 1",
        f"HTTP/1.1 200 OK\nDate: {NOW}\nAge: 0\nAge: 30",
        f"HTTP/1.1 200 OK\nDate: {NOW}\nAge: soon",
        f"HTTP/1.1 200 OK\nDate: {NOW}\nX-Cache: HIT from proxy",
        f"HTTP/1.1 200 OK\nDate: {NOW}\nx-cache-status: hit",
        f"HTTP/1.1 200 OK\nDate: {NOW}\nDate: {NOW}",
        f"HTTP/1.1 502 Bad Gateway\nDate: {NOW}",
        f"HTTP/1.1 103 Early Hints\nDate: {NOW}",
        f"SSH-2.0-OpenSSH\nDate: {NOW}",
        "HTTP/1.1 200 OK\nServer: x",
        "HTTP/1.1 200 OK\nDate: Fri, 26 Nov 2026 04:00:00 GMT",  # a Thursday
        "HTTP/1.1 200 OK\nDate: Mon, 30 Feb 2026 04:00:00 GMT",
        "HTTP/1.1 200 OK\nDate: Thursday, 26-Nov-26 04:00:00 GMT",
        "HTTP/1.1 200 OK\nDate: Thu, 26 Nov 2026 04:00:60 GMT",
        "HTTP/1.1 200 OK\nDate: 1795665600",
    ],
)
async def test_what_does_not_show_the_time_now_is_no_witness(identity: Path, head: str) -> None:
    async with serving(identity, lambda: head) as (port, _):
        assert kind(await ask(port, identity)) is FailureKind.NOT_UNDERSTOOD


async def test_that_head_is_understood_without_what_makes_it_wrong(identity: Path) -> None:
    async with serving(identity, lambda: f"HTTP/1.1 200 OK\nDate: {NOW}\nX-Cache: MISS") as (port, _):
        facts = http_date.parse((await ask(port, identity),))
    assert isinstance(facts, HttpDateFacts)
    assert facts.date_ns == 1_795_665_600 * S


# Narrowing, in virtual time

UTC0 = 1_795_665_600 * S


@dataclass
class Clock:
    loop: VirtualLoop

    def now(self) -> Instant:
        return Instant("b", self.loop.now_ns, UTC0 + self.loop.now_ns)

    def mono_ns(self) -> int:
        return self.loop.now_ns

    async def sleep_until(self, mono_ns: int) -> None:
        await asyncio.sleep((mono_ns - self.loop.now_ns) / S)


@dataclass(frozen=True)
class Answer:
    data: bytes
    sent_ns: int
    received_ns: int
    address: str = "192.0.2.1"
    kernel_stamp: bool = False


@dataclass
class Network:
    """A server whose clock is off, behind a handshake; `late_ns` after its second began it shows it."""

    loop: VirtualLoop
    offset_ns: int
    late_ns: int = 0
    stuck: bool = False

    async def tls(
        self, host: str, port: int, make: Callable[[], bytes], complete: object, *, timeout_s: float
    ) -> Answer:
        await asyncio.sleep(0.06)
        make()
        sent = self.loop.now_ns
        await asyncio.sleep(0.02)
        shown = 0 if self.stuck else self.loop.now_ns + self.offset_ns - self.late_ns
        await asyncio.sleep(0.02)
        return Answer(
            f"HTTP/1.1 200 OK\r\nDate: {date_of(UTC0 + shown)}\r\n\r\n".encode(), sent, self.loop.now_ns
        )


def watched(offset_ns: int, seconds: int, **network: int) -> list[Observation]:
    """All a watch saw in so long."""
    seen: list[Message] = []

    async def scene(loop: VirtualLoop) -> None:
        clock = Clock(loop)
        watch = HttpsWatch("https://a", Network(loop, offset_ns, **network), clock, clock.now(), seen.append)
        task = asyncio.ensure_future(watch.run())
        await asyncio.sleep(seconds)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(scene)
    return [m.observation for m in seen if isinstance(m, Seen)]


@pytest.mark.parametrize("offset_ms", [0, 300, -7400, 999])
@pytest.mark.parametrize("late_ms", [0, 90])
def test_aimed_questions_narrow_a_second_to_what_a_late_date_leaves_open(
    offset_ms: int, late_ms: int
) -> None:
    seen = watched(offset_ms * MS, 60, late_ns=late_ms * MS)
    assert len(seen) <= FIRST + 1
    found = https_date(seen, Instant("b", 0, UTC0))
    assert found is not None
    assert found.kind == "http"
    assert abs(found.offset_ns - offset_ms * MS) <= found.bound_ns
    assert found.bound_ns <= DATE_LAG_NS // 2 + 40 * MS
    assert found.coarse


def test_it_goes_on_once_a_minute() -> None:
    seen = watched(0, 600)
    assert len(seen) <= FIRST + 600 * S // INTERVAL_NS + 1


def test_a_date_that_does_not_go_on_is_no_witness() -> None:
    seen = watched(0, 30, stuck=True)
    assert len(seen) > 2
    assert https_date(seen[:1], Instant("b", 0, UTC0)) is not None
    assert https_date(seen, Instant("b", 0, UTC0)) is None
