"""The LDAP ping: one CLDAP search over UDP 389, answered without credentials ([MS-ADTS] section 6.3.3).

Which site the controller is in, which site it puts the asker in, and whether it says that
its clock is good. Kept as it came; the answer is read again from there.
"""

from __future__ import annotations

import secrets
import struct

import msgspec
from pyasn1.codec.ber import decoder, encoder
from pyasn1.error import PyAsn1Error
from pyasn1.type import namedtype, tag, univ

from probes.ad.kept import keep, nothing, recall
from probes.facts_directory import CldapFacts
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Reader
from probes.seam import LinkError, Network
from probes.unsafe_text import without_controls

PORT = 389
_SAM_LOGON_RESPONSE_EX = 23
_VERSION = b"\x06\x00\x00\x00"
"""NETLOGON_NT_VERSION_5 and _5EX: the answer with names."""

_PDC, _KDC, _TIMESERV, _GOOD_TIMESERV = 0x1, 0x20, 0x40, 0x200
_HEAD = struct.Struct("<HHI16s")
_LONGEST_NAME = 255
_MOST_JUMPS = 20


class NotUnderstood(ValueError):  # noqa: N818 - what happened
    """The bytes are no answer to an LDAP ping; `str()` says why."""


class _Exchange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: str
    answer: str
    sent_ns: int
    received_ns: int


def argv(server: str, domain: str) -> tuple[str, ...]:
    """How an exchange with this controller names itself."""
    return ("cldap", domain, server)


async def ping(
    network: Network, server: str, domain: str, *, port: int = PORT, timeout_s: float = 2.0
) -> Raw:
    """Ask once. Never raises for what the network does."""
    names = argv(server, domain)
    request = search_request(domain, 1 + secrets.randbelow(2**30))
    try:
        answer = await network.udp(server, port, lambda: request, timeout_s=timeout_s)
    except LinkError as error:
        return nothing(names, error.failure)
    kept = _Exchange(answer.address, answer.data[:4096].hex(), answer.sent_ns, answer.received_ns)
    return keep(names, kept)


def search_request(domain: str, message_id: int) -> bytes:
    """An LDAPMessage that asks the rootDSE for `Netlogon` of this domain."""
    message = _Request()
    message["messageID"] = message_id
    search = message["searchRequest"]
    search["baseObject"] = b""
    search["scope"] = 0
    search["derefAliases"] = 0
    search["sizeLimit"] = 0
    search["timeLimit"] = 0
    search["typesOnly"] = False
    for n, (name, value) in enumerate((("DnsDomain", domain.encode()), ("NtVer", _VERSION))):
        search["filter"][n]["attributeDesc"] = name.encode()
        search["filter"][n]["assertionValue"] = value
    search["attributes"][0] = b"Netlogon"
    return bytes(encoder.encode(message))


