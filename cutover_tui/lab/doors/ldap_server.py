"""LDAP of a controller on loopback: plain with StartTLS, TLS from the first byte, and pings by UDP.

The certificate is from a CA made when the door is made; who is to trust it reads `Authority.pem`.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cutover_tui.lab.ldap.conversation import Conversation, pinged
from cutover_tui.lab.ldap.view import View
from cutover_tui.lab.world.world import Reference, World

_PATIENCE_S = 30.0
_CHUNK = 64 * 1024
_AT_ONCE = 16
"""Connections to one controller; one more is closed at once."""


def view_of(world: World, controller: Reference, clock: Callable[[], int]) -> View | None:
    """What that controller shows; None where it is none, or the world has no domain. `clock` gives true time."""
    if world.domain is None or not controller.controller:
        return None
    return View(world.domain, world.full_name(controller), lambda: controller.clock.read(clock()))


def is_pdc(world: World, controller: Reference) -> bool:
    """The first controller is the PDC emulator."""
    return next((r for r in world.references.values() if r.controller), None) is controller


class Authority:
    """A CA for the life of one lab."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA of a lab")])
        self._now = datetime.now(UTC)
        made = (
            self._unsigned(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .add_extension(_USAGE, critical=True)
        )
        self.pem = made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def serving(self, name: str, address: str) -> ssl.SSLContext:
        """A server's side of TLS with a certificate for that name and address."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address(address))])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        made = (
            self._unsigned(subject, key.public_key())
            .add_extension(names, critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as directory:  # the ssl module reads keys from files only
            path = Path(directory) / "server.pem"
            path.touch(0o600)
            path.write_bytes(
                key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
                + made.public_bytes(serialization.Encoding.PEM)
            )
            context.load_cert_chain(path)
        return context

    def _unsigned(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - timedelta(days=1))
            .not_valid_after(self._now + timedelta(days=30))
        )


_USAGE = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


class LdapServer:
    """One controller's connections; `silent` controllers keep quiet, as those that are down do."""

    def __init__(self, view: View, controller: Reference, tls: ssl.SSLContext) -> None:
        self._view, self._controller, self._tls = view, controller, tls
        self._open = 0

    async def plain(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection to port 389."""
        await self._serve(reader, writer, Conversation(self._view, secure=False))

    async def secure(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection to port 636, whose TLS has begun."""
        await self._serve(reader, writer, Conversation(self._view, secure=True))

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, talk: Conversation
    ) -> None:
        self._open += 1
        try:
            with suppress(TimeoutError, ConnectionError, ssl.SSLError):
                async with asyncio.timeout(_PATIENCE_S):
                    while self._open <= _AT_ONCE and not talk.closed and (data := await reader.read(_CHUNK)):
                        if self._controller.silent:
                            continue
                        writer.write(talk.receive(data))
                        await writer.drain()
                        if talk.tls_due:
                            await writer.start_tls(self._tls)
                            talk.began_tls()
        finally:
            self._open -= 1


class PingServer(asyncio.DatagramProtocol):
    """LDAP pings."""

    def __init__(self, world: World, controller: Reference, view: View) -> None:
        self._world, self._controller, self._view = world, controller, view
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._controller.silent or self._transport is None:
            return
        reply = pinged(self._view, data, pdc=is_pdc(self._world, self._controller))
        if reply is not None:
            self._transport.sendto(reply, addr)
