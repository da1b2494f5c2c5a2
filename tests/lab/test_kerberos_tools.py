"""Kerberos on the lab's guests: what a real member of a real domain printed in the same states.

The expected lines were recorded with MIT krb5 1.20.1, OpenLDAP 2.5, adcli 0.9.1 and Samba 4.17 on a
guest whose clock was set; tests/system holds files and usage errors against the tools themselves.
"""

from __future__ import annotations

import pytest

from cutover_tui.lab.world.events import apply
from cutover_tui.lab.world_file.model import AccountChange, Change, ClockChange, ReferenceChange, RuleSpec
from tests.lab.worlds import Played

MACHINE = "APP01$@CORP.EXAMPLE"
DC = "dc1.corp.example"
SERVICE = f"ldap/{DC}"
SKEW, NOT_YET, EXPIRED = "Clock skew too great", "Ticket not yet valid", "Ticket expired"
BOUND = (
    "SASL/GSSAPI authentication started\nSASL username: APP01$@CORP.EXAMPLE\nSASL SSF: 256\n"
    "SASL data security layer installed.\n"
)


class Member(Played):
    """A guest of a domain, with the environment every tool gets."""

    def __init__(self) -> None:
        super().__init__("member")
        self.write = [
            "sh",
            "-c",
            'printf "[libdefaults]\\n kdc_timesync = 0\\n" > "$1"',
            "sh",
            "/run/x/krb5.conf",
        ]
        assert self.root("mkdir", "-m", "0700", "/run/x")[0] == 0
        assert self.root(*self.write) == (0, "", "")

    def root(self, *argv: str) -> tuple[int, str, str]:
        return self.run("app01", [*argv], user="root")

    def tool(self, *argv: str, cache: str = "c", masked: bool = True) -> tuple[int, str, str]:
        config = "/etc/krb5.conf" if masked else "/run/x/krb5.conf:/etc/krb5.conf"
        within = ("env", "LC_ALL=C", "TZ=UTC", f"KRB5_CONFIG={config}", f"KRB5CCNAME=FILE:/run/x/{cache}")
        return self.root(*within, *argv)

    def kinit(self, **how: object) -> tuple[int, str, str]:
        return self.tool("kinit", "-k", MACHINE, **how)  # type: ignore[arg-type]

    def ldap(self, **how: object) -> tuple[int, str, str]:
        root = ("-H", f"ldap://{DC}", "-b", "", "-s", "base", "dnsHostName")
        return self.tool("ldapsearch", "-LLL", "-N", "-Y", "GSSAPI", *root, **how)  # type: ignore[arg-type]

    def kvno(self, service: str = SERVICE, **how: object) -> tuple[int, str, str]:
        return self.tool("kvno", service, **how)  # type: ignore[arg-type]

    def ahead(self, seconds: float) -> None:
        apply(self.world, Change(clock=ClockChange(who="app01", offset=int(seconds * 10**9))), self.now)


@pytest.fixture
def member() -> Member:
    return Member()


def kinit_says(what: str) -> tuple[int, str, str]:
    return 1, "", f"kinit: {what} while getting initial credentials\n"


def kvno_says(what: str, service: str = SERVICE) -> tuple[int, str, str]:
    return 1, "", f"kvno: {what} while getting credentials for {service}@CORP.EXAMPLE\n"


def ldap_says(what: str) -> tuple[int, str, str]:
    return (
        254,
        "",
        (
            "SASL/GSSAPI authentication started\nldap_sasl_interactive_bind: Local error (-2)\n\tadditional info: "
            "SASL(-1): generic failure: GSSAPI Error: Unspecified GSS failure.  Minor code may provide more "
            f"information ({what})\n"
        ),
    )


OK_KVNO = (0, f"{SERVICE}@CORP.EXAMPLE: kvno = 1\n", "")
OK_LDAP = (0, f"dn:\ndnsHostName: {DC}\n\n", BOUND)
WRONG = [600, -600, 302, -302]


@pytest.mark.parametrize("ahead", [0, 200, 299, -299, *WRONG])
def test_a_fresh_exchange_hides_any_skew(member, ahead):
    member.ahead(ahead)
    assert member.kinit() == (0, "", "")
    assert member.kvno() == OK_KVNO
    assert member.ldap() == OK_LDAP


@pytest.mark.parametrize("ahead", [0, 200, 299, -299])
def test_within_the_tolerance_it_needs_no_mask(member, ahead):
    member.ahead(ahead)
    assert member.kinit(masked=False) == (0, "", "")
    assert member.kvno(masked=False) == OK_KVNO
    assert member.ldap(masked=False) == OK_LDAP


