"""ad.object, ad.dns, ad.trust, net.ad-paths on facts: what passes, what fails, and what stays unknown."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec import structs

from cutover_tui.core.checks.registry import CHECKS, FROM_THE_JUMP_HOST, asked
from cutover_tui.core.evidence import Baseline, Evidence, MarkPoint
from cutover_tui.core.finding import Finding
from cutover_tui.core.loading import BadRunbook, load_text
from cutover_tui.core.runbook import Domain, GateCheck
from cutover_tui.engine.assembly import readers_for
from probes.facts_directory import (
    AccountFacts,
    Address,
    AddressesFacts,
    Answer,
    CldapFacts,
    DnsFacts,
    NameServer,
    Path,
    PathsFacts,
    RootDseFacts,
    SpnOwner,
    TrustFacts,
)
from probes.facts_kerberos import Exchange, ExchangeFacts, KeytabEntry, KeytabFacts
from probes.observation import Facts, Failure, FailureKind, Family, Observation
from tests.unit.evidence_builders import ANCHOR, RUNBOOK, S, at, observed, runbook
from tests.unit.kerberos_builders import SKEWED, Realm, exchanges

ACCOUNT = AccountFacts(
    server="dc1", asked="app01 in corp.example", found=1, dn="CN=APP01,DC=corp,DC=example", sam="APP01$",
    control=4096, pwd_last_set_ns=1_790_000_000 * S, kvno=3, enctypes=28, dns_host_name="app01.corp.example",
    spns=("HOST/APP01", "HOST/app01.corp.example"),
)  # fmt: skip
REALM = "CORP.EXAMPLE"
AES256, AES128, RC4 = "aes256-cts-hmac-sha1-96", "aes128-cts-hmac-sha1-96", "DEPRECATED:arcfour-hmac"


def keys(
    *entries: tuple[str, int], enctypes: tuple[str, ...] = (AES256, AES128), realm: str = REALM
) -> KeytabFacts:
    """Of each name and version, a key of every type."""
    found = tuple(KeytabEntry(kvno, f"{name}@{realm}", e, 0) for name, kvno in entries for e in enctypes)
    return KeytabFacts("FILE:/etc/krb5.keytab", present=True, entries=found)


MINE = keys(("APP01$", 2), ("APP01$", 3), ("host/app01.corp.example", 3), ("host/APP01", 3))
HERE = AddressesFacts(
    "app01.corp.example", (Address("lo", "127.0.0.1", 8, "host"), Address("eth0", "192.0.2.10", 24, "global"))
)


def judged(
    check: str,
    *,
    before: Facts | None = None,
    marked: bool = True,
    params: Mapping[str, object] | None = None,
    also_before: Mapping[str, Facts] | None = None,
    domain: Domain | None = None,
    jump: tuple[Observation, ...] = (),
    when: Mapping[str, tuple[float, ...]] | None = None,
    os: str = "linux",
    **seen: Facts | Failure,
) -> Finding:
    """`when`: the seconds at which a reader saw the same; 99 where it is not said."""
    named = {k.replace("_", "-"): v for k, v in seen.items()}
    if check == "ad.object":
        named.setdefault("keytab", MINE)
    times = {k: (when or {}).get(k, (99.2 if k == "keytab" else 99.0,)) for k in named}
    book, reader = runbook(), CHECKS[check].readers[0]
    evidence = Evidence(
        host=structs.replace(book.hosts[0], os=os), now=at(100), anchor=ANCHOR, source="vmware", target="ahv",
        domain=domain or structs.replace(book.domain, realm=REALM),
        observations={k: tuple(seen_by_its_reader(k, s, v) for s in times[k]) for k, v in named.items()},
        jump={"cldap": jump}, samples=(), voids={},
        mark=MarkPoint(3, at(2)) if marked else None,
        baseline=Baseline(2, at(1), "b1", {}, {reader: before, **(also_before or {})}) if before is not None else None,
    )  # fmt: skip
    return CHECKS[check].run(evidence, asked(GateCheck(check=check, params=dict(params or {}))))


def seen_by_its_reader(reader: str, second: float, what: Facts | Failure) -> Observation:
    """Of the guest, from where a session reads it."""
    vantage = "jump" if reader in FROM_THE_JUMP_HOST else "guest"
    return structs.replace(observed(reader, second, what), vantage=vantage)


def account(**changes: object) -> AccountFacts:
    return structs.replace(ACCOUNT, **changes)


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (ACCOUNT, "ok"),
        (account(pwd_last_set_ns=ACCOUNT.pwd_last_set_ns + S, kvno=4), "ok"),  # rotated meanwhile
        (account(found=0), "no-account"),
        (account(found=2), "several-accounts"),
        (account(control=4098), "disabled"),
        (account(duplicates=(SpnOwner("HOST/APP01", "CN=x"),)), "duplicate-spn"),
        (account(spns_compared=False), "too-many-spns"),
        (account(enctypes=3), "no-enctype"),
        (account(enctypes=None), "ok"),  # the domain's default
        (account(enctypes=4), "no-common-enctype"),  # RC4 is one still in use; the keytab has none of it
        (account(dns_host_name="APP01.Corp.Example"), "ok"),  # names of hosts have no case
        (account(dns_host_name=""), "other-dns-name"),
        (account(pwd_last_set_ns=ACCOUNT.pwd_last_set_ns - 1), "password-rolled-back"),
        (account(kvno=2), "password-rolled-back"),
        (account(pwd_last_set_ns=None), "password-age-not-visible"),
        (account(spns=("host/app01",)), "spns-lost"),
        (account(spns=("host/APP01", "HOST/APP01.corp.example", "http/x")), "ok"),  # case, and one more
    ],
)
def test_the_account(now: AccountFacts, code: str) -> None:
    held = keys(("APP01$", now.kvno)) if now.kvno != ACCOUNT.kvno else MINE
    finding = judged("ad.object", account=now, addresses=HERE, keytab=held, before=ACCOUNT)
    assert finding.reason_code == code
    assert str(finding.verdict) == (
        "pass" if code == "ok" else "unknown" if code in ("too-many-spns", "password-age-not-visible") else "fail"
    )  # fmt: skip


def test_an_account_without_baseline_passes_before_the_mark_only() -> None:
    assert judged("ad.object", account=ACCOUNT, marked=False).reason_code == "ok"
    assert str(judged("ad.object", account=ACCOUNT).verdict) == "unknown"
    refused = Failure(FailureKind.SKEW, "because clocks differ: Clock skew too great (Kerberos error 37)")
    finding = judged("ad.object", account=refused, before=ACCOUNT)
    assert (str(finding.verdict), finding.reason_code) == ("unknown", "login-skew")
    assert "clocks differ" in finding.reason
    assert (finding.remedy or "").startswith("See time.jump-host and kdc.clock")


def test_where_the_source_may_come_back_the_password_must_be_the_same() -> None:
    rotated = account(pwd_last_set_ns=ACCOUNT.pwd_last_set_ns + S)
    strict = {"password": "unchanged"}
    finding = judged("ad.object", account=rotated, before=ACCOUNT, params=strict)
    assert finding.reason_code == "password-changed"
    assert judged("ad.object", account=ACCOUNT, before=ACCOUNT, params=strict).reason_code == "ok"


STALE = keys(("APP01$", 2), ("host/app01.corp.example", 2))
NEWER = keys(("APP01$", 4), ("host/app01.corp.example", 4))
BEFORE, AFTER, TWICE = (98.0,), (99.2,), (97.0, 99.2)


@pytest.mark.parametrize(
    ("keytab", "read", "code", "verdict"),
    [
        (MINE, AFTER, "ok", "pass"),
        (MINE, BEFORE, "ok", "pass"),
        (STALE, AFTER, "stale-keytab", "fail"),
        (STALE, BEFORE, "read-apart", "unknown"),  # the password may have been changed in between
        (NEWER, AFTER, "read-apart", "unknown"),  # so it may, the keytab having been read later
        (NEWER, TWICE, "keytab-newer", "fail"),
        # One service stayed behind, as one does whose key was written by hand.
        (keys(("APP01$", 3), ("HOST/App01", 2)), AFTER, "stale-keytab", "fail"),
        # Of others: another account's service, another realm, a name it had once.
        (keys(("APP01$", 3), ("http/portal", 1)), AFTER, "ok", "pass"),
        (KeytabFacts("FILE:/k", True, (*MINE.entries, KeytabEntry(1, "APP01$@OLD.EXAMPLE", AES256, 0))), AFTER, "ok", "pass"),
        (keys(("app01$", 3)), AFTER, "ok", "pass"),
        (keys(("APP01$", 3), enctypes=("des-cbc-md5",)), AFTER, "no-common-enctype", "fail"),
        (keys(("APP01$", 3), enctypes=(RC4,)), AFTER, "ok", "pass"),
        (keys(("http/portal", 1)), AFTER, "ok", "pass"),
        (KeytabFacts("FILE:/k", present=False, entries=()), AFTER, "ok", "pass"),
        (Failure(FailureKind.DENIED, "the keytab may be read by root only"), AFTER, "keytab-not-visible", "unknown"),
        (Failure(FailureKind.TOOL_ABSENT, "klist is not installed"), AFTER, "keytab-not-visible", "unknown"),
        (Failure(FailureKind.TRUNCATED, "klist: output was cut"), AFTER, "keytab-not-visible", "unknown"),
    ],
)  # fmt: skip
def test_the_keytab_against_the_account(
    keytab: KeytabFacts | Failure, read: tuple[float, ...], code: str, verdict: str
) -> None:
    for marked in (False, True):
        finding = judged(
            "ad.object", account=ACCOUNT, addresses=HERE, keytab=keytab, when={"keytab": read}, before=ACCOUNT, marked=marked
        )  # fmt: skip
        assert (finding.reason_code, str(finding.verdict)) == (code, verdict), finding.reason


def test_what_the_keytab_lacks_is_said() -> None:
    without = judged(
        "ad.object", account=ACCOUNT, keytab=keys(("APP01$", 3), enctypes=(RC4,)), before=ACCOUNT
    )
    assert "(advisory: not of aes256-cts-hmac-sha1-96, which a KDC takes first)" in without.reason
    other = judged("ad.object", account=ACCOUNT, keytab=keys(("http/portal", 1)), before=ACCOUNT)
    assert "holds no key of this account" in other.reason
    lost = judged(
        "ad.object", account=ACCOUNT, keytab=keys(("APP01$", 3)), before=ACCOUNT, also_before={"keytab": MINE}
    )
    assert (lost.reason_code, lost.measured) == ("keytab-keys-lost", 2)
    assert "host/app01.corp.example@corp.example" in lost.reason


def test_where_root_is_not_to_be_had_the_runbook_says_so() -> None:
    denied = Failure(FailureKind.DENIED, "root only")
    for params in ({}, {"keytab": False}):
        finding = judged("ad.object", account=ACCOUNT, keytab=denied, before=ACCOUNT, params=params)
        assert str(finding.verdict) == ("pass" if params else "unknown")
    windows = judged("ad.object", account=ACCOUNT, before=ACCOUNT, keytab=denied, os="windows")
    assert str(windows.verdict) == "pass"


def test_a_fault_of_the_account_is_told_before_a_keytab_that_was_not_seen() -> None:
    denied = Failure(FailureKind.DENIED, "root only")
    finding = judged("ad.object", account=account(spns=()), keytab=denied, before=ACCOUNT)
    assert finding.reason_code == "spns-lost"


def test_versions_above_255_are_those_of_a_keytab_that_holds_eight_bits() -> None:
    wide = account(kvno=259)
    assert judged("ad.object", account=wide, keytab=MINE, before=wide).reason_code == "ok"
    assert judged("ad.object", account=wide, keytab=STALE, before=wide).reason_code == "stale-keytab"
    assert (
        judged("ad.object", account=wide, keytab=keys(("APP01$", 515)), before=wide).reason_code
        == "read-apart"
    )


def test_names_that_are_not_ascii_and_ten_thousand_of_them() -> None:
    many = tuple(f"http/büro-{n:05}.corp.example" for n in range(10_000))
    umlaut = account(sam="BÜRO-02$", spns=many)
    held = keys(("büro-02$", 3), *((spn, 2) for spn in many[:500]))
    finding = judged("ad.object", account=umlaut, keytab=held, before=umlaut)
    assert finding.reason_code == "stale-keytab"
    assert "http/büro-00000.corp.example@CORP.EXAMPLE (and of 499 more names)" in finding.reason
    gone = judged("ad.object", account=account(spns=()), keytab=held, before=umlaut)
    assert (gone.reason_code, gone.measured, len(gone.reason) < 200) == ("spns-lost", 10_000, True)


A = Answer("10.0.0.1", "app01.corp.example", "A", "found", True, ("192.0.2.10",))
PTR = Answer("10.0.0.1", "10.2.0.192.in-addr.arpa", "PTR", "found", True, ("APP01.corp.example",))
KDCS = Answer(
    "10.0.0.1", "_kerberos._tcp.ber._sites.dc._msdcs.corp.example", "SRV", "found", True, ("0 100 88 dc1",)
)


def records(*answers: Answer) -> DnsFacts:
    return DnsFacts("app01.corp.example", "", "corp.example", "ber", answers)


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ((A, PTR, KDCS), "ok"),
        ((structs.replace(A, values=("192.0.2.10", "192.0.2.11")), PTR, KDCS), "several-addresses"),
        ((structs.replace(A, values=("192.0.2.11",)), PTR, KDCS), "wrong-address"),
        ((structs.replace(A, outcome="absent", values=()), PTR, KDCS), "no-address-record"),
        ((structs.replace(A, outcome="timeout", values=()), PTR, KDCS), "no-answer"),
        ((A, structs.replace(PTR, outcome="absent", values=()), KDCS), "no-pointer"),
        ((A, structs.replace(PTR, values=("old.corp.example",)), KDCS), "wrong-pointer"),
        ((A, structs.replace(PTR, outcome="refused", values=()), KDCS), "no-answer"),
        ((A, PTR, structs.replace(KDCS, outcome="absent", values=())), "no-controllers"),
        ((A, PTR), "no-answer"),
        ((), "no-answer"),
        # The domain's own server is believed, whatever the jump host's resolver still has.
        ((structs.replace(A, server="", authoritative=False, values=("192.0.2.9",)), A, PTR, KDCS), "ok"),
        ((structs.replace(A, server="", authoritative=False, outcome="absent", values=()), A, PTR, KDCS), "ok"),
        # An AAAA record of an address the guest no longer has sends half of the clients nowhere.
        ((A, PTR, KDCS, Answer("10.0.0.1", A.name, "AAAA", "found", True, ("2001:db8::1",))), "wrong-address"),
    ],
)  # fmt: skip
def test_the_records(answers: tuple[Answer, ...], code: str) -> None:
    finding = judged("ad.dns", dns=records(*answers), addresses=HERE)
    assert finding.reason_code == code
    assert str(finding.verdict) == {"ok": "pass", "no-answer": "unknown"}.get(code, "fail")


SECOND = Address("eth1", "198.51.100.10", 24, "global")
BOTH = structs.replace(
    HERE, addresses=(*HERE.addresses, SECOND, Address("docker0", "172.17.0.1", 16, "global"))
)
A2 = structs.replace(A, values=("192.0.2.10", "198.51.100.10"))
PTR2 = structs.replace(PTR, name="10.100.51.198.in-addr.arpa")


def test_a_guest_in_two_networks_may_have_two_records() -> None:
    found = judged("ad.dns", dns=records(A2, PTR, PTR2, KDCS), addresses=BOTH)
    assert (found.reason_code, found.measured) == ("ok", 2)
    assert "leads to 192.0.2.10, 198.51.100.10 and back" in found.reason
    # Each of them must lead back, and be one that others reach.
    no_pointer = structs.replace(PTR2, outcome="absent", values=())
    assert (
        judged("ad.dns", dns=records(A2, PTR, no_pointer, KDCS), addresses=BOTH).reason_code == "no-pointer"
    )
    assert judged("ad.dns", dns=records(A2, PTR, KDCS), addresses=BOTH).reason_code == "no-answer"
    inside = structs.replace(A, values=("172.17.0.1", "192.0.2.10"))
    found = judged("ad.dns", dns=records(inside, PTR, KDCS), addresses=BOTH)
    assert (found.reason_code, "172.17.0.1 is none" in found.reason) == ("several-addresses", True)
    one = judged("ad.dns", dns=records(A, PTR, KDCS), addresses=BOTH)
    assert one.reason_code == "ok", "the network of the backups needs no record"


def test_which_of_two_addresses_is_its_own_must_have_been_read() -> None:
    literal = structs.replace(records(A2, PTR, PTR2, KDCS), address="192.0.2.10")
    finding = judged("ad.dns", dns=literal)
    assert (str(finding.verdict), finding.reason_code) == ("unknown", "address-not-known")


def test_that_only_the_jump_hosts_resolver_answered_is_said() -> None:
    theirs = tuple(structs.replace(a, server="", authoritative=False) for a in (A, PTR, KDCS))
    silent = tuple(
        structs.replace(a, outcome="refused", values=(), authoritative=False) for a in (A, PTR, KDCS)
    )
    finding = judged("ad.dns", dns=records(*silent, *theirs), addresses=HERE)
    assert (str(finding.verdict), finding.reason_code) == ("pass", "by-resolver")
    assert "(by the jump host's own resolver only: no controller answers for the domain)" in finding.reason
    wrong = structs.replace(theirs[0], values=("192.0.2.9",))
    finding = judged("ad.dns", dns=records(*silent, wrong, *theirs[1:]), addresses=HERE)
    assert "by the jump host's resolver" in finding.reason


def ping(address: str, site: str, *, pdc: bool = False) -> Observation:
    facts = CldapFacts(f"dc-{address}", address, 1, 2, 0x3FD, "corp.example", "corp.example", "dc", site, "jump", pdc, True, True, pdc)  # fmt: skip
    return observed("cldap", 98, facts)


def test_records_are_judged_by_the_servers_of_the_guests_site() -> None:
    """Half of its site's clients ask each of them; who is elsewhere learns of it when that replicates."""
    elsewhere = structs.replace(A, server="10.0.0.9", values=("192.0.2.9",))
    beside = structs.replace(A, server="10.0.0.2", values=("192.0.2.9",))
    pings = (ping("10.0.0.9", "muc"), ping("10.0.0.1", "BER"), ping("10.0.0.2", "ber"))
    far = judged("ad.dns", dns=records(elsewhere, A, PTR, KDCS), addresses=HERE, jump=pings)
    assert (str(far.verdict), "advisory: 10.0.0.9 says 192.0.2.9" in far.reason) == ("pass", True)
    blind = judged("ad.dns", dns=records(elsewhere, A, PTR, KDCS), addresses=HERE)
    assert blind.reason_code == "wrong-address", "nobody has said which one is of the site"
    near = judged("ad.dns", dns=records(A, beside, PTR, KDCS), addresses=HERE, jump=pings)
    assert (near.reason_code, "by 10.0.0.2" in near.reason) == ("wrong-address", True)


