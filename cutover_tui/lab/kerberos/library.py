"""What MIT's Kerberos library (1.20) makes of the world: which exchange succeeds at which clock, and in which words.

With `kdc_timesync` (its default) the library takes the KDC's clock from its answers, does an
exchange with that, and leaves the difference in the cache for whoever uses it later: a fresh
exchange hides any skew, and a cache outlives a repaired clock. Without it the guest's own
clock counts, and a difference kept in a cache is not applied. All of it as measured against a
real controller with a guest's clock 600 s off to either side, before and after.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cutover_tui.lab.kerberos import kdc
from cutover_tui.lab.kerberos.domain import AES256, Account, Domain, key
from cutover_tui.lab.kerberos.encoding import Cache, Damaged, Key, Ticket, read_keytab, split
from cutover_tui.lab.machine.guest import Guest
from cutover_tui.lab.world.world import Reference, World

SECOND = 1_000_000_000
TOLERANCE_S = 300
LIFETIME_S, RENEWABLE_S = 10 * 3600, 24 * 3600
GIVE_UP_NS = 27 * SECOND
"""How long the library holds its caller when no KDC answers; no option of krb5.conf changes it."""

_NEXT_KDC_NS = SECOND
_DEFAULT_CACHE = "FILE:/tmp/krb5cc_%{uid}"
CONF, KEYTAB = "/etc/krb5.conf", "/etc/krb5.keytab"
SKEW, EXPIRED, NOT_YET = "Clock skew too great", "Ticket expired", "Ticket not yet valid"
_TGT_FLAGS, _TICKET_FLAGS = 0x00E00000, 0x00AC0000  # RIA; RATO

_SECTION = re.compile(r"\s*\[(\w+)\]")
_OPEN = re.compile(r"\s*(\S+)\s*=\s*\{")
_VALUE = re.compile(r"\s*([\w-]+)\s*=\s*(.*?)\s*$")


class KerberosError(Exception):
    """An exchange failed; `str()` is the library's message."""


@dataclass(frozen=True, slots=True)
class Config:
    """What the library takes from its configuration files."""

    realm: str | None = None
    kdcs: tuple[str, ...] = ()
    timesync: bool = True
    cache: str = _DEFAULT_CACHE

    def cache_of(self, uid: int, env: Mapping[str, str]) -> str:
        """Where credentials are kept, TYPE:RESIDUAL."""
        name = env.get("KRB5CCNAME") or self.cache.replace("%{uid}", str(uid))
        return name if ":" in name else f"FILE:{name}"


def read_config(texts: list[str]) -> Config:
    """The files in their order: of a single value the first counts, KDCs add up."""
    values: dict[str, str] = {}
    kdcs: dict[str, list[str]] = {}
    for text in texts:
        section, block = "", ""
        for line in text.splitlines():
            if line.lstrip().startswith(("#", ";")):
                continue
            if found := _SECTION.match(line):
                section, block = found[1], ""
            elif found := _OPEN.match(line):
                block = found[1]
            elif line.strip().startswith("}"):
                block = ""
            elif found := _VALUE.match(line):
                if section == "libdefaults" and not block:
                    values.setdefault(found[1], found[2])
                elif section == "realms" and found[1] == "kdc":
                    kdcs.setdefault(block, []).append(found[2])
    realm = values.get("default_realm")
    return Config(
        realm,
        tuple(kdcs.get(realm or "", ())),
        values.get("kdc_timesync", "1") not in ("0", "false", "no"),
        values.get("default_ccache_name", _DEFAULT_CACHE),
    )


def configured(guest: Guest, env: Mapping[str, str]) -> Config:
    """The configuration on a guest, with the files that KRB5_CONFIG names."""
    paths = (env.get("KRB5_CONFIG") or CONF).split(":")
    return read_config([guest.files[path].text for path in paths if path in guest.files])


