"""Which records a guest and its domain are asked for, and the facts of the answers."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import msgspec

from probes.ad.kept import keep, recall
from probes.facts_directory import Answer, DnsFacts, RecordKind
from probes.observation import Facts, Failure, Family, Raw
from probes.reader import Reader

MOST_POINTERS = 16
"""A guest with more addresses than that is in doubt."""


Asked = tuple[str, str, RecordKind]
"""Server ("" = the jump host's own resolver), name, kind."""


class Wanted(msgspec.Struct, frozen=True):
    """Of whom records are wanted. `servers`: addresses of the domain's own name servers."""

    fqdn: str
    address: str
    domain: str
    site: str
    servers: tuple[str, ...] = ()


class _Exchange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    wanted: Wanted
    answers: tuple[Answer, ...]


def questions(wanted: Wanted) -> list[Asked]:
    """(server, name, kind): the guest's addresses; its site's KDCs; the PDC emulator."""
    names: list[tuple[str, RecordKind]] = [(wanted.fqdn, "A"), (wanted.fqdn, "AAAA")]
    names += [(name, "SRV") for name in (kdcs(wanted.domain, wanted.site), pdc(wanted.domain))]
    if wanted.site:
        names.append((kdcs(wanted.domain, ""), "SRV"))
    return [(server, name, kind) for server in (*wanted.servers, "") for name, kind in names]


def pointers(wanted: Wanted, answers: Sequence[Answer]) -> list[Asked]:
    """The names of the addresses that were found, and of the one the guest should have."""
    found = {v for a in answers if a.kind == "A" for v in a.values}
    addresses = sorted({wanted.address, *sorted(found)[:MOST_POINTERS]} - {""})
    names = [ipaddress.ip_address(address).reverse_pointer for address in addresses]
    return [(server, name, "PTR") for server in (*wanted.servers, "") for name in names]


def kdcs(domain: str, site: str) -> str:
    """Where the KDCs of a site are registered ([MS-ADTS] section 6.3.2.3); without a site, all of them."""
    within = f"{site}._sites." if site else ""
    return f"_kerberos._tcp.{within}dc._msdcs.{domain}"


def pdc(domain: str) -> str:
    """Where the PDC emulator is registered."""
    return f"_ldap._tcp.pdc._msdcs.{domain}"


def argv(fqdn: str, domain: str) -> tuple[str, ...]:
    """How what was asked of a guest's records names itself."""
    return ("dns", fqdn, domain)


def kept(wanted: Wanted, answers: Sequence[Answer]) -> Raw:
    """The exchange as a raw output."""
    return keep(argv(wanted.fqdn, wanted.domain), _Exchange(wanted, tuple(answers)))


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from what was kept."""
    (raw,) = raws
    found = recall(raw, _Exchange)
    if isinstance(found, Failure):
        return found
    w = found.wanted
    return DnsFacts(fqdn=w.fqdn, address=w.address, domain=w.domain, site=w.site, answers=found.answers)


READER = Reader(name="dns", version=1, family=Family.DIRECTORY, commands=(), parse=parse, interval_s=300.0)
