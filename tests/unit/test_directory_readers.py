"""What controllers and guests said, read strictly: ten thousand names, ranges, damage, and other languages."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.ad import account, cldap, records, rootdse, rootdse_guest
from probes.ad.kept import keep
from probes.clocks import ntp_guest
from probes.facts_directory import AccountFacts, AddressesFacts, CldapFacts, PathsFacts, TrustFacts
from probes.linux import READERS
from probes.linux.domain import ad_paths, addresses, exchange, sysvol, trust
from probes.observation import Failure, FailureKind, Raw
from tests.unit.loopback_ssh import Behaviour, loopback

ANSWER = bytes.fromhex(
    "307902043894982264710400306d306b04086e65746c6f676f6e315f045d17000000fd130000f74018a7dd78744eb8d553052be90501"
    "04636f7270076578616d706c6500c01803646331c01804434f5250000344433100001744656661756c742d46697273742d536974652d"
    "4e616d6500c03a05000000ffffffff300f02043894982265070a010004000400"
)
"""Samba 4.17 as the controller of corp.example."""


@dataclass
class Thing:
    dn: str
    attributes: dict[str, tuple[bytes, ...]]

    def names(self) -> tuple[str, ...]:
        return tuple(self.attributes)

    def all(self, name: str) -> tuple[bytes, ...]:
        return self.attributes.get(name.lower(), ())


@dataclass
class Store:
    """A directory in memory: answers by what a query names, and counts queries."""

    things: list[Thing]
    address: str = "10.0.0.1"
    queries: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)

    def read(self, dn: str, attributes: Sequence[str]) -> Thing:
        if not dn:
            return Thing("", {"defaultnamingcontext": (b"DC=corp,DC=example",)})
        self.reads.append(attributes[0])
        first = int(attributes[0].partition("=")[2].partition("-")[0])
        (owner,) = (t for t in self.things if t.dn == dn)
        return Thing(dn, ranged(owner.attributes["every"], first))

    def search(self, base: str, query: str, attributes: Sequence[str], *, limit: int) -> list[Thing]:
        self.queries.append(query)
        if len(self.queries) == 1:
            return self.things[:1]
        return [t for t in self.things if any(b"(servicePrincipalName=%s)" % v in query.encode() for v in t.all(account.SPNS))]  # fmt: skip


def ranged(values: tuple[bytes, ...], first: int, step: int = 1500) -> dict[str, tuple[bytes, ...]]:
    last = "*" if first + step >= len(values) else str(first + step - 1)
    return {f"serviceprincipalname;range={first}-{last}": values[first : first + step]}


def test_ten_thousand_names_in_ranges_are_read_and_compared_in_ten_queries() -> None:
    spns = tuple(f"http/büro-{n:05}.corp.example".encode() for n in range(10_000))
    mine = Thing("CN=APP01", {"useraccountcontrol": (b"4096",), "every": spns, **ranged(spns, 0)})
    store = Store([mine, Thing("CN=Thief", {"serviceprincipalname": (spns[7_777],)})])
    began = time.process_time()
    facts = account.parse((account.ask(store, "dc1", "app01", "corp.example"),))
    took = time.process_time() - began
    assert isinstance(facts, AccountFacts)
    assert len(facts.spns) == 10_000
    assert [(d.spn, d.dn) for d in facts.duplicates] == [("http/büro-07777.corp.example", "CN=Thief")]
    assert facts.spns_compared
    assert (len(store.queries), len(store.reads)) == (1 + 10, 6)
    assert took < 5, "comparing ten thousand names takes a tenth of that: each with each would not end"


def test_a_usual_account_is_two_queries() -> None:
    mine = Thing(
        "CN=APP01", {"useraccountcontrol": (b"4096",), "serviceprincipalname": (b"HOST/APP01", b"HOST/b")}
    )
    store = Store([mine])
    account.ask(store, "dc1", "app01", "corp.example")
    assert store.queries[1:] == ["(|(servicePrincipalName=HOST/APP01)(servicePrincipalName=HOST/b))"]


def test_a_name_cannot_leave_its_place_in_a_filter() -> None:
    assert account.escaped("a)(uid=*\\\0") == "a\\29\\28uid=\\2a\\5c\\00"


def test_values_are_cleaned_and_numbers_are_numbers() -> None:
    odd = Thing(
        "CN=\u202ex", {"useraccountcontrol": (b"4096",), "operatingsystem": (b"\xff\x1b[31m\xe2\x80\xae",)}
    )
    facts = account.parse((account.ask(Store([odd]), "dc1", "app01", "corp.example"),))
    assert isinstance(facts, AccountFacts)
    assert "\x1b" not in facts.operating_system + facts.dn
    assert "\u202e" not in facts.operating_system + facts.dn
    wrong = Thing("CN=x", {"useraccountcontrol": (b"many",)})
    failure = account.parse((account.ask(Store([wrong]), "dc1", "app01", "corp.example"),))
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.NOT_UNDERSTOOD
    hidden = account.parse((account.ask(Store([Thing("CN=x", {})]), "dc1", "app01", "corp.example"),))
    assert isinstance(hidden, Failure)
    assert hidden.kind is FailureKind.DENIED


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20261122212119.0Z", 1795382479),
        ("20261122212119Z", 1795382479),
        ("20261322212119.0Z", None),
        ("now", None),
    ],
)
def test_a_generalized_time(text: str, seconds: int | None) -> None:
    assert rootdse.generalized_ns(text) == (None if seconds is None else seconds * 10**9)


def pinged(data: bytes) -> object:
    kept = cldap._Exchange("10.0.0.1", data.hex(), 1, 2)
    return cldap.parse((keep(("cldap", "corp.example", "dc1"), kept),))


def test_a_ping_names_the_sites_and_what_the_controller_says_of_its_clock() -> None:
    facts = pinged(ANSWER)
    assert isinstance(facts, CldapFacts)
    assert (facts.dns_host_name, facts.server_site, facts.client_site) == (
        "dc1.corp.example",
        "Default-First-Site-Name",
        "Default-First-Site-Name",
    )
    assert (facts.timeserv, facts.good_timeserv, facts.pdc, facts.kdc) == (True, True, True, True)


@given(st.integers(0, len(ANSWER) - 1), st.integers(0, 255))
def test_a_damaged_ping_never_raises(at: int, byte: int) -> None:
    for data in (ANSWER[:at], ANSWER[:at] + bytes([byte]) + ANSWER[at + 1 :]):
        assert isinstance(pinged(data), CldapFacts | Failure)


def test_a_name_that_refers_to_itself_ends() -> None:
    at = ANSWER.index(b"\xc0\x18")
    assert isinstance(
        pinged(ANSWER[:at] + b"\xc0" + bytes([24 + 18]) + ANSWER[at + 2 :]), Failure | CldapFacts
    )
    loop = b"\x17\0\0\0\0\0\0\0" + bytes(16) + b"\xc0\x18" * 8
    with pytest.raises(cldap.NotUnderstood):
        cldap._name(loop, 24)


@given(st.binary(max_size=300))
def test_no_bytes_make_a_ping_raise(data: bytes) -> None:
    assert isinstance(pinged(data), CldapFacts | Failure)


def test_which_records_are_asked_for() -> None:
    wanted = records.Wanted("app01.corp.example", "192.0.2.10", "corp.example", "ber", ("10.0.0.1",))
    asked = records.questions(wanted)
    assert ("10.0.0.1", "_kerberos._tcp.ber._sites.dc._msdcs.corp.example", "SRV") in asked
    assert ("", "_ldap._tcp.pdc._msdcs.corp.example", "SRV") in asked
    assert records.pointers(wanted, ())[0] == ("10.0.0.1", "10.2.0.192.in-addr.arpa", "PTR")


# Guests

SSSD = """\
Online status: {status}

