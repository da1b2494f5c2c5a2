"""LDAP to domain controllers over ldap3: verified TLS only, bounded in time and size, in a few threads.

The one file that knows ldap3. Work is a plain function over a `Session`; it runs in a
thread of a bounded pool with a connection of its own, which is unbound whatever happens.
More threads buy nothing: ldap3 is pure Python and holds the GIL.

ldap3 2.9.1 by itself verifies nothing (its default is CERT_NONE), compares names in its own
code and loses the reason on the way; so the socket is wrapped by the ssl module's verified
context here. A SASL bind always runs inside TLS, where a controller that demands signing is
content, and the channel binding is sent.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import ldap3
from ldap3.core import exceptions as ldap_errors
from pyasn1.error import PyAsn1Error

from probes.directory_seam import (
    Anonymous,
    Bind,
    Controller,
    DirectoryError,
    Entry,
    Simple,
    Ticket,
)
from probes.kerberos.gss_errors import INSTALL, SKEW_CODES, gss_number, gss_text
from probes.observation import Failure, FailureKind
from probes.unsafe_text import without_controls

T = TypeVar("T")
THREADS = 8
PAGE = 500
LDAPS_PORT, LDAP_PORT = 636, 389
_PAGED = "1.2.840.113556.1.4.319"
_KERBEROS = {
    **SKEW_CODES,
    6: "the account is not known to the KDC",
    7: "the KDC knows no such LDAP service",
    18: "the account is locked or disabled",
    23: "the password has expired",
    24: "the KDC refused the key (stale password or keytab)",
    31: "the controller cannot read the ticket (service key mismatch)",
    32: "the ticket has expired",
    41: "the controller cannot read the ticket (service key mismatch)",
}
_AD_DATA = re.compile(r"\bdata ([0-9a-fA-F]{2,8})\b")
_AD_SAYS = {
    "525": "no such account",
    "52e": "wrong user or password",
    "530": "not allowed to log in at this time",
    "531": "not allowed to log in from here",
    "532": "the password has expired",
    "533": "the account is disabled",
    "701": "the account has expired",
    "773": "the password must be changed first",
    "775": "the account is locked",
}

_DAMAGED = (PyAsn1Error, ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError)
"""What ldap3's decoder does with bytes that are no LDAP."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much, for one piece of work."""

    connect_s: int = 4
    receive_s: int = 5
    total_s: float = 20.0
    answer_bytes: int = 8 * 1024 * 1024


