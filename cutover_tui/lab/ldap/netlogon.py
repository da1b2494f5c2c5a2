"""The answer to an LDAP ping: NETLOGON_SAM_LOGON_RESPONSE_EX ([MS-ADTS] sections 6.3.1.9 and 6.3.3)."""

from __future__ import annotations

import struct
from hashlib import sha256

from cutover_tui.lab.kerberos.domain import Domain
from cutover_tui.lab.ldap.filters import All, Equal, Filter

_RESPONSE_EX = 23
_FLAGS = {
    "gc": 0x4,
    "ldap": 0x8,
    "ds": 0x10,
    "kdc": 0x20,
    "timeserv": 0x40,
    "closest": 0x80,
    "writable": 0x100,
    "good": 0x200,
}
_PDC = 0x1
_VERSION_5EX, _TOKEN = 0x5, 0xFFFF


def answer(domain: Domain, controller: str, wanted: Filter, *, pdc: bool) -> bytes | None:
    """The `Netlogon` attribute for that filter; None where it asks for another domain."""
    asked = _equals(wanted)
    named = asked.get("dnsdomain", domain.dns).rstrip(".").casefold()
    if named != domain.dns.casefold():
        return None
    short = controller.partition(".")[0].upper()
    flags = sum(_FLAGS.values()) | (_PDC if pdc else 0)
    guid = sha256(domain.dns.encode()).digest()[:16]
    names = (
        _labels(domain.dns),  # the forest is this domain
        _labels(domain.dns),
        _labels(controller),
        _labels(domain.dns.partition(".")[0].upper()),
        _labels(short),
        b"\0",  # nobody was asked for
        _labels(domain.site),
        _labels(domain.site),
    )
    head = struct.pack("<HHI16s", _RESPONSE_EX, 0, flags, guid)
    return head + b"".join(names) + struct.pack("<IHH", _VERSION_5EX, _TOKEN, _TOKEN)


def _labels(name: str) -> bytes:
    return b"".join(bytes([len(part)]) + part for part in name.encode("idna").split(b".")) + b"\0"


def _equals(wanted: Filter) -> dict[str, str]:
    parts = wanted.parts if isinstance(wanted, All) else (wanted,)
    return {part.name.casefold(): part.value for part in parts if isinstance(part, Equal)}
