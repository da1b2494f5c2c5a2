"""A guest's keytab held against its account: is there a key for what the KDC will encrypt?

A ticket for a service is encrypted with the account's newest key. A keytab that stayed behind (a
machine password changed while the disk was copied, or by the source after it) lets the guest
log in nowhere and lets nobody in: errors 24 and 44. One that is ahead is the directory's fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cutover_tui.core.checks.check import Says
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Finding
from probes.facts_directory import AES, RC4, AccountFacts
from probes.facts_kerberos import KeytabEntry, KeytabFacts
from probes.observation import FailureKind, Observation

SHOWN = 3

_BITS = {
    "des-cbc-crc": 0x01,
    "des-cbc-md5": 0x02,
    "arcfour-hmac": 0x04,
    "aes128-cts-hmac-sha1-96": 0x08,
    "aes256-cts-hmac-sha1-96": 0x10,
}
"""MIT's names of the bits of msDS-SupportedEncryptionTypes ([MS-KILE] section 2.2.7)."""

_DEPRECATED = "DEPRECATED:"
"""MIT's klist puts this before the names of types it no longer trusts."""

_WRAP = 256
"""A keytab written by an older library holds the lowest eight bits of a version."""


@dataclass(frozen=True, slots=True)
class _Keys:
    """The newest keys of one principal."""

    principal: str
    kvno: int
    enctypes: frozenset[str]


def against_keytab(evidence: Evidence, account: AccountFacts, seen: Observation, says: Says) -> Finding | str:
    """A finding where they contradict each other or cannot be compared, else words for a finding that passes.

    Args:
        seen: the observation with `account`.
    """
    newest = evidence.latest("keytab")
    keytab = evidence.facts("keytab", KeytabFacts)
    if evidence.host.os != "linux":
        return ""
    if keytab is None or newest is None:
        return _not_seen(newest, says)
    used = (seen, newest)
    realm = evidence.domain.realm or ""
    before = evidence.baseline.facts.get("keytab") if evidence.baseline is not None else None
    mine = _newest_keys(_mine(keytab, account, realm))
    had = _newest_keys(_mine(before, account, realm)) if isinstance(before, KeytabFacts) else {}
    lost = sorted(had.keys() - mine.keys())
    if lost:
        return says.fails(
            "keytab-keys-lost",
            f"The keytab no longer has a key for {_some(lost)}, which it had before the mark.",
            remedy="Write the keys again (net ads keytab create, adcli update --add-service-principal).",
            measured=len(lost),
            used=used,
        )
    if not mine:
        what = "holds no key of this account" if keytab.present else "is not there"
        return f"; its keytab {what}, so nothing is compared with it"
    if account.kvno is None:
        return says.unknown(
            "key-version-not-visible",
            f"{account.server} does not show the key version of {account.sam}.",
            remedy="Give the account that asks the right to read msDS-KeyVersionNumber.",
            used=used,
        )
    apart = [keys for keys in mine.values() if not _same(keys.kvno, account.kvno)]
    if apart:
        return _apart(evidence, account.server, account.kvno, apart, seen, newest, says)
    return _enctypes(account, mine, says, used)


def _not_seen(newest: Observation | None, says: Says) -> Finding:
    why = "has not been read yet" if newest is None else "was not understood"
    if newest is not None and newest.failure is not None:
        why = f"was not seen ({newest.failure.detail})"
    absent = (
        newest is not None and newest.failure is not None and newest.failure.kind is FailureKind.TOOL_ABSENT
    )
    return says.unknown(
        "keytab-not-visible",
        f"The guest's keytab {why}, so whether its keys are those of the directory is not known.",
        remedy="Install krb5-user (krb5-workstation)."
        if absent
        else "Let the account read it as root (`cutover sudoers`), or set `keytab: false` where that is not to be had.",
        used=(newest,) if newest is not None else (),
    )


def _mine(keytab: KeytabFacts, account: AccountFacts, realm: str) -> Iterator[KeytabEntry]:
    """The keys of this account: others may stand there too, with versions of their own."""
    names = {account.sam.casefold(), *(s.casefold() for s in account.spns)}
    for entry in keytab.entries:
        name, _, of = entry.principal.rpartition("@")
        if of.casefold() == realm.casefold() and name.casefold() in names:
            yield entry