class Directory:
    """Controllers, asked in at most THREADS threads. Use as a context manager, or `close()`."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="ldap")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take no more work; what runs ends within its limits."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def ask(self, controller: Controller, bind: Bind, work: Callable[[Session], T]) -> T:
        """Connect, bind, do the work, unbind: in a thread.

        Raises:
            DirectoryError: whatever went wrong, with a sentence for people.
        """
        call = asyncio.get_running_loop().run_in_executor(
            self._pool, _worked, controller, bind, work, self._limits
        )
        try:
            # Longer than all limits of the work itself: resolvers and Kerberos libraries have none we can set.
            async with asyncio.timeout(self._limits.total_s + 2 * self._limits.connect_s):
                return await call
        except TimeoutError:
            raise _failed(controller, FailureKind.TIMEOUT, "no answer in time") from None


class Session:
    """A bound connection, for use in the thread it was made in."""

    def __init__(self, connection: Any, controller: Controller, metered: _Metered) -> None:
        self._connection, self.controller, self._metered = connection, controller, metered
        self.address = str(metered.getpeername()[0])

    def read(self, dn: str, attributes: Sequence[str]) -> Entry:
        """One object by its name ("" = rootDSE).

        Raises:
            DirectoryError: not there, not allowed, or no good answer.
        """
        found = list(self._pages(dn, "(objectClass=*)", ldap3.BASE, attributes, 1))
        if len(found) != 1:
            raise _failed(self.controller, FailureKind.NOT_UNDERSTOOD, f"{len(found)} objects named {dn!r}")
        return found[0]

    def search(self, base: str, query: str, attributes: Sequence[str], *, limit: int) -> list[Entry]:
        """Up to `limit` objects below `base`, in pages of PAGE.

        Raises:
            DirectoryError: as `read`; a referral too: it is never followed.
        """
        return list(self._pages(base, query, ldap3.SUBTREE, attributes, limit))

    def _pages(
        self, base: str, query: str, scope: Any, attributes: Sequence[str], limit: int
    ) -> Iterator[Entry]:
        cookie: bytes | None = None
        left = limit
        while left > 0:
            # The base object alone needs no pages, and some servers refuse the control for the rootDSE.
            paging = {} if scope == ldap3.BASE else {"paged_size": min(PAGE, left), "paged_cookie": cookie}
            _, result, response, _ = self._connection.search(
                base,
                query,
                scope,
                attributes=list(attributes),
                dereference_aliases=ldap3.DEREF_NEVER,
                **paging,
            )
            _good(self.controller, result)
            for item in response or ():
                if item["type"] == "searchResRef":
                    continue  # the other naming contexts of the forest, named in every search of its root
                if item["type"] == "searchResEntry" and left > 0:
                    left -= 1
                    yield _entry(item)
            value = (result.get("controls") or {}).get(_PAGED, {}).get("value", {})
            cookie = value.get("cookie")
            if not cookie:
                return


def _worked(controller: Controller, bind: Bind, work: Callable[[Session], T], limits: Limits) -> T:
    tls = _Tls(controller, limits)
    try:
        server = ldap3.Server(
            controller.address,
            port=controller.port or (LDAPS_PORT if controller.tls == "ldaps" else LDAP_PORT),
            use_ssl=controller.tls == "ldaps",
            tls=tls,
            get_info=ldap3.NONE,
            connect_timeout=limits.connect_s,
        )
        connection = _connection(server, controller, bind, limits)
        try:
            connection.open(read_server_info=False)
            if controller.tls == "starttls":
                connection.start_tls(read_server_info=False)
            if tls.metered is None:
                raise _failed(controller, FailureKind.NOT_UNDERSTOOD, "did not start TLS")
            if not isinstance(bind, Anonymous):
                _bound(controller, bind, connection)
            return work(Session(connection, controller, tls.metered))
        finally:
            with suppress(ldap_errors.LDAPExceptionError):
                connection.unbind()
            if connection.socket is not None:  # ldap3 forgets it when it does not come to be open
                connection.socket.close()
    except ldap_errors.LDAPExceptionError as error:
        raise _explained(controller, error, tls) from error
    except _DAMAGED as error:
        detail = f"answered what is no LDAP ({type(error).__name__})"
        raise _failed(controller, FailureKind.NOT_UNDERSTOOD, detail) from error


def _connection(server: Any, controller: Controller, bind: Bind, limits: Limits) -> Any:
    how: dict[str, Any] = {}
    if isinstance(bind, Simple):
        if not bind.user or not bind.password:
            raise _failed(controller, FailureKind.DENIED, "a simple bind without a password proves nobody")
        how = {"user": bind.user, "password": bind.password, "authentication": ldap3.SIMPLE}
    elif isinstance(bind, Ticket):
        how = {
            "authentication": ldap3.SASL,
            "sasl_mechanism": ldap3.KERBEROS,
            "sasl_credentials": (controller.name, None, _credentials(controller, bind)),
        }
    return ldap3.Connection(
        server,
        client_strategy=ldap3.SAFE_SYNC,
        auto_referrals=False,
        read_only=True,
        check_names=False,
        raise_exceptions=False,
        receive_timeout=limits.receive_s,
        return_empty_attributes=False,
        **how,
    )


def _credentials(controller: Controller, bind: Ticket) -> Any:
    """The ticket as GSSAPI holds it, so that a missing one is told before anybody is asked."""
    try:
        import gssapi
        from gssapi.raw.misc import GSSError
    except ImportError:
        raise _failed(controller, FailureKind.TOOL_ABSENT, INSTALL) from None
    store: dict[bytes | str, bytes | str] | None = {"ccache": bind.ccache} if bind.ccache else None
    try:
        return gssapi.Credentials(usage="initiate", store=store)
    except GSSError as error:
        detail = f"no Kerberos ticket of yours to log in with ({gss_text(error)}): run kinit"
        raise _failed(controller, FailureKind.DENIED, detail) from None


def _bound(controller: Controller, bind: Bind, connection: Any) -> None:
    if isinstance(bind, Ticket):
        from gssapi.raw.misc import GSSError

        try:
            _, result, _, _ = connection.bind(read_server_info=False)
        except GSSError as error:
            raise _refused_by_kerberos(controller, error) from error
        except AttributeError as error:  # of a certificate whose signature names no hash
            detail = "ldap3 cannot bind a Kerberos login to a certificate signed with Ed25519"
            raise _failed(controller, FailureKind.NOT_UNDERSTOOD, detail) from error
    else:
        _, result, _, _ = connection.bind(read_server_info=False)
    _good(controller, result)


def _refused_by_kerberos(controller: Controller, error: Any) -> DirectoryError:
    """The protocol's number is in the minor code of MIT's library."""
    code = gss_number(error)
    if code is None:
        return _failed(controller, FailureKind.DENIED, f"no ticket for it: {gss_text(error)}")
    says = f"{_KERBEROS.get(code, gss_text(error))} (Kerberos error {code})"
    if code in SKEW_CODES:
        detail = f"refused our login because clocks differ: {says}"
        return DirectoryError(_failure(controller, FailureKind.SKEW, detail), code)
    return DirectoryError(_failure(controller, FailureKind.DENIED, f"refused our login: {says}"), code)


def _good(controller: Controller, result: dict[str, Any]) -> None:
    """Nothing, where the server reports success.

    Raises:
        DirectoryError: it reports anything else.
    """
    code, said = int(result["result"]), without_controls(str(result.get("message") or ""))[:200]
    match code:
        case 0:
            return
        case 10:
            where = ", ".join(without_controls(str(r)) for r in (result.get("referrals") or ()))[:200]
            kind, detail = (
                FailureKind.NOT_UNDERSTOOD,
                f"refers to another server ({where}), which is not asked",
            )
        case 49:
            found = _AD_DATA.search(said)
            says = _AD_SAYS.get(found.group(1).lower().lstrip("0"), said) if found else said
            detail = f"refused our login: {says or 'invalid credentials'}"
            raise DirectoryError(_failure(controller, FailureKind.DENIED, detail), of_the_login=True)
        case 8 | 13:
            kind, detail = FailureKind.DENIED, f"demands a signed or encrypted login ({said})"
        case 1 if "bind" in said.lower() or "authentication" in said.lower():
            kind, detail = FailureKind.DENIED, "shows this to nobody who has not logged in"
        case 50:
            kind, detail = FailureKind.DENIED, "our account may not read this"
        case 3 | 4 | 11:
            kind, detail = FailureKind.TRUNCATED, f"gave up: {result.get('description')}"
        case 32:
            kind, detail = FailureKind.NOT_UNDERSTOOD, "has no such object"
        case 51 | 52:
            kind, detail = FailureKind.UNREACHABLE, f"is busy or unavailable ({said})"
        case _:
            detail = f"answered {result.get('description')} ({code}): {said}"
            kind = FailureKind.NOT_UNDERSTOOD
    raise _failed(controller, kind, detail)


def _explained(controller: Controller, error: Exception, tls: _Tls) -> DirectoryError:
    """ldap3's exception in our words: what the socket met first, then its own class."""
    refused = tls.refused or (tls.metered.refused if tls.metered is not None else None)
    if refused is not None:
        return _failed(controller, *refused)
    text = without_controls(str(error))[:200]
    if "requires a security layer" in text:
        return _failed(controller, FailureKind.DENIED, f"demands signing inside the login ({text})")
    if isinstance(error, ldap_errors.LDAPSocketOpenError):
        kind = FailureKind.TIMEOUT if "timed out" in text else FailureKind.UNREACHABLE
        return _failed(controller, kind, "no answer in time" if kind is FailureKind.TIMEOUT else text)
    if isinstance(error, ldap_errors.LDAPStartTLSError):
        return _failed(controller, FailureKind.NOT_UNDERSTOOD, f"does not do StartTLS ({text})")
    if isinstance(error, ldap_errors.LDAPSocketReceiveError | ldap_errors.LDAPSessionTerminatedByServerError):
        return _failed(controller, FailureKind.LOST, f"the connection broke: {text}")
    return _failed(controller, FailureKind.NOT_UNDERSTOOD, text)