def test_what_another_server_says_is_named_and_fails_nobody() -> None:
    other = structs.replace(A, server="10.0.0.2", values=("192.0.2.9",))
    finding = judged("ad.dns", dns=records(A, other, PTR, KDCS), addresses=HERE)
    assert (str(finding.verdict), "10.0.0.2 says 192.0.2.9" in finding.reason) == ("pass", True)


def test_without_a_reverse_zone_the_runbook_says_so() -> None:
    assert judged("ad.dns", dns=records(A, KDCS), addresses=HERE, params={"ptr": False}).reason_code == "ok"


def test_where_the_guest_is_must_be_known() -> None:
    assert judged("ad.dns", dns=records(A, PTR, KDCS)).reason_code == "address-not-known"
    literal = structs.replace(records(A, PTR, KDCS), address="192.0.2.10")
    assert judged("ad.dns", dns=literal).reason_code == "ok"


TRUST = TrustFacts("corp.example", ("corp.example",), True, "dc1.corp.example", None, None, None, (), ())


@pytest.mark.parametrize(
    ("now", "before", "code", "verdict"),
    [
        (TRUST, None, "ok", "pass"),
        (structs.replace(TRUST, sssd_online=False), None, "offline", "fail"),
        (structs.replace(TRUST, sssd_server=None), None, "no-controller-named", "unknown"),
        (structs.replace(TRUST, winbind_ping=False), None, "offline", "fail"),
        (structs.replace(TRUST, winbind_ping=True, winbind_secret=False), None, "secret-refused", "fail"),
        (
            structs.replace(
                TRUST,
                sssd_online=None,
                sssd_server=None,
                winbind_ping=True,
                winbind_server="dc1",
                winbind_secret=True,
            ),
            None,
            "ok",
            "pass",
        ),
        (
            structs.replace(
                TRUST,
                sssd_online=None,
                sssd_server=None,
                winbind_ping=True,
                winbind_server="dc1",
                unseen=("wbinfo: no end within 8 s",),
            ),
            None,
            "not-asked",
            "unknown",
        ),
        (structs.replace(TRUST, unseen=("wbinfo: no end within 8 s",)), None, "not-asked", "unknown"),
        # winbind lives and did not say whether the password is accepted
        (structs.replace(TRUST, winbind_ping=True, winbind_server="dc1"), None, "not-asked", "unknown"),
        (structs.replace(TRUST, testjoins=(("adcli", False, "Clock skew"),)), None, "join-refused", "fail"),
        (structs.replace(TRUST, sssd_online=None, sssd_server=None), TRUST, "service-gone", "fail"),
        (structs.replace(TRUST, sssd_online=None, sssd_server=None), None, "no-service-seen", "unknown"),
        (
            structs.replace(TRUST, sssd_online=None, sssd_server=None, unseen=("sssctl: denied",)),
            TRUST,
            "no-service-seen",
            "unknown",
        ),
        (
            TrustFacts("corp.example", (), None, None, None, None, None, (("net", True, "Join is OK"),), ()),
            None,
            "no-service-seen",
            "unknown",
        ),
        (
            TrustFacts("corp.example", (), None, None, None, None, None, (), ()),
            TrustFacts("corp.example", (), None, None, None, None, None, (), ()),
            "not-joined",
            "na",
        ),
    ],
)
def test_the_trust(now: TrustFacts, before: TrustFacts | None, code: str, verdict: str) -> None:
    finding = judged("ad.trust", trust=now, before=before)
    assert (finding.reason_code, str(finding.verdict)) == (code, verdict)