Active servers:
AD Global Catalog: {gc}
AD Domain Controller: {dc}

Discovered AD Global Catalog servers:
None so far.

Discovered AD Domain Controller servers:
- dc1.corp.example

"""
"""sssd's src/tools/sssctl/sssctl_domains.c."""

REALM = "corp.example\n  type: kerberos\n  configured: kerberos-member\n"
NO_WINBIND = "could not obtain winbind interface details: WBC_ERR_WINBIND_NOT_AVAILABLE\n"


SSSD_CONF, WINBINDD, KEYTAB = "/etc/sssd/sssd.conf", "/usr/sbin/winbindd", "/etc/krb5.keytab"


def trusted(**changes: Raw) -> object:
    argvs = [c.argv for c in trust.reader("corp.example").commands]
    raws = {
        "realm": Raw(argvs[0], 0, REALM),
        "sssctl": Raw(
            argvs[1], 0, SSSD.format(status="Online", gc="dc1.corp.example", dc="dc1.corp.example")
        ),
        "ping": Raw(
            argvs[2], 1, 'checking the NETLOGON for domain[] dc connection to "" failed\n', NO_WINBIND
        ),
        "secret": Raw(argvs[3], 127, "", "wbinfo: not found\n"),
        "left": Raw(
            argvs[4], 1, f"{SSSD_CONF}\n{KEYTAB}\n", f"find: '{WINBINDD}': No such file or directory\n"
        ),
    }
    return trust.parse(tuple({**raws, **changes}.values()))