def _failure(controller: Controller, kind: FailureKind, detail: str) -> Failure:
    return Failure(kind, f"{controller.name}: {detail}")


def _failed(controller: Controller, kind: FailureKind, detail: str) -> DirectoryError:
    return DirectoryError(_failure(controller, kind, detail))


def _entry(item: dict[str, Any]) -> Entry:
    raw: dict[str, list[bytes]] = item["raw_attributes"]
    return Entry(str(item["dn"]), {name.lower(): tuple(values) for name, values in raw.items()})


class _Tls(ldap3.Tls):
    """TLS as the ssl module verifies it: chain, dates and name. What it refused is kept with its reason."""

    def __init__(self, controller: Controller, limits: Limits) -> None:
        self.controller, self._limits = controller, limits
        self.refused: tuple[FailureKind, str] | None = None
        self.metered: _Metered | None = None
        try:
            self._context = ssl.create_default_context(cafile=controller.ca_file)
        except (OSError, ssl.SSLError) as error:
            detail = f"the CA file {controller.ca_file} cannot be read: {error}"
            raise _failed(controller, FailureKind.NOT_UNDERSTOOD, detail) from error
        super().__init__(validate=ssl.CERT_REQUIRED, valid_names=[controller.name])

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        """Called by ldap3 for LDAPS and after StartTLS."""
        del do_handshake  # never put off: nothing is sent to whoever has not shown a certificate
        plain: socket.socket = connection.socket
        plain.settimeout(self._limits.connect_s)
        try:
            verified = self._context.wrap_socket(plain, server_hostname=self.controller.name)
        except ssl.SSLCertVerificationError as error:
            self.refused = FailureKind.UNTRUSTED, _untrusted(error)
            raise
        except TimeoutError:
            self.refused = FailureKind.TIMEOUT, "no TLS handshake in time"
            raise
        except (ssl.SSLError, ConnectionError) as error:
            reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
            self.refused = FailureKind.NOT_UNDERSTOOD, f"no TLS: {reason or error}"
            raise
        self.metered = _Metered(verified, self._limits)
        connection.socket = self.metered


