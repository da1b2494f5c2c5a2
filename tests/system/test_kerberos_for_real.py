"""The incident in a real domain: what every tool hides, what a repaired clock leaves behind, what a proof finds."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from cutover_tui.core.finding import Finding
from cutover_tui.core.loading import load_text
from cutover_tui.core.runbook import Host
from cutover_tui.engine.assembly import Outside, Surroundings, ssh_target, watches_over
from cutover_tui.engine.export import exporter
from cutover_tui.engine.ground import Ground
from cutover_tui.engine.opening import Operator, started_on
from cutover_tui.engine.proofs.sudoers import drop_in
from cutover_tui.engine.secrets import Secrets
from cutover_tui.engine.session import Session
from cutover_tui.engine.sessions import new_session
from cutover_tui.engine.watches.probe_loop import Attempts, ProbeLoop
from probes.breaker import Breaker
from probes.exchange import Cache, Initiator
from probes.facts_kerberos import CachesFacts, ExchangeFacts, KeytabFacts
from probes.linux import CACHES, KEYTAB
from probes.linux.domain import exchange
from probes.net import SystemClock, SystemNetwork
from probes.observation import FailureKind
from probes.reader import Command
from probes.ssh import SshGuest
from probes.ssh.known_hosts import KnownHosts
from tests.system.nodes.domain import DNS_DOMAIN, PASSWORD, REALM, Domain
from tests.system.nodes.lab import Guest, SystemLab
from tests.system.test_probes_for_real import connected

CUTOVER = str(Path(sys.executable).with_name("cutover"))
MACHINE = f"APP01$@{REALM}"
SECOND = 10**9
EXCHANGES = ("kerberos.as", "kerberos.tgs", "kerberos.ap-out")
RUNBOOK = """\
schema: 1
change: {{id: CHG0030213, title: app01, window: {{start: "2020-01-01T00:00:00Z", end: "2099-01-01T00:00:00Z"}}}}
source: {{platform: kvm}}
target: {{platform: kvm}}
domain: {{realm: CORP.EXAMPLE, controllers: [dc1.corp.example], references: [{references}]}}
credentials: {{lab: {{method: key, key: {key}}}}}
hosts:
  - {{name: app01, address: {address}, user: engineer, escalation: sudo, credential: lab}}
phases:
  - id: identity
    title: Identity
    steps:
      - id: tickets
        title: The guest gets tickets
        gate:
          - check: kdc.clock
          - check: kerberos.margin
          - check: kerberos.as
          - check: kerberos.tgs
          - check: kerberos.ap-out
          - check: kerberos.caches
"""


@pytest.fixture(scope="module")
def domain() -> Iterator[Domain]:
    with SystemLab() as lab:
        lab.reference("ntp1")
        lab.reference("ntp2")
        made = Domain.provision(lab)
        made.join(lab.guest("app01", vendor="QEMU"))
        yield made


@pytest.fixture(autouse=True)
def in_order(domain: Domain) -> None:
    domain.controller.set_offset(0)
    guest = domain.members["app01"]
    guest.clock.set_offset(0)
    guest.node.run("sh", "-c", "rm -f /tmp/krb5cc_*")


class Named(SystemNetwork):
    """The jump host's network, where the controller's name has an address that this machine does not know."""

    def __init__(self, names: dict[str, str]) -> None:
        super().__init__()
        self._names = names

    async def udp(self, host, *args, **kwargs):
        return await super().udp(self._names.get(host, host), *args, **kwargs)

    async def tcp(self, host, *args, **kwargs):
        return await super().tcp(self._names.get(host, host), *args, **kwargs)


def ground(domain: Domain, attempts: Callable[..., Mapping[str, Attempts]] = lambda *_: {}) -> Ground:
    """This machine as the jump host, inside the lab's network."""
    clock, lab = SystemClock(), domain.lab
    network = Named({domain.controller.name: domain.controller.address})
    around = Surroundings(Path(lab.known_hosts), ssh_config=())

    def probes(runbook, anchor, emit):
        def make():
            secrets, breaker = Secrets(emit), Breaker()

            def guest(host: Host) -> SshGuest:
                known = KnownHosts([lab.known_hosts])
                target = ssh_target(host, runbook, around)
                return SshGuest(
                    host.name, target, clock=clock, known_hosts=known, prompts=secrets, breaker=breaker
                )

            outside = Outside(guest, network, lambda _host: None)
            initiator = partial(Initiator, Cache(), prompts=secrets, breaker=breaker)
            made = attempts(runbook, clock, emit, around, initiator)
            return watches_over(runbook, clock, anchor, emit, outside, made), secrets

        return ProbeLoop(make)

    return Ground(clock, probes)


