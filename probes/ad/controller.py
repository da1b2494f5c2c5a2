"""A controller that is moved, asked about itself: USN, invocation id, generation id, partners, RIDs, policies.

Over verified TLS, with the engineer's ticket, from the controller itself; an LDAP ping beside
it shows what it advertises. Every domain user may read this in a domain as it is made; what
an administrator hid stays empty, and checks say so.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence

import msgspec

from probes.ad import cldap
from probes.ad.account import Searches
from probes.ad.kept import keep, recall, safe
from probes.ad.rootdse import Values, generalized_ns
from probes.facts_controller import DcFacts, Inbound, Policy, Pool
from probes.facts_directory import CldapFacts
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Reader

_ROOT = (
    "currentTime",
    "dsServiceName",
    "serverName",
    "defaultNamingContext",
    "configurationNamingContext",
    "schemaNamingContext",
    "vendorName",
    "isSynchronized",
    "highestCommittedUSN",
)
_RIDS = ("rIDAllocationPool", "rIDPreviousAllocationPool", "rIDNextRID")
MOST_CONTROLLERS = 5_000
MOST_PARTNERS = 200
MOST_POLICIES = 5_000

_REPS_FROM = struct.Struct("<II II qq I II I 84s I 24s 16s 16s 16s")
"""REPS_FROM as it is stored ([MS-DRSR], repsFrom): version, reserved, size, failures, last success and last
attempt in seconds since 1601, result, where the partner's name is and how long, flags, schedule, reserved, USNs, the
partner's objectGUID, its invocation id, its transport's GUID. Version 2 has the same beginning."""

_EPOCH_S = 11_644_473_600  # from 1601 to 1970
_NAME = re.compile(rb"[A-Za-z0-9._-]{1,255}")
_GUID = re.compile(r"\{[0-9A-Fa-f-]{36}\}\Z")


class _Exchange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: str
    root: dict[str, str]
    invocation: str  # hex
    options: str
    generation: str  # hex
    controllers: int
    inbound: tuple[tuple[str, str], ...]  # naming context, REPS_FROM in hex
    rid_set: bool
    rids: dict[str, str]
    available: str
    policies: tuple[tuple[str, str], ...]


def argv(name: str, domain: str) -> tuple[str, ...]:
    """How an observation of this controller names itself."""
    return ("dc", name, domain)


def ask(session: Searches, name: str, domain: str) -> Raw:
    """Read everything once, from the controller that the session is with."""
    rootdse = session.read("", _ROOT)
    root = _texts(rootdse, _ROOT)
    base, configuration = root.get("defaultNamingContext", ""), root.get("configurationNamingContext", "")
    dsa = session.read(root.get("dsServiceName", ""), ("invocationId", "options"))
    own = safe(
        next(iter(session.read(root.get("serverName", ""), ("serverReference",)).all("serverReference")), b"")
    )
    computer = session.read(own, ("msDS-GenerationId",)) if own else None
    sets = session.search(own, "(objectClass=rIDSet)", _RIDS, limit=1) if own else ()
    managers = session.search(base, "(objectClass=rIDManager)", ("rIDAvailablePool",), limit=1)
    known = session.search(
        f"CN=Sites,{configuration}", "(objectClass=nTDSDSA)", ("objectClass",), limit=MOST_CONTROLLERS
    )
    gpos = session.search(
        f"CN=System,{base}",
        "(objectClass=groupPolicyContainer)",
        ("cn", "versionNumber"),
        limit=MOST_POLICIES,
    )
    contexts = [base, configuration, root.get("schemaNamingContext", "")]
    exchange = _Exchange(
        address=session.address,
        root=root,
        invocation=_hex(dsa, "invocationId"),
        options=_texts(dsa, ("options",)).get("options", ""),
        generation=_hex(computer, "msDS-GenerationId"),
        controllers=len(known),
        inbound=tuple(_partners(session, [c for c in contexts if c]))[:MOST_PARTNERS],
        rid_set=bool(sets),
        rids=_texts(sets[0], _RIDS) if sets else {},
        available=_texts(managers[0], ("rIDAvailablePool",)).get("rIDAvailablePool", "") if managers else "",
        policies=tuple(
            (values.get("cn", ""), values.get("versionNumber", ""))
            for values in (_texts(gpo, ("cn", "versionNumber")) for gpo in gpos)
        ),
    )
    return keep(argv(name, domain), exchange)


def _partners(session: Searches, contexts: Sequence[str]) -> Iterator[tuple[str, str]]:
    for context in contexts:
        for value in session.read(context, ("repsFrom",)).all("repsFrom"):
            yield context, value[:2048].hex()


def _texts(entry: Values | None, names: Sequence[str]) -> dict[str, str]:
    return {n: safe(v[0]) for n in names if (v := entry.all(n))} if entry is not None else {}


def _hex(entry: Values | None, name: str) -> str:
    return next((v[:64].hex() for v in entry.all(name)), "") if entry is not None else ""


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from what LDAP showed and from the ping; without the first there are none."""
    raw, ping = raws
    kept = recall(raw, _Exchange)
    if isinstance(kept, Failure):
        return kept
    pinged = cldap.parse((ping,))
    root = kept.root
    try:
        return DcFacts(
            server=raw.argv[1],
            address=kept.address,
            dsa=root.get("dsServiceName", ""),
            vendor=root.get("vendorName", ""),
            current_time_ns=generalized_ns(root.get("currentTime", "")),
            synchronized={"TRUE": True, "FALSE": False}.get(root.get("isSynchronized", "")),
            highest_usn=_number(root.get("highestCommittedUSN", "")),
            invocation_id=kept.invocation,
            options=_number(kept.options),
            generation_id=kept.generation,
            controllers=kept.controllers,
            inbound=tuple(inbound(context, bytes.fromhex(blob)) for context, blob in kept.inbound),
            rid_set=kept.rid_set,
            pool=_pool(kept.rids.get("rIDAllocationPool", "")),
            pool_used=_pool(kept.rids.get("rIDPreviousAllocationPool", "")),
            next_rid=_number(kept.rids.get("rIDNextRID", "")),
            available=_pool(kept.available),
            policies=tuple(
                Policy(guid.upper(), number)
                for guid, version in sorted(kept.policies)
                if _GUID.match(guid) and (number := _number(version)) is not None
            ),
            flags=pinged.flags if isinstance(pinged, CldapFacts) else None,
        )
    except ValueError as problem:
        return Failure(FailureKind.NOT_UNDERSTOOD, f"{raw.argv[1]}: {problem}")


