"""What a joined guest's smbd says to our fresh ticket by its clock, in each dialect, and to accounts it does not know."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from msgspec import structs

from cutover_tui.core.finding import Finding
from probes.breaker import Breaker
from probes.exchange import Initiator, OverSmb, Service, parse
from probes.exchange.service import of_smb
from probes.facts_kerberos import ApInFacts
from probes.observation import Failure, FailureKind
from tests import smb_answers as by_hand
from tests.smb_answers import SMBD, answering, framed
from tests.system.nodes import smbd
from tests.system.nodes.domain import ADMINISTRATOR, DNS_DOMAIN, REALM, Domain
from tests.system.nodes.lab import Guest, SystemLab
from tests.system.test_ap_in_for_real import HOUR, LOGIN, SECOND, Answers
from tests.unit.test_ap_in import SPNEGO
from tests.unit.test_ap_in_check import first

pytestmark = pytest.mark.skipif(
    find_spec("gssapi") is None or find_spec("krb5") is None,
    reason="needs the extra `kerberos` (make kerberos)",
)

FQDN = f"app01.{DNS_DOMAIN}"


@pytest.fixture(scope="module")
def domain() -> Iterator[Domain]:
    with SystemLab() as lab:
        made = Domain.provision(lab)
        member = made.join(lab.guest("app01", vendor="QEMU"))
        smbd.serve(member.node, ADMINISTRATOR)
        yield made


@pytest.fixture
def guest(domain: Domain) -> Iterator[Guest]:
    member = domain.members["app01"]
    yield member
    member.clock.set_offset(0)


@pytest.fixture
def config(domain: Domain, tmp_path: Path) -> str:
    path = tmp_path / "krb5.conf"
    path.write_text(domain.krb5_conf())
    return str(path)


def server(guest: Guest) -> Service:
    return of_smb(FQDN, REALM, guest.address)


async def tried(domain: Domain, config: str, service: Service) -> ApInFacts | Failure:
    with domain.lab.jump.in_network():
        raw = await Initiator(LOGIN, prompts=Answers(), breaker=Breaker(), config=config).ap_in(service)
    print(raw)
    found = parse((raw,))
    assert isinstance(found, ApInFacts | Failure)
    return found


def judged(facts: ApInFacts) -> Finding:
    """As the first of three attempts."""
    return first(facts)


@pytest.mark.parametrize(
    ("offset_s", "code"),
    [
        (0, None), (299, None), (-299, None), (305, "guest-ahead"), (600, "guest-ahead"),
        (-305, "guest-behind"), (-600, "guest-behind"), (11 * HOUR, "guest-ahead"),
    ],
)  # fmt: skip
async def test_smbd_refuses_by_the_guests_clock_with_a_bare_number_and_shows_the_clock_beside_it(
    domain: Domain, guest: Guest, config: str, offset_s: int, code: str | None
):
    guest.clock.set_offset(offset_s * SECOND)
    facts = await tried(domain, config, server(guest))
    assert isinstance(facts, ApInFacts)
    assert (facts.over, facts.service) == ("smb", f"cifs/{FQDN}@{REALM}")
    assert None not in (facts.sent_ns, facts.received_ns, facts.own_utc_ns)
    if code is None:
        assert (facts.stage, facts.admitted, facts.shown_ns) == ("done", True, None)
        return
    assert (facts.stage, facts.code, facts.text) == ("service", None, "STATUS_LOGON_FAILURE")
    shown = facts.shown_ns + facts.shown_us * 1000 - facts.own_utc_ns
    assert abs(shown - offset_s * SECOND) <= facts.received_ns - facts.sent_ns
    finding = judged(facts)
    assert (finding.verdict, finding.reason_code) == ("fail", code)


@pytest.mark.parametrize(
    "options",
    [
        ("server min protocol=SMB2_02", "server max protocol=SMB2_02"),
        ("server max protocol=SMB2_10",),
        ("server max protocol=SMB3_00",),
        ("server min protocol=SMB3_11", "server signing=mandatory", "server smb encrypt=required"),
        ("kerberos method=secrets only",),
    ],
)
async def test_each_dialect_and_a_hardened_server_let_us_in(
    domain: Domain, guest: Guest, config: str, options: tuple[str, ...]
):
    smbd.serve(guest.node, ADMINISTRATOR, *options)
    facts = await tried(domain, config, server(guest))
    assert isinstance(facts, ApInFacts)
    assert (facts.stage, facts.admitted) == ("done", True)


async def test_an_account_that_is_no_user_there_is_refused_with_the_same_number_and_a_right_clock(
    domain: Domain, guest: Guest, config: str
):
    smbd.serve(guest.node, ADMINISTRATOR)
    smbd.forget(guest.node, ADMINISTRATOR)
    try:
        facts = await tried(domain, config, server(guest))
        assert isinstance(facts, ApInFacts)
        assert (facts.stage, facts.text) == ("service", "STATUS_LOGON_FAILURE")
        finding = judged(facts)
        assert (finding.verdict, finding.reason_code) == ("fail", "refused")
        assert "wbinfo" in str(finding.remedy)
    finally:
        smbd.serve(guest.node, ADMINISTRATOR, "map to guest=Bad Uid")
    smbd.forget(guest.node, ADMINISTRATOR)
    as_guest = await tried(domain, config, server(guest))
    assert isinstance(as_guest, ApInFacts)
    assert (as_guest.stage, as_guest.admitted) == ("done", False)


async def test_a_stale_key_is_a_refusal_with_a_right_clock(domain: Domain, config: str):
    stale = domain.join(domain.lab.guest("app02", vendor="QEMU"))
    smbd.serve(stale.node, ADMINISTRATOR)
    domain.controller.tool("user", "setpassword", "APP02$", "--newpassword=Another-one-9")
    facts = await tried(domain, config, of_smb(f"app02.{DNS_DOMAIN}", REALM, stale.address))
    assert isinstance(facts, ApInFacts)
    assert (facts.stage, facts.code, facts.text) == ("service", None, "STATUS_LOGON_FAILURE")
    assert judged(facts).reason_code == "refused"


async def test_a_guest_that_is_a_controller_is_asked_at_its_own_smb_server(domain: Domain, config: str):
    name, address = domain.controller.name, domain.controller.address
    facts = await tried(domain, config, of_smb(name, REALM, address))
    assert isinstance(facts, ApInFacts)
    assert (facts.stage, facts.admitted, facts.service) == ("done", True, f"cifs/{name}@{REALM}")


async def test_a_server_of_old_smb_only_says_nothing_about_tickets(domain: Domain, guest: Guest, config: str):
    smbd.serve(guest.node, ADMINISTRATOR, "server min protocol=NT1", "server max protocol=NT1")
    failure = await tried(domain, config, server(guest))
    assert isinstance(failure, Failure)
    assert (failure.kind, "SMB server of" in failure.detail) == (FailureKind.UNREACHABLE, True), failure
    smbd.serve(guest.node, ADMINISTRATOR)


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ((by_hand.login(1, by_hand.OK, b""),), "did not prove who it is (STATUS_SUCCESS)"),
        ((by_hand.login(1, by_hand.OK, b"", flags=1),), "did not prove who it is (STATUS_SUCCESS)"),
        ((by_hand.login(1, by_hand.MORE, b""),), "did not prove who it is"),
    ],
)
async def test_who_lets_us_in_without_the_key_of_the_service_has_proven_nothing(
    domain: Domain, guest: Guest, config: str, answers: tuple[bytes, ...], words: str
):
    with domain.lab.jump.in_network(), answering(framed(SMBD), *map(framed, answers)) as told:
        service = structs.replace(server(guest), over=OverSmb("127.0.0.1", told.port))
        failure = await tried(domain, config, service)
    assert isinstance(failure, Failure)
    assert (failure.kind, words in failure.detail) == (FailureKind.NOT_UNDERSTOOD, True), failure


async def test_a_kerberos_error_in_an_answer_that_waits_for_more_is_the_refusal_with_its_clock(
    domain: Domain, guest: Guest, config: str
):
    """As [MS-SMB2] section 3.3.5.5.3 lets a server do it; the error itself was recorded of another service."""
    answer = framed(by_hand.login(1, by_hand.MORE, bytes.fromhex(SPNEGO)))
    with domain.lab.jump.in_network(), answering(framed(SMBD), answer) as told:
        service = structs.replace(server(guest), over=OverSmb("127.0.0.1", told.port))
        facts = await tried(domain, config, service)
    assert isinstance(facts, ApInFacts)
    assert (facts.stage, facts.code, facts.shown_us) == ("service", 37, 0x0D3D1B)
    assert judged(facts).reason_code == "guest-ahead"


async def test_an_acceptance_whose_proof_is_forged_is_a_refusal(domain: Domain, guest: Guest, config: str):
    forged = bytes.fromhex("a1073005a0030a0100")  # SPNEGO: accepted, and no token inside
    answer = framed(by_hand.login(1, by_hand.OK, forged))
    with domain.lab.jump.in_network(), answering(framed(SMBD), answer) as told:
        service = structs.replace(server(guest), over=OverSmb("127.0.0.1", told.port))
        facts = await tried(domain, config, service)
    assert isinstance(facts, ApInFacts)
    assert (facts.stage, facts.code) == ("service", None)
