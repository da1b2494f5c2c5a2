"""A domain that only its guests reach: a real Samba controller behind a real firewall, seen through real sshd."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from cutover_tui.core.checks.kerberos.kdc_interval import kdc_clock, ldap_clock
from cutover_tui.engine.messages import Message, Seen
from cutover_tui.engine.watches.watch_kdc_from_guest import GuestKdcs
from probes.ad import discovery
from probes.ad.dns import Names, Question
from probes.ad.records import Asked
from probes.facts_directory import Answer, DiscoveryFacts, GuestRootDseFacts
from probes.facts_kerberos import KdcFacts
from probes.kerberos import kdc
from probes.net import SystemClock, SystemNetwork
from probes.observation import Failure, FailureKind, Identity, Instant, Observation
from tests.system.nodes.domain import DNS_DOMAIN, REALM, Domain
from tests.system.nodes.lab import Guest, SystemLab
from tests.system.test_kerberos_for_real import CUTOVER, RUNBOOK, sitting
from tests.system.test_probes_for_real import connected

SECOND = 10**9
SLACK_NS = 10_000_000
SITE = "Default-First-Site-Name"


@pytest.fixture(scope="module")
def domain() -> Iterator[Domain]:
    with SystemLab() as lab:
        lab.reference("ntp1")
        lab.reference("ntp2")
        made = Domain.provision(lab)
        made.join(lab.guest("app01", vendor="QEMU"))
        made.join(lab.guest("app02", vendor="QEMU", sshd_options=["AllowTcpForwarding no"]))
        yield made


@pytest.fixture(autouse=True)
def in_order(domain: Domain) -> None:
    domain.controller.set_offset(0)
    for guest in domain.members.values():
        guest.clock.set_offset(0)


@pytest.fixture
def segmented(domain: Domain) -> Iterator[Domain]:
    """Packets of the jump host to the controller get lost, as behind a firewall that drops: nobody has that MAC."""
    jump, there = domain.lab.jump, domain.controller.address
    jump.run("ip", "neigh", "replace", there, "lladdr", "02:00:00:00:00:01", "nud", "permanent", "dev", "br0")
    yield domain
    jump.run("ip", "neigh", "del", there, "dev", "br0")


class Enough(Exception):  # noqa: N818 - what it is
    """As many answers are in as were wanted."""


async def through(
    domain: Domain, guest: Guest, want: int, server: str | None = None
) -> tuple[Instant, list[Observation]]:
    """What that guest shows of the controller's KDC."""
    clock, seen = SystemClock(), list[Observation]()
    anchor = clock.now()

    def emit(message: Message) -> None:
        assert isinstance(message, Seen)
        seen.append(message.observation)
        if len(seen) == want:
            raise Enough

    with domain.lab.jump.in_network():
        asker = kdc.Asker(SystemNetwork(), clock, REALM)
        names = (server or domain.controller.name,)
        async with connected(domain.lab, guest) as ours:
            watch = GuestKdcs(guest.name, ours, lambda: names, lambda _s: True, asker, clock, anchor, emit)
            with pytest.raises(Enough):
                await watch.run(Identity)
    return anchor, seen


@pytest.mark.parametrize("wrong_by_s", [0, 400, -47.25])
async def test_the_guest_carries_our_question_and_the_interval_holds_the_truth(
    segmented: Domain, wrong_by_s: float
):
    segmented.controller.set_offset(wrong_by_s)
    with segmented.lab.jump.in_network():
        asker = kdc.Asker(SystemNetwork(), SystemClock(), REALM)
        unheard = kdc.parse((await asker.ask(segmented.controller.address, timeout_s=0.3),))
    assert isinstance(unheard, Failure), "the firewall is closed"
    anchor, seen = await through(segmented, segmented.members["app01"], 2)
    assert {(o.reader, o.host, o.vantage) for o in seen} == {("kdc", "app01", "guest")}
    facts = seen[-1].facts
    assert isinstance(facts, KdcFacts), seen[-1].failure
    assert (facts.transport, facts.code, facts.answered_realm) == ("tcp", 6, REALM)
    known = kdc_clock(seen, anchor, SystemClock().mono_ns())
    assert known is not None
    truth = segmented.controller.node.clock.offset_ns()
    assert known.low_ns - SLACK_NS <= truth <= known.high_ns + SLACK_NS
    assert known.high_ns - known.low_ns < 2 * SECOND


