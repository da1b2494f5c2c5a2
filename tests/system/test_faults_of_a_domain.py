"""What may go wrong between us and a real domain: each is one clear finding, in good time, and never a traceback."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from cutover_tui.core.finding import Finding
from cutover_tui.engine.assembly import peers
from probes.ad.directory import Anonymous, Controller, Directory, DirectoryError, Ticket
from probes.breaker import Breaker
from probes.exchange import Cache, Initiator, parse
from probes.exchange.service import of_sshd
from probes.facts_directory import PathsFacts
from probes.facts_kerberos import ApInFacts, ExchangeFacts, KdcFacts
from probes.kerberos import kdc
from probes.linux.domain import ad_paths, exchange
from probes.net import SystemClock, SystemNetwork
from probes.observation import Failure, FailureKind
from tests.system.nodes import slapd
from tests.system.nodes.domain import ADMINISTRATOR, DNS_DOMAIN, PASSWORD, REALM, Domain
from tests.system.nodes.firewall import deaf
from tests.system.nodes.lab import Guest, SystemLab
from tests.system.nodes.sshd import USER
from tests.system.test_ap_in_for_real import Answers
from tests.system.test_directory_for_real import accounts, change, judged
from tests.system.test_kerberos_for_real import RUNBOOK, SECOND, sitting
from tests.system.test_probes_for_real import connected
from tests.unit.evidence_builders import observed
from tests.unit.kerberos_builders import Realm

pytestmark = pytest.mark.skipif(
    find_spec("gssapi") is None or find_spec("krb5") is None,
    reason="needs the extra `kerberos` (make kerberos)",
)

ADMIN = f"{ADMINISTRATOR}@{REALM}"
FQDN = f"app01.{DNS_DOMAIN}"
MACHINE = f"APP01$@{REALM}"
UNMASKED = "[libdefaults]\n    kdc_timesync = 0\n"
MANY = 10_000


@pytest.fixture(scope="module")
def domain() -> Iterator[Domain]:
    with SystemLab() as lab:
        lab.reference("ntp1")
        lab.reference("ntp2")
        made = Domain.provision(lab)
        member = made.join(lab.guest("app01", vendor="QEMU", sshd_options=["GSSAPIAuthentication yes"]))
        member.node.run("net", "ads", "keytab", "add", "ldap", "-P")
        made.controller.tool("spn", "add", f"ldap/{FQDN}", "APP01$")
        yield made


@pytest.fixture
def guest(domain: Domain) -> Iterator[Guest]:
    member = domain.members["app01"]
    yield member
    member.clock.set_offset(0)
    domain.controller.set_offset(0)


@pytest.fixture
def config(domain: Domain, tmp_path: Path) -> str:
    """The engineer's krb5.conf, without the library's correction, so that what is in a cache is the KDC's word."""
    path = tmp_path / "krb5.conf"
    path.write_text(UNMASKED + domain.krb5_conf())
    return str(path)


@pytest.fixture
def controller(domain: Domain, tmp_path: Path) -> Controller:
    ca = tmp_path / "dc.pem"
    ca.write_text(domain.controller.certificate)
    return Controller(domain.controller.name, domain.controller.address, str(ca))


def kinit(domain: Domain, config: str, cache: Path, *options: str) -> str:
    argv = ["kinit", *options, "-c", str(cache), ADMIN]
    env = {"PATH": "/usr/bin:/bin", "KRB5_CONFIG": config}
    with domain.lab.jump.in_network():
        subprocess.run(argv, input=PASSWORD, text=True, env=env, check=True, capture_output=True)
    return f"FILE:{cache}"


async def came(domain: Domain, config: str, cache: str, realm: str = REALM) -> ApInFacts | Failure:
    service = of_sshd(FQDN, realm, domain.members["app01"].address, 22, USER)
    with domain.lab.jump.in_network():
        initiator = Initiator(Cache(cache), prompts=Answers(), breaker=Breaker(), config=config)
        found = parse((await initiator.ap_in(service),))
    assert isinstance(found, ApInFacts | Failure)
    return found


