"""Credential caches and key tables as MIT's library keeps them in files, byte for byte.

The cache is format version 4, the key table version 2 (MIT's "Credential cache file format"
and "Keytab file format"). A text of the lab's guests holds the bytes as Latin-1.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from cutover_tui.lab.kerberos import der
from cutover_tui.lab.kerberos.domain import AES256

SECOND = 1_000_000_000
NT_PRINCIPAL, NT_SRV_INST = 1, 2
_CACHE, _KEYTAB = b"\x05\x04", b"\x05\x02"
_DELTA = 1
_TICKET = 1


class Damaged(ValueError):  # noqa: N818 - what it is
    """The bytes are no such file."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket in a cache: times by the clock of the KDC that gave it, UTC seconds."""

    client: str
    service: str
    start: int
    end: int
    renew: int
    kvno: int
    flags: int


@dataclass(frozen=True, slots=True)
class Cache:
    """A credential cache. `offset_s`: the KDC's clock less ours when it was made; None = not kept."""

    principal: str
    offset_s: int | None = None
    tickets: tuple[Ticket, ...] = ()

    def ticket(self, service: str, at_s: int) -> Ticket | None:
        """One for that service which is good beyond that time."""
        return next((t for t in self.tickets if t.service == service and t.end > at_s), None)

    def holding(self, ticket: Ticket) -> Cache:
        """The cache with one more."""
        return replace(self, tickets=(*self.tickets, ticket))


@dataclass(frozen=True, slots=True)
class Key:
    """An entry of a key table."""

    principal: str
    kvno: int
    etype: int
    written: int  # UTC seconds
    key: bytes


def split(principal: str) -> tuple[tuple[str, ...], str]:
    """Components and realm."""
    name, _, realm = principal.rpartition("@")
    return tuple(name.split("/")), realm


def write_cache(cache: Cache) -> str:
    """The file's content."""
    header = b""
    if cache.offset_s is not None:
        header = struct.pack(">HHii", _DELTA, 8, cache.offset_s, 0)
    parts = [_CACHE, struct.pack(">H", len(header)), header, _principal(cache.principal)]
    parts += [_credential(ticket) for ticket in cache.tickets]
    return b"".join(parts).decode("latin-1")


def read_cache(text: str) -> Cache:
    """What `write_cache` wrote, or the real library.

    Raises:
        Damaged: it is none.
    """
    source = _Bytes(_octets(text))
    if source.take(2) != _CACHE:
        raise Damaged
    tags, offset = _Bytes(source.take(source.number(">H"))), None
    while tags.left:
        tag, value = tags.number(">H"), tags.take(tags.number(">H"))
        if tag == _DELTA and len(value) == 8:
            offset = int.from_bytes(value[:4], signed=True)
    principal = source.principal()
    tickets = []
    while source.left:
        ticket = _read_credential(source)
        if not ticket.service.endswith("@X-CACHECONF:"):
            tickets.append(ticket)
    return Cache(principal, offset, tuple(tickets))


def write_keytab(keys: Iterator[Key] | tuple[Key, ...]) -> str:
    """The file's content."""
    parts = [_KEYTAB]
    for one in keys:
        names, realm = split(one.principal)
        entry = struct.pack(">H", len(names)) + b"".join(map(_counted, (realm, *names)))
        entry += struct.pack(">IIBHH", NT_PRINCIPAL, one.written, one.kvno & 0xFF, one.etype, len(one.key))
        entry += one.key + struct.pack(">I", one.kvno)
        parts.append(struct.pack(">i", len(entry)) + entry)
    return b"".join(parts).decode("latin-1")


@lru_cache(maxsize=64)
def read_keytab(text: str) -> tuple[Key, ...]:
    """What `write_keytab` wrote, or the real library.

    Raises:
        Damaged: it is none.
    """
    source, found = _Bytes(_octets(text)), []
    if source.take(2) != _KEYTAB:
        raise Damaged
    while source.left:
        size = source.number(">i")
        entry = _Bytes(source.take(abs(size)))
        if size <= 0:
            continue
        count = entry.number(">H")
        realm, *names = (entry.take(entry.number(">H")).decode() for _ in range(count + 1))
        _, written, kvno, etype = (entry.number(f) for f in (">I", ">I", ">B", ">H"))
        key = entry.take(entry.number(">H"))
        wide = entry.number(">I") if entry.left >= 4 else 0
        found.append(Key(f"{'/'.join(names)}@{realm}", wide or kvno, etype, written, key))
    return tuple(found)


def _octets(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise Damaged from None


def _counted(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _data(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _principal(principal: str) -> bytes:
    names, realm = split(principal)
    kind = NT_SRV_INST if len(names) > 1 else NT_PRINCIPAL
    head = struct.pack(">II", kind, len(names))
    return head + b"".join(_data(part.encode()) for part in (realm, *names))


def _credential(ticket: Ticket) -> bytes:
    session = bytes(32)
    times = struct.pack(">IIII", ticket.start, ticket.start, ticket.end, ticket.renew)
    return b"".join((
        _principal(ticket.client),
        _principal(ticket.service),
        struct.pack(">H", AES256), _data(session),
        times, b"\0", struct.pack(">I", ticket.flags),
        struct.pack(">II", 0, 0),  # neither addresses nor authorisation data
        _data(_encoded(ticket)), _data(b""),
    ))  # fmt: skip


def _read_credential(source: _Bytes) -> Ticket:
    client, service = source.principal(), source.principal()
    source.take(2), source.data()
    _, start, end, renew = (source.number(">I") for _ in range(4))
    source.take(1)
    flags = source.number(">I")
    for _ in range(2):
        for _ in range(source.number(">I")):
            source.take(2), source.data()
    ticket = source.data()
    source.data()
    return Ticket(client, service, start, end, renew, _kvno(ticket), flags)


def _encoded(ticket: Ticket) -> bytes:
    """The ticket itself (RFC 4120 section 5.3), with an empty encrypted part of the service's key version."""
    names, realm = split(ticket.service)
    sname = der.sequence(
        der.field(0, der.integer(NT_SRV_INST)), der.field(1, der.sequence(*map(der.string, names)))
    )
    sealed = der.sequence(
        der.field(0, der.integer(AES256)),
        der.field(1, der.integer(ticket.kvno)),
        der.field(2, der.octets(b"")),
    )
    whole = der.sequence(
        der.field(0, der.integer(5)),
        der.field(1, der.string(realm)),
        der.field(2, sname),
        der.field(3, sealed),
    )
    return der.application(_TICKET, whole)


def _kvno(ticket: bytes) -> int:
    try:
        whole = der.fields(der.read(der.read(ticket, 0x60 | _TICKET)[0], der.SEQUENCE)[0])
        sealed = der.fields(der.read(whole[3], der.SEQUENCE)[0])
        return int.from_bytes(der.read(sealed[1], der.INTEGER)[0], signed=True)
    except (der.NotDer, KeyError):
        return 0


class _Bytes:
    """Bytes that are read from the front."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise Damaged
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, form: str) -> int:
        found: tuple[int] = struct.unpack(form, self.take(struct.calcsize(form)))
        return found[0]

    def data(self) -> bytes:
        return self.take(self.number(">I"))

    def principal(self) -> str:
        self.number(">I")
        count = self.number(">I")
        if count > self.left:
            raise Damaged
        realm, *names = (self.data().decode("utf-8", "replace") for _ in range(count + 1))
        return f"{'/'.join(names)}@{realm}"