HEALTHY = exchanges()
SKEW = exchanges("refused", 37, SKEWED)
NO_TOOL = ExchangeFacts(
    "APP01$@CORP.EXAMPLE", (Exchange("as", False, "absent", "krbtgt", text="kinit: not found"),), True
)


def trusted(*attempts: ExchangeFacts | Failure, now: float = 120, void: Family | None = None) -> Finding:
    """Attempts of one series, two seconds apart, and then what sssd says."""
    world = Realm()
    for number, facts in enumerate(attempts, 1):
        world.attempt(100 + 2 * number, number, facts=facts)
    if void is not None:
        world.voids[void] = at(now - 2)
    world.see(observed("trust", now - 1, TRUST))
    return world.finding("ad.trust", now)


def test_what_a_service_says_passes_with_a_word_on_whose_it_is() -> None:
    found = trusted()
    assert (found.verdict, found.reason) == (
        "pass",
        "connected to dc1.corp.example, by its service's own word: no fresh exchange stands beside it (kerberos.as)",
    )
    found = trusted(HEALTHY, HEALTHY, HEALTHY)
    assert (found.verdict, len(found.used)) == ("pass", 2)
    assert "APP01$@CORP.EXAMPLE got fresh tickets without the library's correction" in found.reason
    assert "could be tried (kinit: not found)" in trusted(NO_TOOL).reason


