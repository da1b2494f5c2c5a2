"""One connection to a controller's LDAP, without its socket: bytes in, bytes out."""

from __future__ import annotations

from dataclasses import dataclass, field

from cutover_tui.lab.kerberos.der import NotDer
from cutover_tui.lab.ldap import netlogon, wire
from cutover_tui.lab.ldap.view import MOST_ENTRIES, SIZE, STRONGER, Refused, View
from cutover_tui.lab.ldap.wire import Ask, Bind, Extend, Leave, Request

LARGEST = 256 * 1024
"""Bytes of one request; a filter with a thousand service names has 60 KB."""

_UNSUPPORTED_AUTH, _PROTOCOL_ERROR = 7, 2


@dataclass(slots=True)
class Conversation:
    """`secure`: whether TLS lies around it. `closed`: whether it is over; `tls_due`: TLS begins behind the answer."""

    view: View
    secure: bool
    closed: bool = False
    tls_due: bool = False
    _bound: bool = False
    _pending: bytes = b""
    _left: dict[bytes, int] = field(default_factory=dict)

    def receive(self, data: bytes) -> bytes:
        """What is to be sent for what has come; what is no LDAP ends it without a word."""
        self._pending += data
        said = b""
        try:
            while not self.closed and not self.tls_due:
                size = wire.length(self._pending)
                if (size or 0) > LARGEST:
                    raise NotDer("a request too large")
                if size is None or len(self._pending) < size:
                    break
                message, self._pending = self._pending[:size], self._pending[size:]
                said += self._answer(wire.request(message))
        except (NotDer, LookupError):
            self.closed = True
        return said

    def began_tls(self) -> None:
        """TLS has begun; what came before it is nobody's word."""
        self.secure, self.tls_due, self._bound, self._pending = True, False, False, b""

    def _answer(self, request: Request | None) -> bytes:
        match request:
            case None:
                return b""
            case Leave():
                self.closed = True
                return b""
            case Bind():
                return self._login(request)
            case Ask():
                return self._search(request)
            case Extend(number, name):
                good = name == wire.START_TLS and not self.secure
                self.tls_due = good
                return wire.extended(number, 0 if good else _PROTOCOL_ERROR)

    def _login(self, asked: Bind) -> bytes:
        self._bound = False
        try:
            if asked.password is None:
                raise Refused(_UNSUPPORTED_AUTH)  # nothing here could check a ticket
            if asked.user or asked.password:
                if not self.secure:
                    raise Refused(STRONGER)
                self.view.login(asked.user, asked.password)
                self._bound = True
        except Refused as refused:
            return wire.bound(asked.number, refused)
        return wire.bound(asked.number)

    def _search(self, asked: Ask) -> bytes:
        try:
            found = self.view.search(asked.search, bound=self._bound)
        except Refused as refused:
            return wire.done(asked.number, refused)
        size, cookie = asked.page or (0, b"")
        first = int(cookie) if cookie.isdigit() else 0
        most = min(m for m in (size, asked.limit, MOST_ENTRIES) if m > 0)
        some, more = found[first : first + most], len(found) > first + most
        said = b"".join(wire.entry(asked.number, dn, attributes) for dn, attributes in some)
        if asked.page is not None:
            return said + wire.done(asked.number, cookie=str(first + most).encode() if more else b"")
        return said + wire.done(asked.number, Refused(SIZE) if more else None)


def pinged(view: View, datagram: bytes, *, pdc: bool) -> bytes | None:
    """The answer to a search that came as a datagram, None where nobody answers it."""
    try:
        request = wire.request(datagram)
    except (NotDer, LookupError):
        return None
    if not isinstance(request, Ask) or request.search.base or request.search.scope != "base":
        return None
    if {a.casefold() for a in request.search.attributes} == {"netlogon"}:
        value = netlogon.answer(view.domain, view.controller, request.search.wanted, pdc=pdc)
        if value is None:
            return wire.done(request.number)
        return wire.entry(request.number, "", {"Netlogon": (value,)}) + wire.done(request.number)
    found = view.search(request.search, bound=False)
    return b"".join(wire.entry(request.number, dn, a) for dn, a in found) + wire.done(request.number)
