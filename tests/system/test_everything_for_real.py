"""Every check of the registry on a healthy guest, before and after its move, by a whole session over real SSH.

A check that cannot pass there is `unknown` for everybody, and a reader that the engine never gets through is one
that its own tests did not notice: both are what this file is for. The session runs as a process of its own on
the jump node, where the domain's names resolve, with nothing of the product replaced but how long a soak lasts.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest

from cutover_tui.core.checks.registry import CHECKS
from tests.system.nodes import sssd
from tests.system.nodes.domain import ADMINISTRATOR, DNS_DOMAIN, PASSWORD, REALM, Controller, Domain
from tests.system.nodes.lab import Guest, SystemLab
from tests.system.nodes.node import Node
from tests.system.nodes.sshd import USER
from tests.system.whole_session import Record, Stage

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        find_spec("gssapi") is None or find_spec("krb5") is None,
        reason="needs the extra `kerberos` (make kerberos)",
    ),
]

REPOSITORY = Path(__file__).parents[2]
LOGIN = ("-U", f"{ADMINISTRATOR}%{PASSWORD}")
CONTEXTS = (
    "DC=corp,DC=example",
    "CN=Configuration,DC=corp,DC=example",
    "CN=Schema,CN=Configuration,DC=corp,DC=example",
)

OF_CONTROLLERS = frozenset(name for name, check in CHECKS.items() if check.spec.role == "dc")
OF_MEMBERS = frozenset(CHECKS) - OF_CONTROLLERS
"""A check that is added is one of a member's, and has to pass there, unless its spec says whose it is."""

AFTER = frozenset({"time.reboot", "time.rtc", "agent.swap"})
"""They compare with what was before the mark, or say that the old component is gone."""

WITHOUT_FACTS = {
    # Another provider's, which cannot be there beside chrony: its answer came through and says so.
    "ntpq": "tool-absent: ntpq is not installed",
    # Of HTTPS servers, which the jump host asks without any guest; no runbook here names one.
    "http-date": "",
}
"""Readers that gave no facts, and how their failure begins."""

PARAMETERS = {
    "time.offset": "soak: 15s",
    "time.projection": "soak: 15s",
    "time.reboot": "params: {second: 30s}",
}
"""As short as `whole_session` lets it be."""

NOT_APPLICABLE: dict[str, str] = {"dc.genid": "samba"}
"""Checks that are `na` here, and why."""

ASKED_BY_THE_GUEST = frozenset({"kdc.clock", "time.reference"})
"""What a controller that asks all clocks itself is asked besides: readers that nobody needs who is not segmented."""

AGENT = """\
[Unit]
DefaultDependencies=no
[Service]
ExecStart=/usr/sbin/qemu-ga infinity
[Install]
WantedBy=multi-user.target
"""

Played = tuple[dict[str, Stage], Record]

BOOK = """\
schema: 1
change: {{id: CHG0030230, title: {host}, window: {{start: "2020-01-01T00:00:00Z", end: "2099-01-01T00:00:00Z"}}}}
source: {{platform: vmware}}
target: {{platform: kvm}}
domain: {{realm: CORP.EXAMPLE, {controllers}references: [{references}], ca_file: ca.pem}}
credentials: {{lab: {{method: key, key: /root/.ssh/id_ed25519}}}}
hosts:
  - {{name: {host}, address: {address}, user: engineer, escalation: sudo, credential: lab, role: {role}{more}}}
phases:
  - id: all
    title: All
    steps:
      - {{id: before, title: Before, gate: [{before}]}}
      - {{id: move, title: Move, mark: true}}
      - {{id: after, title: After, gate: [{after}]}}
"""


def gates(checks: frozenset[str]) -> str:
    return ", ".join(
        f"{{check: {c}{', ' if c in PARAMETERS else ''}{PARAMETERS.get(c, '')}}}" for c in sorted(checks)
    )


@contextmanager
def ticking(node: Node) -> Iterator[None]:
    """Its hardware clock goes on."""
    over = threading.Event()

    def tick() -> None:
        while not over.wait(0.5):
            node.set_rtc()

    crystal = threading.Thread(target=tick)
    crystal.start()
    try:
        yield
    finally:
        over.set()
        crystal.join()


