"""The two requests of SMB 2 and 3 that come before anything is used: NEGOTIATE and SESSION_SETUP, as bytes. Pure.

[MS-SMB2] sections 2.1 (the frame over TCP), 2.2.1 (header) and 2.2.3 to 2.2.6. A ticket is presented in
the second; no share is connected to and nothing is signed, so no dialect needs more than this.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

SUCCESS, PENDING, MORE = 0x00000000, 0x00000103, 0xC0000016
"""NTSTATUS of a session that stands, of an answer that takes a while, and of one that waits for our next token."""

FRAME = 4
"""Bytes before each message: a zero, and its length."""

LONGEST = 128 * 1024
"""Bytes of an answer; its token is counted in sixteen bits."""

DIALECTS = (0x0202, 0x0210, 0x0300, 0x0302, 0x0311)
"""SMB 2.0.2, 2.1, 3.0, 3.0.2 and 3.1.1: hardened servers take the last one only."""

NEGOTIATE, SESSION_SETUP = 0, 1

_NO_LOGIN = 0x0003
"""SessionFlags: we are a guest (1) or nobody (2) there."""

_LONGEST_TOKEN = 0xFFFF
_MAGIC = b"\xfeSMB"
_HEADER = struct.Struct("<4sHHIHHIIQIIQ16s")
_NEGOTIATE = struct.Struct("<HHHHI16sIHH")
_NEGOTIATED = struct.Struct("<HHHH16sIIIIQQHHI")
_SETUP = struct.Struct("<HBBIIHHQ")
_SET_UP = struct.Struct("<HHHH")
_CONTEXT = struct.Struct("<HHI")
_ANSWER = 0x00000001  # of Flags: SMB2_FLAGS_SERVER_TO_REDIR
_SIGNING = 1  # of SecurityMode: can, need not
_ENCRYPTION = 0x00000040  # of Capabilities
_KERBEROS = bytes.fromhex("06092a864886f712010202"), bytes.fromhex("06092a864882f712010202")
"""1.2.840.113554.1.2.2, and what Windows 2000 made of it; both are offered for the same thing."""

_EPOCH = 116_444_736_000_000_000
"""1970 in FILETIME: steps of 100 ns since 1601 ([MS-DTYP] section 2.3.3)."""

_LAST = 2**63 // 100  # the year 2262, beyond which no ns of ours reach


class Answer(NamedTuple):
    """A whole message of the server. `body`: what stands behind the header; lengths in it count from the header."""

    status: int
    session: int
    message: bytes


class Negotiated(NamedTuple):
    """`tickets`: whether the server's list of mechanisms has Kerberos; an empty list leaves it to us.

    `utc_ns`: what its clock showed, steps of 100 ns; None = it does not say, or nothing that is a date.
    """

    dialect: int
    tickets: bool
    utc_ns: int | None


class SetUp(NamedTuple):
    """An answer to one token. `token` b"": it sent none. `nobody`: we are a guest there, or anonymous."""

    status: int
    session: int
    token: bytes
    nobody: bool


def negotiate(client: bytes, salt: bytes) -> bytes:
    """The first request, of any dialect here.

    Args:
        client: 16 bytes that name us on this connection.
        salt: some random bytes, of which 3.1.1 wants to hear.
    """
    begin = _HEADER.size + _NEGOTIATE.size + 2 * len(DIALECTS)
    contexts = begin + -begin % 8
    body = _NEGOTIATE.pack(36, len(DIALECTS), _SIGNING, 0, _ENCRYPTION, client, contexts, 2, 0)
    body += struct.pack(f"<{len(DIALECTS)}H", *DIALECTS) + bytes(contexts - begin)
    integrity = struct.pack("<HHH", 1, len(salt), 1) + salt  # SHA-512
    body += _CONTEXT.pack(1, len(integrity), 0) + integrity + bytes(-len(integrity) % 8)
    ciphers = struct.pack("<HHH", 2, 2, 1)  # AES-128-GCM, AES-128-CCM
    body += _CONTEXT.pack(2, len(ciphers), 0) + ciphers
    return _framed(NEGOTIATE, 0, 0, body)


def session_setup(number: int, session: int, token: bytes) -> bytes:
    """One step of a login. `number`: of this request on the connection, from 1; `session`: 0, then the server's.

    Raises:
        ValueError: a token longer than the protocol can carry.
    """
    if len(token) > _LONGEST_TOKEN:
        raise ValueError(f"our ticket has {len(token)} bytes, and SMB carries {_LONGEST_TOKEN}")
    begin = _HEADER.size + _SETUP.size
    body = _SETUP.pack(25, 0, _SIGNING, 0, 0, begin, len(token), 0) + token
    return _framed(SESSION_SETUP, number, session, body)


def length_of(frame: bytes) -> int:
    """How long the message is behind these FRAME bytes.

    Raises:
        ValueError: it is no SMB over TCP, or longer than LONGEST.
    """
    length = int.from_bytes(frame[1:FRAME], "big")
    if len(frame) != FRAME or frame[0] != 0 or length < _HEADER.size:
        raise ValueError("it is no SMB message")
    if length > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} bytes")
    return length


def answer(message: bytes, command: int, number: int) -> Answer:
    """What a whole message says to the request of that number.

    Raises:
        ValueError: it is no answer to that request.
    """
    if len(message) < _HEADER.size:
        raise ValueError("it ends in the middle")
    magic, size, _, status, said, _, flags, following, answered, _, _, session, _ = _HEADER.unpack_from(
        message
    )
    if (magic, size) != (_MAGIC, _HEADER.size):
        raise ValueError("it is no SMB 2")
    if not flags & _ANSWER or (said, answered) != (command, number):
        raise ValueError("it answers something else")
    if following:
        raise ValueError("it is several answers at once")
    return Answer(status, session, message)


def negotiated(said: Answer) -> Negotiated:
    """What a successful answer to `negotiate` agrees to.

    Raises:
        ValueError: it is not whole, or agrees to what nobody offered.
    """
    size, _, dialect, *_, now, _, begin, length, _ = _fixed(_NEGOTIATED, said.message)
    if size != 65:
        raise ValueError("it agrees to nothing")
    if dialect not in DIALECTS:
        raise ValueError(f"it agrees to the dialect {dialect:#06x}, which was not offered")
    offers = _buffer(said.message, _NEGOTIATED.size, begin, length)
    utc = now - _EPOCH
    tickets = not offers or any(kerberos in offers for kerberos in _KERBEROS)
    return Negotiated(dialect, tickets, utc * 100 if 0 < utc < _LAST else None)


def set_up(said: Answer) -> SetUp:
    """What an answer to `session_setup` says. A refusal has no token: its body is that of any error (2.2.2).

    Raises:
        ValueError: it is not whole.
    """
    if said.status not in (SUCCESS, MORE):
        return SetUp(said.status, said.session, b"", nobody=False)
    size, flags, begin, length = _fixed(_SET_UP, said.message)
    if size != 9:
        raise ValueError("it is no answer to a login")
    token = _buffer(said.message, _SET_UP.size, begin, length)
    return SetUp(said.status, said.session, token, bool(flags & _NO_LOGIN))


def _fixed(layout: struct.Struct, message: bytes) -> tuple[int, ...]:
    """The part of a body that is always there."""
    if len(message) < _HEADER.size + layout.size:
        raise ValueError("it ends in the middle")
    return layout.unpack_from(message, _HEADER.size)


def _buffer(message: bytes, fixed: int, begin: int, length: int) -> bytes:
    """The part of a body that stands at a place of its own; behind the other, and inside the message."""
    if not length:
        return b""
    if begin < _HEADER.size + fixed or begin + length > len(message):
        raise ValueError("its token is not where it should be")
    return message[begin : begin + length]


def _framed(command: int, number: int, session: int, body: bytes) -> bytes:
    header = _HEADER.pack(_MAGIC, _HEADER.size, 0, 0, command, 1, 0, 0, number, 0, 0, session, bytes(16))
    return (len(header) + len(body)).to_bytes(FRAME, "big") + header + body