def _newest_keys(entries: Iterable[KeytabEntry]) -> Mapping[str, _Keys]:
    """By principal in small letters; the directory does not tell capitals apart."""
    found: dict[str, _Keys] = {}
    for entry in sorted(entries, key=lambda e: (e.principal.casefold(), e.kvno)):
        name = entry.principal.casefold()
        known = found.get(name)
        also = known.enctypes if known is not None and known.kvno == entry.kvno else frozenset[str]()
        found[name] = _Keys(entry.principal, entry.kvno, also | {entry.enctype.removeprefix(_DEPRECATED)})
    return found


def _same(in_keytab: int, in_directory: int) -> bool:
    return in_keytab == in_directory or (
        in_keytab < _WRAP <= in_directory and in_directory % _WRAP == in_keytab
    )


def _apart(
    evidence: Evidence,
    server: str,
    kvno: int,
    apart: list[_Keys],
    seen: Observation,
    newest: Observation,
    says: Says,
) -> Finding:
    """Only what was read in the right order contradicts: a password changes in both, one after the other."""
    used = (seen, newest)
    older = [keys for keys in apart if keys.kvno < kvno]
    far = min(older or apart, key=lambda keys: (-abs(keys.kvno - kvno), keys.principal))
    more = f" (and of {len(apart) - 1} more names)" if len(apart) > 1 else ""
    words = (
        f"The newest key of {far.principal}{more} in the keytab is version {far.kvno}, {server} has {kvno}"
    )
    if older and newest.began.boottime_ns >= seen.ended.boottime_ns:
        return says.fails(
            "stale-keytab",
            f"{words}: the guest cannot read tickets for it, and may not log in (errors 44 and 24).",
            remedy="Give the guest a new keytab (net ads keytab create, adcli update). A rejoin breaks rollback.",
            measured=far.kvno - kvno,
            used=used,
        )
    if not older and _had(evidence, far, seen):
        return says.fails(
            "keytab-newer",
            f"{words}: the directory went back to an older password, or this controller has not replicated.",
            remedy="Compare all controllers; if none has the newer version, set the machine's password anew.",
            measured=far.kvno - kvno,
            used=used,
        )
    return says.unknown(
        "read-apart",
        f"{words}, but they were not read in the order that tells which one is behind.",
        remedy="Look again: both are read then.",
        measured=far.kvno - kvno,
        used=used,
    )


def _had(evidence: Evidence, keys: _Keys, seen: Observation) -> bool:
    """Whether the keytab had that key already when the directory was asked."""
    return any(
        o.ended.boottime_ns <= seen.began.boottime_ns
        and isinstance(o.facts, KeytabFacts)
        and any((e.principal, e.kvno) == (keys.principal, keys.kvno) for e in o.facts.entries)
        for o in evidence.observations.get("keytab", ())
    )


def _enctypes(
    account: AccountFacts, mine: Mapping[str, _Keys], says: Says, used: tuple[Observation, ...]
) -> Finding | str:
    """Whether each principal has a key of a type that the account allows.

    Where the account names none the domain's default decides, which is nowhere to be read.
    """
    allowed = (account.enctypes or 0) & (AES | RC4)
    without = [keys for keys in mine.values() if allowed and not _bits(keys) & allowed]
    if without:
        first = min(without, key=lambda keys: keys.principal)
        return says.fails(
            "no-common-enctype",
            f"{account.sam} allows {_types(allowed)}, and the keytab has for {first.principal} only "
            f"{', '.join(sorted(first.enctypes))}.",
            remedy="Give the guest a keytab with AES keys, or set msDS-SupportedEncryptionTypes as before.",
            measured=allowed,
            used=used,
        )
    strongest = 1 << allowed.bit_length() - 1 if allowed else 0
    weaker = [keys for keys in mine.values() if strongest and not _bits(keys) & strongest]
    advice = f" (advisory: not of {_types(strongest)}, which a KDC takes first)" if weaker else ""
    return f"; the keytab has its newest key, version {account.kvno}{advice}"


def _bits(keys: _Keys) -> int:
    found = 0
    for enctype in keys.enctypes:
        found |= _BITS.get(enctype, 0)
    return found


def _types(bits: int) -> str:
    return ", ".join(name for name, bit in reversed(_BITS.items()) if bits & bit)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