def said(facts: ApInFacts | Failure) -> Finding:
    """What kerberos.ap-in makes of one attempt."""
    realm = Realm()
    realm.healthy_domain(900, 1000)
    seen = observed("ap-in", 1000, facts, host="app01")
    realm.attempt(999, 1, facts=None)
    (made,) = realm.proofs.attempts
    realm.proofs = replace(
        realm.proofs,
        approved=frozenset({"ap-in"}),
        attempts=(replace(made, proof="ap-in", observation=seen.id),),
    )
    realm.see(seen)
    return realm.finding("kerberos.ap-in", 1000.5)


async def test_udp_88_filtered_is_asked_by_tcp_and_named_as_the_path_that_was_lost(
    domain: Domain, guest: Guest
):
    paths = ad_paths.reader([domain.controller.name], REALM)
    with domain.lab.jump.in_network():
        async with connected(domain.lab, guest) as ours:
            before = paths.parse(await ours.run(paths.commands))
    assert isinstance(before, PathsFacts), before
    plan = exchange.Plan(MACHINE, domain.controller.name, "udp")
    with deaf(domain.controller.node, "udp dport 88"), domain.lab.jump.in_network():
        asker = kdc.Asker(SystemNetwork(), SystemClock(), REALM)
        answer = kdc.parse((await asker.ask(domain.controller.address),))
        async with connected(domain.lab, guest) as ours:
            made = exchange.parse(await ours.run(exchange.commands(plan)))
            after = paths.parse(await ours.run(paths.commands))
    lost = judged("net.ad-paths", observed("ad-paths", 99, after), before=before)
    assert isinstance(answer, KdcFacts)
    assert (answer.transport, answer.code) == ("tcp", 6)
    assert isinstance(made, ExchangeFacts)
    assert {e.outcome for e in made.exchanges} == {"ok"}
    assert (lost.reason_code, lost.measured) == ("paths-lost", 1)
    assert f"{domain.controller.name} 88/udp (timeout)" in lost.reason


