"""An attempt as it is kept, and workers that cannot work. What real guests answer: tests/system/test_ap_in_for_real."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutover_tui.core.checks.kerberos.own_login import password_principal
from cutover_tui.core.loading import load_text
from cutover_tui.core.runbook import Host
from cutover_tui.engine.messages import Message, Seen
from cutover_tui.engine.proofs import ap_in
from probes.ad.kept import keep
from probes.attempt import Kept, Told
from probes.breaker import Breaker
from probes.exchange import Cache, Credential, Initiator, Login, parse
from probes.exchange.kept import refusal
from probes.exchange.service import OverHttp, OverLdap, OverSmb, OverSsh, Service, of_page, of_sshd
from probes.facts_kerberos import ApInFacts
from probes.observation import Failure, FailureKind, Raw
from probes.prompts import SecretRequest
from tests.unit.loopback_ssh import WallClock

ARGV = ("ap-in", "ssh", "host/app01.corp.example@CORP.EXAMPLE")
SECOND = 10**9
BOOK = """\
schema: 1
change: {id: CHG1, title: Move, window: {start: "2026-03-14T22:00:00Z", end: "2026-03-15T02:00:00Z"}}
source: {platform: vmware}
target: {platform: kvm}
domain: {realm: CORP.EXAMPLE, controllers: [dc1]}
hosts: [{name: app01, address: 10.0.0.1}]
phases: [{id: p, title: P, steps: [{id: s, title: S, gate: [{check: kerberos.ap-in}]}]}]
"""

# What OpenSSH 9.2 and, inside SPNEGO, a web server with MIT 1.20.1 sent while the guest was 305 s ahead.
BARE = (
    "607106092a864886f71201020203007e623060a003020105a10302011ea411180f32303236313132363034323034385aa50502"
    "0303fe31a603020125a90e1b0c434f52502e4558414d504c45aa253023a003020103a11c301a1b04686f73741b126170703031"
    "2e636f72702e6578616d706c65"
)
SPNEGO = (
    "a17e307ca0030a0102a2750473607106092a864886f71201020203007e623060a003020105a10302011ea411180f3230323631"
    "3132363034323034385aa50502030d3d1ba603020125a90e1b0c434f52502e4558414d504c45aa253023a003020103a11c301a"
    "1b04686f73741b1261707030312e636f72702e6578616d706c65"
)
REFUSED = Kept(
    "service", "me@CORP.EXAMPLE", 37, "Clock skew too great", 1795666542, 1795702542, BARE,
    4751296808814, 4751298691180, 1795666543261185116,
)  # fmt: skip


def facts(kept: Kept) -> ApInFacts:
    found = parse((keep(ARGV, kept),))
    assert isinstance(found, ApInFacts)
    return found


def test_a_refusal_says_what_the_guests_clock_shows():
    found = facts(REFUSED)
    assert (found.stage, found.code, found.text, found.over) == ("service", 37, "Clock skew too great", "ssh")
    shown = found.shown_ns + found.shown_us * 1000
    assert abs(shown - found.own_utc_ns - 305 * SECOND) < SECOND // 100
    assert (found.service, found.start_ns) == (ARGV[2], 1795666542 * SECOND)


def test_the_services_own_number_counts_where_the_library_loses_it_in_spnego():
    found = facts(msgspec.structs.replace(REFUSED, code=None, token=SPNEGO))
    assert (found.code, found.shown_us) == (37, 0x0D3D1B)


def test_a_refusal_without_a_kerberos_error_is_kept_as_that():
    for token in ("", "a1073005a0030a0102", "zz", BARE[:-2], BARE + "00"):
        assert refusal(token) is None
        found = facts(msgspec.structs.replace(REFUSED, code=None, token=token))
        assert (found.stage, found.code, found.shown_ns, found.shown_us) == ("service", None, None, None)


def test_a_generic_number_does_not_hide_what_the_library_understood():
    generic = BARE.replace("a603020125", "a60302013c")
    found = facts(msgspec.structs.replace(REFUSED, token=generic))
    assert (found.code, found.shown_ns is not None) == (37, True)


def test_a_clock_shown_beside_a_refusal_counts_where_the_refusal_has_none():
    shown = 1_795_666_847_250_123_456
    bare = msgspec.structs.replace(REFUSED, code=None, text="STATUS_LOGON_FAILURE", token="", shown_ns=shown)
    found = facts(bare)
    assert (found.code, found.shown_ns, found.shown_us) == (None, 1_795_666_847 * SECOND, 250_123)
    assert facts(msgspec.structs.replace(bare, token=BARE)).shown_us != 250_123


def test_an_acceptance_with_a_refusals_words_is_not_understood_and_so_is_a_refusal_without_any():
    for kept in (
        msgspec.structs.replace(REFUSED, stage="done"),
        Kept("done", "me@X", text="?"),
        Kept("login", "me@X"),
    ):
        found = parse((keep(ARGV, kept),))
        assert isinstance(found, Failure)
        assert found.kind is FailureKind.NOT_UNDERSTOOD
    assert facts(Kept("done", "me@X", admitted=False)).admitted is False


@given(st.binary(max_size=200))
def test_no_token_breaks_the_parser(noise: bytes):
    for token in (noise, bytes.fromhex(BARE)[:17] + noise, bytes.fromhex(BARE)[:-1] + noise):
        facts(msgspec.structs.replace(REFUSED, token=token.hex()))


@pytest.mark.parametrize(
    "raws", [(), (Raw(ARGV, 0, "{}"),), (Raw(("kdc", "a", "b"), None, "{}"),), (Raw(ARGV, None, "x"),)]
)
def test_what_is_no_attempt_is_not_understood(raws: tuple[Raw, ...]):
    found = parse(raws)
    assert isinstance(found, Failure)
    assert found.kind is FailureKind.NOT_UNDERSTOOD


def test_a_service_is_a_principal_with_a_realm_and_a_way_to_it():
    assert of_sshd("App01.Corp.Example", "CORP.EXAMPLE", "10.0.0.1", 22, "me").principal == ARGV[2]
    assert (
        of_page("https://app01.corp.example/x", "CORP.EXAMPLE").principal
        == "HTTP/app01.corp.example@CORP.EXAMPLE"
    )
    for bad in ("", "-x", "a b", "a/b", "a@b"):
        with pytest.raises(ValueError):
            of_sshd(bad, "CORP.EXAMPLE", "10.0.0.1", 22, "me")
    for url in ("ftp://a.b/", "http://", "http://me@a.b/", "http://a.b/\r\nX: y", "http://a b/"):
        with pytest.raises(ValueError):
            of_page(url, "CORP.EXAMPLE")
    with pytest.raises(ValueError):
        of_sshd("a.b", "", "10.0.0.1", 22, "me")


@pytest.mark.parametrize(
    ("written", "address", "argv", "over"),
    [
        ("ssh", "10.0.0.1", ("ssh", "host/app01.corp.example"), OverSsh("10.0.0.1", 2222, "ops")),
        ("ssh", "App01.other.example", ("ssh", "host/app01.other.example"), OverSsh("App01.other.example", 2222, "ops")),
        ("ldap", "10.0.0.1", ("ldap", "ldap/app01.corp.example"), OverLdap("10.0.0.1", "app01.corp.example", 636, "/ca")),
        ("smb", "10.0.0.1", ("smb", "cifs/app01.corp.example"), OverSmb("10.0.0.1", 445)),
        ("https://WWW.x.example/a", "10.0.0.1", ("http", "HTTP/www.x.example"), OverHttp("https://WWW.x.example/a", "10.0.0.1", "/ca")),
        ("http://app01.corp.example:81", "10.0.0.1", ("http", "HTTP/app01.corp.example"), OverHttp("http://app01.corp.example:81", "10.0.0.1", "/ca")),
    ],
)  # fmt: skip
def test_the_runbook_says_who_is_asked_and_the_guest_itself_is(
    written: str, address: str, argv: tuple[str, str], over: object
):
    host = Host(name="app01", address=address, service=written)
    asked = ap_in.service(host, "CORP.EXAMPLE", port=2222, user="ops", ca_file="/ca")
    assert asked.over == over
    (command,) = ap_in.reader(host, "CORP.EXAMPLE").commands
    assert command.argv == ("ap-in", argv[0], f"{argv[1]}@CORP.EXAMPLE")
    assert asked.principal == command.argv[2]


@pytest.mark.parametrize(
    ("credential", "principal"),
    [
        (None, None),
        ("{method: ccache, user: ops}", None),
        ("{method: password, user: ana}", "ana@CORP.EXAMPLE"),
        ("{method: password, user: ana@OTHER.EXAMPLE}", "ana@OTHER.EXAMPLE"),
    ],
)
def test_who_we_are_to_the_domain(credential: str | None, principal: str | None):
    text = BOOK if credential is None else BOOK.replace("domain: {", "domain: {credential: me, ")
    text += f"credentials: {{me: {credential}}}\n" if credential else ""
    assert password_principal(load_text(text, "rb.yaml").runbook) == principal


class Nobody:
    """A person who presses Escape."""

    async def ask(self, request: SecretRequest) -> str | None:
        return None

    def rejected(self, request: SecretRequest) -> None:
        raise AssertionError("nothing was given")


def tried(credential: Credential, limit_s: float = 20.0) -> Initiator:
    return Initiator(credential, prompts=Nobody(), breaker=Breaker(), limit_s=limit_s)


@pytest.mark.parametrize(
    ("library", "kind", "words"),
    [
        ("raise ImportError", FailureKind.TOOL_ABSENT, "pip install 'cutover-tui[kerberos]'"),
        ("raise RuntimeError('broken here')", FailureKind.NOT_UNDERSTOOD, "RuntimeError: broken here"),
        ("print('{}', flush=True); raise SystemExit", FailureKind.NOT_UNDERSTOOD, "said nothing"),
        ("print('x' * 100000, flush=True)", FailureKind.NOT_UNDERSTOOD, "failed"),
        ("import signal; signal.pause()", FailureKind.TIMEOUT, "did not begin"),
    ],
)
async def test_a_worker_that_cannot_work_is_a_failure_that_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, library: str, kind: FailureKind, words: str
):
    (tmp_path / "gssapi.py").write_text(library)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[2]}")
    service = of_sshd("app01.corp.example", "CORP.EXAMPLE", "127.0.0.1", 1, "me")
    limit_s = 2.0 if kind is FailureKind.TIMEOUT else 20.0
    found = parse((await tried(Cache("FILE:/nonexistent"), limit_s).ap_in(service),))
    assert isinstance(found, Failure)
    assert (found.kind, words in found.detail) == (kind, True), found


async def test_who_gives_no_password_is_asked_for_nothing_else():
    service = Service(ARGV[2], of_sshd("a.b", "X", "127.0.0.1", 1, "me").over)
    found = parse((await tried(Login("me@CORP.EXAMPLE")).ap_in(service),))
    assert isinstance(found, Failure)
    assert found.kind is FailureKind.CANCELLED


class Way:
    """A guest behind a jump host, whose services a socket leads to."""

    def __init__(self) -> None:
        self.ports: list[int | None] = []
        self.open = False

    @asynccontextmanager
    async def way_in(self, port: int | None = None) -> AsyncIterator[str | None]:
        self.ports.append(port)
        self.open = True
        yield f"/way/{port}"
        self.open = False


class Notes:
    """Notes which way it was sent while that was open."""

    def __init__(self, way: Way) -> None:
        self.way, self.sockets = way, list[str | None]()

    async def attempt(self, service: Service) -> Told:
        assert self.way.open
        self.sockets.append(service.socket)
        return Kept("done", "me@CORP.EXAMPLE", admitted=True)


@pytest.mark.parametrize(
    ("written", "port"),
    [
        ("ssh", None), ("ldap", 636), ("smb", 445), ("https://www.x.example/", 443), ("http://www.x.example/", 80),
        ("https://www.x.example:8443/", 8443),
    ],
)  # fmt: skip
async def test_whatever_is_asked_of_a_guest_is_asked_the_way_our_connection_goes(
    written: str, port: int | None
):
    host = Host(name="app01", address="10.0.0.1", service=written)
    way = Way()
    notes, seen = Notes(way), list[Message]()
    asked = ap_in.service(host, "CORP.EXAMPLE")
    await ap_in.Peer({"app01": asked}, notes, WallClock(), seen.append, {"app01": way}).attempt("app01", 1)
    assert (way.ports, notes.sockets) == ([port], [f"/way/{port}"])
    (message,) = seen
    assert isinstance(message, Seen)
    assert message.observation.facts is not None
    assert "/way/" not in str(message.observation.raw)