def test_sssd_online_with_a_controller() -> None:
    facts = trusted()
    assert isinstance(facts, TrustFacts)
    assert (facts.sssd_online, facts.sssd_server, facts.winbind_ping, facts.winbind_secret) == (
        True, "dc1.corp.example", None, None,
    )  # fmt: skip
    assert (facts.realms, facts.unseen) == (("corp.example",), ())


def sssctl(rc: int, out: str, err: str = "") -> Raw:
    return Raw(("sssctl", "domain-status", "corp.example"), rc, out, err)


@pytest.mark.parametrize(
    ("raw", "online", "server", "seen"),
    [
        (sssctl(0, SSSD.format(status="Offline", gc="not connected", dc="not connected")), False, None, True),
        (sssctl(0, SSSD.format(status="Online", gc="x", dc="not connected")), True, None, True),
        (sssctl(1, "SSSD needs to be running. Start SSSD now? (yes/no) [yes] ", "Unable to read user input\n"), None, None, True),
        (sssctl(127, "", "sssctl: not found\n"), None, None, False),
        (sssctl(1, "", "must be root\n"), None, None, False),
    ],
)  # fmt: skip
def test_sssd_in_other_states(raw: Raw, online: bool | None, server: str | None, seen: bool) -> None:
    facts = trusted(sssctl=raw)
    assert isinstance(facts, TrustFacts)
    assert (facts.sssd_online, facts.sssd_server, not facts.unseen) == (online, server, seen)


def left(*there: str, denied: str = "") -> Raw:
    """What `find` shows of these."""
    out = "".join(f"{path}\n" for path in there)
    err = "".join(
        f"find: '{path}': {'Permission denied' if path == denied else 'No such file or directory'}\n"
        for path in (SSSD_CONF, WINBINDD, KEYTAB)
        if path not in there
    )
    return Raw(("env", "LC_ALL=C", "find", SSSD_CONF, WINBINDD, KEYTAB, "-maxdepth", "0"), 1, out, err)


@pytest.mark.parametrize(
    ("found", "seen"),
    [
        (left(), True),
        (left(SSSD_CONF), False),
        (left(WINBINDD), False),
        (left(KEYTAB), False),
        (left(denied=SSSD_CONF), False),
        (Raw(left().argv, 127, "", "env: 'find': No such file or directory\n"), False),
        (Raw(left().argv, None, "", "", failure=Failure(FailureKind.TIMEOUT, "no end")), False),
    ],
)
def test_a_member_without_any_tool_is_no_guest_without_a_domain(found: Raw, seen: bool) -> None:
    gone = {n: Raw((n,), 127, "", f"{n}: not found\n") for n in ("realm", "wbinfo")}
    facts = trusted(
        realm=gone["realm"],
        sssctl=sssctl(127, "", "sssctl: not found\n"),
        ping=gone["wbinfo"],
        secret=gone["wbinfo"],
        left=found,
    )
    assert isinstance(facts, TrustFacts)
    assert (facts.sssd_online, facts.winbind_ping, facts.realms) == (None, None, ())
    assert (not facts.unseen) is seen