@pytest.fixture(scope="module")
def domain() -> Iterator[Domain]:
    """A domain whose names the jump node knows, and an administrator there with a ticket."""
    with SystemLab() as lab:
        lab.reference("ntp1")
        lab.reference("ntp2")
        made = Domain.provision(lab)
        dns = ("dns", "zonecreate", made.controller.name, "0.77.10.in-addr.arpa", *LOGIN)
        made.controller.tool(*dns)
        lab.jump.write("/etc/krb5.conf", made.krb5_conf())
        lab.jump.write("/etc/resolv.conf", f"search {DNS_DOMAIN}\nnameserver {made.controller.address}\n")
        lab.jump.run("kinit", f"{ADMINISTRATOR}@{REALM}", stdin=f"{PASSWORD}\n")
        yield made


def pointer(domain: Domain, name: str, address: str) -> None:
    last = address.rpartition(".")[2]
    zone = ("0.77.10.in-addr.arpa", last, "PTR", f"{name}.{DNS_DOMAIN}")
    domain.controller.tool("dns", "add", domain.controller.name, *zone, *LOGIN)


def played(domain: Domain, guest: Guest, book: str, moved: Callable[[], None], *others: Controller) -> Played:
    """The session on the jump node, played to its end."""
    jump, at = domain.lab.jump, f"/root/{guest.name}"
    jump.write(f"{at}/ca.pem", "".join(c.certificate for c in (domain.controller, *others)))
    jump.write(f"{at}/book.yaml", book)
    argv = (sys.executable, "-m", "tests.system.whole_session", f"{at}/book.yaml", guest.name)
    session = jump.popen(
        *argv, env={"PYTHONPATH": str(REPOSITORY)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None
    )
    assert session.stdin is not None
    assert session.stdout is not None
    stages: dict[str, Stage] = {}
    with session.stdin:
        for line in session.stdout:
            print(line.decode(), end="")
            said = msgspec.json.decode(line)
            if said == "moved?":
                moved()
                session.stdin.write(b"moved\n")
                session.stdin.flush()
            elif "step" in said:
                stage = msgspec.convert(said, Stage)
                stages[stage.step] = stage
            else:
                return stages, msgspec.convert(said, Record)
    raise AssertionError(f"the session ended with {session.wait(10)}")


def replicate(into: Controller, out_of: Controller) -> None:
    for context in CONTEXTS:
        into.tool("drs", "replicate", into.node.name, out_of.node.name, context, *LOGIN)


def all_hold(stage: Stage, checks: frozenset[str]) -> None:
    found = {check: (verdict, code) for check, (verdict, code, _) in stage.findings.items()}
    passed = {c for c, (verdict, _) in found.items() if verdict == "pass"}
    na = {c: code for c, (verdict, code) in found.items() if verdict == "na"}
    wrong = {c: stage.findings[c] for c in found.keys() - passed - na.keys()}
    assert not wrong
    assert set(found) == checks
    assert na == {c: code for c, code in NOT_APPLICABLE.items() if c in checks}
    assert stage.outcome == "open", stage.missing


@contextmanager
def member_of(domain: Domain) -> Iterator[Guest]:
    """On VMware, with Tools that keep no time, and all services of a member as its systemd starts them."""
    lab = domain.lab
    guest = lab.guest("app01", tools=True, rtc=True, systemd=True, sshd_options=["GSSAPIAuthentication yes"])
    node = guest.node
    with ticking(node):
        node.run("vmware-toolbox-cmd", "timesync", "disable")
        node.write("/etc/vmware-tools/tools.conf", "[timeSync]\ndisable-all=true\n")
        domain.join(guest)
        pointer(domain, guest.name, guest.address)
        node.write(f"/home/{USER}/.k5login", f"{ADMINISTRATOR}@{REALM}\n", owner=USER)
        node.run("cp", "/bin/sleep", "/usr/sbin/qemu-ga")
        assert guest.systemd is not None
        guest.systemd.unit("qemu-guest-agent.service", AGENT)
        sssd.enable(domain, guest)
        guest.systemd.systemctl("enable", "--now", "qemu-guest-agent.service")
        guest.chrony.configure(lab.references)
        guest.chrony.enable()
        guest.systemd.systemctl("start", "chrony.service")
        guest.chrony.wait_synchronised(within_s=20)
        yield guest


def member_session(domain: Domain, guest: Guest) -> Played:
    def move() -> None:
        guest.reboot(vendor="QEMU")
        guest.tools.purge()

    book = BOOK.format(
        host=guest.name,
        address=guest.address,
        role="member",
        controllers=f"controllers: [{domain.controller.name}], ",
        references=", ".join(domain.lab.references[:2]),
        before=gates(OF_MEMBERS - AFTER),
        after=gates(OF_MEMBERS),
        more="",
    )
    return played(domain, guest, book, move)


def second_controller(domain: Domain) -> tuple[Guest, Controller]:
    """On VMware, with a clock that it keeps itself, and a copy of SYSVOL: Samba makes none."""
    lab = domain.lab
    guest = lab.guest("dc2", sshd_options=["AllowTcpForwarding no"])
    guest.chrony.configure(lab.references[:2], extra=["allow"])
    guest.chrony.enable()
    guest.chrony.start()
    made = domain.promote_node(guest.node)
    policies = f"/var/lib/samba/sysvol/{DNS_DOMAIN}/Policies"
    there, here = guest.node.path(policies), domain.controller.node.path(policies)
    shutil.copytree(here, there, dirs_exist_ok=True)
    guest.chrony.wait_synchronised(within_s=20)
    return guest, made


def controller_session(domain: Domain, guest: Guest, second: Controller) -> Played:
    """DNS names the controllers, and the guest asks all clocks itself, through an sshd that forwards nothing."""

    def move() -> None:
        second.stop()
        guest.reboot(vendor="QEMU")
        second.start()
        replicate(second, domain.controller)  # as it does by itself, some minutes later

    replicate(domain.controller, second)  # or its KDC does not know the new one's services yet
    replicate(second, domain.controller)
    book = BOOK.format(
        host=guest.name,
        address=guest.address,
        role="dc",
        controllers="",
        references=", ".join(domain.lab.references[:2]),
        before=gates(OF_CONTROLLERS | ASKED_BY_THE_GUEST),
        after=gates(OF_CONTROLLERS),
        more=", vantage: [guest]",
    )
    return played(domain, guest, book, move, second)


@pytest.fixture(scope="module")
def sessions(domain: Domain) -> tuple[Played, Played]:
    """A member's and a controller's, at the same time: both wait more than they do."""
    with member_of(domain) as member, ThreadPoolExecutor(2) as pool:
        both = (
            pool.submit(controller_session, domain, *second_controller(domain)),
            pool.submit(member_session, domain, member),
        )
        of_controller, of_member = (one.result() for one in both)
        return of_member, of_controller


def test_every_check_of_a_member_passes_before_and_after_its_move(sessions: tuple[Played, Played]):
    stages, record = sessions[0]
    all_hold(stages["before"], OF_MEMBERS - AFTER)
    assert stages["move"].outcome == "open"
    all_hold(stages["after"], OF_MEMBERS)
    assert record.audit == "follows"


def test_every_check_of_a_controller_passes_before_and_after_its_move(sessions: tuple[Played, Played]):
    stages, record = sessions[1]
    all_hold(stages["before"], OF_CONTROLLERS | ASKED_BY_THE_GUEST)
    assert stages["move"].outcome == "open"
    all_hold(stages["after"], OF_CONTROLLERS)
    assert record.audit == "follows"


def test_every_reader_of_a_check_gave_facts_to_the_engine(sessions: tuple[Played, Played]):
    """Through the kept shell and whatever else stands between a reader and a session, which its own tests may not."""
    named = {
        reader
        for check in CHECKS.values()
        for reader in (*check.readers, *check.jump_readers, *check.witnesses, *check.proofs)
    }
    seen = [record.readers for _, record in sessions]
    silent = {r for r in named if not any(r in readers and readers[r] is None for readers in seen)}
    assert silent == WITHOUT_FACTS.keys()
    for reader, said in WITHOUT_FACTS.items():
        assert all((readers.get(reader) or "").startswith(said) for readers in seen), reader
