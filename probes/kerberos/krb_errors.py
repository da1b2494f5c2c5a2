"""Kerberos error numbers in what MIT's tools print, by krb5's own error strings. Pure.

The tools print words and no numbers. The words of the numbers that travel in KRB-ERROR
messages (RFC 4120 section 7.5.9) are those of MIT's src/lib/krb5/error_tables/krb5_err.et
(com_err base -1765328384); they are the same in 1.7 to 1.21. Two are replaced by sentences
that name the principal (src/lib/krb5/krb/init_creds_ctx.c, gc_via_tkt.c). A KDC that wants no
pre-authentication sees no clock and gives its ticket; then the library itself holds the ticket's
start against its clock and says KRB5_KDCREP_SKEW (verify_as_reply in get_in_tkt.c): the same
trouble, and counted as 37. KRB5_TRACE
would show numbers, and with them the encrypted timestamp, which invites guessing of the
machine's password offline: it is never asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_STRINGS = {
    1: "Client's entry in database has expired",
    2: "Server's entry in database has expired",
    3: "Requested protocol version not supported",
    4: "Client's key is encrypted in an old master key",
    5: "Server's key is encrypted in an old master key",
    6: "Client not found in Kerberos database",
    7: "Server not found in Kerberos database",
    8: "Principal has multiple entries in Kerberos database",
    9: "Client or server has a null key",
    10: "Ticket is ineligible for postdating",
    11: "Requested effective lifetime is negative or too short",
    12: "KDC policy rejects request",
    13: "KDC can't fulfill requested option",
    14: "KDC has no support for encryption type",
    15: "KDC has no support for checksum type",
    16: "KDC has no support for padata type",
    17: "KDC has no support for transited type",
    18: "Client's credentials have been revoked",
    19: "Credentials for server have been revoked",
    20: "TGT has been revoked",
    21: "Client not yet valid - try again later",
    22: "Server not yet valid - try again later",
    23: "Password has expired",
    24: "Preauthentication failed",
    25: "Additional pre-authentication required",
    26: "Requested server and ticket don't match",
    27: "Server principal valid for user2user only",
    28: "KDC policy rejects transited path",
    29: "A service is not available that is required to process the request",
    31: "Decrypt integrity check failed",
    32: "Ticket expired",
    33: "Ticket not yet valid",
    34: "Request is a replay",
    35: "The ticket isn't for us",
    36: "Ticket/authenticator don't match",
    37: "Clock skew too great",
    38: "Incorrect net address",
    39: "Protocol version mismatch",
    40: "Invalid message type",
    41: "Message stream modified",
    42: "Message out of order",
    43: "Illegal cross-realm ticket",
    44: "Key version is not available",
    45: "Service key not available",
    47: "Incorrect message direction",
    48: "Alternative authentication method required",
    49: "Incorrect sequence number in message",
    50: "Inappropriate type of checksum in message",
    51: "Policy rejects transited path",
    60: "Generic error (see e-text)",
    61: "Field is too long for this implementation",
    68: "Realm not local to KDC",
}
_NAMED = (
    (6, re.compile(r"(Client '[^']*' not found in Kerberos database)")),
    (7, re.compile(r"(Server \S+ not found in Kerberos database)")),
    (37, re.compile(r"(?:\A|: )(Clock skew too great in KDC reply)(?= while )")),
    (
        7,
        re.compile(r"(Server not found in Kerberos database while getting credentials for \S+)"),
    ),  # kvno: of which realm
)
_LOCAL = (
    re.compile(r"(Key table file '[^']*' not found)"),
    # What comes of a keytab that has the name and no key of the types the KDC asks for (get_in_tkt.c, ktfns.c).
    re.compile(r"(No key table entry found for \S+)(?= while )"),
    re.compile(r"(Keytab contains no suitable keys for \S+)(?= while )"),
    re.compile(r"(Cannot (?:find KDC for|resolve network address for KDC in) (?:requested )?realm)"),
    re.compile(r"(Configuration file does not specify default realm)"),
)
"""The library's own words (codes 154, 181, 220, 224 of the same table, which never travel)."""

_UNHEARD = re.compile(r"Cannot contact any KDC for (?:requested )?realm|Can't contact LDAP server")
_LEAD = r"(?:\A|: |\()"
"""The words stand at the beginning, after the tool's name, or in brackets (GSS minor codes)."""

_WORDS = tuple(
    (number, re.compile(_LEAD + f"({re.escape(words)})" + r"(?=\Z|\)| while | for )"))
    for number, words in _STRINGS.items()
)


class Words(NamedTuple):
    """What a tool said, in the words that were recognised, and the protocol's number for them."""

    text: str
    number: int | None


def refusal_in(lines: Iterable[str]) -> Words | None:
    """The refusal that these lines of a tool tell of, or a local trouble that is as sure; None = not understood."""
    for line in lines:
        for number, pattern in (*_NAMED, *_WORDS):
            if (found := pattern.search(line)) is not None:
                return Words(found.group(1), number)
        for pattern in _LOCAL:
            if (found := pattern.search(line)) is not None:
                return Words(found.group(1), None)
    return None


def unheard_in(lines: Iterable[str]) -> str | None:
    """The words for: nobody answered, no KDC, no LDAP server."""
    found = (m.group(0) for line in lines if (m := _UNHEARD.search(line)) is not None)
    return next(found, None)