def inbound(context: str, blob: bytes) -> Inbound:
    """One value of `repsFrom`.

    Raises:
        ValueError: it is none.
    """
    if len(blob) < _REPS_FROM.size:
        raise ValueError(f"repsFrom of {len(blob)} bytes")
    version, _, _, failures, success, _, result, at, length, *_, guid, _, _ = _REPS_FROM.unpack_from(blob)
    if version not in (1, 2):
        raise ValueError(f"repsFrom of version {version}")
    # In version 1 the name stands behind its length; in 2 in a structure, where the GUID serves as well.
    name = _NAME.fullmatch(blob[at + 4 : at + length].rstrip(b"\0")) if version == 1 else None
    return Inbound(
        context=context,
        partner=name.group().decode() if name is not None else guid.hex(),
        failures=failures,
        result=result,
        success_ns=(success - _EPOCH_S) * 1_000_000_000 if success else None,
    )


def _number(text: str) -> int | None:
    if not text:
        return None
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(text) > 20:
        raise ValueError(f"no number: {text[:40]!r}")
    return int(text)


def _pool(text: str) -> Pool | None:
    """Two numbers in one of 64 bits, the first identifier in the lower half; 0 is none."""
    value = _number(text)
    return Pool(value & 0xFFFFFFFF, value >> 32 & 0xFFFFFFFF) if value else None


READER = Reader(name="dc", version=1, family=Family.DIRECTORY, commands=(), parse=parse, interval_s=300.0)
