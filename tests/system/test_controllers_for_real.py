"""A real domain controller that is moved: two Samba controllers, one of whose disks goes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from cutover_tui.core.checks.registry import CHECKS, asked
from cutover_tui.core.evidence import Baseline, Evidence, MarkPoint
from cutover_tui.core.finding import Finding
from cutover_tui.core.runbook import GateCheck
from cutover_tui.engine.messages import Message, Seen
from cutover_tui.engine.watches.directory_login import ByPassword
from cutover_tui.engine.watches.watch_directory import DirectoryWatch
from probes.ad.directory import Directory
from probes.ad.dns import Names
from probes.breaker import Breaker
from probes.directory_seam import Controller as Asked
from probes.facts_controller import DcFacts, SysvolFacts
from probes.linux.domain import sysvol
from probes.net import SystemClock, SystemNetwork
from probes.observation import Observation, Raw
from probes.prompts import SecretRequest
from tests.system.nodes.domain import ADMINISTRATOR, DNS_DOMAIN, PASSWORD, REALM, Controller, Domain
from tests.system.nodes.lab import SystemLab
from tests.unit.evidence_builders import ANCHOR, at, observed, runbook

LOGIN = ("-U", f"{ADMINISTRATOR}%{PASSWORD}")
CONTEXTS = (
    "DC=corp,DC=example",
    "CN=Configuration,DC=corp,DC=example",
    "CN=Schema,CN=Configuration,DC=corp,DC=example",
)


@pytest.fixture(scope="module")
def domain() -> Iterator[Domain]:
    with SystemLab() as lab:
        yield Domain.provision(lab)


@pytest.fixture(scope="module")
def second(domain: Domain) -> Controller:
    return domain.promote("dc2")


class Answers:
    """Whoever asked for the password of the account gets it."""

    async def ask(self, request: SecretRequest) -> str | None:
        return PASSWORD

    def rejected(self, request: SecretRequest) -> None:
        raise AssertionError(f"{request.credential} was refused")


async def look(domain: Domain, dc: Controller, tmp_path: Path, user: str = ADMINISTRATOR) -> DcFacts:
    """What the watch sees of it as a guest of role dc."""
    ca = tmp_path / "ca.pem"
    ca.write_text(dc.certificate)
    seen: list[Observation] = []

    def emit(message: Message) -> None:
        assert isinstance(message, Seen)
        seen.append(message.observation)

    with domain.lab.jump.in_network():
        watch = DirectoryWatch(
            {dc.node.name: dc.address}, DNS_DOMAIN, "", lambda: (Asked(dc.name, dc.address, str(ca)),),
            ByPassword(f"{user}@{REALM}", prompts=Answers(), breaker=Breaker()), Directory(), Names(), SystemNetwork(), SystemClock(), emit,
            wanted=frozenset({"dc"}), moved=(dc.node.name,),
        )  # fmt: skip
        await watch.turn()
        watch.directory.close()
    assert sorted({o.reader for o in seen}) == ["cldap", "dc", "rootdse"], "nobody asked for accounts"
    (own,) = (o for o in seen if o.reader == "dc")
    assert isinstance(own.facts, DcFacts), own.failure
    assert (own.host, own.vantage) == (dc.node.name, "jump")
    return own.facts


def share(dc: Controller) -> SysvolFacts:
    (command,) = sysvol.READER.commands
    ran = dc.node.run(*command.argv, check=False)
    facts = sysvol.READER.parse((Raw(command.argv, ran.rc, ran.out, ran.err),))
    assert isinstance(facts, SysvolFacts), facts
    return facts


def judged(
    check: str, now: DcFacts, before: DcFacts | None = None, *, at_share: SysvolFacts | None = None
) -> Finding:
    """Marked an hour ago where there is a before."""
    seen = {"dc": now, **({"sysvol": at_share} if at_share is not None else {})}
    kept = (
        {"dc": before, "sysvol": at_share} if before is not None and at_share is not None else {"dc": before}
    )
    book, marked = runbook(), before is not None
    evidence = Evidence(
        host=structs.replace(book.hosts[0], role="dc"), now=at(3_700), anchor=ANCHOR, domain=book.domain,
        source="vmware", target="ahv", observations={k: (observed(k, 3_699, v),) for k, v in seen.items()}, jump={},
        samples=(), voids={}, mark=MarkPoint(3, at(99)) if marked else None,
        baseline=Baseline(2, at(98), "b1", {}, {k: v for k, v in kept.items() if v is not None}) if marked else None,
    )  # fmt: skip
    return CHECKS[check].run(evidence, asked(GateCheck(check=check)))


def replicate(into: Controller, out_of: Controller, *, check: bool = True) -> None:
    for context in CONTEXTS:
        into.tool("drs", "replicate", into.node.name, out_of.node.name, context, *LOGIN, check=check)


async def test_the_only_controller_of_a_forest_has_nobody_to_replicate_with(domain, tmp_path):
    facts = await look(domain, domain.controller, tmp_path)
    assert (facts.samba, facts.synchronized, facts.controllers, facts.inbound) == (True, True, 1, ())
    assert judged("dc.replication", facts).reason_code == "alone"
    assert (str(judged("dc.genid", facts).verdict), judged("dc.genid", facts).reason_code) == ("na", "samba")
    assert judged("dc.rid", facts).reason_code == "ok"
    assert judged("dc.sysvol", facts, facts, at_share=share(domain.controller)).reason_code == "ok"


async def test_a_healthy_second_one_passes_as_any_domain_user_may_see(domain, second, tmp_path):
    domain.controller.tool("user", "create", "eve", PASSWORD)
    replicate(second, domain.controller)
    for user in (ADMINISTRATOR, "eve"):
        facts = await look(domain, second, tmp_path, user)
        assert {p.context for p in facts.inbound} == set(CONTEXTS)
        assert judged("dc.replication", facts, facts).reason_code == "ok", facts
        assert judged("dc.rid", facts, facts).reason_code == "ok", facts
    # Samba copies no SYSVOL: a new controller has none of the policies it names until somebody does.
    empty = judged("dc.sysvol", facts, facts, at_share=share(second))
    assert (str(empty.verdict), empty.reason_code, empty.measured) == ("fail", "policies-missing", 2)
    policy = f"/var/lib/samba/sysvol/{DNS_DOMAIN}/Policies"
    for found in share(domain.controller).policies:
        second.node.run("mkdir", "-p", f"{policy}/{found.guid}")
        second.node.write(f"{policy}/{found.guid}/GPT.INI", f"[General]\r\nVersion={found.version}\r\n")
    assert judged("dc.sysvol", facts, facts, at_share=share(second)).reason_code == "ok"
    second.node.write(f"{policy}/{found.guid}/gpt.ini", "[General]\r\nVersion=7\r\n")
    second.node.run("rm", f"{policy}/{found.guid}/GPT.INI")
    assert judged("dc.sysvol", facts, facts, at_share=share(second)).reason_code == "versions-differ"


async def test_a_disk_that_goes_back_is_a_usn_rollback_that_its_partner_does_not_tell(
    domain, second, tmp_path
):
    second.stop()
    second.node.run("cp", "-a", "/var/lib/samba/private", "/var/lib/samba/older")
    second.start()
    for n in range(3):  # each takes a RID of its own pool, and USNs
        second.tool("user", "create", f"late{n}", PASSWORD)
    replicate(domain.controller, second, check=False)  # finds out that the connection it kept is no more
    replicate(domain.controller, second)
    before = await look(domain, second, tmp_path)
    second.stop()
    second.node.run(
        "sh", "-c", "rm -r /var/lib/samba/private; mv /var/lib/samba/older /var/lib/samba/private"
    )
    second.start()
    facts = await look(domain, second, tmp_path)
    print(before.highest_usn, facts.highest_usn, before.next_rid, facts.next_rid)
    back = judged("dc.replication", facts, before)
    assert (str(back.verdict), back.reason_code) == ("fail", "usn-rollback")
    again = judged("dc.rid", facts, before)
    assert (again.reason_code, again.measured) == ("rids-again", -3)
    # What an engineer would ask says nothing of it.
    showed = second.tool("drs", "showrepl", *LOGIN)
    assert (showed.rc, "0 consecutive failure(s)" in showed.out) == (0, True)
    assert facts.synchronized


@pytest.mark.timeout(300)
async def test_a_partner_that_is_gone_is_named_with_its_error(domain, second, tmp_path):
    before = await look(domain, second, tmp_path)
    domain.controller.stop()
    arguments = ("drs", "replicate", second.node.name, domain.controller.node.name, CONTEXTS[0], *LOGIN)
    # It takes a minute, more or less, to find that out; its exit status is not asked.
    second.tool(*arguments, check=False, timeout_s=150)
    facts = await look(domain, second, tmp_path)
    print(facts.inbound)
    failing = judged("dc.replication", facts, before)
    assert (failing.reason_code, "failed" in failing.reason) == ("partners-failing", True)
