"""A controller's KDC on the network: AS-REQ in, KRB-ERROR out (RFC 4120 sections 3.1 and 5.9.1).

It gives no tickets over the network: what guests of the lab get, they get from the world's
state (`cutover_tui.lab.kerberos.library`), because nothing here encrypts. Who has no
credentials sees no difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cutover_tui.lab.kerberos import der
from cutover_tui.lab.kerberos.der import NotDer
from cutover_tui.lab.kerberos.domain import AES256, Account, Domain

PORT, LENGTH = 88, 4
"""Where it listens; bytes of length before a message over TCP."""

SECOND = 1_000_000_000
UNKNOWN, REVOKED, PREAUTH_REQUIRED, GENERIC = 6, 18, 25, 60
Microseconds = Literal["clock", "counter"]

_AS_REQ, _KRB_ERROR = 10, 30
_PA_ENC_TIMESTAMP, _PA_PK_AS_REQ, _PA_PK_AS_REP_OLD, _PA_PKINIT_KX = 2, 16, 15, 147
_PA_FX_FAST, _PA_AS_FRESHNESS, _PA_ETYPE_INFO2 = 136, 655, 19
_OFFERED = (_PA_PK_AS_REQ, _PA_PK_AS_REP_OLD, _PA_PKINIT_KX, _PA_ENC_TIMESTAMP, _PA_FX_FAST, _PA_AS_FRESHNESS)
_ITERATIONS = (4096).to_bytes(4)


@dataclass(slots=True)
class Kdc:
    """One KDC process. `microseconds`: `counter` = as MIT 1.16 to 1.21.

    There, the first time in each second is the clock's, and each further one is the last plus a
    microsecond (krb5 pull request 1374).
    """

    microseconds: Microseconds = "clock"
    down: bool = False
    udp: bool = True
    _last: tuple[int, int] = (0, 0)

    def stamp(self, shown_ns: int) -> tuple[int, int]:
        """Seconds and microseconds that it puts into an answer when the clock shows that."""
        seconds, micros = shown_ns // SECOND, shown_ns % SECOND // 1000
        if self.microseconds == "counter" and seconds == self._last[0]:
            micros = min(self._last[1] + 1, 999_999)
        self._last = (seconds, micros)
        return self._last

    def answer(self, request: bytes, domain: Domain, shown_ns: int) -> bytes | None:
        """The answer to a message, None where a KDC stays silent; `shown_ns`: what its clock shows (UTC)."""
        if self.down:
            return None
        try:
            asked = _read(request)
        except NotDer:
            return None
        account = domain.client(f"{asked.name}@{asked.realm}")
        mit = self.microseconds == "counter"
        text, data, code = None, None, UNKNOWN
        if account is None:
            text = "CLIENT_NOT_FOUND" if mit else None
        elif asked.preauthenticated:
            code, text = GENERIC, "this KDC of a lab gives no tickets over the network"
        elif account.state == "disabled":
            code, text = REVOKED, "LOCKED_OUT" if mit else None
        else:
            code = PREAUTH_REQUIRED
            text = "NEEDED_PREAUTH" if mit else "Need to use PA-ENC-TIMESTAMP/PA-PK-AS-REQ"
            data = _methods(domain, account)
        return _error(code, asked, self.stamp(shown_ns), text, data)


def is_kerberos(data: bytes) -> bool:
    """Whether a datagram is a message to a KDC and none of NTP: a request's application tag."""
    return data[:1] in (b"\x6a", b"\x6c")


def wants(head: bytes) -> int:
    """How many bytes a message over TCP has after its four bytes of length (RFC 4120 section 7.2.2)."""
    return int.from_bytes(head[:4])


@dataclass(frozen=True, slots=True)
class _Asked:
    name: str
    cname: bytes
    realm: str
    sname: bytes
    preauthenticated: bool


def _read(request: bytes) -> _Asked:
    message, _ = der.read(request, 0x60 | _AS_REQ)
    whole = der.fields(der.read(message, der.SEQUENCE)[0])
    try:
        body = der.fields(der.read(whole[4], der.SEQUENCE)[0])
        cname, sname, realm = body[1], body[3], der.read(body[2], der.GENERAL_STRING)[0]
        name = der.texts(der.fields(der.read(cname, der.SEQUENCE)[0])[1])
    except KeyError as missing:
        raise NotDer(f"no element {missing}") from None
    given = der.read(whole[3], der.SEQUENCE)[0] if 3 in whole else b""
    return _Asked("/".join(name), cname, realm.decode("utf-8", "replace"), sname, _timestamped(given))


def _timestamped(padata: bytes) -> bool:
    while padata:
        one, padata = der.read(padata, der.SEQUENCE)
        kind = der.fields(one).get(1, b"")
        if kind == der.integer(_PA_ENC_TIMESTAMP):
            return True
    return False


def _error(code: int, asked: _Asked, at: tuple[int, int], text: str | None, data: bytes | None) -> bytes:
    realm = der.string(asked.realm)
    parts = [
        der.field(0, der.integer(5)),
        der.field(1, der.integer(_KRB_ERROR)),
        der.field(4, der.moment(at[0])),
        der.field(5, der.integer(at[1])),
        der.field(6, der.integer(code)),
        der.field(7, realm),
        der.field(8, asked.cname),
        der.field(9, realm),
        der.field(10, asked.sname),
    ]
    if text is not None:
        parts.append(der.field(11, der.string(text)))
    if data is not None:
        parts.append(der.field(12, der.octets(data)))
    return der.application(_KRB_ERROR, der.sequence(*parts))


def _methods(domain: Domain, account: Account) -> bytes:
    """METHOD-DATA: what would do as pre-authentication, and the salt of the account's key."""
    salt = f"{domain.realm}host{account.host}"
    info = der.sequence(
        der.field(0, der.integer(AES256)),
        der.field(1, der.string(salt)),
        der.field(2, der.octets(_ITERATIONS)),
    )
    offered = [_pa(kind, b"") for kind in _OFFERED]
    return der.sequence(*offered, _pa(_PA_ETYPE_INFO2, der.sequence(info)))


def _pa(kind: int, value: bytes) -> bytes:
    return der.sequence(der.field(1, der.integer(kind)), der.field(2, der.octets(value)))