def test_what_a_service_says_never_passes_where_an_unmasked_exchange_was_refused() -> None:
    found = trusted(HEALTHY, SKEW)
    assert (found.verdict, found.reason_code) == ("fail", "exchange-refused")
    assert "was refused (as), error 37: kinit: Clock skew too great" in found.reason
    assert "kerberos.as" in (found.remedy or "")
    silent = trusted(exchanges("silent", text="timed out"))
    assert (silent.verdict, silent.reason_code) == ("unknown", "exchange-silent")
    # The library's correction alone, which every service has, is no evidence.
    late = ExchangeFacts("A$@R", (Exchange("tgs", False, "refused", "ldap/dc1", 37, "skew"),
        Exchange("as", True, "ok", "krbtgt")), True)  # fmt: skip
    assert "See kerberos.tgs" in (trusted(late).remedy or "")


def test_what_is_over_speaks_no_more() -> None:
    for void in (Family.TIME, Family.DIRECTORY):
        found = trusted(SKEW, void=void)
        assert (found.verdict, "no fresh exchange stands beside it" in found.reason) == ("pass", True)
    assert trusted(SKEW, now=100 + 49 * 60).reason_code == "exchange-refused"
    assert trusted(SKEW, now=103 + 50 * 60).reason_code == "ok"
    lost = trusted(Failure(FailureKind.LOST, "the link broke"))
    assert (lost.verdict, "own word" in lost.reason) == ("pass", True)


