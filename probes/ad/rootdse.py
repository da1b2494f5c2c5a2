"""A controller's rootDSE: its clock in whole seconds, its name, its site, whether it has replicated.

Anonymous, over verified TLS ([MS-ADTS] section 3.1.1.3.2). A second witness of a
controller's clock beside its KDC and its NTP server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from probes.ad.kept import keep, recall, safe
from probes.facts_directory import RootDseFacts
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Reader

ATTRIBUTES = ("currentTime", "dnsHostName", "serverName", "defaultNamingContext", "isSynchronized")
_TIME = re.compile(r"(\d{14})(?:\.0)?Z")


class Values(Protocol):
    """An object of a directory; attribute names in small letters."""

    def names(self) -> tuple[str, ...]: ...
    def all(self, name: str) -> tuple[bytes, ...]: ...


class Reads(Protocol):
    """A session that reads one object."""

    @property
    def address(self) -> str: ...
    def read(self, dn: str, attributes: Sequence[str]) -> Values: ...


class _Exchange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: str
    sent_ns: int
    received_ns: int
    own_utc_ns: int
    values: dict[str, str]


def argv(server: str) -> tuple[str, ...]:
    """How a controller's own word names itself."""
    return ("rootdse", server)


def ask(session: Reads, server: str, mono_ns: Callable[[], int], utc_at: Callable[[int], int]) -> Raw:
    """Read the rootDSE once; the stamps are of this exchange and leave connecting out.

    Args:
        mono_ns: CLOCK_BOOTTIME now.
        utc_at: CLOCK_REALTIME at a CLOCK_BOOTTIME.
    """
    sent = mono_ns()
    entry = session.read("", ATTRIBUTES)
    received = mono_ns()
    values = {name: safe(found[0]) for name in ATTRIBUTES if (found := entry.all(name))}
    exchange = _Exchange(session.address, sent, received, utc_at((sent + received) // 2), values)
    return keep(argv(server), exchange)


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from one exchange."""
    (raw,) = raws
    kept = recall(raw, _Exchange)
    if isinstance(kept, Failure):
        return kept
    values, shown = kept.values, kept.values.get("currentTime", "")
    synchronized = {"TRUE": True, "FALSE": False}.get(values.get("isSynchronized", ""))
    now_ns = generalized_ns(shown)
    if shown and now_ns is None:
        return Failure(FailureKind.NOT_UNDERSTOOD, f"{raw.argv[1]}: currentTime is no time: {shown[:40]!r}")
    return RootDseFacts(
        server=raw.argv[1],
        address=kept.address,
        sent_ns=kept.sent_ns,
        received_ns=kept.received_ns,
        own_utc_ns=kept.own_utc_ns,
        current_time_ns=now_ns,
        dns_host_name=values.get("dnsHostName", ""),
        server_name=values.get("serverName", ""),
        default_context=values.get("defaultNamingContext", ""),
        synchronized=synchronized,
    )


def generalized_ns(text: str) -> int | None:
    """A GeneralizedTime in whole seconds as Active Directory writes it (`20261122212119.0Z`), in ns of UTC."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    try:
        at = datetime.strptime(found.group(1), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(at.timestamp()) * 1_000_000_000


READER = Reader(
    name="rootdse", version=1, family=Family.DIRECTORY, commands=(), parse=parse, interval_s=300.0
)