async def test_a_kdc_that_cannot_be_reached_stops_every_attempt_before_libkrb5_is_called(
    domain: Domain, guest: Guest, config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KRB5_CONFIG", config)
    started: list[object] = []
    monkeypatch.setattr(Initiator, "_worked", lambda *given: started.append(given))
    gates = RUNBOOK.index("          - check: kdc.clock")
    book = RUNBOOK[:gates] + "          - check: kerberos.ap-in\n          - check: kerberos.as\n"
    with deaf(domain.controller.node):
        async with sitting(domain, tmp_path, book, peers) as at:
            await at.until(lambda: "No KDC answers" in str(at.session.proof("app01").refused), within_s=40)
            began = time.monotonic()
            refused = await at.session.prove("app01", (("kinit",),))
            assert time.monotonic() - began < 1
            assert refused is not None
            assert refused.reason.startswith("No KDC answers, so nothing is tried: ")
            codes = at.codes()
    assert {c: v for c, (v, _) in codes.items()} == {"kerberos.ap-in": "unknown", "kerberos.as": "unknown"}
    assert started == []
    assert guest.node.run("sh", "-c", "ls -d /run/cutover-* 2>/dev/null", check=False).out == ""


async def test_a_wrong_realm_is_the_kdcs_refusal_of_the_name(domain: Domain, config: str, tmp_path: Path):
    cache = kinit(domain, config, tmp_path / "cc")
    facts = await came(domain, config, cache, "ELSEWHERE.EXAMPLE")
    assert isinstance(facts, ApInFacts)
    assert (facts.stage, facts.code) == ("ticket", 7)
    found = said(facts)
    assert (found.verdict, found.reason_code) == ("fail", "unknown-service")
    assert f"host/{FQDN}@ELSEWHERE.EXAMPLE" in found.reason
    book = RUNBOOK.replace("realm: CORP.EXAMPLE", "realm: ELSEWHERE.EXAMPLE")
    async with sitting(domain, tmp_path, book) as at:
        wrong = "The keytab of app01 holds no machine account of ELSEWHERE.EXAMPLE."
        await at.until(lambda: wrong in str(at.session.proof("app01").refused))


@pytest.mark.filterwarnings("ignore:Parsed a serial number:cryptography.utils.CryptographyDeprecationWarning")
async def test_an_expired_ticket_of_the_engineer_is_about_the_engineer(
    domain: Domain, guest: Guest, config: str, controller: Controller, tmp_path: Path, monkeypatch
):
    domain.controller.set_offset(-200)
    cache = kinit(domain, config, tmp_path / "cc", "-l", "90s")  # over for a good minute, by the right time
    domain.controller.set_offset(0)
    facts = await came(domain, config, cache)
    found = said(facts)
    assert (found.verdict, found.reason_code) == ("unknown", "own-login"), facts
    assert "expired" in found.reason
    assert "kinit" in (found.remedy or "")
    monkeypatch.setenv("KRB5_CONFIG", config)
    with domain.lab.jump.in_network(), Directory() as directory, pytest.raises(DirectoryError) as refused:
        await directory.ask(controller, Ticket(cache), lambda s: s.read("", ("dnsHostName",)))
    assert refused.value.failure.kind is FailureKind.DENIED
    assert "expired" in refused.value.failure.detail


@pytest.mark.parametrize("step_s", [600, -600])
async def test_a_clock_that_jumps_between_two_exchanges_is_found_by_the_next_one(
    domain: Domain, guest: Guest, step_s: int
):
    commands = exchange.commands(exchange.Plan(MACHINE, domain.controller.name, "jump"))
    before = next(n for n, c in enumerate(commands) if "kvno" in c.argv)
    with domain.lab.jump.in_network():
        async with connected(domain.lab, guest) as ours:
            raws = await ours.run(commands[:before])
            guest.clock.set_offset(step_s * SECOND)
            raws += await ours.run(commands[before:])
    facts = exchange.parse(raws)
    assert isinstance(facts, ExchangeFacts), facts
    plain = [(e.kind, e.outcome, e.code) for e in facts.exchanges if not e.masked]
    assert plain[:2] == [("as", "ok", None), ("tgs", "refused", 37)]
    realm = Realm()
    realm.healthy_domain(900, 1000)
    realm.approve()
    realm.attempt(998, 1, facts=facts)
    assert realm.finding("kerberos.tgs", 1000.5).reason_code == "skew"
    assert facts.removed


def ask_for(directory: Directory, where: Controller, base: str, bind=Anonymous()):  # noqa: B008
    return directory.ask(where, bind, lambda s: s.search(base, "(cn=app01)", ("cn",), limit=5))


@pytest.mark.filterwarnings("ignore:Parsed a serial number:cryptography.utils.CryptographyDeprecationWarning")
async def test_referrals_are_told_and_followed_nowhere_and_tls_is_signature_enough(
    domain: Domain, guest: Guest, config: str, tmp_path: Path, monkeypatch
):
    ca = tmp_path / "ca.pem"
    to_itself = f"referral ldaps://{FQDN}:1636/\n"  # a loop for whoever follows
    ca.write_text(slapd.serve(guest.node, FQDN, port=1636, secprops="minssf=56", extra=to_itself))
    where = Controller(FQDN, guest.address, str(ca), port=1636)
    cache = kinit(domain, config, tmp_path / "cc")
    monkeypatch.setenv("KRB5_CONFIG", config)
    began = time.monotonic()
    with domain.lab.jump.in_network(), Directory() as directory:
        for bind in (Anonymous(), Ticket(cache)):
            with pytest.raises(DirectoryError) as refused:
                await ask_for(directory, where, "cn=elsewhere", bind)
            assert refused.value.failure.kind is FailureKind.NOT_UNDERSTOOD
            assert f"refers to another server (ldaps://{FQDN}:1636/" in refused.value.failure.detail
            assert "which is not asked" in refused.value.failure.detail
    assert time.monotonic() - began < 5
    assert guest.node.read("/var/log/slapd-1636").count(" SRCH base") == 2


async def test_ten_thousand_service_names_and_names_that_are_not_ascii_are_read_and_compared(
    domain: Domain, controller: Controller
):
    names = [f"http/büro-{n:05}.{DNS_DOMAIN}" for n in range(MANY)]
    healthy = (await accounts(domain, controller, "app01"))[0]
    change(domain, "sam.ldb.d/DC=CORP,DC=EXAMPLE.ldb", "app01", "add", "servicePrincipalName", *names)
    began = time.monotonic()
    (many,) = await accounts(domain, controller, "app01")
    print(f"{len(many.spns)} names read and compared in {time.monotonic() - began:.2f} s")
    assert len(many.spns) == MANY + len(healthy.spns)
    assert (many.spns_compared, many.duplicates) == (True, ())
    assert judged("ad.object", observed("account", 99, many), before=many).reason_code == "ok"
    assert judged("ad.object", observed("account", 99, healthy), before=many).reason_code == "spns-lost"