def paths(**outcomes: str) -> PathsFacts:
    """`tcp88="open"` on dc1."""
    return PathsFacts(tuple(Path("dc1", k[:3], int(k[3:]), v) for k, v in outcomes.items()))


WHOLE = paths(tcp88="open", tcp389="open", tcp445="open", tcp464="open", udp123="timeout")


@pytest.mark.parametrize(
    ("now", "before", "marked", "code", "verdict"),
    [
        (WHOLE, WHOLE, True, "ok", "pass"),
        (WHOLE, None, False, "ok", "pass"),
        (WHOLE, None, True, "no-baseline", "unknown"),
        (paths(tcp88="open", tcp389="open", tcp445="timeout", tcp464="open"), None, False, "no-whole-controller", "fail"),
        (paths(tcp88="open", tcp389="open", tcp445="timeout", tcp464="open", udp123="open"), WHOLE, True, "paths-lost", "fail"),
        (paths(tcp88="open"), WHOLE, True, "other-controllers", "unknown"),
        (WHOLE, paths(tcp88="refused"), True, "none-before", "pass"),
        (paths(tcp88="timeout"), paths(tcp88="timeout"), True, "none-before", "unknown"),
        (PathsFacts(()), WHOLE, True, "no-controllers", "unknown"),
    ],
)  # fmt: skip
def test_the_paths(now: PathsFacts, before: PathsFacts | None, marked: bool, code: str, verdict: str) -> None:
    finding = judged("net.ad-paths", ad_paths=now, before=before, marked=marked)
    assert (finding.reason_code, str(finding.verdict)) == (code, verdict)