@pytest.mark.parametrize(
    "out",
    [
        "",
        SSSD.format(status="En ligne", gc="x", dc="dc1"),
        SSSD.format(status="Online", gc="x", dc="dc1").replace("AD Domain Controller:", "Contrôleur:"),
        SSSD.format(status="Online", gc="x", dc="dc1 \u202e"),
        SSSD.format(status="Online", gc="x", dc="dc1").removesuffix("\n")[:-3],
    ],
)
def test_what_sssctl_is_not_known_to_print_is_unparsed(out: str) -> None:
    assert isinstance(trusted(sssctl=sssctl(0, out)), Failure)


def test_winbind_names_its_controller() -> None:
    ping = Raw(("wbinfo", "-P"), 0, 'checking the NETLOGON for domain[CORP] dc connection to "dc1.corp.example" succeeded\n')  # fmt: skip
    facts = trusted(ping=ping)
    assert isinstance(facts, TrustFacts)
    assert (facts.winbind_ping, facts.winbind_server) == (True, "dc1.corp.example")
    assert isinstance(
        trusted(ping=Raw(ping.argv, 1, ping.out)), Failure
    )  # says one thing and exits with another


IP = '[{"ifname":"eth0","addr_info":[{"family":"inet","local":"192.0.2.10","prefixlen":24,"scope":"global"}]},{}]\n'


def test_addresses() -> None:
    facts = addresses.parse((Raw(("ip",), 0, IP), Raw(("hostname",), 0, "APP01.corp.example\n")))
    assert isinstance(facts, AddressesFacts)
    assert facts.fqdn == "app01.corp.example"
    assert [a.address for a in facts.addresses] == ["192.0.2.10"]


@pytest.mark.parametrize("out", ["", "[", IP[:-4], IP.replace('"eth0"', "3"), IP.replace("192.0.2.10", "x")])
def test_addresses_that_are_none(out: str) -> None:
    assert isinstance(addresses.parse((Raw(("ip",), 0, out), Raw(("hostname",), 0, "a\n"))), Failure)


SENT = ("bash", "-c", "…", "ad-paths", "\\x13", "tcp", "dc1", "389", "-", "udp", "dc1", "88", "\\x00", "udp", "dc1", "123", "\\x00")  # fmt: skip


def tried(*lines: str, at: str = "at dc1 10.0.0.1", servers: int = 0) -> object:
    return ad_paths.parse((Raw(SENT, 0, "".join(f"{line}\n" for line in (*lines, at, f"end {servers}"))),))


ALL = ("tcp dc1 389 open ", "udp dc1 88 124 - ", "udp dc1 123 124 - ")
HEAD = "1357 8180 0001 0003 0000 0000"
"""Of an answer: without an error, three of what was asked for."""


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (HEAD, "open"),
        (HEAD.replace("8180", "8380").replace("0003", "0000"), "open"),  # more than a datagram takes
        (HEAD.replace("8180", "8183").replace("0003", "0000"), "wrong-answer"),  # no such domain
        (HEAD.replace("0003", "0000"), "wrong-answer"),  # it has the name, and no such record
        (HEAD.replace("8180", "8185"), "wrong-answer"),  # refuses
        (HEAD.replace("1357", "1358"), "wrong-answer"),
        (HEAD[:-5], "wrong-answer"),
    ],
)
def test_a_name_server_has_to_know_the_domains_controllers(answer: str, outcome: str) -> None:
    facts = tried(f"name 10.0.0.53 53 0 {answer.replace(' ', '')} ", *ALL, servers=1)
    assert isinstance(facts, PathsFacts), facts
    assert [(s.address, s.outcome) for s in facts.name_servers] == [("10.0.0.53", outcome)]
    assert facts.addresses == (("dc1", "10.0.0.1"),)