class Sitting:
    """A session whose step is under way, and what its checks say."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def findings(self) -> dict[str, Finding]:
        return {f.check: f for f in self.session.step("tickets", "app01").live.findings}

    def codes(self, *checks: str) -> dict[str, tuple[str, str]]:
        found = self.findings()
        return {c: (str(found[c].verdict), found[c].reason_code) for c in checks or found}

    async def until(self, true: Callable[[], bool], within_s: float = 20) -> None:
        """Polled: what is waited for is a verdict, which nobody announces."""
        end = time.monotonic() + within_s
        while not true():
            assert time.monotonic() < end, self.codes()
            await asyncio.sleep(0.1)

    async def says(self, check: str, verdict: str, code: str, within_s: float = 20) -> Finding:
        await self.until(lambda: self.codes(check)[check] == (verdict, code), within_s)
        return self.findings()[check]

    async def prove(self) -> None:
        await self.until(lambda: self.session.proof("app01").refused is None)
        view = self.session.proof("app01")
        assert await self.session.prove("app01", view.commands) is None


@asynccontextmanager
async def sitting(
    domain: Domain,
    path: Path,
    book: str = RUNBOOK,
    attempts: Callable[..., Mapping[str, Attempts]] = lambda *_: {},
) -> AsyncIterator[Sitting]:
    lab, guest = domain.lab, domain.members["app01"]
    references = ", ".join(node.address for node in (lab.servers["ntp1"], lab.servers["ntp2"]))
    text = book.format(references=references, key=lab.user_key, address=guest.address)
    loaded = load_text(text, "app01.yaml")
    directory = new_session(path / "state", loaded.runbook.change.id, SystemClock().now())
    with lab.jump.in_network():
        async with started_on(
            loaded, directory, Operator("ana", "jump"), ground(domain, attempts), exporter(directory)
        ) as session:
            await session.start_step("tickets", "app01")
            yield Sitting(session)


def left_on(guest: Guest) -> str:
    return guest.node.run("sh", "-c", "ls -d /run/cutover-* 2>/dev/null", check=False).out


async def test_a_healthy_guest_passes_without_waiver_and_nothing_is_left_behind(
    domain: Domain, tmp_path: Path
):
    async with sitting(domain, tmp_path) as at:
        await at.says("kerberos.as", "unknown", "not-approved")
        await at.prove()
        await at.until(lambda: set(at.codes().values()) == {("pass", "ok")}, within_s=30)
        decision = await at.session.mark_done("tickets", "app01")
        assert decision.outcome == "open", decision
    assert left_on(domain.members["app01"]) == ""


async def test_at_600_s_everything_is_green_and_the_gate_names_what_is_hidden(domain: Domain, tmp_path: Path):
    guest = domain.members["app01"]
    guest.clock.set_offset(600 * SECOND)
    cache = {"KRB5CCNAME": "FILE:/tmp/krb5cc_0"}
    assert guest.node.run("kinit", "-k", MACHINE, env=cache).rc == 0
    assert guest.node.run("adcli", "testjoin", check=False).rc == 0
    assert guest.node.run("net", "ads", "testjoin", check=False).rc == 0

    async with sitting(domain, tmp_path) as at:
        margin = await at.says("kerberos.margin", "fail", "beyond-tolerance")
        assert abs(margin.measured - 600 * SECOND) < 2 * SECOND
        await at.prove()
        refused = await at.says("kerberos.as", "fail", "skew")
        assert "error 37: Clock skew too great" in refused.reason
        assert "kinit works on this guest only because the library hides 600" in refused.reason
        assert at.codes("kerberos.tgs") == {"kerberos.tgs": ("unknown", "not-tried")}
        assert (await at.session.mark_done("tickets", "app01")).outcome == "refused"

        # The clock is right again, and what was taken meanwhile breaks by that.
        guest.clock.set_offset(0)
        service = f"ldap/dc1.{DNS_DOMAIN}"
        broken = guest.node.run("kvno", service, env=cache, check=False)
        assert (broken.rc, "Clock skew too great" in broken.err) == (1, True)
        await at.session.look_again("app01")
        old = await at.says("kerberos.caches", "fail", "made-while-off")
        assert "/tmp/krb5cc_0 of root" in old.reason
        await at.says("kerberos.margin", "pass", "ok")
        await at.prove()
        assert set(at.codes(*EXCHANGES).values()) == {("pass", "ok")}
        assert (await at.session.mark_done("tickets", "app01")).outcome == "refused", "the old cache is left"

        guest.node.run("kinit", "-k", MACHINE, env=cache)
        assert guest.node.run("kvno", service, env=cache).rc == 0
        await at.session.look_again("app01")
        await at.says("kerberos.caches", "pass", "ok")
        await at.until(lambda: set(at.codes().values()) == {("pass", "ok")}, within_s=30)
        assert (await at.session.mark_done("tickets", "app01")).outcome == "open"
    assert left_on(guest) == ""


def test_a_look_without_a_session_names_it_too(domain: Domain):
    lab, guest = domain.lab, domain.members["app01"]
    guest.clock.set_offset(-600 * SECOND)
    text = RUNBOOK.format(references="ntp1, ntp2", key="/root/.ssh/id_ed25519", address=guest.address)
    lab.jump.write("/root/runbook.yaml", text.replace("dc1.corp.example", "dc1"))
    ours = {"PYTHONPATH": str(Path(__file__).parents[2])}
    argv = (CUTOVER, "check", "--json", "/root/runbook.yaml")
    ran = lab.jump.run(*argv, check=False, timeout_s=60, env=ours)
    (decision,) = json.loads(ran.out)
    found = {f["check"]: (f["verdict"], f["reason_code"]) for f in decision["findings"]}
    assert ran.rc == 1
    assert found["kerberos.margin"] == ("fail", "beyond-tolerance")
    assert found["kdc.clock"][0] != "fail", "the controller is right"
    assert found["kerberos.as"] == ("unknown", "not-approved")


async def test_a_controller_400_s_ahead_is_named_and_not_the_guest(domain: Domain, tmp_path: Path):
    domain.controller.set_offset(400)
    async with sitting(domain, tmp_path) as at:
        apart = await at.says("kdc.clock", "fail", "kdc-apart")
        assert apart.reason.startswith(f"{domain.controller.name} +400")
        assert "guests are not to blame" in apart.remedy
        await at.prove()
        await at.says("kerberos.as", "fail", "skew")


async def test_a_password_changed_elsewhere_is_a_stale_keytab(domain: Domain, tmp_path: Path):
    domain.controller.tool("user", "setpassword", "APP01$", f"--newpassword={PASSWORD}-2")
    async with sitting(domain, tmp_path) as at:
        await at.prove()
        refused = await at.says("kerberos.as", "fail", "stale-keytab")
        assert "error 24: Preauthentication failed" in refused.reason


async def test_a_drop_in_of_exactly_these_commands_is_enough(domain: Domain):
    """An account that may not become root: visudo takes the drop-in, and a whole attempt runs through it."""
    lab = domain.lab
    guest = domain.join(lab.guest("app02", vendor="QEMU", escalation="none"))
    text = RUNBOOK.format(references="ntp1", key=lab.user_key, address=guest.address).replace(
        "app01", "app02"
    )
    runbook = load_text(text, "app02.yaml").runbook
    printed = drop_in(runbook, runbook.hosts[0], user="engineer", principal=f"APP02$@{REALM}")
    guest.node.write("/etc/sudoers.d/cutover", printed, mode=0o440)
    assert guest.node.run("visudo", "-cf", "/etc/sudoers.d/cutover").out.endswith("parsed OK\n")
    for beyond in (("sh",), ("rm", "-rf", "/run/x"), ("env", "klist", "-kteK"), ("find", "/run")):
        assert guest.node.run("sudo", "-n", *beyond, user="engineer", check=False).rc == 1, beyond

    plan = exchange.Plan(f"APP02$@{REALM}", domain.controller.name, runbook.change.id)
    with lab.jump.in_network():
        async with connected(lab, guest) as ours:
            assert isinstance(KEYTAB.parse(await ours.run(KEYTAB.commands)), KeytabFacts)
            assert isinstance(CACHES.parse(await ours.run(CACHES.commands)), CachesFacts)
            facts = exchange.parse(await ours.run(exchange.commands(plan)))
            (refused,) = await ours.run((Command(("id", "-u"), elevate=True),))
    assert isinstance(facts, ExchangeFacts), facts
    assert {e.outcome for e in facts.exchanges} == {"ok"}
    assert facts.removed
    assert refused.failure is not None
    assert refused.failure.kind is FailureKind.DENIED