@pytest.mark.parametrize("ahead", WRONG)
def test_beyond_it_the_kdc_refuses_without_the_mask(member, ahead):
    member.ahead(ahead)
    assert member.kinit(masked=False) == kinit_says(SKEW)
    assert member.tool("klist", masked=False) == (
        1,
        "",
        "klist: No credentials cache found (filename: /run/x/c)\n",
    )


@pytest.mark.parametrize("ahead", [600, -600])
@pytest.mark.parametrize("masked", [True, False])
def test_a_ticket_granting_ticket_from_before_the_jump(member, ahead, masked):
    member.kinit()
    member.ahead(ahead)
    assert member.kvno(masked=masked) == kvno_says(SKEW)
    assert member.ldap(masked=masked) == ldap_says(SKEW)


@pytest.mark.parametrize(("ahead", "says"), [(600, SKEW), (-600, NOT_YET)])
@pytest.mark.parametrize("masked", [True, False])
def test_a_service_ticket_from_before_the_jump(member, ahead, says, masked):
    """kvno shows it and asks nobody: a tool that is content with that has seen nothing."""
    member.kinit()
    member.kvno()
    member.ahead(ahead)
    assert member.kvno() == OK_KVNO
    assert member.ldap(masked=masked) == ldap_says(says)


@pytest.mark.parametrize(
    ("ahead", "says", "head"), [(600, NOT_YET, "ff ff fd a8"), (-600, SKEW, "00 00 02 58")]
)
def test_repairing_the_clock_does_not_repair_the_caches(member, ahead, says, head):
    member.ahead(ahead)
    member.kinit(cache="bare")
    member.kinit(cache="full")
    member.kvno(cache="full")
    member.ahead(0)
    assert member.kvno(cache="bare") == kvno_says(SKEW)
    assert member.ldap(cache="bare") == ldap_says(SKEW)
    assert member.ldap(cache="full") == ldap_says(says)
    assert member.ldap(cache="full", masked=False) == OK_LDAP  # what the header says is not applied then
    dumped = member.root("od", "-An", "-v", "-tx1", "-N32", "/run/x/bare")
    assert dumped == (
        0,
        f" 05 04 00 0c 00 01 00 08 {head} 00 00 00 00\n 00 00 00 01 00 00 00 01 00 00 00 0c 43 4f 52 50\n",
        "",
    )
    member.kinit(cache="bare")
    assert member.ldap(cache="bare") == OK_LDAP


def test_a_cache_made_at_200_seconds_goes_on(member):
    member.ahead(200)
    member.kinit()
    member.ahead(0)
    assert (member.kvno(), member.ldap()) == (OK_KVNO, OK_LDAP)


def test_after_its_end_a_ticket_is_expired_and_klist_still_shows_it(member):
    member.kinit()
    member.kvno()
    shown = member.tool("klist", "-ef")
    member.ahead(11 * 3600)
    assert member.kvno() == kvno_says(EXPIRED)
    assert member.ldap() == ldap_says(EXPIRED)
    assert member.tool("klist", "-ef") == shown == (0, LISTED, "")
    assert member.tool("klist", "-s") == (1, "", "")


LISTED = (
    "Ticket cache: FILE:/run/x/c\nDefault principal: APP01$@CORP.EXAMPLE\n\n"
    "Valid starting     Expires            Service principal\n"
    "11/22/26 12:00:00  11/22/26 22:00:00  krbtgt/CORP.EXAMPLE@CORP.EXAMPLE\n"
    "\trenew until 11/23/26 12:00:00, Flags: RIA\n"
    "\tEtype (skey, tkt): aes256-cts-hmac-sha1-96, aes256-cts-hmac-sha1-96 \n"
    "11/22/26 12:00:00  11/22/26 22:00:00  ldap/dc1.corp.example@CORP.EXAMPLE\n"
    "\trenew until 11/23/26 12:00:00, Flags: RATO\n"
    "\tEtype (skey, tkt): aes256-cts-hmac-sha1-96, aes256-cts-hmac-sha1-96 \n"
)


def test_who_is_refused_and_why(member):
    change = lambda **how: apply(member.world, Change(account=AccountChange(**how)), member.now)  # noqa: E731
    assert member.kinit()[0] == 0
    assert member.kvno(f"ldap/nobody.{DC}") == kvno_says(
        "Server not found in Kerberos database", f"ldap/nobody.{DC}"
    )
    change(state="disabled")
    assert member.kinit() == kinit_says("Client's credentials have been revoked")
    change(state="enabled", kvno=2)
    assert member.kinit() == kinit_says("Preauthentication failed")
    change(kvno=2, keytab=True)
    assert member.kinit() == (0, "", "")
    change(state="deleted")
    assert member.kinit() == kinit_says(f"Client '{MACHINE}' not found in Kerberos database")
    assert member.tool("kinit", "-k", "NOBODY$@CORP.EXAMPLE") == kinit_says(
        "Keytab contains no suitable keys for NOBODY$@CORP.EXAMPLE"
    )
    member.root("rm", "/etc/krb5.keytab")
    assert member.tool("klist", "-k") == (
        1,
        "Keytab name: FILE:/etc/krb5.keytab\n",
        "klist: Key table file '/etc/krb5.keytab' not found while starting keytab scan\n",
    )