@pytest.mark.parametrize(
    "odd",
    [
        {"servers": 1},
        {"servers": 4},
        {"at": "at dc2 10.0.0.1"},
        {"at": "at dc1 dc1"},
        {"at": "at dc1 $(reboot)"},
        {"at": "end 0"},
    ],
)
def test_lookups_that_are_not_all_there(odd: dict[str, object]) -> None:
    assert isinstance(tried(*ALL, **odd), Failure)


@pytest.mark.parametrize("nowhere", ["-", "+"])
def test_a_controller_without_an_address_has_none(nowhere: str) -> None:
    facts = tried(*ALL, at=f"at dc1 {nowhere}")
    assert isinstance(facts, PathsFacts)
    assert facts.addresses == ()


def test_paths() -> None:
    ntp = "24" + "00" * 47
    facts = tried(f"udp dc1 123 0 {ntp} ", "tcp dc1 389 1 Connection refused", "udp dc1 88 124 - ")
    assert isinstance(facts, PathsFacts)
    assert [(p.port, p.outcome) for p in facts.paths] == [(389, "refused"), (88, "timeout"), (123, "open")]


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("tcp dc1 389 open ", "udp dc1 88 124 - "),
        ("tcp dc1 389 open ", "tcp dc1 389 open ", "udp dc1 88 124 - "),
        ("tcp dc1 389 open ", "udp dc1 88 124 - ", "udp dc2 123 124 - "),
        ("tcp dc1 389 1 Verbindungsaufbau abgelehnt", "udp dc1 88 124 - ", "udp dc1 123 124 - "),
    ],
)
def test_paths_that_are_not_those_asked_for(lines: tuple[str, ...]) -> None:
    assert isinstance(tried(*lines), Failure)


def test_an_answer_of_something_else_is_not_the_service() -> None:
    facts = tried("tcp dc1 389 open ", "udp dc1 88 0 00ff ", "udp dc1 123 124 - ")
    assert isinstance(facts, PathsFacts)
    assert [p.outcome for p in facts.paths] == ["open", "wrong-answer", "timeout"]


def test_controllers_are_arguments_and_never_part_of_the_script() -> None:
    evil = "$(reboot);dc1"
    (command,) = ad_paths.reader([evil], "CORP.EXAMPLE").commands
    script, *words = command.argv[2:]
    assert evil not in script
    assert evil in words


@pytest.mark.parametrize("one_session", [False, True])
async def test_paths_are_tried_by_the_guests_kept_shell(tmp_path: Path, one_session: bool) -> None:
    """As a session reads them: the shell takes one line, and on a terminal one of 4000 bytes."""
    async with loopback(tmp_path, Behaviour(max_sessions=1 if one_session else 10)) as server:
        server.trust()
        guest = server.guest()
        await guest.connect()
        try:
            facts = ad_paths.parse(await guest.run(ad_paths.reader(["127.0.0.1"], "CORP.EXAMPLE").commands))
        finally:
            await guest.close()
    assert isinstance(facts, PathsFacts), facts
    assert len(facts.paths) == len(ad_paths.TCP) + len(ad_paths.UDP)


def test_no_reader_asks_for_more_than_a_line_of_the_guests_shell() -> None:
    plan = exchange.Plan("APP01$@CORP.EXAMPLE", "dc1.corp.example", "CHG1")
    of_domain = (
        ad_paths.reader(["dc1.corp.example"], "CORP.EXAMPLE"), addresses.READER, sysvol.READER,
        trust.reader("corp.example", tickets=True), exchange.reader(plan),
    )  # fmt: skip
    commands = [c for r in (*READERS, *of_domain) for c in r.commands]
    commands += [
        ntp_guest.by_bash("dc1", 123),
        ntp_guest.by_chronyd("dc1", 123),
        rootdse_guest.command("dc1"),
    ]
    assert [c.argv for c in commands if any(ch in "\n\r\0" for arg in c.argv for ch in arg)] == []
