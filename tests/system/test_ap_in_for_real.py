"""What a real guest's services say to our fresh ticket while its clock is right, ahead, behind, far ahead."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from cutover_tui.engine.assembly import peers
from cutover_tui.engine.messages import Message, Seen
from cutover_tui.engine.proofs.ap_in import Peer
from probes.breaker import Breaker
from probes.exchange import Cache, Credential, Initiator, Login, Service, parse
from probes.exchange.service import OverLdap, of_ldap, of_page, of_smb, of_sshd
from probes.facts_kerberos import ApInFacts
from probes.net import SystemClock
from probes.observation import Failure, FailureKind
from probes.prompts import SecretRequest
from probes.ssh import SshTarget
from tests.system.nodes import slapd, smbd
from tests.system.nodes.domain import ADMINISTRATOR, DNS_DOMAIN, PASSWORD, REALM, Domain
from tests.system.nodes.lab import Guest, SystemLab
from tests.system.nodes.negotiate import SERVER
from tests.system.nodes.sshd import USER
from tests.system.test_kerberos_for_real import RUNBOOK, sitting
from tests.system.test_probes_for_real import connected

pytestmark = pytest.mark.skipif(
    find_spec("gssapi") is None or find_spec("krb5") is None,
    reason="needs the extra `kerberos` (make kerberos)",
)

ADMIN = f"{ADMINISTRATOR}@{REALM}"
LOGIN = Login(ADMIN)
FQDN = f"app01.{DNS_DOMAIN}"
SECOND = 10**9
HOUR = 3600
PAGE = 8080
STRICT = 1636


@pytest.fixture(scope="module")
def domain() -> Iterator[Domain]:
    with SystemLab() as lab:
        lab.reference("ntp1")
        lab.reference("ntp2")
        made = Domain.provision(lab)
        made.join(lab.guest("app01", vendor="QEMU", sshd_options=["GSSAPIAuthentication yes"]))
        lab.guest("plain", vendor="QEMU")
        guest = made.members["app01"].node
        guest.write(f"/home/{USER}/.k5login", f"{ADMIN}\n")
        guest.run("chown", f"{USER}:", f"/home/{USER}/.k5login")
        guest.run("net", "ads", "keytab", "add", "HTTP", "ldap", "-P")
        made.controller.tool("spn", "add", f"ldap/{FQDN}", "APP01$")
        server = guest.popen("/usr/bin/python3", "-c", SERVER, str(PAGE))
        assert server.stdout is not None
        assert server.stdout.readline() == b"listening\n"
        yield made


@pytest.fixture
def guest(domain: Domain) -> Iterator[Guest]:
    member = domain.members["app01"]
    yield member
    member.clock.set_offset(0)
    domain.controller.set_offset(0)


class Answers:
    """The engineer at the prompt."""

    def __init__(self, password: str | None = PASSWORD) -> None:
        self.password, self.asked, self.forgotten = password, 0, 0

    async def ask(self, request: SecretRequest) -> str | None:
        assert (request.credential, request.kind) == (ADMIN, "password")
        self.asked += 1
        return self.password

    def rejected(self, request: SecretRequest) -> None:
        self.forgotten += 1


@pytest.fixture
def config(domain: Domain, tmp_path: Path) -> str:
    """The engineer's krb5.conf as shipped: it hides skew."""
    path = tmp_path / "krb5.conf"
    path.write_text(domain.krb5_conf())
    return str(path)


def sshd(guest: Guest, user: str = USER) -> Service:
    return of_sshd(FQDN, REALM, guest.address, 22, user)


