"""DER as Kerberos needs it (X.690; RFC 4120 section 5): writing a few types, reading tags and lengths."""

from __future__ import annotations

from datetime import UTC, datetime

INTEGER, OCTETS, SEQUENCE = 0x02, 0x04, 0x30
GENERAL_STRING, GENERALIZED_TIME = 0x1B, 0x18
_LONG = 0x80


class NotDer(ValueError):  # noqa: N818 - what it is
    """The bytes are not what was to be read."""


def tlv(tag: int, content: bytes) -> bytes:
    """Tag, length, content."""
    size = len(content)
    if size < _LONG:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, _LONG | len(length))) + length + content


def integer(value: int) -> bytes:
    """An INTEGER, two's complement in as few bytes as it takes."""
    return tlv(INTEGER, value.to_bytes(max(1, (value.bit_length() + 8) // 8), signed=True))


def octets(value: bytes) -> bytes:
    """An OCTET STRING."""
    return tlv(OCTETS, value)


def string(text: str) -> bytes:
    """A KerberosString."""
    return tlv(GENERAL_STRING, text.encode("utf-8"))


def moment(utc_s: int) -> bytes:
    """A KerberosTime: whole seconds of UTC."""
    return tlv(GENERALIZED_TIME, datetime.fromtimestamp(utc_s, UTC).strftime("%Y%m%d%H%M%SZ").encode("ascii"))


def sequence(*parts: bytes) -> bytes:
    """A SEQUENCE, or a SEQUENCE OF."""
    return tlv(SEQUENCE, b"".join(parts))


def field(number: int, content: bytes) -> bytes:
    """An explicitly tagged element."""
    return tlv(0xA0 | number, content)


def application(number: int, content: bytes) -> bytes:
    """A message of that application tag."""
    return tlv(0x60 | number, content)


def element(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag and content of the first element, whatever it is, and what comes behind it.

    Raises:
        NotDer: there is none, or it ends too early.
    """
    if not data:
        raise NotDer("nothing is there")
    content, rest = read(data, data[0])
    return data[0], content, rest


def whole(content: bytes) -> int:
    """The number that an INTEGER or ENUMERATED has as its content."""
    return int.from_bytes(content, signed=True)


def read(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of the first element and what comes behind it.

    Raises:
        NotDer: it has another tag, or ends too early.
    """
    if len(data) < 2 or data[0] != tag:
        raise NotDer(f"no element {tag:#04x}")
    size, at = data[1], 2
    if size & _LONG:
        count = size & 0x7F
        if not 1 <= count <= 4:
            raise NotDer("a length of another form")
        size, at = int.from_bytes(data[at : at + count]), at + count
    if len(data) < at + size:
        raise NotDer("the end is missing")
    return data[at : at + size], data[at + size :]


def fields(data: bytes) -> dict[int, bytes]:
    """The explicitly tagged elements of a SEQUENCE's content, by number.

    Raises:
        NotDer: something else is among them.
    """
    found: dict[int, bytes] = {}
    while data:
        number = data[0] & 0x1F
        found[number], data = read(data, 0xA0 | number)
    return found


def texts(data: bytes) -> tuple[str, ...]:
    """The strings of a SEQUENCE OF KerberosString.

    Raises:
        NotDer: it is none.
    """
    content, _ = read(data, SEQUENCE)
    found: list[str] = []
    while content:
        text, content = read(content, GENERAL_STRING)
        found.append(text.decode("utf-8", "replace"))
    return tuple(found)
