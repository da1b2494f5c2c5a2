"""A real member of a real domain and the lab's, in the same states: kinit, kvno, klist, ldapsearch, the tests of a join.

Both sides get the same commands and must say the same, but for times of day. What the lab writes into
files is read by the real tools as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from cutover_tui.lab.world.events import apply
from cutover_tui.lab.world_file.model import AccountChange, Change
from tests.lab.test_kerberos_tools import DC, MACHINE, SERVICE, Member
from tests.system.nodes.domain import Domain
from tests.system.nodes.lab import Guest, SystemLab

SECOND = 1_000_000_000
Said = tuple[int, str, str]
_TIME = re.compile(r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d")


@dataclass
class Real:
    """The real side, with the names of `Member`."""

    domain: Domain
    guest: Guest

    def root(self, *argv: str) -> Said:
        ran = self.guest.node.run(*argv, check=False, timeout_s=60, env={"LC_ALL": "C", "TZ": "UTC"})
        return ran.rc, ran.out, ran.err

    def ahead(self, seconds: float) -> None:
        self.guest.clock.set_offset(int(seconds * SECOND))


@pytest.fixture(scope="module")
def real() -> Iterator[Real]:
    with SystemLab() as lab:
        domain = Domain.provision(lab)
        yield Real(domain, domain.join(lab.guest("app01", vendor="QEMU")))


@pytest.fixture
def ours() -> Member:
    return Member()


KINIT = ("kinit", "-k", MACHINE)
KVNO = ("kvno", SERVICE)
LDAP = (
    "ldapsearch",
    "-LLL",
    "-N",
    "-Y",
    "GSSAPI",
    "-H",
    f"ldap://{DC}",
    "-b",
    "",
    "-s",
    "base",
    "dnsHostName",
)
KLIST = ("klist", "-ef")
FRESH = (KINIT, KVNO, LDAP, KLIST)


def both(real: Real, ours: Member, argv: tuple[str, ...], *, masked: bool, name: str) -> None:
    """Run it on both sides and hold what they said against each other."""
    config = "/etc/krb5.conf" if masked else "/run/x/krb5.conf:/etc/krb5.conf"
    within = ("env", "LC_ALL=C", "TZ=UTC", f"KRB5_CONFIG={config}", f"KRB5CCNAME=FILE:/run/x/{name}")
    theirs = real.root(*within, *argv)
    mine = ours.root(*within, *argv)
    assert comparable(mine) == comparable(theirs), argv


def comparable(said: Said) -> Said:
    return said[0], _TIME.sub("TIME", said[1]), said[2]


@pytest.fixture(autouse=True)
def _private(real: Real) -> None:
    real.ahead(0)
    real.root("rm", "-rf", "/run/x")
    real.root("mkdir", "-m", "0700", "/run/x")
    real.root("sh", "-c", "printf '[libdefaults]\\n kdc_timesync = 0\\n' > \"$1\"", "sh", "/run/x/krb5.conf")


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("ahead", [0, 200, 295, -295, 305, -305, 600])
def test_fresh(real, ours, ahead, masked):
    for side in (real, ours):
        side.ahead(ahead)
    for argv in FRESH:
        both(real, ours, argv, masked=masked, name="fresh")


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize(("before", "after"), [(0, 600), (0, -600), (600, 0), (-600, 0), (200, 0), (0, 200)])
@pytest.mark.parametrize("taken", [(KINIT,), (KINIT, KVNO)], ids=["tgt", "service"])
def test_the_clock_changes_under_a_cache(real, ours, before, after, taken, masked):
    for side in (real, ours):
        side.ahead(before)
    for argv in taken:
        both(real, ours, argv, masked=True, name="old")
    for side in (real, ours):
        side.ahead(after)
    for argv in (LDAP, KVNO, ("kvno", f"host/{DC}"), ("klist", "-s"), ("klist",)):
        both(real, ours, argv, masked=masked, name="old")


def test_after_the_end(real, ours):
    for argv in (KINIT, KVNO):
        both(real, ours, argv, masked=True, name="end")
    for side in (real, ours):
        side.ahead(11 * 3600)
    for argv in (KVNO, LDAP, ("klist", "-s"), KLIST):
        both(real, ours, argv, masked=True, name="end")


def test_what_the_keytab_knows(real, ours):
    for argv in (
        ("klist", "-k", "/nosuch"),
        ("kinit", "-k", "NOBODY$@CORP.EXAMPLE"),
        ("kinit", "-k", "-t", "/nosuch", MACHINE),
        ("kinit", "-k"),
        ("kvno", "x/y"),
        ("kdestroy",),
        ("kdestroy",),
        ("klist", "-l"),
    ):
        both(real, ours, argv, masked=True, name="keys")
    entries = [{*re.findall(r"\S+@\S+ \(\S+\)", side.root("klist", "-ke")[1])} for side in (real, ours)]
    assert entries[0] == entries[1]


@pytest.mark.parametrize("ahead", [0, 200, 600])
def test_tests_of_a_join(real, ours, ahead):
    for side in (real, ours):
        side.ahead(ahead)
    for argv in (("adcli", "testjoin"), ("net", "ads", "testjoin")):
        both(real, ours, argv, masked=True, name="none")


def test_the_real_tools_read_what_the_lab_writes(real, ours):
    """Cache and key table, byte by byte the format of MIT's library."""
    for argv in (KINIT, KVNO):
        assert ours.tool(*argv)[0] == 0
    files = ours.world.guests["app01"].files
    for path, name in (("/run/x/c", "theirs"), ("/etc/krb5.keytab", "table")):
        real.guest.node.path(f"/run/x/{name}").write_bytes(files[path].text.encode("latin-1"))
    shown = real.root("env", "LC_ALL=C", "TZ=UTC", "klist", "-ef", "-c", "/run/x/theirs")
    assert (shown[0], shown[1].replace("/theirs", "/c")) == ours.tool("klist", "-ef")[:2]
    table = real.root("env", "LC_ALL=C", "TZ=UTC", "klist", "-kte", "/run/x/table")[1]
    assert table.replace("/run/x/table", "/etc/krb5.keytab") == ours.tool("klist", "-kte")[1]


@pytest.mark.parametrize("what", ["stale", "gone"])
def test_an_account_that_changed(real, ours, what):
    """Last: it spoils the account."""
    if what == "stale":
        real.domain.controller.tool("user", "setpassword", "APP01$", "--newpassword=Xyz-12345-abc")
        apply(ours.world, Change(account=AccountChange(kvno=2)), ours.now)
    else:
        real.domain.controller.tool("computer", "delete", "APP01")
        apply(ours.world, Change(account=AccountChange(state="deleted")), ours.now)
    both(real, ours, KINIT, masked=True, name="spoilt")
    if what == "stale":
        for argv in (("adcli", "testjoin"), ("net", "ads", "testjoin")):
            both(real, ours, argv, masked=True, name="spoilt")
