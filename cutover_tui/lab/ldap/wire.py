"""LDAP messages in BER (RFC 4511 section 4): requests read, answers written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cutover_tui.lab.kerberos import der
from cutover_tui.lab.kerberos.der import NotDer
from cutover_tui.lab.kerberos.directory import PAGED
from cutover_tui.lab.ldap.filters import All, Any, Equal, Extended, Filter, Like, Not, Ordered, Present
from cutover_tui.lab.ldap.view import Refused, Scope, Search

START_TLS = "1.3.6.1.4.1.1466.20037"

_BOUND, _ENTRY, _DONE, _DID = 0x61, 0x64, 0x65, 0x78
_ENUMERATED, _SET = 0x0A, 0x31
_CONTROLS, _SIMPLE = 0xA0, 0x80
_SCOPES: Mapping[int, Scope] = {0: "base", 1: "one", 2: "sub"}
_DEEPEST = 50
_HEAD = 6


@dataclass(frozen=True, slots=True)
class Bind:
    """A login; `password` None = by SASL."""

    number: int
    user: str
    password: str | None


@dataclass(frozen=True, slots=True)
class Ask:
    """A search; `page` = (entries in one answer, where to go on)."""

    number: int
    search: Search
    limit: int
    page: tuple[int, bytes] | None


@dataclass(frozen=True, slots=True)
class Extend:
    """An extended operation."""

    number: int
    name: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Unbind."""


Request = Bind | Ask | Extend | Leave


def length(data: bytes) -> int | None:
    """How many bytes the first message has; None where its head is not there yet.

    Raises:
        NotDer: it is no message.
    """
    if data[:1] not in (b"", b"\x30"):
        raise NotDer("no LDAPMessage")
    if len(data) < 2:
        return None
    if data[1] < 0x80:
        return 2 + data[1]
    count = data[1] & 0x7F
    if not 1 <= count <= _HEAD - 2:
        raise NotDer("a length of another form")
    return None if len(data) < 2 + count else 2 + count + int.from_bytes(data[2 : 2 + count])


def request(message: bytes) -> Request | None:
    """One message read; None for one that wants no answer.

    Raises:
        NotDer: it is none of those.
    """
    whole, _ = der.read(message, der.SEQUENCE)
    number, rest = der.read(whole, der.INTEGER)
    kind, content, controls = der.element(rest)
    match kind:
        case 0x60:  # bindRequest
            return _bind(der.whole(number), content)
        case 0x63:  # searchRequest
            return _search(der.whole(number), content, _page(controls))
        case 0x77:  # extendedReq
            name, _ = der.read(content, _SIMPLE)
            return Extend(der.whole(number), name.decode("ascii", "replace"))
        case 0x42:  # unbindRequest
            return Leave()
        case 0x50:  # abandonRequest
            return None
        case _:
            raise NotDer(f"an operation {kind:#04x}")


def _bind(number: int, content: bytes) -> Bind:
    _, rest = der.read(content, der.INTEGER)
    user, rest = der.read(rest, der.OCTETS)
    kind, given, _ = der.element(rest)
    return Bind(number, _text(user), _text(given) if kind == _SIMPLE else None)


def _search(number: int, content: bytes, page: tuple[int, bytes] | None) -> Ask:
    base, rest = der.read(content, der.OCTETS)
    scope, rest = der.read(rest, _ENUMERATED)
    _, rest = der.read(rest, _ENUMERATED)
    limit, rest = der.read(rest, der.INTEGER)
    for _ in range(2):  # time limit, types only
        _, _, rest = der.element(rest)
    kind, inner, rest = der.element(rest)
    named, _ = der.read(rest, der.SEQUENCE)
    found = _SCOPES.get(der.whole(scope))
    if found is None:
        raise NotDer("no such scope")
    search = Search(
        _text(base), found, filter_of(kind, inner), tuple(_text(name) for _, name in _each(named))
    )
    return Ask(number, search, der.whole(limit), page)


