"""A guest in the domain: what a join leaves on it, and the services that live on its machine account."""

from __future__ import annotations

from cutover_tui.lab.kerberos.domain import ETYPES, Account, Domain, key
from cutover_tui.lab.kerberos.encoding import Cache, Key, write_cache, write_keytab
from cutover_tui.lab.kerberos.holder import Holder, Membership
from cutover_tui.lab.kerberos.library import CONF, KEYTAB, KerberosError, Library, configured
from cutover_tui.lab.machine.guest import File, Guest
from cutover_tui.lab.world.world import World

SECOND = 1_000_000_000
SSSD_RENEWS_NS = 900 * SECOND
"""sssd takes a new ticket for each connection to a controller, and keeps one for 900 s (sssd-ldap(5))."""

_CONF = """\
[libdefaults]
    default_realm = {realm}
    dns_lookup_realm = false
    dns_lookup_kdc = false
    rdns = false
{timesync}
[realms]
    {realm} = {{
{kdcs}
    }}

[domain_realm]
    .{dns} = {realm}
    {dns} = {realm}
"""


def join(world: World, guest: Guest, domain: Domain, account: Account, now: int) -> None:
    """Leave what `net ads join` and `realm join` leave: krb5.conf, the key table, the names."""
    guest.domain = domain.dns
    guest.membership = Membership(account.name, domain.realm)
    write_conf(world, guest, domain)
    put_keytab(guest, domain, account, guest.utc(now))


def write_conf(world: World, guest: Guest, domain: Domain, *, timesync: bool = True) -> None:
    """A krb5.conf that names every controller; without `timesync` it switches the correction off."""
    servers = [r for r in world.references.values() if r.controller]
    guest.files[CONF] = File(
        _CONF.format(
            realm=domain.realm,
            dns=domain.dns,
            kdcs="\n".join(f"        kdc = {server.address}" for server in servers),
            timesync="" if timesync else "    kdc_timesync = 0\n",
        )
    )


def put_keytab(guest: Guest, domain: Domain, account: Account, written_ns: int) -> None:
    """The key table with the account's keys of its current version."""
    at = written_ns // SECOND
    keys = tuple(
        Key(principal, account.kvno, etype, at, key(domain.realm, account.name, account.kvno, etype))
        for principal in domain.principals(account)
        for etype in ETYPES
    )
    guest.files[KEYTAB] = File(write_keytab(keys), 0o600, written=written_ns)


def machine(guest: Guest) -> str | None:
    """The principal of the machine account, None on a guest of no domain."""
    member = guest.membership
    return None if member is None else f"{member.account}@{member.realm}"


def store(guest: Guest, path: str, cache: Cache, owner: str, written_ns: int) -> None:
    """Write a cache file as the library does, for its owner only."""
    guest.files[path] = File(write_cache(cache), 0o600, owner, owner, written=written_ns)


def started(world: World, guest: Guest, process: str, now: int) -> None:
    """A unit started: whoever holds credentials takes new ones."""
    for holder in _of(guest, process):
        _take(world, guest, holder, now)


def stopped(guest: Guest, process: str) -> None:
    """A unit stopped: its cache stays, and nobody renews it."""
    for holder in _of(guest, process):
        holder.due, holder.well = None, False


def work(world: World, guest: Guest, now: int) -> None:
    """Renew what is due."""
    member = guest.membership
    for holder in member.holders if member is not None else ():
        if holder.due is not None and holder.due <= now:
            _take(world, guest, holder, now)


def _of(guest: Guest, process: str) -> list[Holder]:
    member = guest.membership
    return [h for h in member.holders if h.process == process] if member is not None else []


def _take(world: World, guest: Guest, holder: Holder, now: int) -> None:
    """A fresh exchange with the configuration every program has; where it fails, the old cache stays."""
    holder.due = now + holder.renew_ns
    principal = machine(guest)
    library = Library(world, guest, configured(guest, {}), now)
    if principal is None:
        return
    try:
        cache = library.initial(principal)
        for service in holder.services:
            _, cache = library.ticket(cache, service)
    except KerberosError:
        holder.well = False
        return
    holder.well = True
    store(guest, holder.cache, cache, holder.owner, guest.utc(now))