def asking(**servers: str) -> PathsFacts:
    """`ns1="open"`: WHOLE, with that word of name servers."""
    return structs.replace(WHOLE, name_servers=tuple(NameServer(a, o) for a, o in servers.items()))


@pytest.mark.parametrize(
    ("now", "before", "code", "words"),
    [
        (asking(ns1="open"), asking(ns1="open"), "ok", ""),
        (asking(ns2="open"), asking(ns1="open"), "ok", ""),
        (asking(ns1="timeout"), asking(ns1="open"), "name-server-lost", "by files and caches, if at all"),
        (asking(ns2="timeout"), asking(ns1="open"), "name-server-lost", "ns2 does not answer"),
        (asking(ns1="timeout", ns2="open"), asking(ns1="open"), "name-server-lost", "1 of 2 do"),
        (asking(ns2="wrong-answer"), asking(ns1="open"), "name-server-lost", "ns2 does not know them"),
        (WHOLE, asking(ns1="open"), "name-server-lost", "has no name server any more"),
        (asking(ns1="timeout"), asking(ns1="timeout"), "ok", "(advisory, of its name servers: ns1 does not answer)"),
        (asking(ns1="open", ns2="wrong-answer"), asking(ns1="open", ns2="timeout"), "ok", "ns2 does not know them"),
        (WHOLE, WHOLE, "ok", ""),
    ],
)  # fmt: skip
def test_who_names_the_controllers_belongs_to_the_path(
    now: PathsFacts, before: PathsFacts, code: str, words: str
) -> None:
    finding = judged("net.ad-paths", ad_paths=now, before=before, marked=True)
    assert finding.reason_code == code
    assert words in finding.reason