def filter_of(kind: int, content: bytes, depth: int = 0) -> Filter:
    """A filter by its tag and content.

    Raises:
        NotDer: it is none, or too deep.
    """
    if depth > _DEEPEST:
        raise NotDer("a filter too deep")
    match kind:
        case 0xA0 | 0xA1:  # and, or
            parts = tuple(filter_of(tag, inner, depth + 1) for tag, inner in _each(content))
            return All(parts) if kind == 0xA0 else Any(parts)
        case 0xA2:  # not
            tag, inner, _ = der.element(content)
            return Not(filter_of(tag, inner, depth + 1))
        case 0xA3 | 0xA8:  # equalityMatch, approxMatch
            return Equal(*_pair(content))
        case 0xA5 | 0xA6:  # greaterOrEqual, lessOrEqual
            return Ordered(*_pair(content), least=kind == 0xA5)
        case 0xA4:  # substrings
            name, rest = der.read(content, der.OCTETS)
            pieces, _ = der.read(rest, der.SEQUENCE)
            of: dict[int, list[str]] = {0x80: [], 0x81: [], 0x82: []}
            for tag, piece in _each(pieces):
                of.setdefault(tag, []).append(_text(piece))
            return Like(_text(name), "".join(of[0x80]), tuple(of[0x81]), "".join(of[0x82]))
        case 0x87:  # present
            return Present(_text(content))
        case 0xA9:  # extensibleMatch
            given = {tag: _text(piece) for tag, piece in _each(content)}
            return Extended(given.get(0x82, ""), given.get(0x81, ""), given.get(0x83, ""))
        case _:
            raise NotDer(f"a filter {kind:#04x}")


def _pair(content: bytes) -> tuple[str, str]:
    name, rest = der.read(content, der.OCTETS)
    value, _ = der.read(rest, der.OCTETS)
    return _text(name), _text(value)


def _each(content: bytes) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    while content:
        tag, inner, content = der.element(content)
        found.append((tag, inner))
    return found


def _page(controls: bytes) -> tuple[int, bytes] | None:
    if not controls:
        return None
    given, _ = der.read(controls, _CONTROLS)
    for _, control in _each(given):
        parts = _each(control)
        if _text(parts[0][1]) == PAGED:
            size, rest = der.read(der.read(parts[-1][1], der.SEQUENCE)[0], der.INTEGER)
            return der.whole(size), der.read(rest, der.OCTETS)[0]
    return None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


# Answers


def bound(number: int, refused: Refused | None = None) -> bytes:
    """The answer to a login."""
    return _message(number, _result(_BOUND, refused))


def extended(number: int, code: int) -> bytes:
    """The answer to an extended operation."""
    return _message(number, der.tlv(_DID, _outcome(code, "")))


def entry(number: int, dn: str, attributes: Mapping[str, tuple[str | bytes, ...]]) -> bytes:
    """One entry that was found."""
    named = der.sequence(
        *(
            der.sequence(
                der.octets(name.encode()),
                der.tlv(
                    _SET, b"".join(der.octets(v if isinstance(v, bytes) else v.encode()) for v in values)
                ),
            )
            for name, values in attributes.items()
        )
    )
    return _message(number, der.tlv(_ENTRY, der.octets(dn.encode()) + named))


def done(number: int, refused: Refused | None = None, cookie: bytes | None = None) -> bytes:
    """The end of a search; with `cookie`, of a page: empty where it was the last."""
    controls = b""
    if cookie is not None:
        value = der.sequence(der.integer(0), der.octets(cookie))
        control = der.sequence(der.octets(PAGED.encode()), der.octets(value))
        controls = der.tlv(_CONTROLS, control)
    return _message(number, _result(_DONE, refused) + controls)


def _message(number: int, operation: bytes) -> bytes:
    return der.sequence(der.integer(number), operation)


def _result(kind: int, refused: Refused | None) -> bytes:
    if refused is None:
        return der.tlv(kind, _outcome(0, ""))
    referral = der.tlv(0xA3, der.octets(refused.referral.encode())) if refused.referral else b""
    return der.tlv(kind, _outcome(refused.code, str(refused)) + referral)


def _outcome(code: int, said: str) -> bytes:
    return der.tlv(_ENUMERATED, bytes([code])) + der.octets(b"") + der.octets(said.encode())
