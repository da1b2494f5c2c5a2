"""A guest's computer object: state, password, key version, names, and who else has its SPNs.

Two queries: the object by its names, then all its service principal names in one filter. The
domain is searched, not the forest: a duplicate in another domain is not seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from probes.ad.kept import keep, recall, safe
from probes.ad.rootdse import Reads, Values
from probes.facts_directory import AccountFacts, SpnOwner
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Reader

ATTRIBUTES = (
    "sAMAccountName",
    "userAccountControl",
    "pwdLastSet",
    "msDS-KeyVersionNumber",
    "msDS-SupportedEncryptionTypes",
    "dNSHostName",
    "operatingSystem",
    "servicePrincipalName",
)
SPNS = "servicePrincipalName"
MOST_SPNS = 20_000
"""More than any machine has; what is above is not compared, and said so."""

IN_ONE = 1_000
"""Names in one filter. Every machine known has fewer, so it is one query; above, as many as are needed."""

MOST_OWNERS = 100
MOST_FOUND = 10
_FILETIME_EPOCH_S = 11_644_473_600  # from 1601 to 1970
_NEVER = (0, 2**63 - 1)
_SAM = 15


class DirectoryEntry(Values, Protocol):
    """An object that was found."""

    @property
    def dn(self) -> str: ...


class Searches(Reads, Protocol):
    """A session that searches."""

    def search(
        self, base: str, query: str, attributes: Sequence[str], *, limit: int
    ) -> Sequence[DirectoryEntry]: ...


class _Exchange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    server: str
    found: int
    dn: str = ""
    values: dict[str, str] = {}
    spns: tuple[str, ...] = ()
    owners: tuple[tuple[str, str], ...] = ()
    compared: bool = True


def argv(name: str, domain: str) -> tuple[str, ...]:
    """How an observation of this account names itself."""
    return ("account", name, domain)


def ask(session: Searches, server: str, name: str, domain: str) -> Raw:
    """Find the computer that goes by `name` (as sAMAccountName, DNS name or host/ SPN) and read it."""
    base = safe(next(iter(session.read("", ("defaultNamingContext",)).all("defaultNamingContext")), b""))
    found = _by_best_name(
        session.search(base, _query(name, domain), ATTRIBUTES, limit=MOST_FOUND), name, domain
    )
    if len(found) != 1:
        return keep(argv(name, domain), _Exchange(server, len(found)))
    (entry,) = found
    spns = sorted(set(_all_spns(session, entry)))
    compared = spns[:MOST_SPNS]
    owners = _owners(session, base, entry.dn, compared)
    exchange = _Exchange(
        server=server,
        found=1,
        dn=safe(entry.dn.encode()),
        values={a: safe(v[0]) for a in ATTRIBUTES if a != SPNS and (v := entry.all(a))},
        spns=tuple(compared),
        owners=tuple(sorted(owners)[:MOST_OWNERS]),
        compared=len(spns) <= MOST_SPNS,
    )
    return keep(argv(name, domain), exchange)


def _names(name: str, domain: str) -> tuple[tuple[str, str], ...]:
    """What a computer goes by, the best first: its account name is unique, the others should be."""
    short = name.partition(".")[0]
    full = name if "." in name else f"{name}.{domain}"
    return (("sAMAccountName", f"{short[:_SAM].upper()}$"), ("dNSHostName", full), (SPNS, f"host/{full}"))


def _query(name: str, domain: str) -> str:
    by = "".join(f"({a}={escaped(v)})" for a, v in _names(name, domain))
    return f"(&(objectCategory=computer)(|{by}))"


def _by_best_name(found: Sequence[DirectoryEntry], name: str, domain: str) -> Sequence[DirectoryEntry]:
    """Of several, those that have the best name anybody has: a stolen SPN makes no second account."""
    for attribute, value in _names(name, domain):
        by = [e for e in found if value.casefold() in {safe(v).casefold() for v in e.all(attribute)}]
        if by:
            return by
    return found


def escaped(value: str) -> str:
    """A value inside a filter (RFC 4515 section 3)."""
    return "".join(f"\\{ord(c):02x}" if c in "\\*()\0" else c for c in value)


def _all_spns(session: Searches, entry: DirectoryEntry) -> Iterable[str]:
    """Every value, also where the server gives an attribute in ranges ([MS-ADTS] section 3.1.1.3.1.3.3)."""
    yield from map(safe, entry.all(SPNS))
    part: Values = entry
    read = 0
    while (
        ranged := next((n for n in part.names() if n.startswith(f"{SPNS.lower()};range=")), None)
    ) is not None:
        values = part.all(ranged)
        yield from map(safe, values)
        read += len(values)
        if ranged.endswith("-*") or not values or read > MOST_SPNS:
            return
        part = session.read(entry.dn, (f"{SPNS};range={read}-*",))


def _owners(session: Searches, base: str, own: str, spns: Sequence[str]) -> set[tuple[str, str]]:
    """Who else has one of these names; directories compare them without regard to case."""
    owners: set[tuple[str, str]] = set()
    for first in range(0, len(spns), IN_ONE):
        some = spns[first : first + IN_ONE]
        wanted = {spn.casefold(): spn for spn in some}
        query = f"(|{''.join(f'({SPNS}={escaped(spn)})' for spn in some)})"
        for other in session.search(base, query, (SPNS,), limit=MOST_OWNERS + 1):
            if other.dn.casefold() != own.casefold():
                theirs = {safe(v).casefold() for v in other.all(SPNS)}
                owners |= {(wanted[s], safe(other.dn.encode())) for s in theirs & wanted.keys()}
    return owners


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from what was kept."""
    (raw,) = raws
    kept = recall(raw, _Exchange)
    if isinstance(kept, Failure):
        return kept
    asked = " in ".join(raw.argv[1:])
    if kept.found != 1:
        return AccountFacts(server=kept.server, asked=asked, found=kept.found)
    values = kept.values
    try:
        control = _number(values, "userAccountControl")
        if control is None:
            return Failure(FailureKind.DENIED, f"{kept.server} does not show us whether {asked} is enabled")
        return AccountFacts(
            server=kept.server,
            asked=asked,
            found=1,
            dn=kept.dn,
            sam=values.get("sAMAccountName", ""),
            control=control,
            pwd_last_set_ns=_filetime_ns(_number(values, "pwdLastSet")),
            kvno=_number(values, "msDS-KeyVersionNumber"),
            enctypes=_number(values, "msDS-SupportedEncryptionTypes") or None,
            dns_host_name=values.get("dNSHostName", ""),
            operating_system=values.get("operatingSystem", ""),
            spns=kept.spns,
            duplicates=tuple(SpnOwner(spn, dn) for spn, dn in kept.owners),
            spns_compared=kept.compared,
        )
    except ValueError as problem:
        return Failure(FailureKind.NOT_UNDERSTOOD, f"{kept.server}: {problem}")


def _number(values: dict[str, str], name: str) -> int | None:
    text = values.get(name)
    if text is None:
        return None
    if not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit() or len(text) > 20:
        raise ValueError(f"{name} is no number: {text[:40]!r}")
    return int(text)


def _filetime_ns(value: int | None) -> int | None:
    """100 ns since 1601, as ns of UTC; None for "never" and for "must be changed at once"."""
    if value is None or value in _NEVER or value < 0:
        return None
    return value * 100 - _FILETIME_EPOCH_S * 1_000_000_000


READER = Reader(
    name="account", version=1, family=Family.DIRECTORY, commands=(), parse=parse, interval_s=300.0
)