def netlogon(data: bytes) -> bytes:
    """The `Netlogon` attribute of an answer.

    Raises:
        NotUnderstood: there is none; a controller of another domain sends none.
    """
    try:
        message, _ = decoder.decode(data, asn1Spec=_Response())
        parts = message["searchResEntry"]["attributes"]
        values = [v for part in parts if bytes(part["type"]).lower() == b"netlogon" for v in part["vals"]]
        return bytes(values[0])
    except (PyAsn1Error, ValueError, LookupError, TypeError, AttributeError):
        raise NotUnderstood("no Netlogon attribute in it") from None


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from one exchange."""
    (raw,) = raws
    kept = recall(raw, _Exchange)
    if isinstance(kept, Failure):
        return kept
    try:
        value = netlogon(bytes.fromhex(kept.answer))
        return _facts(raw.argv[2], kept, value)
    except ValueError as problem:
        return Failure(FailureKind.NOT_UNDERSTOOD, f"{raw.argv[2]}: {problem}")


def _facts(server: str, kept: _Exchange, value: bytes) -> CldapFacts:
    """NETLOGON_SAM_LOGON_RESPONSE_EX ([MS-ADTS] section 6.3.1.9)."""
    if len(value) < _HEAD.size:
        raise NotUnderstood(f"{len(value)} bytes are no answer to a ping")
    opcode, _, flags, _ = _HEAD.unpack_from(value)
    if opcode != _SAM_LOGON_RESPONSE_EX:
        raise NotUnderstood(f"an answer of kind {opcode}, not {_SAM_LOGON_RESPONSE_EX}")
    names, at = [], _HEAD.size
    for _ in range(8):
        name, at = _name(value, at)
        names.append(name)
    forest, domain, host, _, _, _, server_site, client_site = names
    return CldapFacts(
        server=server,
        address=kept.address,
        sent_ns=kept.sent_ns,
        received_ns=kept.received_ns,
        flags=flags,
        forest=forest,
        domain=domain,
        dns_host_name=host,
        server_site=server_site,
        client_site=client_site,
        pdc=bool(flags & _PDC),
        kdc=bool(flags & _KDC),
        timeserv=bool(flags & _TIMESERV),
        good_timeserv=bool(flags & _GOOD_TIMESERV),
    )


def _name(data: bytes, at: int) -> tuple[str, int]:
    """A name in labels with back references (RFC 1035 section 4.1.4); returns where the next thing begins."""
    labels: list[str] = []
    after: int | None = None
    for _ in range(_LONGEST_NAME + _MOST_JUMPS):
        if at >= len(data):
            break
        length = data[at]
        if length >= 0xC0:
            if at + 1 >= len(data):
                break
            after = at + 2 if after is None else after
            at = (length & 0x3F) << 8 | data[at + 1]
        elif length > 63:
            break
        elif length == 0:
            name = without_controls(".".join(labels))
            return name, at + 1 if after is None else after
        elif sum(map(len, labels)) > _LONGEST_NAME:
            break
        else:
            labels.append(data[at + 1 : at + 1 + length].decode("utf-8", "replace"))
            at += 1 + length
    raise NotUnderstood("a damaged name in it")


def _context(n: int) -> tag.Tag:
    return tag.Tag(tag.tagClassContext, tag.tagFormatConstructed, n)


class _Assertion(univ.Sequence):
    """equalityMatch [3] of a Filter (RFC 4511 section 4.5.1.7)."""

    tagSet = univ.Sequence.tagSet.tagImplicitly(_context(3))
    componentType = namedtype.NamedTypes(
        namedtype.NamedType("attributeDesc", univ.OctetString()),
        namedtype.NamedType("assertionValue", univ.OctetString()),
    )


class _And(univ.SetOf):
    tagSet = univ.SetOf.tagSet.tagImplicitly(_context(0))
    componentType = _Assertion()


class _Search(univ.Sequence):
    tagSet = univ.Sequence.tagSet.tagImplicitly(tag.Tag(tag.tagClassApplication, tag.tagFormatConstructed, 3))
    componentType = namedtype.NamedTypes(
        namedtype.NamedType("baseObject", univ.OctetString()),
        namedtype.NamedType("scope", univ.Enumerated()),
        namedtype.NamedType("derefAliases", univ.Enumerated()),
        namedtype.NamedType("sizeLimit", univ.Integer()),
        namedtype.NamedType("timeLimit", univ.Integer()),
        namedtype.NamedType("typesOnly", univ.Boolean()),
        namedtype.NamedType("filter", _And()),
        namedtype.NamedType("attributes", univ.SequenceOf(componentType=univ.OctetString())),
    )


class _Request(univ.Sequence):
    componentType = namedtype.NamedTypes(
        namedtype.NamedType("messageID", univ.Integer()),
        namedtype.NamedType("searchRequest", _Search()),
    )


class _Attribute(univ.Sequence):
    componentType = namedtype.NamedTypes(
        namedtype.NamedType("type", univ.OctetString()),
        namedtype.NamedType("vals", univ.SetOf(componentType=univ.OctetString())),
    )


class _Entry(univ.Sequence):
    tagSet = univ.Sequence.tagSet.tagImplicitly(tag.Tag(tag.tagClassApplication, tag.tagFormatConstructed, 4))
    componentType = namedtype.NamedTypes(
        namedtype.NamedType("objectName", univ.OctetString()),
        namedtype.NamedType("attributes", univ.SequenceOf(componentType=_Attribute())),
    )


class _Response(univ.Sequence):
    componentType = namedtype.NamedTypes(
        namedtype.NamedType("messageID", univ.Integer()),
        namedtype.NamedType("searchResEntry", _Entry()),
    )


READER = Reader(name="cldap", version=1, family=Family.DIRECTORY, commands=(), parse=parse, interval_s=300.0)
