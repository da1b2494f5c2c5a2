"""The LDAP adapter against servers that are silent, damaged, endless or somebody else."""

from __future__ import annotations

import asyncio
import datetime
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cutover_tui.engine.messages import Message, Seen
from cutover_tui.engine.watches.directory_login import ByPassword, ByTicket
from cutover_tui.engine.watches.watch_directory import DirectoryWatch
from probes.ad.directory import Directory, Limits, Session
from probes.ad.dns import Names
from probes.breaker import Breaker
from probes.directory_seam import Anonymous, Controller, DirectoryError, Simple
from probes.facts_directory import Answer
from probes.net import SystemClock
from probes.observation import JUMP, Failure, FailureKind, Observation
from probes.prompts import SecretRequest
from probes.seam import LinkError

NAME = "dc1.corp.example"
SOON = Limits(connect_s=2, receive_s=1, total_s=2.0, answer_bytes=100_000)
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for NAME and its key, in one file that is its own CA file too."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


@asynccontextmanager
async def serving(serve: Serve, identity: Path | None) -> AsyncIterator[int]:
    context = None
    if identity is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity)

    running: set[asyncio.Task[None]] = set()

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await serve(reader, writer)
        except (ConnectionError, ssl.SSLError, asyncio.CancelledError):
            pass  # the client had enough, which is what is tested
        finally:
            writer.close()

    server = await asyncio.start_server(once, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running)


async def asked(
    serve: Serve,
    identity: Path,
    *,
    tls: bool = True,
    bind: Anonymous | Simple | None = None,
    ca: Path | None = None,
) -> DirectoryError | list[bytes]:
    def work(session: Session) -> list[bytes]:
        return [v for e in session.search("", "(cn=*)", ("cn",), limit=10) for v in e.all("CN")]

    async with serving(serve, identity if tls else None) as port:
        controller = Controller(NAME, "127.0.0.1", str(ca or identity), port=port)
        with Directory(SOON) as directory:
            try:
                return await directory.ask(controller, bind or Anonymous(), work)
            except DirectoryError as error:
                return error


def message(asked_in: bytes, body: bytes) -> bytes:
    """An LDAPMessage that answers the one in `asked_in`, whose id is one byte long there."""
    at = asked_in.index(b"\x02\x01")
    inner = asked_in[at : at + 3] + body
    return b"\x30\x84" + len(inner).to_bytes(4) + inner


def done(code: int, said: bytes = b"", referral: bytes = b"") -> bytes:
    more = (
        b"\xa3" + bytes([len(referral) + 2]) + b"\x04" + bytes([len(referral)]) + referral
        if referral
        else b""
    )
    inner = b"\x0a\x01" + bytes([code]) + b"\x04\x00" + b"\x04" + bytes([len(said)]) + said + more
    return b"\x65" + bytes([len(inner)]) + inner


def entry(value: bytes) -> bytes:
    def tlv(kind: int, inner: bytes) -> bytes:
        return bytes([kind, 0x84]) + len(inner).to_bytes(4) + inner

    attribute = tlv(0x30, tlv(0x04, b"cn") + tlv(0x31, tlv(0x04, value)))
    return tlv(0x64, tlv(0x04, b"cn=x") + tlv(0x30, attribute))


