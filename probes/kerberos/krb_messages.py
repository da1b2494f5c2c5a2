"""The few Kerberos messages a probe without credentials needs (RFC 4120), over pyasn1.

The only file that knows pyasn1. Sending costs half a millisecond of encoding, so a request is
encoded once and its nonce is set in the bytes.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec
from pyasn1.codec.der import decoder, encoder
from pyasn1.error import PyAsn1Error
from pyasn1.type import char, constraint, namedtype, tag, univ, useful

AS_REQ, AS_REP, KRB_ERROR = 10, 11, 30
"""Application tags and message types (RFC 4120 section 7.5.7)."""

NT_PRINCIPAL, NT_SRV_INST = 1, 2
AES256, AES128, RC4 = 18, 17, 23
_APPLICATION = {kind: bytes([0x60 | kind]) for kind in (AS_REP, KRB_ERROR)}
_NONCE = 0x5A5A5A5A
_TILL = "20370913024805Z"  # as MIT's client asks: "for ever"
_TIME = re.compile(r"(\d{14})Z")


class NotUnderstood(ValueError):  # noqa: N818 - what happened
    """The bytes are no message this module knows; `str()` says why."""


class KrbError(msgspec.Struct, frozen=True):
    """A KRB-ERROR: what the server's clock shows (`stime_ns`, whole seconds; `susec`) and why it refuses."""

    code: int
    stime_ns: int
    susec: int
    realm: str
    text: str


class AsRep(msgspec.Struct, frozen=True):
    """A ticket without pre-authentication. It carries no clock outside its encrypted part."""


def as_req(realm: str, client: str) -> bytes:
    """An AS-REQ for `client` without pre-authentication data; set a nonce with `with_nonce`."""
    request = _AsReq()
    request["pvno"] = 5
    request["msg-type"] = AS_REQ
    body = request["req-body"]
    body["kdc-options"] = "0" * 27 + "10000"  # renewable-ok, as every client
    _name(body, "cname", NT_PRINCIPAL, (client,))
    body["realm"] = realm
    _name(body, "sname", NT_SRV_INST, ("krbtgt", realm))
    body["till"] = _TILL
    body["nonce"] = _NONCE
    for n, etype in enumerate((AES256, AES128, RC4)):
        body["etype"][n] = etype
    encoded = bytes(encoder.encode(request))
    if encoded.count(_NONCE.to_bytes(4)) != 1:
        raise ValueError(f"{client}@{realm} cannot be asked for")
    return encoded


def with_nonce(request: bytes, nonce: int) -> bytes:
    """The same request with another nonce, 0x40000000 to 0x7FFFFFFF (so that its length stays).

    Raises:
        ValueError: the nonce would need another length.
    """
    if not 0x40000000 <= nonce <= 0x7FFFFFFF:
        raise ValueError("a nonce is 31 bits long here")
    return request.replace(_NONCE.to_bytes(4), nonce.to_bytes(4))


def answer(data: bytes) -> KrbError | AsRep:
    """What a KDC said to an AS-REQ.

    Raises:
        NotUnderstood: neither a KRB-ERROR nor an AS-REP.
    """
    kind = data[:1]
    if kind == _APPLICATION[AS_REP]:
        return _as_rep(data)
    if kind != _APPLICATION[KRB_ERROR]:
        raise NotUnderstood(f"{len(data)} bytes that are no Kerberos answer")
    try:
        error, rest = decoder.decode(data, asn1Spec=_KrbError())
    except (PyAsn1Error, ValueError, IndexError, TypeError) as problem:
        raise NotUnderstood(f"a damaged KRB-ERROR ({type(problem).__name__})") from None
    if rest or int(error["pvno"]) != 5 or int(error["msg-type"]) != KRB_ERROR:
        raise NotUnderstood("a KRB-ERROR of another version, or with something behind it")
    text = error["e-text"]
    susec = int(error["susec"])
    if not 0 <= susec < 1_000_000:
        raise NotUnderstood(f"a KRB-ERROR with {susec} microseconds")
    return KrbError(
        code=int(error["error-code"]),
        stime_ns=_utc_ns(str(error["stime"])),
        susec=susec,
        realm=_text(error["realm"]),
        text=_text(text) if text.isValue else "",
    )