@pytest.mark.parametrize("wrong_by_s", [0, 400])
async def test_an_sshd_that_forwards_nothing_is_named_and_ldapsearch_shows_the_clock(
    segmented: Domain, wrong_by_s: float
):
    segmented.controller.set_offset(wrong_by_s)
    anchor, (refused, shown) = await through(segmented, segmented.members["app02"], 2)
    assert refused.failure is not None
    assert refused.failure.kind is FailureKind.DENIED
    assert "AllowTcpForwarding" in refused.failure.detail
    assert isinstance(shown.facts, GuestRootDseFacts), shown.failure
    assert shown.facts.dns_host_name.lower() == segmented.controller.name
    known = ldap_clock([shown], anchor, SystemClock().mono_ns())
    assert known is not None
    truth = segmented.controller.node.clock.offset_ns()
    assert known.low_ns - SLACK_NS <= truth <= known.high_ns + SLACK_NS
    assert known.high_ns - known.low_ns < 3 * SECOND


async def test_a_controller_the_guest_does_not_reach_either_is_unreachable(segmented: Domain):
    nobody = segmented.lab.servers["ntp1"].address
    _, (seen,) = await through(segmented, segmented.members["app01"], 1, nobody)
    assert seen.failure is not None
    assert seen.failure.kind is FailureKind.UNREACHABLE
    assert "from app01" in seen.failure.detail


async def test_a_session_decides_by_the_guests_path(segmented: Domain, tmp_path: Path):
    guest = segmented.members["app01"]
    async with sitting(segmented, tmp_path) as at:
        clock = await at.says("kdc.clock", "pass", "ok", within_s=40)
        assert "kdc@guest" in clock.provenance
        assert "kdc@jump" not in clock.provenance
        await at.says("kerberos.margin", "pass", "ok")
        await at.prove()
        await at.until(lambda: set(at.codes().values()) == {("pass", "ok")}, within_s=30)
        guest.clock.set_offset(600 * SECOND)
        await at.session.look_again("app01")
        margin = await at.says("kerberos.margin", "fail", "beyond-tolerance")
        assert abs(margin.measured - 600 * SECOND) < 3 * SECOND
        segmented.controller.set_offset(400)
        await at.session.look_again("app01")
        apart = await at.says("kdc.clock", "fail", "kdc-apart", within_s=40)
        assert apart.reason.startswith(f"{segmented.controller.name} +40")
        assert abs(apart.measured - 400 * SECOND) <= apart.bound + SECOND


async def test_dns_names_the_real_controllers_of_the_site_and_of_the_domain(domain: Domain):
    names = Names()

    async def ask(questions: Sequence[Asked]) -> Sequence[Answer]:
        return await names.ask(
            [Question(domain.controller.address, name, kind) for _, name, kind in questions]
        )

    with domain.lab.jump.in_network():
        for site in (SITE, "", "Nowhere"):
            facts = discovery.parse((await discovery.discover(ask, DNS_DOMAIN, site),))
            assert isinstance(facts, DiscoveryFacts)
            assert facts.controllers == (domain.controller.name,), site
        facts = discovery.parse((await discovery.discover(ask, "nowhere.example", ""),))
    assert isinstance(facts, DiscoveryFacts)
    assert facts.controllers == ()


@pytest.mark.parametrize("vantage", ["[jump]", "[guest]"])
def test_a_look_finds_the_controllers_itself(domain: Domain, vantage: str):
    """The runbook lists none; the jump host's resolver is the domain's, as at most sites."""
    jump, guest = domain.lab.jump, domain.members["app01"]
    jump.write("/etc/resolv.conf", f"nameserver {domain.controller.address}\n")
    references = ", ".join(domain.lab.servers[name].address for name in ("ntp1", "ntp2"))
    text = RUNBOOK.format(references=references, key="/root/.ssh/id_ed25519", address=guest.address)
    text = text.replace("controllers: [dc1.corp.example]", f"site: {SITE}")
    jump.write("/root/runbook.yaml", text.replace("escalation:", f"vantage: {vantage}, escalation:"))
    argv = (CUTOVER, "check", "--json", "/root/runbook.yaml")
    ran = jump.run(*argv, check=False, timeout_s=60, env={"PYTHONPATH": str(Path(__file__).parents[2])})
    (decision,) = json.loads(ran.out)
    found = {f["check"]: f for f in decision["findings"]}
    assert found["kdc.clock"]["verdict"] == "pass", found["kdc.clock"]["reason"]
    assert domain.controller.name in found["kdc.clock"]["reason"]
    assert f"kdc@{vantage.strip('[]')}" in found["kdc.clock"]["provenance"]
    assert found["kerberos.margin"]["verdict"] == "pass", found["kerberos.margin"]["reason"]