def test_a_line_in_a_file_that_leads_elsewhere_is_told_from_a_firewall() -> None:
    then = structs.replace(WHOLE, addresses=(("dc1", "10.0.0.1"),))
    shut = structs.replace(
        paths(tcp88="refused", tcp389="open", tcp445="open", tcp464="open"), addresses=(("dc1", "10.0.0.9"),)
    )
    finding = judged("net.ad-paths", ad_paths=shut, before=then, marked=True)
    assert finding.reason_code == "paths-lost"
    assert "(dc1 is 10.0.0.9 to it, and was 10.0.0.1)" in finding.reason


def test_without_listed_controllers_no_path_is_tried_and_the_check_says_why() -> None:
    finding = judged("net.ad-paths", domain=Domain(realm="CORP.EXAMPLE", site="Linz"))
    assert (finding.reason_code, str(finding.verdict)) == ("no-controllers", "unknown")
    assert "domain.controllers" in finding.remedy


NO_KEYTAB = KeytabFacts("FILE:/etc/krb5.keytab", present=False, entries=())
NO_TRUST = TrustFacts("corp.example", (), None, None, None, None, None, (), ())


@pytest.mark.parametrize(
    ("beside", "code"),
    [
        ({"keytab": NO_KEYTAB, "trust": NO_TRUST}, "no-path-before"),
        ({"keytab": NO_KEYTAB}, "none-before"),
        ({"trust": NO_TRUST}, "none-before"),
        ({"keytab": structs.replace(NO_KEYTAB, present=True), "trust": NO_TRUST}, "none-before"),
        (
            {"keytab": NO_KEYTAB, "trust": structs.replace(NO_TRUST, unseen=("sssctl: denied",))},
            "none-before",
        ),
        ({"keytab": NO_KEYTAB, "trust": TRUST}, "none-before"),
    ],
)
def test_only_a_guest_that_was_no_member_needs_no_path(beside: Mapping[str, Facts], code: str) -> None:
    """A domain controller that was down when the baseline was taken looks the same on the ports."""
    shut = paths(tcp88="timeout")
    finding = judged("net.ad-paths", ad_paths=shut, before=shut, also_before=beside)
    assert (finding.reason_code, str(finding.verdict)) == (
        code,
        "na" if code == "no-path-before" else "unknown",
    )


