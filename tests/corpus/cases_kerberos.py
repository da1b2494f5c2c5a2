"""What MIT's tools print on a guest of a real domain: exchanges, key tables, caches (see `record_kerberos`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from probes.linux.domain import exchange
from tests.corpus.record_kerberos import MACHINE, SOURCE, case, run
from tests.corpus.recorder import COMMANDS, write
from tests.system.nodes.domain import DNS_DOMAIN, PASSWORD, REALM, Domain
from tests.system.nodes.lab import Guest
from tests.system.nodes.node import Node

PLAN = exchange.Plan(MACHINE, f"dc1.{DNS_DOMAIN}", "CHG1")
SECOND = 10**9


@contextmanager
def away(guest: Guest, path: str) -> Iterator[None]:
    """A file of the guest is not there while the block runs, and is as it was afterwards."""
    guest.node.run("mv", path, f"{path}.away")
    try:
        yield
    finally:
        guest.node.run("mv", f"{path}.away", path)


@contextmanager
def restored(guest: Guest, path: str) -> Iterator[None]:
    """What the block does to a file of the guest is undone afterwards."""
    guest.node.run("cp", "-p", path, f"{path}.kept")
    try:
        yield
    finally:
        guest.node.run("mv", f"{path}.kept", path)


@contextmanager
def undone(node: Node, do: Sequence[str], undo: Sequence[str]) -> Iterator[None]:
    """The block runs between these two commands of a node, whatever happens in it."""
    node.run(*do)
    try:
        yield
    finally:
        node.run(*undo)


def attempt(
    guest: Guest,
    where: Path,
    state: str,
    facts: dict[str, object] | None,
    *,
    plan: exchange.Plan = PLAN,
    failure: str | None = None,
) -> None:
    raws = [run(guest, list(c.argv)) for c in exchange.commands(plan)]
    write(where, "exchange", state, facts, raws, SOURCE, failure)
    path = where / "case.json"
    document = json.loads(path.read_text())
    document["plan"] = [plan.principal, plan.controller, plan.label]
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def outcomes(*six: str, **more: object) -> dict[str, object]:
    """AS, TGS, AP unmasked, then masked."""
    return {f"exchanges.{n}.outcome": o for n, o in enumerate(six)} | {"removed": True} | more


def refused(number: int | None, *, masked: str = "refused") -> dict[str, object]:
    rest = ("ok", "ok", "ok") if masked == "ok" else (masked, "not-tried", "not-tried")
    return outcomes("refused", "not-tried", "not-tried", *rest) | {"exchanges.0.code": number}


@case("exchange/mit-1.20.1/ok")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    facts = outcomes(*["ok"] * 6, principal=MACHINE) | {"exchanges.0.service": f"krbtgt/{REALM}@{REALM}"}
    attempt(guest, where, "joined, clocks right", facts)


@case("exchange/mit-1.20.1/ahead")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    guest.clock.set_offset(600 * SECOND)
    attempt(guest, where, "the guest is 600 s ahead", refused(37, masked="ok"))


@case("exchange/mit-1.20.1/behind")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    guest.clock.set_offset(-600 * SECOND)
    attempt(guest, where, "the guest is 600 s behind", refused(37, masked="ok"))


@case("exchange/mit-1.20.1/controller-ahead")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    domain.controller.set_offset(400)
    attempt(guest, where, "the controller is 400 s ahead", refused(37, masked="ok"))


@case("exchange/mit-1.20.1/within")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    guest.clock.set_offset(200 * SECOND)
    attempt(guest, where, "the guest is 200 s ahead", outcomes(*["ok"] * 6))


@case("exchange/mit-1.20.1/unknown-principal")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    # A key for a name the directory does not have.
    script = (
        f"addent -password -p GONE$@{REALM} -k 1 -e aes256-cts-hmac-sha1-96\nsecret\nwkt /etc/krb5.keytab\n"
    )
    plan = exchange.Plan(f"GONE$@{REALM}", PLAN.controller, PLAN.label)
    with restored(guest, "/etc/krb5.keytab"):
        guest.node.run("ktutil", stdin=script)
        attempt(guest, where, "a key for an account that was deleted", refused(6), plan=plan)


@case("exchange/mit-1.20.1/unknown-service")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    plan = exchange.Plan(MACHINE, f"nobody.{DNS_DOMAIN}", PLAN.label)
    facts = outcomes("ok", "refused", "silent", "ok", "refused", "silent") | {"exchanges.1.code": 7}
    attempt(guest, where, "no controller has this name", facts, plan=plan)


@case("exchange/mit-1.20.1/no-ldapsearch")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    with away(guest, "/usr/bin/ldapsearch"):
        attempt(
            guest, where, "ldap-utils is not installed", outcomes("ok", "ok", "absent", "ok", "ok", "absent")
        )


@case("exchange/mit-1.20.1/no-kinit")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    with away(guest, "/usr/bin/kinit"):
        facts = outcomes("absent", "not-tried", "not-tried", "absent", "not-tried", "not-tried")
        attempt(guest, where, "kinit is not installed", facts)


@case("exchange/mit-1.20.1/no-klist")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    with away(guest, "/usr/bin/klist"):
        attempt(guest, where, "klist is not installed", None, failure="tool-absent")


@case("exchange/mit-1.20.1/no-keytab")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    with away(guest, "/etc/krb5.keytab"):
        attempt(guest, where, "there is no keytab", refused(None))


@case("exchange/mit-1.20.1/no-common-type")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    with away(guest, "/etc/krb5.keytab"):
        script = f"addent -password -p {MACHINE} -k 1 -e arcfour-hmac\nsecret\nwkt /etc/krb5.keytab\n"
        guest.node.run("ktutil", stdin=script)
        attempt(
            guest, where, "the keytab has an RC4 key only, and the controller asks for AES", refused(None)
        )


@case("exchange/mit-1.20.1/kdc-dead")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    # Not the first process: its parent is nsenter, outside, which stops itself with it and hears no SIGCONT from in here.
    listed = (
        "for p in /proc/[0-9]*; do case $(readlink $p/exe) in */samba) "
        "grep -q '^PPid:[[:space:]]*0$' $p/status || echo ${p#/proc/};; esac; done"
    )
    node = domain.controller.node
    pids = node.run("sh", "-c", listed).out.split()
    facts = outcomes("silent", "not-tried", "not-tried", "silent", "not-tried", "not-tried")
    with undone(node, ("kill", "-STOP", *pids), ("kill", "-CONT", *pids)):
        attempt(guest, where, "the controller's processes are stopped", facts)


@case("exchange/mit-1.20.1/kdc-host-down")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    facts = outcomes("silent", "not-tried", "not-tried", "silent", "not-tried", "not-tried")
    link = ("ip", "link", "set", "eth0")
    with undone(domain.controller.node, (*link, "down"), (*link, "up")):
        attempt(guest, where, "the controller's link is down", facts)


@case("exchange/mit-1.20.1/disabled")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    user = ("samba-tool", "user")
    with undone(domain.controller.node, (*user, "disable", "APP01$"), (*user, "enable", "APP01$")):
        attempt(guest, where, "the account is disabled", refused(18))


def kept(name: str, reader: str) -> Callable[..., None]:
    def record(guest: Guest, where: Path, state: str, facts: object, failure: str | None = None) -> None:
        raws = [run(guest, c) for c in COMMANDS[reader]]
        write(where, reader, state, facts, raws, SOURCE, failure)  # type: ignore[arg-type]

    return record


keytab, caches = kept("keytab", "keytab"), kept("caches", "caches")


@case("keytab/mit-1.20.1/joined")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    facts = {"name": "FILE:/etc/krb5.keytab", "present": True, "entries.0.kvno": 1}
    keytab(guest, where, "joined by net ads join", facts)


@case("keytab/mit-1.20.1/absent")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    with away(guest, "/etc/krb5.keytab"):
        keytab(
            guest,
            where,
            "there is no keytab",
            {"name": "FILE:/etc/krb5.keytab", "present": False, "entries": []},
        )


@case("keytab/mit-1.20.1/not-root")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    raws = [run(guest, argv, user="engineer") for argv in COMMANDS["keytab"]]
    write(where, "keytab", "read by somebody who may not", None, raws, SOURCE, "denied")


@case("keytab/mit-1.20.1/no-klist")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    with away(guest, "/usr/bin/klist"):
        keytab(guest, where, "klist is not installed", None, "tool-absent")


def clean(guest: Guest) -> None:
    guest.node.run("sh", "-c", "rm -f /tmp/krb5cc_* /var/lib/sss/db/ccache_*")


@case("caches/mit-1.20.1/none")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    clean(guest)
    caches(guest, where, "no cache anywhere", {"files": [], "elsewhere": []})


@case("caches/mit-1.20.1/taken-while-ahead")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    clean(guest)
    guest.clock.set_offset(305 * SECOND)
    guest.node.run("kinit", "-k", MACHINE, env={"KRB5CCNAME": "FILE:/tmp/krb5cc_0"})
    guest.clock.set_offset(0)
    guest.node.run("mkdir", "-p", "/var/lib/sss/db")
    sssd = {"KRB5CCNAME": f"FILE:/var/lib/sss/db/ccache_{REALM}"}
    guest.node.run("kinit", "-k", MACHINE, env=sssd)
    guest.node.run("kvno", f"ldap/dc1.{DNS_DOMAIN}", env=sssd)
    facts = {
        "files.0.path": "/tmp/krb5cc_0", "files.0.owner": "root", "files.0.principal": MACHINE, "files.0.tickets": 1,
        "files.0.offset_ns": {"from": -307 * SECOND, "to": -303 * SECOND},
        "files.1.path": f"/var/lib/sss/db/ccache_{REALM}", "files.1.tickets": 2,
    }  # fmt: skip
    caches(guest, where, "one made 305 s ahead, one made with the clock right", facts)
    clean(guest)


@case("caches/mit-1.20.1/kcm-and-rubbish")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    clean(guest)
    guest.node.run("mkdir", "-p", "/etc/krb5.conf.d")
    guest.node.write("/etc/krb5.conf.d/kcm", "[libdefaults]\n    default_ccache_name = KCM:\n")
    guest.node.write("/tmp/krb5cc_rubbish", "no cache\n")
    guest.node.write("/tmp/krb5cc_1\nend", "no cache\n")
    facts = {"files.0.path": "/tmp/krb5cc_rubbish", "files.0.principal": None, "elsewhere": ["KCM"]}
    caches(guest, where, "caches are kept by KCM; a file that is none; a name that looks like output", facts)
    guest.node.run("rm", "/etc/krb5.conf.d/kcm")
    clean(guest)


@case("caches/mit-1.20.1/other-places")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    clean(guest)
    guest.node.run("mkdir", "-p", "/etc/sssd/conf.d", "/etc/krb5.conf.d")
    guest.node.write(
        "/etc/krb5.conf.d/own", "[libdefaults]\n    default_ccache_name = FILE:/srv/cc/krb5cc_%{uid}\n"
    )
    guest.node.write(
        "/etc/sssd/sssd.conf",
        "[domain/a]\nkrb5_ccname_template = FILE:%d/krb5cc_%U\n[domain/b]\n# krb5_ccname_template = KCM:\nkrb5_ccachedir = /home/cc\n",
    )
    guest.node.write("/etc/sssd/conf.d/c.conf", "[domain/c]\nkrb5_ccname_template=KEYRING:persistent:%U\n")
    facts = {"files": [], "elsewhere": ["FILE:/home/cc/krb5cc_%U", "FILE:/srv/cc/krb5cc_%{uid}", "KEYRING"]}
    caches(
        guest, where, "krb5.conf and sssd.conf name places of their own, a kernel keyring among them", facts
    )
    guest.node.run("rm", "-r", "/etc/sssd", "/etc/krb5.conf.d/own")


@case("caches/mit-1.20.1/of-services")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    clean(guest)
    guest.node.run("mkdir", "-p", "/run/sync", "/etc/systemd/system/other.service.d")
    unit = "[Service]\nExecStart=/usr/bin/sync\nEnvironment=KRB5CCNAME=FILE:%t/sync/krb5cc\n"
    guest.node.write("/etc/systemd/system/sync.service", unit)
    guest.node.write(
        "/etc/systemd/system/other.service.d/cache.conf", "[Service]\nEnvironment=KRB5CCNAME=KEYRING:other\n"
    )
    guest.node.write("/etc/default/third", "# KRB5CCNAME=KCM:\nKRB5CCNAME=/opt/third/krb5cc\n")
    guest.clock.set_offset(305 * SECOND)
    guest.node.run("kinit", "-k", MACHINE, env={"KRB5CCNAME": "FILE:/run/sync/krb5cc"})
    guest.clock.set_offset(0)
    facts = {
        "files.0.path": "/run/sync/krb5cc", "files.0.offset_ns": {"from": -307 * SECOND, "to": -303 * SECOND},
        "elsewhere": ["FILE:/opt/third/krb5cc", "KEYRING"],
    }  # fmt: skip
    caches(guest, where, "services keep caches where their units say, one of them made 305 s ahead", facts)
    guest.node.run("rm", "-r", "/run/sync", "/etc/systemd/system/sync.service", "/etc/default/third")
    guest.node.run("rm", "-r", "/etc/systemd/system/other.service.d")


@case("exchange/mit-1.20.1/stale-keytab")
def _(domain: Domain, guest: Guest, where: Path) -> None:
    """The last case: the account's password is another afterwards."""
    domain.controller.tool("user", "setpassword", "APP01$", f"--newpassword={PASSWORD}-2")
    attempt(guest, where, "the account's password was changed at the controller", refused(24))