async def test_an_answer_comes_as_bytes(identity: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        question = await reader.read(4096)
        writer.write(message(question, entry("prüf\u202e".encode()) + b"") + message(question, done(0)))
        await reader.read()

    assert await asked(serve, identity) == ["prüf\u202e".encode()]


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(4096)
    writer.write(b"\x30\x84\x7f\xff\xff\xff")
    while not writer.is_closing():
        writer.write(bytes(10_000))
        await writer.drain()
        await asyncio.sleep(0)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(4096)
    writer.write(b"\x30\x84\x7f\xff\xff\xff")
    while not reader.at_eof():
        writer.write(b"\0")
        await writer.drain()
        await asyncio.sleep(0.2)


async def rubbish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    question = await reader.read(4096)
    writer.write(message(question, b"\x65\x03\x0a\x01"))
    await reader.read()


async def referring(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    question = await reader.read(4096)
    writer.write(message(question, done(10, referral=b"ldap://evil.example/")))
    await reader.read()


async def demanding(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    question = await reader.read(4096)
    writer.write(message(question, done(8, said=b"SASL:[GSSAPI]: Sign or Seal are required.")))
    await reader.read()


async def hanging_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(4096)


@pytest.mark.parametrize(
    ("serve", "kind", "words"),
    [
        (endless, FailureKind.TRUNCATED, "answered more than 100000 bytes"),
        (silent, FailureKind.TIMEOUT, "no answer within 1 s"),
        (trickle, FailureKind.TIMEOUT, "answer within"),
        (rubbish, FailureKind.NOT_UNDERSTOOD, "no LDAP"),
        (referring, FailureKind.NOT_UNDERSTOOD, "refers to another server (ldap://evil.example/)"),
        (demanding, FailureKind.DENIED, "demands a signed or encrypted login"),
        (hanging_up, FailureKind.LOST, "the connection broke"),
    ],
)
async def test_what_a_server_may_do_to_us_is_one_failure(
    identity: Path, serve: Serve, kind: FailureKind, words: str
) -> None:
    error = await asked(serve, identity)
    assert isinstance(error, DirectoryError)
    assert (error.failure.kind, words in error.failure.detail) == (kind, True), error.failure


async def test_a_port_that_takes_and_says_nothing_ends_before_tls(identity: Path) -> None:
    error = await asked(silent, identity, tls=False)
    assert isinstance(error, DirectoryError)
    assert (error.failure.kind, "no TLS handshake" in error.failure.detail) == (FailureKind.TIMEOUT, True)


async def test_a_password_goes_to_nobody_who_is_not_trusted(identity: Path, tmp_path: Path) -> None:
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.read(4096))

    other = tmp_path / "other.pem"
    other.write_text(_other_ca())
    error = await asked(serve, identity, ca=other, bind=Simple("u", "hunter2"))
    assert isinstance(error, DirectoryError)
    assert "CA that is not trusted" in error.failure.detail
    assert b"hunter2" not in b"".join(got)


def _other_ca() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "another CA")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    return made.public_bytes(serialization.Encoding.PEM).decode()


async def test_an_empty_password_is_never_sent(identity: Path) -> None:
    error = await asked(silent, identity, bind=Simple("u", ""))
    assert isinstance(error, DirectoryError)
    assert "proves nobody" in error.failure.detail


class NoNetwork:
    async def udp(self, host: str, port: int, make: object, *, timeout_s: float) -> NoReturn:
        raise LinkError(Failure(FailureKind.UNREACHABLE, "not here"))

    tcp = udp


class NoNames(Names):
    async def ask(self, questions: object) -> tuple[Answer, ...]:
        return ()


class Person:
    """The engineer at the prompt."""

    def __init__(self, password: str | None) -> None:
        self.password, self.asked, self.forgotten = password, 0, 0

    async def ask(self, request: SecretRequest) -> str | None:
        assert (request.credential, request.kind) == ("me@CORP.EXAMPLE", "password")
        self.asked += 1
        return self.password

    def rejected(self, request: SecretRequest) -> None:
        self.forgotten += 1


async def test_a_refused_password_is_not_tried_again_before_a_person_asks(identity: Path) -> None:
    tried: list[bytes] = []
    person, breaker = Person("hunter2"), Breaker()
    login = ByPassword("me@CORP.EXAMPLE", prompts=person, breaker=breaker)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        question = await reader.read(4096)
        if b"hunter2" in question:
            tried.append(question)
            writer.write(
                message(question, b"\x61" + done(49, said=b"AcceptSecurityContext, data 775, v1")[1:])
            )
        await reader.read()

    seen: list[Observation] = []

    def emit(told: Message) -> None:
        assert isinstance(told, Seen)
        if told.observation.reader == "account":
            seen.append(told.observation)

    async with serving(serve, identity) as port:
        controllers = tuple(Controller(NAME, "127.0.0.1", str(identity), port=port) for _ in range(2))
        with Directory(SOON) as directory:
            watch = DirectoryWatch(
                {"app01": "192.0.2.10", "app02": "192.0.2.11"}, "corp.example", "", lambda: controllers,
                login, directory, NoNames(), NoNetwork(), SystemClock(), emit,
            )  # fmt: skip
            await watch.turn()
            with pytest.raises(LinkError):
                breaker.check("me@CORP.EXAMPLE")  # nor by what else comes as the same person
            await watch.turn()
            assert len(tried) == 1  # once, at one of two controllers, for two guests and two turns
            watch.look("app02")
            await watch.turn()
            assert len(tried) == 1, "the program looks; no person asked"
            watch.retry("app02")
            await watch.turn()
    assert len(tried) == 2
    assert (person.asked, person.forgotten) == (2, 2)
    assert {(o.host, o.vantage) for o in seen} == {("app01", "jump"), ("app02", "jump")}
    assert len(seen) == 8
    said = [o.failure.detail for o in seen if o.failure is not None]
    assert said[0] == f"{NAME}: refused our login: the account is locked"
    assert (
        f"was refused by {NAME} (refused our login: the account is locked) and is not tried again" in said[2]
    )


async def test_who_gives_no_password_is_asked_again_only_when_a_person_wants_it(identity: Path) -> None:
    person = Person(None)
    login = ByPassword("me@CORP.EXAMPLE", prompts=person, breaker=Breaker())
    for _ in range(2):
        said = await login.enter()
        assert isinstance(said, Failure)
        assert (said.kind, "no password was given for me@CORP.EXAMPLE" in said.detail) == (
            FailureKind.CANCELLED,
            True,
        )
    assert person.asked == 1
    login.again()
    await login.enter()
    assert person.asked == 2


async def test_a_prompt_that_nobody_answers_holds_up_the_accounts_only() -> None:
    waiting, seen = asyncio.Event(), asyncio.Queue[str]()

    class Away(Person):
        async def ask(self, request: SecretRequest) -> str | None:
            waiting.set()
            await asyncio.Event().wait()
            raise AssertionError

    def emit(told: Message) -> None:
        assert isinstance(told, Seen)
        seen.put_nowait(told.observation.reader)

    login = ByPassword("me@CORP.EXAMPLE", prompts=Away(None), breaker=Breaker())
    watch = DirectoryWatch(
        {"app01": "192.0.2.10"}, "corp.example", "", tuple, login,
        Directory(SOON), NoNames(), NoNetwork(), SystemClock(), emit,
    )  # fmt: skip
    async with asyncio.timeout(10):
        running = asyncio.create_task(watch.run())
        assert await seen.get() == "dns"
        await waiting.wait()
        watch.look("app01")
        assert await seen.get() == "dns"
        running.cancel()
        await asyncio.wait({running})
    assert seen.empty()


async def test_a_moved_controller_is_asked_under_the_runbooks_ca_while_no_other_is_known() -> None:
    asked = []

    class Away:
        async def ask(self, controller: Controller, *_: object) -> NoReturn:
            asked.append(controller)
            raise DirectoryError(Failure(FailureKind.UNREACHABLE, "away"))

    watch = DirectoryWatch(
        {"dc2": "192.0.2.10"}, "corp.example", "", tuple, ByTicket(), Away(), NoNames(), NoNetwork(), SystemClock(),
        lambda _told: None, wanted=frozenset({"dc"}), moved=("dc2",), ca_file="corp-ca.pem",
    )  # fmt: skip
    await watch.turn()
    assert asked == [Controller("dc2.corp.example", "192.0.2.10", "corp-ca.pem")]


def test_who_reads_records_again_imports_neither_ldap3_nor_a_resolver() -> None:
    code = (
        "import sys, cutover_tui.engine.readers; "
        "print(sorted({m.partition('.')[0] for m in sys.modules} & {'ldap3', 'dns', 'gssapi'}))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout == "[]\n"


async def test_a_directory_whose_watch_broke_is_not_believed_any_longer(identity: Path) -> None:
    seen: list[Observation] = []

    def emit(told: Message) -> None:
        assert isinstance(told, Seen)
        seen.append(told.observation)

    lost = Failure(FailureKind.LOST, "internal error: x")
    with Directory(SOON) as directory:
        watch = DirectoryWatch(
            {"app01": "192.0.2.10"}, "corp.example", "", lambda: (Controller("dc1", "127.0.0.1"),),
            ByPassword("me@CORP.EXAMPLE", prompts=Person("hunter2"), breaker=Breaker()),
            directory, NoNames(), NoNetwork(), SystemClock(), emit,
            wanted=frozenset({"account", "dns", "dc"}), moved=("app01",),
        )  # fmt: skip
        watch.stopped(lost)
    asked = {o.reader: (o.host, o.raw[0].argv, o.failure) for o in seen}
    assert asked == {
        "cldap": (JUMP, ("cldap", "corp.example", "127.0.0.1"), lost),
        "rootdse": (JUMP, ("rootdse", "dc1"), lost),
        "account": ("app01", ("account", "app01", "corp.example"), lost),
        "dns": ("app01", ("dns", "app01.corp.example", "corp.example"), lost),
        "dc": ("app01", ("dc", "app01.corp.example", "corp.example"), lost),
    }
