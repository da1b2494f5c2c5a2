"""Facts about the directory: a guest's account, its records, its trust, its paths, and a controller's word.

Integers only; times are UTC in ns, stamps CLOCK_BOOTTIME of the jump host. Text from a
directory or a guest is cleaned, and not believed to be anything but text.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

SECOND = 1_000_000_000

DISABLED = 0x0002
"""ADS_UF_ACCOUNTDISABLE of userAccountControl ([MS-ADTS] section 2.2.16)."""

AES = 0x18
"""AES128 and AES256 of msDS-SupportedEncryptionTypes ([MS-KILE] section 2.2.7)."""

RC4 = 0x04


class RootDseFacts(msgspec.Struct, frozen=True, tag="rootdse"):
    """A controller's rootDSE over verified TLS, without credentials ([MS-ADTS] section 3.1.1.3.2).

    `current_time_ns` has whole seconds: between `sent_ns` and `received_ns` the controller's
    clock showed at least that and less than a second more.
    """

    server: str  # as asked for
    address: str
    sent_ns: int
    received_ns: int
    own_utc_ns: int  # the jump host's CLOCK_REALTIME at the middle
    current_time_ns: int | None
    dns_host_name: str
    server_name: str  # DN below Sites, which names the controller's site
    default_context: str
    synchronized: bool | None  # isSynchronized: it has replicated once since it started

    def shows(self, scale_ns: int) -> tuple[int, int] | None:
        """Its clock minus a timescale, as [low, high) in ns; None where it shows no time.

        Args:
            scale_ns: what the timescale shows at CLOCK_BOOTTIME 0.
        """
        if self.current_time_ns is None:
            return None
        return (
            self.current_time_ns - (self.received_ns + scale_ns),
            self.current_time_ns + SECOND - (self.sent_ns + scale_ns),
        )


class CldapFacts(msgspec.Struct, frozen=True, tag="cldap"):
    """A controller's answer to an LDAP ping over UDP ([MS-ADTS] sections 6.3.1.9 and 6.3.3).

    `client_site` is the site of whoever asked, here of the jump host's address.
    """

    server: str
    address: str
    sent_ns: int
    received_ns: int
    flags: int
    forest: str
    domain: str
    dns_host_name: str
    server_site: str
    client_site: str
    pdc: bool
    kdc: bool
    timeserv: bool
    good_timeserv: bool  # its clock is declared reliable


class SpnOwner(msgspec.Struct, frozen=True):
    """A service principal name of the account that another object has too."""

    spn: str
    dn: str


class AccountFacts(msgspec.Struct, frozen=True, tag="account"):
    """A guest's computer object as one controller shows it.

    `found` is the number of objects that go by the guest's name; all else is of the only one.
    """

    server: str
    asked: str  # the guest's name and domain
    found: int
    dn: str = ""
    sam: str = ""
    control: int = 0  # userAccountControl
    pwd_last_set_ns: int | None = None  # None: not shown, or never
    kvno: int | None = None  # msDS-KeyVersionNumber
    enctypes: int | None = None  # msDS-SupportedEncryptionTypes; None: the domain's default
    dns_host_name: str = ""
    operating_system: str = ""
    spns: tuple[str, ...] = ()  # sorted
    duplicates: tuple[SpnOwner, ...] = ()
    spns_compared: bool = True  # False: there are more than are compared

    @property
    def enabled(self) -> bool:
        return not self.control & DISABLED


RecordKind = Literal["A", "AAAA", "PTR", "SRV"]
RecordOutcome = Literal["found", "absent", "timeout", "refused", "unreachable", "not-understood"]


class Answer(msgspec.Struct, frozen=True):
    """What one name server said about one name.

    `absent` is its word that there is no such name or no such record; the others say nothing
    about the record. SRV values are `priority weight port target`, names without the last dot.
    """

    server: str  # "" = the jump host's own resolver
    name: str
    kind: RecordKind
    outcome: RecordOutcome
    authoritative: bool = False
    values: tuple[str, ...] = ()  # sorted


class DnsFacts(msgspec.Struct, frozen=True, tag="dns"):
    """Records of a guest and of its domain, asked from the jump host."""

    fqdn: str
    address: str  # that the runbook gives the guest; "" = a name
    domain: str
    site: str  # "" = not named
    answers: tuple[Answer, ...]


_CONTROLLER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9_-]+)+\Z", re.ASCII)


class DiscoveryFacts(msgspec.Struct, frozen=True, tag="discovery"):
    """The controllers of a domain, or of one site of it, as DNS names them ([MS-ADTS] section 6.3.2.3)."""

    domain: str
    site: str  # "" = not named
    answers: tuple[Answer, ...]  # in the order in which they were asked for

    @property
    def controllers(self) -> tuple[str, ...]:
        """Their names: of the first question that named KDCs, by priority, and the PDC emulator behind them.

        What is no full host name is left out: it would get into commands.
        """
        kdcs = next((a.values for a in self.answers if a.values and a.name.startswith("_kerberos.")), ())
        pdc = [v for a in self.answers if a.name.startswith("_ldap._tcp.pdc.") for v in a.values]
        ordered = [*sorted(kdcs, key=_priority), *pdc]
        named = (v.split()[3].lower() for v in ordered if len(v.split()) == 4)
        return tuple(dict.fromkeys(n for n in named if len(n) < 254 and _CONTROLLER.match(n)))


def _priority(srv: str) -> tuple[int, str]:
    first, _, rest = srv.partition(" ")
    return (int(first) if first.isascii() and first.isdigit() else 0xFFFF), rest


class GuestRootDseFacts(msgspec.Struct, frozen=True, tag="rootdse-guest"):
    """A controller's rootDSE as a guest was shown it, without credentials and without TLS.

    `current_time_ns` has whole seconds: some moment while the guest was asked, the controller's clock showed
    at least that and less than a second more.
    """

    server: str  # as asked for
    current_time_ns: int
    dns_host_name: str
    synchronized: bool | None


class Address(msgspec.Struct, frozen=True):
    """An address of an interface."""

    interface: str
    address: str
    prefix: int
    scope: str  # global, link, host


class AddressesFacts(msgspec.Struct, frozen=True, tag="addresses"):
    """The addresses a guest has now, and the name it believes to have."""

    fqdn: str | None
    addresses: tuple[Address, ...]


class TrustFacts(msgspec.Struct, frozen=True, tag="trust"):
    """What a Linux guest's own services say about its membership of a domain.

    None = that service is not there (or not visible: then `unseen` names it). A server named
    is one the service has a connection to.
    """

    domain: str
    realms: tuple[str, ...]  # that `realm list` shows as configured
    sssd_online: bool | None
    sssd_server: str | None
    winbind_ping: bool | None  # a controller answers over the secure channel
    winbind_server: str | None
    winbind_secret: bool | None
    testjoins: tuple[tuple[str, bool, str], ...]  # tool, exit status 0, what it said
    unseen: tuple[str, ...]  # "tool: why"

    @property
    def empty(self) -> bool:
        """Everything was asked, and nothing of a membership was there."""
        return not self.realms and self.sssd_online is None and self.winbind_ping is None and not self.unseen


Proto = Literal["tcp", "udp"]
PathOutcome = Literal["open", "refused", "timeout", "unresolved", "unreachable", "wrong-answer"]


class Path(msgspec.Struct, frozen=True):
    """One port of one controller from the guest. For UDP, `open` means that it answered."""

    controller: str
    proto: Proto
    port: int
    outcome: PathOutcome

    @property
    def key(self) -> tuple[str, str, int]:
        return self.controller, self.proto, self.port


class NameServer(msgspec.Struct, frozen=True):
    """A name server the guest asks. `open` means that it named controllers of the domain."""

    address: str
    outcome: PathOutcome


class PathsFacts(msgspec.Struct, frozen=True, tag="ad-paths"):
    """The ports of domain controllers as the guest reaches them, and who tells it where they are."""

    paths: tuple[Path, ...]
    addresses: tuple[
        tuple[str, str], ...
    ] = ()  # of controllers: the first one the guest finds, by files or DNS
    name_servers: tuple[NameServer, ...] = ()  # that resolv.conf lists