def _untrusted(error: ssl.SSLCertVerificationError) -> str:
    """X509_V_ERR_… numbers are those of OpenSSL's x509_vfy.h."""
    says = error.verify_message
    match error.verify_code:
        case 62 | 64:
            return f"its certificate is for another name ({says})"
        case 9 | 10:
            return f"its certificate is not valid at this jump host's time ({says})"
        case _:
            return f"its certificate is from a CA that is not trusted here ({says})"


class _Metered:
    """A TLS socket that ends when the work has taken too long or too much has come, however it trickles."""

    def __init__(self, inner: ssl.SSLSocket, limits: Limits) -> None:
        self._inner, self._limits = inner, limits
        self._until = time.monotonic() + limits.total_s
        self._bytes = 0
        self.refused: tuple[FailureKind, str] | None = None

    def recv(self, size: int) -> bytes:
        left = self._until - time.monotonic()
        if left <= 0:
            raise self._refuse(FailureKind.TIMEOUT, f"no whole answer within {self._limits.total_s:g} s")
        self._inner.settimeout(min(left, self._limits.receive_s))
        try:
            data = self._inner.recv(size)
        except TimeoutError:
            raise self._refuse(
                FailureKind.TIMEOUT, f"no answer within {min(left, self._limits.receive_s):.0f} s"
            ) from None
        self._bytes += len(data)
        if self._bytes > self._limits.answer_bytes:
            raise self._refuse(FailureKind.TRUNCATED, f"answered more than {self._limits.answer_bytes} bytes")
        return data

    def _refuse(self, kind: FailureKind, detail: str) -> OSError:
        self.refused = kind, detail
        return OSError(detail)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