def _as_rep(data: bytes) -> AsRep:
    try:
        _, rest = decoder.decode(data, asn1Spec=univ.Any())
    except (PyAsn1Error, ValueError, IndexError) as problem:
        raise NotUnderstood(f"a damaged AS-REP ({type(problem).__name__})") from None
    if rest:
        raise NotUnderstood("an AS-REP with something behind it")
    return AsRep()


def _utc_ns(stamp: str) -> int:
    """KerberosTime: `YYYYMMDDHHMMSSZ`, no fraction (RFC 4120 section 5.2.3)."""
    found = _TIME.fullmatch(stamp)
    if found is None:
        raise NotUnderstood("a KRB-ERROR whose time is no KerberosTime")
    try:
        at = datetime.strptime(found.group(1), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        raise NotUnderstood("a KRB-ERROR whose time is no date") from None
    return int(at.timestamp()) * 1_000_000_000


def _text(value: Any) -> str:
    return bytes(value.asOctets()).decode("utf-8", "replace")


def _context(n: int) -> tag.Tag:
    return tag.Tag(tag.tagClassContext, tag.tagFormatConstructed, n)


def _field(name: str, n: int, kind: Any) -> namedtype.NamedType:
    return namedtype.NamedType(name, kind.subtype(explicitTag=_context(n)))


def _maybe(name: str, n: int, kind: Any) -> namedtype.OptionalNamedType:
    return namedtype.OptionalNamedType(name, kind.subtype(explicitTag=_context(n)))


def _name(body: Any, field: str, kind: int, parts: tuple[str, ...]) -> None:
    body[field]["name-type"] = kind
    for n, part in enumerate(parts):
        body[field]["name-string"][n] = part


class _String(char.GeneralString):
    """KerberosString; what servers put into it is UTF-8 or older (RFC 4120 section 5.2.1)."""

    encoding = "utf-8"


class _Principal(univ.Sequence):
    componentType = namedtype.NamedTypes(
        _field("name-type", 0, univ.Integer()),
        _field("name-string", 1, univ.SequenceOf(componentType=_String())),
    )


class _Body(univ.Sequence):
    componentType = namedtype.NamedTypes(
        _field("kdc-options", 0, univ.BitString()),
        _maybe("cname", 1, _Principal()),
        _field("realm", 2, _String()),
        _maybe("sname", 3, _Principal()),
        _field("till", 5, useful.GeneralizedTime()),
        _field("nonce", 7, univ.Integer().subtype(subtypeSpec=constraint.ValueRangeConstraint(0, 2**32 - 1))),
        _field("etype", 8, univ.SequenceOf(componentType=univ.Integer())),
    )


class _AsReq(univ.Sequence):
    tagSet = univ.Sequence.tagSet.tagExplicitly(
        tag.Tag(tag.tagClassApplication, tag.tagFormatConstructed, AS_REQ)
    )
    componentType = namedtype.NamedTypes(
        _field("pvno", 1, univ.Integer()),
        _field("msg-type", 2, univ.Integer()),
        _field("req-body", 4, _Body()),
    )


class _KrbError(univ.Sequence):
    tagSet = univ.Sequence.tagSet.tagExplicitly(
        tag.Tag(tag.tagClassApplication, tag.tagFormatConstructed, KRB_ERROR)
    )
    componentType = namedtype.NamedTypes(
        _field("pvno", 0, univ.Integer()),
        _field("msg-type", 1, univ.Integer()),
        _maybe("ctime", 2, useful.GeneralizedTime()),
        _maybe("cusec", 3, univ.Integer()),
        _field("stime", 4, useful.GeneralizedTime()),
        _field("susec", 5, univ.Integer()),
        _field("error-code", 6, univ.Integer()),
        _maybe("crealm", 7, _String()),
        _maybe("cname", 8, _Principal()),
        _field("realm", 9, _String()),
        _field("sname", 10, _Principal()),
        _maybe("e-text", 11, _String()),
        _maybe("e-data", 12, univ.OctetString()),
    )
