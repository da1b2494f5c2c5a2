"""A guest's LDAP server over verified TLS, as far as a bind goes. For the worker only."""

from __future__ import annotations

import hashlib
import time
from types import TracebackType
from typing import Self

from cryptography import x509

from probes.exchange import ldap_bind
from probes.exchange.dial import dial
from probes.exchange.ended import ANSWER_S, of_socket, proves_nothing, trusting
from probes.exchange.service import OverLdap
from probes.observation import FailureKind
from probes.unsafe_text import without_controls

_MECHANISM = "GSSAPI"
_UNKNOWN_MECHANISM = 7
"""resultCode `authMethodNotSupported`."""


class LdapServer:
    """A connection; use as a context manager. `way`: a local socket that leads there.

    Raises:
        Ended: it cannot be reached, its TLS is not to be trusted, or what it says is no LDAP.
    """

    def __init__(self, over: OverLdap, way: str | None = None) -> None:
        self._name = f"LDAP server of {over.name}"
        self._steps = 0
        context = trusting(over.ca_file)
        try:
            plain = dial(over.address, over.port, way)
            try:
                self._socket = context.wrap_socket(plain, server_hostname=over.name)
            except OSError:
                plain.close()
                raise
        except OSError as error:
            raise of_socket(self._name, error) from None
        self._until = time.monotonic() + ANSWER_S

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._socket.close()

    @property
    def bindings(self) -> bytes:
        """What ties our login to this TLS connection, for servers that demand it (RFC 5929 section 4.1)."""
        der = self._socket.getpeercert(binary_form=True) or b""
        try:
            signed_by = x509.load_der_x509_certificate(der).signature_hash_algorithm
        except ValueError:  # of what OpenSSL takes and RFC 5280 forbids, such as Samba's serial number 0
            signed_by = None
        name = signed_by.name if signed_by is not None else "sha256"
        digest = hashlib.new("sha256" if name in ("md5", "sha1") else name, der)
        return b"tls-server-end-point:" + digest.digest()

    def bind(self, token: bytes) -> ldap_bind.Bound:
        """One step.

        Raises:
            Ended: no answer, or none to a bind; or the server takes no tickets.
        """
        self._steps += 1
        try:
            self._socket.sendall(ldap_bind.request(self._steps, _MECHANISM, token))
            said = ldap_bind.answer(self._message(), self._steps)
        except OSError as error:
            raise of_socket(self._name, error) from None
        except ValueError as error:
            detail = f"{self._name}: its answer is not understood: {error}"
            raise proves_nothing(FailureKind.NOT_UNDERSTOOD, detail) from None
        if said.code == _UNKNOWN_MECHANISM:
            detail = f"{self._name} takes no tickets ({self.refusal(said)})"
            raise proves_nothing(FailureKind.TOOL_ABSENT, detail)
        return said

    def refusal(self, said: ldap_bind.Bound) -> str:
        """Its own words for a result, cleaned."""
        return without_controls(said.text)[:200].strip() or f"LDAP result {said.code}"

    def _message(self) -> bytes:
        data = b""
        while (length := ldap_bind.length_of(data)) is None or len(data) < length:
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            more = self._socket.recv(64 * 1024)
            if not more:
                raise ConnectionResetError("it closed the connection")
            data += more
        return data[:length]
