"""A SASL bind as bytes: the one request of LDAP that presents a ticket (RFC 4511 section 4.2, RFC 4752). Pure.

ldap3 makes such a bind too, and throws away what a refusal carries: the service's own token, which
holds the number of its error and what its clock shows.
"""

from __future__ import annotations

from typing import NamedTuple

SUCCESS, IN_PROGRESS = 0, 14
"""resultCode `success` and `saslBindInProgress` (RFC 4511 appendix A.2)."""

LONGEST = 256 * 1024
"""Bytes of an answer; one with a ticket's authorization data has some thousand."""

NO_LAYER = 1
"""The bit of RFC 4752 section 3.1 for "no security layer": TLS is there already."""

_SEQUENCE, _INTEGER, _OCTETS, _ENUMERATED = 0x30, 0x02, 0x04, 0x0A
_BIND, _BOUND = 0x60, 0x61  # [APPLICATION 0] and [APPLICATION 1]
_SASL, _SERVER_SASL = 0xA3, 0x87  # [3] of the request, [7] of the response


class Bound(NamedTuple):
    """A server's answer to one step. `token` None: it sent none."""

    code: int
    text: str
    token: bytes | None


def request(number: int, mechanism: str, token: bytes) -> bytes:
    """One step of a bind as nobody in particular: the ticket says who we are."""
    credentials = _tlv(_OCTETS, mechanism.encode()) + _tlv(_OCTETS, token)
    bind = _tlv(_INTEGER, b"\x03") + _tlv(_OCTETS, b"") + _tlv(_SASL, credentials)
    return _tlv(_SEQUENCE, _tlv(_INTEGER, number.to_bytes(2, "big")) + _tlv(_BIND, bind))


def length_of(start: bytes) -> int | None:
    """How long the message is that begins so; None while that cannot be told.

    Raises:
        ValueError: it is no LDAP message, or longer than LONGEST.
    """
    if start[:1] not in (b"", bytes([_SEQUENCE])):
        raise ValueError("it is no LDAP message")
    head = _length(start, 1)
    if head is None:
        return None
    length, begin = head
    if begin + length > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} bytes")
    return begin + length


def answer(message: bytes, number: int) -> Bound:
    """What a whole message says to the step of that number.

    Raises:
        ValueError: it is no answer to a bind.
    """
    (tag, whole), *more = _parts(message)
    parts = list(_parts(whole)) if tag == _SEQUENCE and not more else []
    if len(parts) < 2 or parts[0] != (_INTEGER, number.to_bytes(2, "big").lstrip(b"\0") or b"\0"):
        raise ValueError("it answers something else")
    if parts[1][0] != _BOUND:
        raise ValueError("it is no answer to a bind")
    result = list(_parts(parts[1][1]))
    if [tag for tag, _ in result[:3]] != [_ENUMERATED, _OCTETS, _OCTETS]:
        raise ValueError("its result cannot be read")
    token = next((value for tag, value in result[3:] if tag == _SERVER_SASL), None)
    return Bound(int.from_bytes(result[0][1], "big"), result[2][1].decode("utf-8", "replace"), token)


def _parts(data: bytes) -> list[tuple[int, bytes]]:
    """Tag and content of each element of a constructed value."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(data):
        head = _length(data, at + 1)
        if head is None or head[1] + head[0] > len(data):
            raise ValueError("it ends in the middle")
        length, begin = head
        found.append((data[at], data[begin : begin + length]))
        at = begin + length
    if not found:
        raise ValueError("it is empty")
    return found


def _length(data: bytes, at: int) -> tuple[int, int] | None:
    """The length that stands there, and where its content begins; None = not all of it is there."""
    if at >= len(data):
        return None
    first = data[at]
    if first < 0x80:
        return first, at + 1
    count = first & 0x7F
    if not 1 <= count <= 4:
        raise ValueError("a length has no end")
    if at + 1 + count > len(data):
        return None
    return int.from_bytes(data[at + 1 : at + 1 + count], "big"), at + 1 + count


def _tlv(tag: int, content: bytes) -> bytes:
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content
