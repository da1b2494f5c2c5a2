"""References: one NTP client exchange (RFC 5905).

It is kept as a `Raw` that holds everything needed to derive the facts again, so that
`READER.parse` is as pure for it as for any tool on a guest.

The transmit timestamp we send is random (as data minimisation recommends): the server only
has to return it, and nobody off the path can forge an answer to it.
"""

from __future__ import annotations

import secrets
import struct
from typing import cast

import msgspec
import ntplib

from probes.facts_time import Leap, NtpFacts
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Reader
from probes.seam import Clock, LinkError, Network

NTP_PORT = 123

_PACKET_BYTES = 48
_TRANSMIT = slice(40, 48)
_ORIGIN = slice(24, 32)
_STAMPS = struct.Struct("!QQ")  # receive and transmit, at 32
_CLIENT, _SERVER = 3, 4
_UNSYNCHRONISED_STRATUM = 16
_LEAPS: tuple[Leap, ...] = ("normal", "insert", "delete", "unsynchronised")
# Kiss codes (RFC 5905 section 7.4) that refuse service.
_REFUSALS = frozenset({"DENY", "RSTR", "RATE"})
_ERA_S = 2**32
_UNIX_S = cast("int", ntplib.NTP.NTP_DELTA)
_PLAUSIBLE_NS = 1_577_836_800 * 10**9  # 2020-01-01, before any clock that can run this program rightly


class _Exchange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: str
    request: str
    answer: str
    sent_ns: int
    received_ns: int
    own_utc_ns: int
    kernel_stamp: bool


async def query(
    network: Network, clock: Clock, server: str, *, port: int = NTP_PORT, timeout_s: float = 2.0
) -> Raw:
    """Ask `server` once. Never raises for what the network does: the Raw then holds the failure."""
    argv = ("ntp", server) if port == NTP_PORT else ("ntp", server, str(port))
    packet = bytearray(ntplib.NTPPacket(version=4, mode=_CLIENT).to_data())
    packet[_TRANSMIT] = secrets.token_bytes(8)
    request = bytes(packet)
    try:
        answer = await network.udp(server, port, lambda: request, timeout_s=timeout_s)
    except LinkError as error:
        return Raw(argv=argv, rc=None, out="", failure=error.failure)
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
    return Raw(argv=argv, rc=None, out=msgspec.json.encode(kept).decode() + "\n")


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
    if len(answer) < _PACKET_BYTES or len(request) != _PACKET_BYTES:
        return _misunderstood(raw, f"an answer of {len(answer)} bytes is no NTP packet")
    packet = ntplib.NTPPacket()
    packet.from_data(answer)
    if packet.mode != _SERVER or not 3 <= packet.version <= 4:
        return _misunderstood(raw, f"answered in mode {packet.mode}, version {packet.version}")
    if answer[_ORIGIN] != request[_TRANSMIT]:
        return _misunderstood(raw, "the answer is not to our question (origin timestamp differs)")
    return _refusal(raw, packet) or _facts(raw, kept, packet, answer)


def _refusal(raw: Raw, packet: ntplib.NTPPacket) -> Failure | None:
    if packet.stratum == 0:
        code = _ascii(packet.ref_id)
        kind = FailureKind.DENIED if code in _REFUSALS else FailureKind.NOT_UNDERSTOOD
        return Failure(kind, f"{_server(raw)} refuses to give time (kiss code {code or '?'})")
    if packet.leap == 3 or packet.stratum >= _UNSYNCHRONISED_STRATUM:
        return _misunderstood(
            raw, f"it says that its clock is not synchronised (leap {packet.leap}, stratum {packet.stratum})"
        )
    return None


def _facts(raw: Raw, kept: _Exchange, packet: ntplib.NTPPacket, answer: bytes) -> NtpFacts | Failure:
    received, transmitted = _STAMPS.unpack_from(answer, 32)
    if received == 0 or transmitted == 0:
        return _misunderstood(raw, "the answer carries no time")
    elapsed_ns = kept.received_ns - kept.sent_ns
    held_ns = _fraction_ns((transmitted - received) % 2**64)
    if not 0 <= held_ns <= elapsed_ns:
        return _misunderstood(raw, "the server's receive and transmit times do not fit into the exchange")
    received_ns = _unix_ns(received, kept.own_utc_ns)
    return NtpFacts(
        server=_server(raw),
        address=kept.address,
        mono_ns=(kept.sent_ns + kept.received_ns) // 2,
        server_ns=received_ns + held_ns // 2,
        rtt_ns=elapsed_ns - held_ns,
        own_utc_ns=kept.own_utc_ns,
        stratum=packet.stratum,
        leap=_LEAPS[packet.leap],
        refid=_ascii(packet.ref_id) if packet.stratum == 1 else f"{packet.ref_id:08X}",
        precision=packet.precision,
        root_delay_ns=round(packet.root_delay * 65536) * 10**9 >> 16,
        root_dispersion_ns=round(packet.root_dispersion * 65536) * 10**9 >> 16,
        kernel_stamp=kept.kernel_stamp,
    )


def _unix_ns(stamp: int, own_utc_ns: int) -> int:
    """UTC of a 64-bit NTP timestamp, in the era nearest to our own clock (the stamp itself names none)."""
    in_era = _fraction_ns(stamp) - _UNIX_S * 10**9
    era_ns = _ERA_S * 10**9
    pivot = max(own_utc_ns, _PLAUSIBLE_NS)
    return in_era + (pivot - in_era + era_ns // 2) // era_ns * era_ns


def _fraction_ns(stamp: int) -> int:
    """32.32 fixed point seconds in nanoseconds."""
    return stamp * 10**9 >> 32


def _ascii(refid: int) -> str:
    raw = int(refid).to_bytes(4, "big").rstrip(b"\0")
    return raw.decode("ascii") if raw.isalnum() else raw.hex().upper()


def _server(raw: Raw) -> str:
    """As the runbook names it: with the port where that is not the usual one."""
    return ":".join(raw.argv[1:]) or "?"


def _misunderstood(raw: Raw, what: str) -> Failure:
    return Failure(FailureKind.NOT_UNDERSTOOD, f"{_server(raw)}: {what}")


READER = Reader(name="ntp", version=1, family=Family.TIME, commands=(), parse=parse, interval_s=16.0)
