"""From a world file to guests in the domain: accounts, packages, key tables, caches and who holds them."""

from __future__ import annotations

from dataclasses import replace

from cutover_tui.lab.kerberos import member
from cutover_tui.lab.kerberos.domain import Account, Domain
from cutover_tui.lab.kerberos.encoding import Cache
from cutover_tui.lab.kerberos.holder import Holder
from cutover_tui.lab.kerberos.library import KEYTAB, SECOND, configured, granting_ticket, service_ticket
from cutover_tui.lab.machine import services
from cutover_tui.lab.machine.guest import Guest, Unit
from cutover_tui.lab.machine.packages import UnitFile
from cutover_tui.lab.machine.systems import System
from cutover_tui.lab.world.world import World
from cutover_tui.lab.world_file.identity import AccountSpec, CacheSpec, ComputerSpec, HolderSpec, JoinedSpec
from cutover_tui.lab.world_file.model import AccountChange, GuestSpec, RecordsChange

_TOOLS = {
    "dpkg": ("krb5-user", "ldap-utils", "adcli", "sssd-tools", "realmd", "samba-common-bin"),
    "rpm": ("krb5-workstation", "openldap-clients", "adcli", "sssd-tools", "realmd", "samba-common-tools"),
}


def joins(spec: GuestSpec, system: System) -> JoinedSpec | None:
    """What the file says of a guest in the domain, None for one that is not joined."""
    return spec.joined if spec.role == "member" and system.manager in _TOOLS else None


def join(world: World, guest: Guest, spec: JoinedSpec, now: int) -> None:
    """Make the account, and on the guest what a join leaves; services that run have their tickets."""
    domain = world.domain
    assert domain is not None  # noqa: S101 - only a world with a domain has members
    account = _account(domain, guest.name, spec.account)
    member.join(world, guest, domain, account, now)
    member.write_conf(world, guest, domain, timesync=spec.kdc_timesync)
    _keytab(guest, domain, account, spec, now)
    for package in _TOOLS[guest.system.manager]:
        if package not in spec.lacks:
            services.install(world, guest, guest.system.mirror[package], now)
    for holder in spec.holders:
        _holder(world, guest, holder, now)
    if spec.sssd is not None:
        _hold(guest, Holder("sssd", f"/var/lib/sss/db/ccache_{domain.realm}", "root", member.SSSD_RENEWS_NS))
        services.install(world, guest, guest.system.mirror["sssd"], now)
        unit = guest.units["sssd.service"]
        _set(world, guest, unit, now, running=spec.sssd.running, enabled=spec.sssd.enabled)


def computer(domain: Domain, spec: ComputerSpec) -> None:
    """An account of a computer nobody sees, or another state of it."""
    made = domain.join(spec.name, 1, spec.state)
    named = replace(made, services=(*made.services, *spec.spns))
    domain.put(named if spec.dns_name is None else replace(named, host=spec.dns_name))


def register(world: World, guest: Guest, wanted: RecordsChange) -> None:
    """Change what name servers say of a guest.

    Raises:
        ValueError: the world has no domain.
    """
    domain = world.domain
    if domain is None:
        raise ValueError("there is no domain that has name servers")
    if wanted.addresses is not None:
        domain.addresses[f"{guest.name}.{domain.dns}".lower()] = wanted.addresses
    if wanted.pointers is not None:
        domain.pointers[guest.address] = wanted.pointers


def settle(world: World, guest: Guest, spec: JoinedSpec, now: int) -> None:
    """Its password's age and the caches that lie about when the world begins; running services take tickets then."""
    held = guest.membership
    account = world.domain.account(held.account) if world.domain is not None and held is not None else None
    if world.domain is not None and account is not None:
        world.domain.put(replace(account, password_set=now - int(spec.account.password_age)))
    for cache in spec.caches:
        _cache(world, guest, cache, now)
    for holder in guest.membership.holders if guest.membership is not None else ():
        if holder.due is not None:
            member.started(world, guest, holder.process, now)