@dataclass(slots=True)
class Library:
    """The library in one process on a guest at one moment of true time; `waited_ns`: how long it took."""

    world: World
    guest: Guest
    config: Config
    now: int
    waited_ns: int = 0

    def qualified(self, principal: str) -> str:
        """With its realm."""
        return principal if "@" in principal else f"{principal}@{self.config.realm or ''}"

    def initial(self, principal: str, path: str = KEYTAB) -> Cache:
        """A new cache with a ticket-granting ticket, by the keys of that key table.

        Raises:
            KerberosError: it is not to be had.
        """
        client = self.qualified(principal)
        keys = self._keys(path)
        mine = [one for one in keys or () if one.principal == client and one.etype == AES256]
        if keys is not None and not mine:
            raise KerberosError(f"Keytab contains no suitable keys for {client}")
        domain, server = self.find()
        account = domain.client(client)
        if account is None:
            raise KerberosError(f"Client '{client}' not found in Kerberos database")
        if account.state == "disabled":
            raise KerberosError("Client's credentials have been revoked")
        if keys is None:
            raise KerberosError(f"Pre-authentication failed: Key table file '{path}' not found")
        if not _right(max(mine, key=lambda one: one.kvno), domain, account):
            raise KerberosError("Preauthentication failed")
        theirs = server.clock.read(self.now) // SECOND
        if not self.config.timesync and abs(self.own_s - theirs) > TOLERANCE_S:
            raise KerberosError(SKEW)
        offset = theirs - self.own_s if self.config.timesync else None
        granting = granting_ticket(domain, client, theirs)
        asked = self.own_s + (offset or 0) + RENEWABLE_S
        return Cache(client, offset, (replace(granting, renew=asked),))

    def ticket(self, cache: Cache, service: str) -> tuple[Ticket, Cache]:
        """A ticket for a service and the cache with it: the one it has, or one from a KDC.

        Raises:
            KerberosError: it is not to be had.
        """
        wanted, at = self.qualified(service), self.seen_s(cache)
        kept = cache.ticket(wanted, at)
        if kept is not None:
            return kept, cache
        realm = split(cache.principal)[1]
        granting = next((t for t in cache.tickets if t.service == f"krbtgt/{realm}@{realm}"), None)
        if granting is None:
            raise KerberosError("Matching credential not found")
        if granting.end <= at:
            raise KerberosError(EXPIRED)
        domain, server = self.find()
        theirs = server.clock.read(self.now) // SECOND
        if granting.end < theirs - TOLERANCE_S:
            raise KerberosError(EXPIRED)
        if abs(at - theirs) > TOLERANCE_S:
            raise KerberosError(SKEW)
        account = domain.serving(wanted)
        if account is None:
            raise KerberosError("Server not found in Kerberos database")
        given = service_ticket(granting, wanted, theirs, account.kvno)
        return given, cache.holding(given)

    def present(self, cache: Cache, service: str, acceptor: Reference) -> Cache:
        """Authenticate to a service on a controller; the cache as it is then.

        Raises:
            KerberosError: the library itself, a KDC or the acceptor refuses.
        """
        ticket, cache = self.ticket(cache, service)
        at = self.seen_s(cache)
        if ticket.start > at + TOLERANCE_S:
            raise KerberosError(NOT_YET)
        if ticket.end < at - TOLERANCE_S:
            raise KerberosError(EXPIRED)
        if abs(at - acceptor.clock.read(self.now) // SECOND) > TOLERANCE_S:
            raise KerberosError(SKEW)
        return cache

    @property
    def own_s(self) -> int:
        """What the guest's clock shows, UTC seconds."""
        return self.guest.utc(self.now) // SECOND

    def seen_s(self, cache: Cache) -> int:
        """What the library takes for the time when it uses that cache."""
        return self.own_s + (cache.offset_s or 0 if self.config.timesync else 0)

    def find(self) -> tuple[Domain, Reference]:
        """The KDC that answers first: each by UDP, a second apart, then each by TCP.

        Raises:
            KerberosError: none does.
        """
        domain, servers = self.world.domain, [self.world.reference_at(name) for name in self.config.kdcs]
        for protocol in ("udp", "tcp"):
            for server in servers:
                if domain is None or server is None:
                    continue
                if self._answers(server, protocol):
                    return domain, server
                self.waited_ns += _NEXT_KDC_NS if self._silent(server, protocol) else 0
        self.waited_ns = max(self.waited_ns, GIVE_UP_NS)
        raise KerberosError(f"Cannot contact any KDC for realm '{self.config.realm or ''}'")

    def _answers(self, server: Reference, protocol: str) -> bool:
        there = server.kdc
        listens = there is not None and not there.down and (protocol == "tcp" or there.udp)
        return listens and not self._silent(server, protocol)

    def _silent(self, server: Reference, protocol: str) -> bool:
        """Whether nothing at all comes back, not even a refusal."""
        down = server.silent or (server.kdc is not None and server.kdc.down)
        return down or not self.world.network.allows(self.guest.name, server.name, kdc.PORT, protocol)

    def _keys(self, path: str) -> tuple[Key, ...] | None:
        found = self.guest.files.get(path)
        if found is None:
            return None
        try:
            return read_keytab(found.text)
        except Damaged:
            raise KerberosError("Unsupported key table format version number") from None


def granting_ticket(domain: Domain, client: str, at_s: int) -> Ticket:
    """What a KDC of that domain gives to a client that has shown its key."""
    service = f"krbtgt/{domain.realm}@{domain.realm}"
    return Ticket(client, service, at_s, at_s + LIFETIME_S, at_s + RENEWABLE_S, 1, _TGT_FLAGS)


def service_ticket(granting: Ticket, service: str, at_s: int, kvno: int) -> Ticket:
    """What it gives for a ticket-granting ticket."""
    return replace(granting, service=service, start=at_s, kvno=kvno, flags=_TICKET_FLAGS)


def _right(one: Key, domain: Domain, account: Account) -> bool:
    return one.key == key(domain.realm, account.name, account.kvno, one.etype)
