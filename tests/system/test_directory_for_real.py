"""A real domain controller's directory and DNS from the jump host, healthy and broken in known ways."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from cutover_tui.core.checks.registry import CHECKS, asked
from cutover_tui.core.evidence import Baseline, Evidence, MarkPoint
from cutover_tui.core.runbook import GateCheck
from cutover_tui.engine.messages import Message, Seen
from cutover_tui.engine.watches.directory_login import ByPassword
from cutover_tui.engine.watches.watch_directory import DirectoryWatch
from probes.ad import account, rootdse
from probes.ad.directory import Directory
from probes.ad.dns import Names
from probes.breaker import Breaker
from probes.directory_seam import Anonymous, Controller, DirectoryError, Simple, Ticket
from probes.facts_directory import AccountFacts, CldapFacts, DnsFacts, PathsFacts, RootDseFacts, TrustFacts
from probes.linux.domain import ad_paths, addresses, keytab, trust
from probes.net import SystemClock, SystemNetwork
from probes.observation import JUMP, Failure, FailureKind, Observation, Raw
from probes.reader import Command, Reader
from tests.system.nodes.domain import ADMINISTRATOR, DNS_DOMAIN, PASSWORD, REALM, Domain
from tests.system.nodes.lab import SystemLab
from tests.system.nodes.node import Node
from tests.system.test_ap_in_for_real import Answers
from tests.unit.evidence_builders import ANCHOR, at, observed, runbook

ADMIN = Simple(f"{ADMINISTRATOR}@{REALM}", PASSWORD)
ANYBODY = Anonymous()
SPNS = tuple(f"http/büro-{n:05}.{DNS_DOMAIN}" for n in range(10_000))
LOGIN = ("-U", f"{ADMINISTRATOR}%{PASSWORD}")


@pytest.fixture(scope="module")
def domain() -> Iterator[Domain]:
    with SystemLab() as lab:
        made = Domain.provision(lab)
        made.join(lab.guest("app01"))
        yield made


@pytest.fixture(scope="module")
def controller(domain: Domain, tmp_path_factory: pytest.TempPathFactory) -> Controller:
    ca = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.write_text(domain.controller.certificate)
    return Controller(domain.controller.name, domain.controller.address, str(ca))


async def accounts(domain: Domain, controller: Controller, *names: str, bind=ADMIN) -> list[AccountFacts]:
    with domain.lab.jump.in_network(), Directory() as directory:
        raws = await directory.ask(
            controller, bind, lambda s: [account.ask(s, "dc1", n, DNS_DOMAIN) for n in names]
        )
    found = [account.parse((raw,)) for raw in raws]
    assert all(isinstance(f, AccountFacts) for f in found), found
    return found


async def refusal(domain: Domain, controller: Controller, bind=ANYBODY) -> DirectoryError:
    with domain.lab.jump.in_network(), Directory() as directory, pytest.raises(DirectoryError) as raised:
        await directory.ask(controller, bind, lambda s: account.ask(s, "dc1", "app01", DNS_DOMAIN))
    return raised.value


def judged(check: str, *seen: Observation, before: object = None, keytab: bool = False):
    by = {r: tuple(o for o in seen if o.reader == r) for r in CHECKS[check].readers}
    book = runbook()
    baseline = None if before is None else Baseline(2, at(1), "b1", {}, {CHECKS[check].readers[0]: before})
    domain = structs.replace(book.domain, realm=REALM)
    evidence = Evidence(
        host=book.hosts[0], now=at(100), anchor=ANCHOR, domain=domain, source="vmware", target="ahv",
        observations=by, jump={}, samples=(), voids={}, mark=MarkPoint(3, at(2)) if before is not None else None,
        baseline=baseline,
    )  # fmt: skip
    params = {"keytab": keytab} if check == "ad.object" else {}
    return CHECKS[check].run(evidence, asked(GateCheck(check=check, params=params)))


def read(node: Node, reader: Reader) -> object:
    def raw(command: Command) -> Raw:
        try:
            ran = node.run(*command.argv, check=False, timeout_s=command.timeout_s)
        except subprocess.TimeoutExpired:
            return Raw(command.argv, None, "", failure=Failure(FailureKind.TIMEOUT, "no end in time"))
        return Raw(command.argv, ran.rc, ran.out, ran.err)

    return reader.parse(tuple(map(raw, reader.commands)))


CHANGE = """\
import sys, ldb
from samba.samdb import SamDB
from samba.auth import system_session
from samba.param import LoadParm
store, cn, how, name, *values = sys.argv[1:]
values = values or sys.stdin.read().split()
path = "/var/lib/samba/private/" + store
db = SamDB(path, session_info=system_session(), lp=LoadParm()) if store == "sam.ldb" else ldb.Ldb(path)
message = ldb.Message(ldb.Dn(db, f"CN={cn},CN=Computers,DC=corp,DC=example"))
message[name] = ldb.MessageElement(values, {"add": ldb.FLAG_MOD_ADD, "replace": ldb.FLAG_MOD_REPLACE}[how], name)
db.modify(message)
"""


def change(domain: Domain, *arguments: str) -> None:
    first, rest = arguments[:4], arguments[4:]
    domain.controller.node.run("/usr/bin/python3", "-c", CHANGE, *first, stdin="\n".join(rest), timeout_s=60)


@pytest.mark.parametrize("tls", ["ldaps", "starttls"])
async def test_a_healthy_account_and_a_controllers_clock_over_verified_tls(domain, controller, tls):
    clock = SystemClock()
    domain.controller.set_offset(-47.25)
    try:
        with domain.lab.jump.in_network(), Directory() as directory:
            anchor = clock.now()
            raw = await directory.ask(
                replace(controller, tls=tls),
                Anonymous(),
                lambda s: rootdse.ask(s, "dc1", clock.mono_ns, anchor.on_timescale),
            )
        facts = rootdse.parse((raw,))
        print(facts)
        assert isinstance(facts, RootDseFacts)
        low, high = facts.shows(anchor.utc_ns - anchor.boottime_ns)
        assert low - 10**6 <= domain.controller.node.clock.offset_ns() <= high + 10**6
        assert (facts.dns_host_name, facts.synchronized) == (domain.controller.name, True)
    finally:
        domain.controller.set_offset(0)
    (found,) = await accounts(domain, replace(controller, tls=tls), "app01")
    assert (found.found, found.sam, found.enabled, found.duplicates) == (1, "APP01$", True, ())
    assert found.dns_host_name == f"app01.{DNS_DOMAIN}"
    assert f"HOST/app01.{DNS_DOMAIN}".casefold() in {s.casefold() for s in found.spns}
    assert found.kvno is not None
    assert judged("ad.object", observed("account", 99, found), before=found).reason_code == "ok"


async def test_who_cannot_be_trusted_or_logged_in_to_is_one_clear_failure(domain, controller):
    untrusted = (await refusal(domain, replace(controller, ca_file=None))).failure
    assert (untrusted.kind, "not trusted here" in untrusted.detail) == (FailureKind.UNTRUSTED, True)
    for tls in ("ldaps", "starttls"):
        other = (await refusal(domain, replace(controller, name=f"dc9.{DNS_DOMAIN}", tls=tls))).failure
        assert (other.kind, "another name" in other.detail) == (FailureKind.UNTRUSTED, True)
    wrong = (await refusal(domain, controller, Simple(ADMIN.user, "wrong-one"))).failure
    assert (wrong.kind, "wrong user or password" in wrong.detail) == (FailureKind.DENIED, True)
    assert "wrong-one" not in wrong.detail + repr(Simple(ADMIN.user, "wrong-one"))
    nobody = (await refusal(domain, controller)).failure
    assert (nobody.kind, "has not logged in" in nobody.detail) == (FailureKind.DENIED, True)
    closed = (await refusal(domain, replace(controller, port=89))).failure
    assert (closed.kind, "refused" in closed.detail) == (FailureKind.UNREACHABLE, True)
    no_tls = (await refusal(domain, replace(controller, port=88))).failure
    assert (no_tls.kind, "no TLS" in no_tls.detail) == (FailureKind.NOT_UNDERSTOOD, True)


# Samba's own certificate has the serial number 0; ldap3 reads it for the channel binding.
@pytest.mark.filterwarnings("ignore:Parsed a serial number:cryptography.utils.CryptographyDeprecationWarning")
async def test_a_ticket_is_enough_and_one_from_before_a_jump_is_refused_by_skew(
    domain, controller, tmp_path: Path, monkeypatch
):
    conf, ccache = tmp_path / "krb5.conf", tmp_path / "ccache"
    conf.write_text(domain.krb5_conf())
    monkeypatch.setenv("KRB5_CONFIG", str(conf))
    ticket = Ticket(f"FILE:{ccache}")
    none = (await refusal(domain, controller, ticket)).failure
    assert (none.kind, "run kinit" in none.detail) == (FailureKind.DENIED, True)

    def kinit() -> None:
        argv = ["kinit", "-c", str(ccache), f"{ADMINISTRATOR}@{REALM}"]
        with domain.lab.jump.in_network():
            subprocess.run(
                argv, input=f"{PASSWORD}\n", text=True, check=True, capture_output=True, timeout=20
            )

    kinit()
    (found,) = await accounts(domain, controller, "app01", bind=ticket)
    assert found.sam == "APP01$"
    kinit()  # without the service ticket of before
    domain.controller.set_offset(400)
    try:
        refused = await refusal(domain, controller, ticket)
    finally:
        domain.controller.set_offset(0)
    assert (refused.kerberos, refused.failure.kind) == (37, FailureKind.SKEW)
    assert "because clocks differ: Clock skew too great (Kerberos error 37)" in refused.failure.detail


async def test_what_breaks_an_account_is_seen(domain, controller):
    tool = domain.controller.tool
    (healthy,) = await accounts(domain, controller, "app01")
    assert (await accounts(domain, controller, "nobody"))[0].found == 0

    tool("computer", "create", "büro-02")
    tool("spn", "add", f"http/büro.{DNS_DOMAIN}", "büro-02$")
    tool("computer", "create", "app02")
    # Below the modules that keep names unique, as a controller does that has not replicated yet.
    store = "sam.ldb.d/DC=CORP,DC=EXAMPLE.ldb"
    change(domain, store, "app02", "add", "servicePrincipalName", f"HOST/APP01.{DNS_DOMAIN}")
    umlaut, doubled = await accounts(domain, controller, "büro-02", "app01")
    assert (umlaut.sam, umlaut.spns) == ("büro-02$", (f"http/büro.{DNS_DOMAIN}",))
    finding = judged("ad.object", observed("account", 99, doubled), before=healthy)
    assert finding.reason_code == "duplicate-spn"
    assert "CN=app02," in finding.reason
    tool("computer", "delete", "app02")

    change(domain, "sam.ldb", "APP01", "replace", "userAccountControl", "4098")
    (disabled,) = await accounts(domain, controller, "app01")
    assert judged("ad.object", observed("account", 99, disabled), before=healthy).reason_code == "disabled"
    change(domain, "sam.ldb", "APP01", "replace", "userAccountControl", "4096")

    domain.members["app01"].node.run("net", "ads", "changetrustpw", timeout_s=60)
    (rotated,) = await accounts(domain, controller, "app01")
    assert rotated.pwd_last_set_ns > healthy.pwd_last_set_ns
    assert rotated.kvno == healthy.kvno + 1
    now_old = judged("ad.object", observed("account", 99, healthy), before=rotated)
    assert now_old.reason_code == "password-rolled-back"
    assert judged("ad.object", observed("account", 99, rotated), before=healthy).reason_code == "ok"


async def test_a_keytab_that_stayed_behind_or_is_ahead_of_the_directory(domain, controller):
    node = domain.members["app01"].node
    node.run("cp", "/etc/krb5.keytab", "/root/older.keytab")

    async def found(before: AccountFacts, *, earlier: AccountFacts | None = None):
        (account_now,) = await accounts(domain, controller, "app01")
        held = read(node, keytab.READER)
        seen = observed("account", 98, earlier or account_now)
        twice = observed("keytab", 97, held), observed("keytab", 99.5, held)
        return judged("ad.object", seen, *twice, before=before, keytab=True)

    (before,) = await accounts(domain, controller, "app01")
    healthy = await found(before)
    assert healthy.reason_code == "ok", healthy
    assert f"the keytab has its newest key, version {before.kvno}" in healthy.reason
    node.run("net", "ads", "changetrustpw", timeout_s=60)
    renewed = await found(before)
    assert (renewed.reason_code, f"version {before.kvno + 1}" in renewed.reason) == ("ok", True), renewed
    ahead = await found(before, earlier=before)
    assert (ahead.reason_code, ahead.measured) == ("keytab-newer", 1)
    node.run("cp", "/etc/krb5.keytab", "/root/newer.keytab")
    node.run("cp", "/root/older.keytab", "/etc/krb5.keytab")
    stale = await found(before)
    node.run("cp", "/root/newer.keytab", "/etc/krb5.keytab")
    assert (str(stale.verdict), stale.reason_code, stale.measured) == ("fail", "stale-keytab", -1)
    change(domain, "sam.ldb", "APP01", "replace", "servicePrincipalName", *SPNS)
    began = time.monotonic()
    (many,) = await accounts(domain, controller, "app01")
    change(domain, "sam.ldb", "APP01", "replace", "servicePrincipalName", *before.spns)
    print(f"{len(many.spns)} names in {time.monotonic() - began:.1f} s")
    assert (len(many.spns), many.duplicates, many.spns_compared) == (len(SPNS), (), True)
    lost = judged("ad.object", observed("account", 99, structs.replace(many, spns=before.spns)), before=many)
    assert (lost.reason_code, lost.measured > 9_000, len(lost.reason) < 300) == ("spns-lost", True, True)


async def test_one_turn_of_the_watch_asks_for_everything(domain, controller):
    clock, network, seen = SystemClock(), SystemNetwork(), list[Observation]()
    guest = domain.members["app01"]

    def emit(message: Message) -> None:
        assert isinstance(message, Seen)
        seen.append(message.observation)

    async def turn() -> dict[str, Observation]:
        seen.clear()
        login = ByPassword(ADMIN.user, prompts=Answers(), breaker=Breaker())
        with domain.lab.jump.in_network():
            watch = DirectoryWatch(
                {"app01": guest.address}, DNS_DOMAIN, "Default-First-Site-Name", lambda: (controller,), login,
                Directory(), Names(), network, clock, emit,
            )  # fmt: skip
            await watch.turn()
            watch.directory.close()
        return {o.reader: o for o in seen}

    by = await turn()
    assert {(o.reader, o.host) for o in seen} == {
        ("cldap", JUMP), ("rootdse", JUMP), ("account", "app01"), ("dns", "app01"),
    }  # fmt: skip
    assert {o.vantage for o in seen} == {"jump"}
    ping = by["cldap"].facts
    assert isinstance(ping, CldapFacts)
    assert (ping.server_site, ping.domain, ping.pdc) == ("Default-First-Site-Name", DNS_DOMAIN, True)
    assert ping.good_timeserv
    where = observed("addresses", 99, read(guest.node, addresses.READER))
    assert isinstance(by["dns"].facts, DnsFacts)
    finding = judged("ad.dns", by["dns"], where)
    assert (finding.reason_code, "ptr: false" in finding.remedy) == ("no-answer", True)  # it has no such zone
    zone = ".".join(reversed(guest.address.split(".")[:3])) + ".in-addr.arpa"
    dns = ("dns", "add", domain.controller.name)
    domain.controller.tool("dns", "zonecreate", domain.controller.name, zone, *LOGIN)
    domain.controller.tool(*dns, zone, guest.address.rpartition(".")[2], "PTR", f"app01.{DNS_DOMAIN}", *LOGIN)
    finding = judged("ad.dns", (await turn())["dns"], where)
    assert finding.reason_code == "ok", finding
    domain.controller.tool(*dns, DNS_DOMAIN, "app01", "A", "10.77.0.99", *LOGIN)
    assert judged("ad.dns", (await turn())["dns"], where).reason_code == "several-addresses"
    guest.node.run("ip", "address", "add", "10.77.0.99/24", "dev", "eth0")
    both = observed("addresses", 99, read(guest.node, addresses.READER))
    second = judged("ad.dns", (await turn())["dns"], both)
    assert (second.reason_code, "10.77.0.99" in second.reason) == ("no-pointer", True)
    domain.controller.tool(*dns, zone, "99", "PTR", f"app01.{DNS_DOMAIN}", *LOGIN)
    assert judged("ad.dns", (await turn())["dns"], both).reason_code == "ok"
    guest.node.run("ip", "address", "del", "10.77.0.99/24", "dev", "eth0")
    delete = ("dns", "delete", domain.controller.name, DNS_DOMAIN, "app01", "A")
    domain.controller.tool(*delete, guest.address, *LOGIN)
    assert judged("ad.dns", (await turn())["dns"], where).reason_code == "wrong-address"
    domain.controller.tool(*delete, "10.77.0.99", *LOGIN)
    assert judged("ad.dns", (await turn())["dns"], where).reason_code == "no-address-record"


@pytest.mark.timeout(240)  # a controller that is gone is waited for by tools of the guest
async def test_the_guests_own_word_and_its_paths_until_the_controller_is_gone(domain):
    node, names = domain.members["app01"].node, [domain.controller.name, f"nowhere.{DNS_DOMAIN}"]
    paths, trusted = ad_paths.reader(names, REALM), trust.reader(DNS_DOMAIN, tickets=True)
    before = read(node, paths)
    assert isinstance(before, PathsFacts)
    assert {p.outcome for p in before.paths if p.controller == names[0]} == {"open"}
    assert {p.outcome for p in before.paths if p.controller == names[1]} == {"unresolved"}
    assert judged("net.ad-paths", observed("ad-paths", 99, before), before=before).reason_code == "ok"

    # The old network's name server: all that was looked up stands in files, and nothing else is found any more.
    with_it = node.read("/etc/resolv.conf")
    for server, word in (("10.77.0.250", "does not answer"), (domain.lab.jump.address, "refuses")):
        node.write("/etc/resolv.conf", f"nameserver {server}\n")
        hidden = read(node, paths)
        assert isinstance(hidden, PathsFacts)
        assert {p.outcome for p in hidden.paths if p.controller == names[0]} == {"open"}
        found = judged("net.ad-paths", observed("ad-paths", 99, hidden), before=before)
        assert (found.reason_code, word in found.reason) == ("name-server-lost", True), found
    # It waits for the first and then asks the second: a lookup takes longer than a port may, and is no closed port.
    node.write("/etc/resolv.conf", f"nameserver 10.77.0.250\n{with_it}")
    hosts = node.read("/etc/hosts")
    node.write("/etc/hosts", "".join(w for w in hosts.splitlines(True) if names[0] not in w))
    slow = read(node, paths)
    assert isinstance(slow, PathsFacts)
    assert {p.outcome for p in slow.paths if p.controller == names[0]} == {"open"}
    assert (
        judged("net.ad-paths", observed("ad-paths", 99, slow), before=before).reason_code
        == "name-server-lost"
    )
    node.write("/etc/hosts", hosts)
    node.write("/etc/resolv.conf", with_it)

    assert judged("ad.trust", observed("trust", 99, read(node, trusted))).reason_code == "no-service-seen"
    node.run("install", "-d", "-m", "0755", "/run/samba/winbindd")
    node.run("install", "-d", "-m", "0750", "/var/lib/samba/winbindd_privileged")
    node.popen("sh", "-c", "exec winbindd -F -d1 --debug-stdout", stdout=subprocess.DEVNULL)
    node.run("sh", "-c", "until wbinfo -p; do sleep 0.1; done", timeout_s=30)
    facts = read(node, trusted)
    assert isinstance(facts, TrustFacts)
    assert (facts.winbind_ping, facts.winbind_server, facts.winbind_secret) == (True, names[0], True)
    assert [(tool, ok) for tool, ok, _ in facts.testjoins] == [("adcli", True), ("net", True)]
    assert judged("ad.trust", observed("trust", 99, facts)).reason_code == "ok"

    domain.controller.node.stop()
    impatient = tuple(replace(c, timeout_s=2.0) for c in trust.reader(DNS_DOMAIN).commands)
    gone = read(node, replace(trust.READER, commands=impatient))
    finding = judged("ad.trust", observed("trust", 99, gone), before=facts)
    assert (finding.reason_code, str(finding.verdict)) == ("not-asked", "unknown"), gone
    lost = judged("net.ad-paths", observed("ad-paths", 99, read(node, paths)), before=before)
    assert (lost.reason_code, lost.measured) == ("paths-lost", 11)