def change(world: World, guest: Guest, wanted: AccountChange, now: int) -> None:
    """Change a guest's machine account in the directory, and its key table where that follows.

    Raises:
        ValueError: the guest is in no domain, or its account is gone.
    """
    domain, held = world.domain, guest.membership
    if domain is None or held is None or domain.account(held.account) is None:
        raise ValueError(f"{guest.name} has no account")
    if wanted.state == "deleted":
        domain.delete(held.account)
        return
    domain.change(held.account, kvno=wanted.kvno, state=wanted.state)
    account = domain.account(held.account)
    if account is not None:
        account = _changed(account, wanted, now)
        domain.put(account)
    if wanted.keytab and account is not None:
        member.put_keytab(guest, domain, account, guest.utc(now))


def _account(domain: Domain, computer: str, spec: AccountSpec) -> Account:
    made = domain.join(computer, spec.kvno, spec.state)
    account = replace(
        made,
        services=made.services if spec.spns is None else spec.spns,
        host=made.host if spec.dns_name is None else spec.dns_name,
        enctypes=spec.enctypes,
    )
    domain.put(account)
    return account


def _changed(account: Account, wanted: AccountChange, now: int) -> Account:
    """A new key is that of a new password, unless the change says how old that is."""
    since = account.password_set if wanted.kvno is None else now
    return replace(
        account,
        services=account.services if wanted.spns is None else wanted.spns,
        host=account.host if wanted.dns_name is None else wanted.dns_name,
        password_set=since if wanted.password_age is None else now - int(wanted.password_age),
        enctypes=account.enctypes if wanted.enctypes is None else wanted.enctypes,
    )


def _keytab(guest: Guest, domain: Domain, account: Account, spec: JoinedSpec, now: int) -> None:
    told = spec.keytab
    if told is None:
        guest.files.pop(KEYTAB)
        return
    named = account
    if told.host is not None:
        named = replace(account, services=tuple(s.replace(account.host, told.host) for s in account.services))
    if told.kvno is not None:
        named = replace(named, kvno=told.kvno)
    member.put_keytab(guest, domain, named, guest.utc(now))


def _holder(world: World, guest: Guest, spec: HolderSpec, now: int) -> None:
    _hold(guest, Holder(spec.name[:15], spec.cache, spec.owner, int(spec.renews), spec.services))
    file = UnitFile(f"{spec.name}.service", f"{spec.name} of the application", spec.name[:15])
    unit = Unit(file, None, file.enabled)
    guest.units[file.name] = unit
    _set(world, guest, unit, now, running=spec.running, enabled=spec.enabled)


def _hold(guest: Guest, holder: Holder) -> None:
    if guest.membership is not None:
        guest.membership.holders.append(holder)


def _set(world: World, guest: Guest, unit: Unit, now: int, *, running: bool, enabled: bool) -> None:
    unit.enabled = "enabled" if enabled else "disabled"
    services.stop(guest, unit, now)
    if running:
        services.start(world, guest, unit, now)


def _cache(world: World, guest: Guest, spec: CacheSpec, now: int) -> None:
    """As the library made it back then, with the guest's clock so far ahead."""
    domain, principal = world.domain, member.machine(guest)
    if domain is None or principal is None:
        return
    then = now - int(spec.age)
    granting = granting_ticket(domain, principal, then // SECOND)
    tickets = [granting]
    for service in spec.services:
        account = domain.serving(service)
        kvno = account.kvno if account is not None else 1
        tickets.append(service_ticket(granting, f"{service}@{domain.realm}", then // SECOND, kvno))
    offset = -int(spec.ahead) // SECOND if configured(guest, {}).timesync else None
    cache = Cache(principal, offset, tuple(tickets))
    member.store(guest, spec.path, cache, spec.owner, then + int(spec.ahead))