def test_a_path_never_open_is_advice() -> None:
    assert "dc1 123/udp (timeout)" in judged("net.ad-paths", ad_paths=WHOLE, before=WHOLE).reason


def test_a_rootdses_clock_is_an_interval_of_a_second_and_the_round_trip() -> None:
    facts = RootDseFacts("dc1", "10.0.0.1", 10 * S, 11 * S, 0, 1_000_400 * S, "dc1", "", "", True)
    assert facts.shows(1_000_000 * S) == (389 * S, 391 * S)
    assert structs.replace(facts, current_time_ns=None).shows(0) is None


def read(gate: str, domain: str = "realm: CORP.EXAMPLE, ") -> set[str]:
    text = RUNBOOK.replace("domain: {", "domain: {" + domain)
    text = text.replace("- {check: time.single-master}", "- {check: time.single-master}" + gate)
    return {r.name for r in readers_for(load_text(text, "test.yaml").runbook)}


def test_a_guest_is_asked_about_its_domain_only_where_the_runbook_asks() -> None:
    of_domain = {"trust", "addresses", "ad-paths"}
    assert read("").isdisjoint(of_domain)
    assert read("\n          - {check: ad.trust}") & of_domain == {"trust"}
    assert read("\n          - {check: ad.dns}") & of_domain == {"addresses"}
    assert read("\n          - {check: net.ad-paths}") & of_domain == {"ad-paths", "trust"}
    with pytest.raises(BadRunbook, match=r"check ad.trust needs `domain.realm`"):
        read("\n          - {check: ad.trust}", domain="")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (FailureKind.UNTRUSTED, "domain.ca_file"),
        (FailureKind.UNREACHABLE, "from this jump host"),
        (FailureKind.TIMEOUT, "from this jump host"),
        (FailureKind.DENIED, "domain.credential"),
    ],
)
def test_what_the_jump_host_met_with_is_nothing_to_mend_on_the_guest(kind: FailureKind, words: str) -> None:
    finding = judged("ad.object", account=Failure(kind, "dc1: …"), before=ACCOUNT)
    assert (str(finding.verdict), finding.reason_code) == ("unknown", str(kind))
    assert words in (finding.remedy or "")
    assert "guest" not in (finding.remedy or "")