@pytest.fixture(scope="module")
def directory(domain: Domain, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """An LDAP server on the guest, and another that demands logins which are signed or inside TLS."""
    node = domain.members["app01"].node
    ca = tmp_path_factory.mktemp("ca") / "ca.pem"
    slapd.serve(node, FQDN, port=STRICT, secprops="minssf=56")
    ca.write_text(slapd.serve(node, FQDN))
    return of_ldap(FQDN, REALM, node.address, ca_file=str(ca))


def page(guest: Guest, path: str = "/") -> Service:
    return of_page(f"http://{FQDN}:{PAGE}{path}", REALM, address=guest.address)


async def tried(
    domain: Domain, config: str, service: Service, credential: Credential = LOGIN
) -> ApInFacts | Failure:
    with domain.lab.jump.in_network():
        raw = await Initiator(credential, prompts=Answers(), breaker=Breaker(), config=config).ap_in(service)
    print(raw)
    assert PASSWORD not in str(raw)
    found = parse((raw,))
    assert isinstance(found, ApInFacts | Failure)
    return found


def kinit_and_use(config: str, cache: str) -> None:
    env = {"PATH": os.environ["PATH"], "KRB5_CONFIG": config, "KRB5CCNAME": cache}
    subprocess.run(["kinit", ADMIN], input=PASSWORD, text=True, env=env, check=True, capture_output=True)
    subprocess.run(["kvno", f"host/{FQDN}"], env=env, check=True, capture_output=True)


@contextmanager
def silent_kdc(config: str, instead_of: str) -> Iterator[None]:
    """The configuration names a KDC that takes everything and says nothing, over UDP and TCP."""
    path = Path(config)
    path.write_text(path.read_text().replace(instead_of, "127.0.0.1"))
    with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        udp.bind(("127.0.0.1", 88))
        tcp.bind(("127.0.0.1", 88))
        tcp.listen()
        yield


ASKED = {"ssh": sshd, "http": page}


@pytest.mark.parametrize("over", ASKED)
@pytest.mark.parametrize(
    ("offset_s", "code"),
    [(0, None), (299, None), (-299, None), (305, 37), (600, 37), (-305, 33), (-600, 33), (11 * HOUR, 32)],
)
async def test_the_guests_own_clock_decides_and_names_itself_when_it_refuses(
    domain: Domain, guest: Guest, config: str, over: str, offset_s: int, code: int | None
):
    guest.clock.set_offset(offset_s * SECOND)
    facts = await tried(domain, config, ASKED[over](guest))
    assert isinstance(facts, ApInFacts)
    assert (facts.over, facts.principal) == (over, ADMIN)
    assert (facts.stage, facts.code) == (("done", None) if code is None else ("service", code))
    assert None not in (facts.start_ns, facts.end_ns)
    if code is None:
        assert facts.admitted is True
        return
    assert None not in (facts.shown_ns, facts.shown_us, facts.own_utc_ns, facts.sent_ns, facts.received_ns)
    shown = facts.shown_ns + facts.shown_us * 1000 - facts.own_utc_ns
    assert abs(shown - offset_s * SECOND) <= SECOND + facts.received_ns - facts.sent_ns


async def test_a_user_who_may_not_log_in_there_has_still_shown_that_the_guest_takes_tickets(
    domain: Domain, guest: Guest, config: str
):
    facts = await tried(domain, config, sshd(guest, "root"))
    assert isinstance(facts, ApInFacts)
    assert (facts.stage, facts.code, facts.admitted) == ("done", None, False)


async def test_what_proves_nothing_is_a_failure_with_something_to_do(
    domain: Domain, guest: Guest, config: str
):
    plain = domain.lab.guests["plain"]
    tries = {
        of_sshd(FQDN, REALM, plain.address, 22, USER): (FailureKind.TOOL_ABSENT, "GSSAPIAuthentication"),
        sshd(guest, "nobody-there"): (FailureKind.TOOL_ABSENT, "and the user must exist"),
        of_sshd(FQDN, REALM, guest.address, 23, USER): (FailureKind.UNREACHABLE, "refused"),
        page(guest, "/open"): (FailureKind.NOT_UNDERSTOOD, "did not prove who it is"),
        page(guest, "/basic"): (FailureKind.TOOL_ABSENT, "another login"),
    }
    for service, (kind, words) in tries.items():
        failure = await tried(domain, config, service)
        assert isinstance(failure, Failure)
        assert failure.kind is kind
        assert words in failure.detail
    nothing = await tried(domain, config, sshd(guest), Cache("FILE:/nonexistent"))
    assert isinstance(nothing, Failure)
    assert (nothing.kind, "run kinit" in nothing.detail) == (FailureKind.DENIED, True)


@pytest.mark.parametrize(
    ("offset_s", "stage"), [(0, "done"), (299, "done"), (305, "service"), (-305, "service")]
)
async def test_openldap_refuses_by_the_guests_clock_and_keeps_the_number_to_itself(
    domain: Domain, guest: Guest, config: str, directory: Service, offset_s: int, stage: str
):
    guest.clock.set_offset(offset_s * SECOND)
    facts = await tried(domain, config, directory)
    assert isinstance(facts, ApInFacts)
    assert (facts.over, facts.service) == ("ldap", f"ldap/{FQDN}@{REALM}")
    assert (facts.stage, facts.admitted) == (stage, True if stage == "done" else None)
    assert (facts.code, "gss_accept_sec_context" in facts.text) == (None, stage == "service")


async def test_a_server_that_demands_signing_is_content_with_tls_and_one_that_is_not_trusted_hears_no_ticket(
    domain: Domain, guest: Guest, config: str, directory: Service
):
    assert isinstance(directory.over, OverLdap)
    strict = msgspec.structs.replace(directory.over, port=STRICT)
    facts = await tried(domain, config, msgspec.structs.replace(directory, over=strict))
    assert isinstance(facts, ApInFacts)
    assert (facts.stage, facts.admitted) == ("done", True)
    for changed, kind, words in (
        ({"ca_file": None}, FailureKind.UNTRUSTED, "no trusted TLS"),
        ({"name": f"app09.{DNS_DOMAIN}"}, FailureKind.UNTRUSTED, "no trusted TLS"),
        ({"port": 389}, FailureKind.UNREACHABLE, "refused"),
        ({"port": 22}, FailureKind.UNTRUSTED, "no trusted TLS"),
        ({"ca_file": "/nonexistent"}, FailureKind.NOT_UNDERSTOOD, "the CA file /nonexistent cannot be read"),
    ):
        over = msgspec.structs.replace(directory.over, **changed)
        failure = await tried(domain, config, msgspec.structs.replace(directory, over=over))
        assert isinstance(failure, Failure)
        assert (failure.kind, words in failure.detail) == (kind, True), failure


async def test_a_guest_that_is_a_controller_is_asked_at_its_own_directory(
    domain: Domain, config: str, tmp_path: Path
):
    ca = tmp_path / "ca.pem"
    ca.write_text(domain.controller.certificate)
    name, address = domain.controller.name, domain.controller.address
    facts = await tried(domain, config, of_ldap(name, REALM, address, ca_file=str(ca)))
    assert isinstance(facts, ApInFacts)
    assert (facts.stage, facts.admitted, facts.service) == ("done", True, f"ldap/{name}@{REALM}")


async def test_a_service_the_directory_does_not_have_is_the_kdcs_refusal(
    domain: Domain, guest: Guest, config: str
):
    facts = await tried(domain, config, of_sshd(f"app09.{DNS_DOMAIN}", REALM, guest.address, 22, USER))
    assert isinstance(facts, ApInFacts)
    assert (facts.stage, facts.code) == ("ticket", 7)


async def test_a_stale_keytab_is_the_guests_refusal(domain: Domain, config: str):
    stale = domain.join(domain.lab.guest("app02", vendor="QEMU", sshd_options=["GSSAPIAuthentication yes"]))
    domain.controller.tool("user", "setpassword", "APP02$", "--newpassword=Another-one-9")
    facts = await tried(domain, config, of_sshd(f"app02.{DNS_DOMAIN}", REALM, stale.address, 22, USER))
    assert isinstance(facts, ApInFacts)
    assert (facts.stage, facts.code) == ("service", 44)


async def test_the_engineers_own_ticket_is_used_and_never_an_old_one_for_the_service(
    domain: Domain, guest: Guest, config: str, tmp_path: Path
):
    cache = f"FILE:{tmp_path}/cc"
    with domain.lab.jump.in_network():
        kinit_and_use(config, cache)
    before = (tmp_path / "cc").read_bytes()
    domain.controller.set_offset(100)
    facts = await tried(domain, config, sshd(guest), Cache(cache))
    assert isinstance(facts, ApInFacts)
    assert (facts.stage, facts.principal) == ("done", ADMIN)
    assert 95 * SECOND < facts.start_ns - time.time_ns() <= 100 * SECOND
    assert (tmp_path / "cc").read_bytes() == before


async def test_our_own_login_refused_because_of_skew_is_told_as_that_and_is_no_wrong_password(
    domain: Domain, guest: Guest, config: str
):
    domain.controller.set_offset(600)
    answers, breaker = Answers(), Breaker()
    with domain.lab.jump.in_network():
        initiator = Initiator(LOGIN, prompts=answers, breaker=breaker, config=config)
        facts = parse((await initiator.ap_in(sshd(guest)),))
        assert isinstance(facts, ApInFacts)
        assert (facts.stage, facts.code, facts.text) == ("login", 37, "Clock skew too great")
        assert (breaker.refusal(ADMIN), answers.forgotten) == (None, 0)
        domain.controller.set_offset(0)
        again = parse((await initiator.ap_in(sshd(guest)),))
    assert isinstance(again, ApInFacts)
    assert again.stage == "done"


async def test_one_refused_password_stops_everybody(domain: Domain, guest: Guest, config: str):
    wrong, breaker = Answers("wrong-one"), Breaker()
    with domain.lab.jump.in_network():
        initiator = Initiator(LOGIN, prompts=wrong, breaker=breaker, config=config)
        first, *rest = [
            parse((raw,)) for raw in await asyncio.gather(*(initiator.ap_in(sshd(guest)) for _ in range(4)))
        ]
    assert isinstance(first, ApInFacts)
    assert (first.stage, first.code) == ("login", 24)
    assert all(
        isinstance(r, Failure) and r.kind is FailureKind.DENIED and "no account" in r.detail for r in rest
    )
    assert (wrong.asked, wrong.forgotten) == (1, 1)


async def test_a_worker_that_waits_for_a_silent_kdc_is_ended_and_says_for_whom_it_waited(
    domain: Domain, guest: Guest, config: str
):
    began = time.monotonic()
    with domain.lab.jump.in_network(), silent_kdc(config, domain.controller.address):
        initiator = Initiator(LOGIN, prompts=Answers(), breaker=Breaker(), config=config, limit_s=3.0)
        failure = parse((await initiator.ap_in(sshd(guest)),))
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.TIMEOUT
    assert "no KDC gave us a ticket of our own" in failure.detail
    assert time.monotonic() - began < 6


async def test_a_guest_whose_kinit_works_is_refused_by_the_gate_until_its_clock_is_right(
    domain: Domain, guest: Guest, config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    cache = f"FILE:{tmp_path}/cc"
    with domain.lab.jump.in_network():
        kinit_and_use(config, cache)
    monkeypatch.setenv("KRB5_CONFIG", config)
    monkeypatch.setenv("KRB5CCNAME", cache)
    gates = RUNBOOK.index("          - check: kdc.clock")
    guest.clock.set_offset(305 * SECOND)
    assert guest.node.run("kinit", "-k", "-c", "MEMORY:", f"APP01$@{REALM}").rc == 0
    async with sitting(
        domain, tmp_path, RUNBOOK[:gates] + "          - check: kerberos.ap-in\n", peers
    ) as at:
        await at.says("kerberos.ap-in", "unknown", "not-approved")
        await at.prove()
        found = at.findings()["kerberos.ap-in"]
        assert (found.verdict, found.reason_code) == ("fail", "guest-ahead"), found
        assert "error 37: Clock skew too great" in found.reason
        assert "shows +305" in found.reason or "shows +306" in found.reason
        assert (await at.session.mark_done("tickets", "app01")).outcome == "refused"
        guest.clock.set_offset(0)
        await at.prove()
        assert at.codes() == {"kerberos.ap-in": ("pass", "ok")}
        decision = await at.session.mark_done("tickets", "app01")
        assert decision.outcome == "open", decision


@contextmanager
def only_through_others(domain: Domain, guest: Guest) -> Iterator[None]:
    """The jump host itself does not reach the guest."""
    lost = ("lladdr", "02:00:00:00:00:01", "nud", "permanent", "dev", "br0")
    domain.lab.jump.run("ip", "neigh", "replace", guest.address, *lost)
    try:
        yield
    finally:
        domain.lab.jump.run("ip", "neigh", "del", guest.address, "dev", "br0")


@pytest.mark.parametrize("over", ["ssh", "http", "ldap", "smb"])
async def test_a_guest_behind_a_jump_host_is_come_to_through_it(
    domain: Domain,
    guest: Guest,
    config: str,
    directory: Service,
    over: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """Only another node's sshd reaches the guest: the attempt goes the way our own connection goes."""
    lab, bastion = domain.lab, domain.lab.guests["plain"]
    cache = f"FILE:{tmp_path}/cc"
    if over == "smb":
        smbd.serve(guest.node, ADMINISTRATOR)
    service = {"ssh": sshd(guest), "http": page(guest), "ldap": directory}.get(
        over, of_smb(FQDN, REALM, guest.address)
    )
    with lab.jump.in_network():
        kinit_and_use(config, cache)
    monkeypatch.setenv("KRB5_CONFIG", config)
    monkeypatch.setenv("KRB5CCNAME", cache)
    with only_through_others(domain, guest), lab.jump.in_network():
        through = SshTarget(bastion.address, user=USER, methods=("key",), keys=(lab.user_key,), config=())
        async with connected(lab, guest, jump=through) as ours:
            seen: list[Message] = []
            initiator = Initiator(Cache(), prompts=Answers(), breaker=Breaker(), config=config)
            peer = Peer({"app01": service}, initiator, SystemClock(), seen.append, {"app01": ours})
            await peer.attempt("app01", 1)
            guest.clock.set_offset(305 * SECOND)
            await peer.attempt("app01", 2)
            gone = structs.replace(service.over, port=9) if over in ("ldap", "smb") else None
            if gone is not None:
                nobody = {"app01": structs.replace(service, over=gone)}
                await Peer(nobody, initiator, SystemClock(), seen.append, {"app01": ours}).attempt("app01", 3)
        await peer.attempt("app01", 4)
    good, ahead, *closed, lost = (m.observation for m in seen if isinstance(m, Seen))
    assert isinstance(good.facts, ApInFacts), good.failure
    assert (good.facts.over, good.facts.stage, good.facts.admitted) == (over, "done", True)
    assert isinstance(ahead.facts, ApInFacts), ahead.failure
    assert ahead.facts.stage == "service"
    if over != "ldap":  # slapd keeps both number and clock to itself
        assert ahead.facts.code == (37 if over in ("ssh", "http") else None)
        assert abs(ahead.facts.shown_ns - ahead.facts.own_utc_ns - 305 * SECOND) < 3 * SECOND
    for one in closed:
        assert one.failure is not None
        assert one.failure.kind is FailureKind.UNREACHABLE
        assert "from the jump host" in one.failure.detail
    assert lost.failure is not None, "no link leads there, and nobody tries another way"
    assert lost.failure.kind is FailureKind.LOST