def test_a_dead_kdc_holds_the_library_until_it_is_ended(member):
    apply(member.world, Change(reference=ReferenceChange(name="dc1", kdc_down=True)), member.now)
    began = member.now
    assert member.tool("timeout", "-k", "2", "10", "kinit", "-k", MACHINE) == (124, "", "")
    assert member.now - began == 10 * 10**9
    assert member.kinit() == kinit_says("Cannot contact any KDC for realm 'CORP.EXAMPLE'")
    assert member.now - began == 37 * 10**9


def test_the_key_table_as_klist_lists_it(member):
    rc, out, err = member.tool("klist", "-kte")
    lines = out.splitlines()
    assert (rc, err, lines[0]) == (0, "", "Keytab name: FILE:/etc/krb5.keytab")
    assert lines[1] == "KVNO Timestamp         Principal"
    assert "   1 11/22/26 10:00:00 APP01$@CORP.EXAMPLE (aes256-cts-hmac-sha1-96) " in lines
    assert "   1 11/22/26 10:00:00 host/app01.corp.example@CORP.EXAMPLE (DEPRECATED:arcfour-hmac) " in lines
    assert len(lines) == 3 + 5 * 3
    assert member.run("app01", ["klist", "-k"])[1:] == (
        "Keytab name: FILE:/etc/krb5.keytab\n",
        "klist: Permission denied while starting keytab scan\n",
    )


@pytest.mark.parametrize("ahead", [0, 600, -600])
def test_both_tests_of_a_join_are_green_at_any_skew(member, ahead):
    member.ahead(ahead)
    assert member.tool("adcli", "testjoin") == (0, "Sucessfully validated join to domain corp.example\n", "")
    rc, out, err = member.tool("net", "ads", "testjoin")
    assert (rc, out) == (0, "Join is OK\n")
    assert ("FX-FAST" in err) is bool(ahead)


def test_a_join_with_a_stale_key(member):
    apply(member.world, Change(account=AccountChange(kvno=2)), member.now)
    failed = (
        "adcli: couldn't connect to corp.example domain: Couldn't authenticate as machine account: APP01: "
    )
    assert member.tool("adcli", "testjoin") == (3, "", f"{failed}Preauthentication failed\n")
    assert member.tool("net", "ads", "testjoin") == (
        0,
        "Join is OK\n",
        f"kerberos_kinit_password {MACHINE} failed: Preauthentication failed\n",
    )


def test_find_shows_the_caches_and_what_is_in_them(member):
    member.ahead(305)
    member.root("kinit", "-k", MACHINE)
    each = (
        *("-exec", "stat", "-c", "cache %n %Y %U", "{}", ";"),
        *("-exec", "od", "-An", "-v", "-tx1", "-N16", "{}", ";"),
        *("-exec", "klist", "-c", "{}", ";"),
    )
    names = ("(", "-name", "krb5cc*", "-o", "-name", "tkt*", ")")
    end = ("(", "-path", "/dev/null", "-exec", "echo", "end", ";", ")", "-o")
    argv = ("find", "/tmp", "/var/nosuch", "/dev/null", "-maxdepth", "3", *end, "-type", "f", *names, *each)
    rc, out, err = member.root("env", "LC_ALL=C", "TZ=UTC", "timeout", "-k", "2", "20", *argv)
    assert (rc, err) == (1, "find: '/var/nosuch': No such file or directory\n")
    assert out == (
        f"cache /tmp/krb5cc_0 {member.now // 10**9 + 305} root\n"
        " 05 04 00 0c 00 01 00 08 ff ff fe cf 00 00 00 00\n"
        "Ticket cache: FILE:/tmp/krb5cc_0\nDefault principal: APP01$@CORP.EXAMPLE\n\n"
        "Valid starting     Expires            Service principal\n"
        "11/22/26 12:00:00  11/22/26 22:00:00  krbtgt/CORP.EXAMPLE@CORP.EXAMPLE\n"
        "\trenew until 11/23/26 12:00:00\nend\n"
    )


def test_a_firewall_is_as_good_as_a_dead_kdc(member):
    apply(member.world, Change(block=RuleSpec(source="app01", target="dc1", port=88)), member.now)
    assert member.kinit() == kinit_says("Cannot contact any KDC for realm 'CORP.EXAMPLE'")
