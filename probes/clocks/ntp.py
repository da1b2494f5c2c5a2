"""References: one NTP client exchange (RFC 5905).

It is kept as a `Raw` that holds everything needed to derive the facts again, so that
`READER.parse` is as pure for it as for any tool on a guest.

The transmit timestamp we send is random (as data minimisation recommends): the server only
has to return it, and nobody off the path can forge an answer to it.
"""

from __future__ import annotations

import secrets

import msgspec
import ntplib

from probes.clocks.ntp_packet import CLIENT, PACKET_BYTES, TRANSMIT, examine
from probes.facts_time import NtpFacts
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Reader
from probes.seam import Clock, LinkError, Network

NTP_PORT = 123


class _Exchange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: str
    request: str
    answer: str
    sent_ns: int
    received_ns: int
    own_utc_ns: int
    kernel_stamp: bool


def argv(server: str, port: int) -> tuple[str, ...]:
    """How an exchange with this server names itself."""
    return ("ntp", server) if port == NTP_PORT else ("ntp", server, str(port))


async def query(
    network: Network, clock: Clock, server: str, *, port: int = NTP_PORT, timeout_s: float = 2.0
) -> Raw:
    """Ask `server` once. Never raises for what the network does: the Raw then holds the failure."""
    names = argv(server, port)
    packet = bytearray(ntplib.NTPPacket(version=4, mode=CLIENT).to_data())
    packet[TRANSMIT] = secrets.token_bytes(8)
    request = bytes(packet)
    try:
        answer = await network.udp(server, port, lambda: request, timeout_s=timeout_s)
    except LinkError as error:
        return Raw(argv=names, rc=None, out="", failure=error.failure)
    now = clock.now()
    middle = (answer.sent_ns + answer.received_ns) // 2
    kept = _Exchange(
        address=answer.address,
        request=request.hex(),
        answer=answer.data[:512].hex(),
        sent_ns=answer.sent_ns,
        received_ns=answer.received_ns,
        own_utc_ns=now.on_timescale(middle),
        kernel_stamp=answer.kernel_stamp,
    )
    return Raw(argv=names, rc=None, out=msgspec.json.encode(kept).decode() + "\n")


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from one exchange; a failure when the answer is not ours, a refusal, or unsynchronised."""
    (raw,) = raws
    if raw.failure is not None:
        return raw.failure
    try:
        kept = msgspec.json.decode(raw.out, type=_Exchange)
        request, answer = bytes.fromhex(kept.request), bytes.fromhex(kept.answer)
    except (msgspec.DecodeError, ValueError) as error:
        return _misunderstood(raw, f"the recorded exchange cannot be read: {error}")
    if len(request) != PACKET_BYTES:
        return _misunderstood(raw, f"a question of {len(request)} bytes is no NTP packet")
    elapsed_ns = kept.received_ns - kept.sent_ns
    told = examine(_server(raw), answer, request[TRANSMIT], elapsed_ns, kept.own_utc_ns)
    if isinstance(told, Failure):
        return told
    return NtpFacts(
        server=_server(raw),
        address=kept.address,
        mono_ns=(kept.sent_ns + kept.received_ns) // 2,
        server_ns=told.server_ns,
        rtt_ns=elapsed_ns - told.held_ns,
        own_utc_ns=kept.own_utc_ns,
        stratum=told.stratum,
        leap=told.leap,
        refid=told.refid,
        precision=told.precision,
        root_delay_ns=told.root_delay_ns,
        root_dispersion_ns=told.root_dispersion_ns,
        kernel_stamp=kept.kernel_stamp,
    )


def _server(raw: Raw) -> str:
    """As the runbook names it: with the port where that is not the usual one."""
    return ":".join(raw.argv[1:]) or "?"


def _misunderstood(raw: Raw, what: str) -> Failure:
    return Failure(FailureKind.NOT_UNDERSTOOD, f"{_server(raw)}: {what}")


READER = Reader(name="ntp", version=1, family=Family.TIME, commands=(), parse=parse, interval_s=16.0)
