"""KDCs: one AS-REQ for a name nobody has, over UDP and, where that fails, over TCP (RFC 4120 section 7.2).

An unknown name is answered with KDC_ERR_C_PRINCIPAL_UNKNOWN and the KDC's time; it counts
against nobody's lockout. The exchange is kept as a `Raw` from which the facts can be
derived again.
"""

from __future__ import annotations

import secrets
from typing import Literal

import msgspec

from probes.facts_kerberos import KdcFacts
from probes.kerberos import krb_messages
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Reader
from probes.seam import Clock, LinkError, Network, Streams
from probes.unsafe_text import without_controls

KDC_PORT = 88
NOBODY = "cutover-clock-probe"
"""The client that is asked for. Should it exist, pre-authentication is demanded instead: as good."""

RESPONSE_TOO_BIG = 52
"""KRB_ERR_RESPONSE_TOO_BIG: the KDC wants TCP."""

_LENGTH = 4
_LARGEST = 64 * 1024


class _Exchange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: str
    transport: Literal["udp", "tcp"]
    answer: str
    sent_ns: int
    received_ns: int
    own_utc_ns: int


class Asker:
    """Asks KDCs of one realm. Encodes its request once: that costs half a millisecond, its nonce nothing.

    Raises:
        ValueError: the realm cannot be encoded.
    """

    def __init__(self, network: Network, clock: Clock, realm: str) -> None:
        self._network, self._clock, self.realm = network, clock, realm
        self._request = krb_messages.as_req(realm, NOBODY)

    def argv(self, server: str, port: int) -> tuple[str, ...]:
        """How an exchange with this KDC names itself."""
        return ("kdc", self.realm, server) if port == KDC_PORT else ("kdc", self.realm, server, str(port))

    async def ask(self, server: str, *, port: int = KDC_PORT, timeout_s: float = 2.0) -> Raw:
        """Ask once by UDP, once more by TCP where that says nothing. Never raises for what the network does."""
        argv = self.argv(server, port)
        try:
            kept = await self._by_udp(server, port, timeout_s)
        except LinkError as error:
            udp = error.failure
        else:
            if not _wants_tcp(kept):
                return _raw(argv, kept)
            udp = Failure(FailureKind.TRUNCATED, "wants TCP")
        try:
            return _raw(argv, await self._by_tcp(self._network, server, port, timeout_s))
        except LinkError as error:
            detail = f"{udp.detail}; then {error.failure.detail}"
            return Raw(argv=argv, rc=None, out="", failure=Failure(error.failure.kind, detail))

    async def ask_from(
        self, streams: Streams, server: str, *, port: int = KDC_PORT, timeout_s: float = 4.0
    ) -> Raw:
        """Ask once by TCP from somewhere else. Never raises for what the network or that place does."""
        argv = self.argv(server, port)
        try:
            return _raw(argv, await self._by_tcp(streams, server, port, timeout_s))
        except LinkError as error:
            return Raw(argv=argv, rc=None, out="", failure=error.failure)

    async def _by_udp(self, server: str, port: int, timeout_s: float) -> _Exchange:
        answer = await self._network.udp(server, port, self._fresh, timeout_s=timeout_s)
        return self._kept("udp", answer.address, answer.data, answer.sent_ns, answer.received_ns)

    async def _by_tcp(self, streams: Streams, server: str, port: int, timeout_s: float) -> _Exchange:
        def framed() -> bytes:
            request = self._fresh()
            return len(request).to_bytes(_LENGTH) + request

        answer = await streams.tcp(server, port, framed, complete, timeout_s=timeout_s)
        return self._kept("tcp", answer.address, answer.data[_LENGTH:], answer.sent_ns, answer.received_ns)

    def _fresh(self) -> bytes:
        return krb_messages.with_nonce(self._request, 0x40000000 | secrets.randbits(30))

    def _kept(
        self, transport: Literal["udp", "tcp"], address: str, data: bytes, sent_ns: int, received_ns: int
    ) -> _Exchange:
        own = self._clock.now().on_timescale((sent_ns + received_ns) // 2)
        return _Exchange(address, transport, data[:_LARGEST].hex(), sent_ns, received_ns, own)


def complete(data: bytes) -> bool:
    """Whether a whole message has arrived over TCP: four bytes of length, then as many (RFC 4120 section 7.2.2)."""
    return len(data) >= _LENGTH and len(data) >= _LENGTH + min(int.from_bytes(data[:_LENGTH]), _LARGEST)


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from one exchange; a failure when the answer is none of a KDC's."""
    (raw,) = raws
    if raw.failure is not None:
        return raw.failure
    try:
        kept = msgspec.json.decode(raw.out, type=_Exchange)
        said = krb_messages.answer(bytes.fromhex(kept.answer))
    except krb_messages.NotUnderstood as problem:
        return Failure(FailureKind.NOT_UNDERSTOOD, f"{_server(raw)}: {problem}")
    except (msgspec.DecodeError, ValueError) as problem:
        return Failure(
            FailureKind.NOT_UNDERSTOOD, f"{_server(raw)}: the recorded exchange cannot be read: {problem}"
        )
    error = said if isinstance(said, krb_messages.KrbError) else None
    return KdcFacts(
        server=_server(raw),
        address=kept.address,
        transport=kept.transport,
        realm=raw.argv[1],
        sent_ns=kept.sent_ns,
        received_ns=kept.received_ns,
        own_utc_ns=kept.own_utc_ns,
        code=error.code if error is not None else None,
        stime_ns=error.stime_ns if error is not None else None,
        susec=error.susec if error is not None else None,
        answered_realm=without_controls(error.realm)[:255] if error is not None else "",
        text=without_controls(error.text)[:200] if error is not None else "",
    )


def _wants_tcp(kept: _Exchange) -> bool:
    try:
        said = krb_messages.answer(bytes.fromhex(kept.answer))
    except krb_messages.NotUnderstood:
        return False
    return isinstance(said, krb_messages.KrbError) and said.code == RESPONSE_TOO_BIG


def _raw(argv: tuple[str, ...], kept: _Exchange) -> Raw:
    return Raw(argv=argv, rc=None, out=msgspec.json.encode(kept).decode() + "\n")


def _server(raw: Raw) -> str:
    """As the runbook names it: with the port where that is not the usual one."""
    return ":".join(raw.argv[2:]) or "?"


READER = Reader(name="kdc", version=1, family=Family.DIRECTORY, commands=(), parse=parse, interval_s=30.0)
