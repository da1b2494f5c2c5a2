"""What an NTP answer says (RFC 5905), whoever asked: bytes in, facts or a typed failure out. Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import cast

import ntplib

from probes.facts_time import Leap
from probes.observation import Failure, FailureKind

PACKET_BYTES = 48
TRANSMIT = slice(40, 48)
CLIENT = 3

_ORIGIN = slice(24, 32)
_STAMPS = struct.Struct("!QQ")  # receive and transmit, at 32
_SERVER = 4
_UNSYNCHRONISED_STRATUM = 16
_LEAPS: tuple[Leap, ...] = ("normal", "insert", "delete", "unsynchronised")
# Kiss codes (RFC 5905 section 7.4) that refuse service.
_REFUSALS = frozenset({"DENY", "RSTR", "RATE"})
_ERA_S = 2**32
_UNIX_S = cast("int", ntplib.NTP.NTP_DELTA)
_PLAUSIBLE_NS = 1_577_836_800 * 10**9  # 2020-01-01, before any clock that can run this program rightly


@dataclass(frozen=True, slots=True)
class Told:
    """What a server's answer says. `server_ns`: its UTC in the middle between receiving and sending."""

    server_ns: int
    held_ns: int  # between receiving and sending
    stratum: int
    leap: Leap
    refid: str
    precision: int
    root_delay_ns: int
    root_dispersion_ns: int


def examine(server: str, answer: bytes, origin: bytes, elapsed_ns: int, own_utc_ns: int) -> Told | Failure:
    """What an answer to our question says.

    Args:
        origin: the transmit timestamp of the question, which the answer has to return.
        elapsed_ns: from question to answer by the asker's clock.
        own_utc_ns: the asker's clock; the stamps name no era, the one nearest to it is meant.

    Returns:
        A failure when the answer is not ours, a refusal, or its sender's clock not synchronised.
    """
    if len(answer) < PACKET_BYTES:
        return _misunderstood(server, f"an answer of {len(answer)} bytes is no NTP packet")
    packet = ntplib.NTPPacket()
    packet.from_data(answer)
    if packet.mode != _SERVER or not 3 <= packet.version <= 4:
        return _misunderstood(server, f"answered in mode {packet.mode}, version {packet.version}")
    if answer[_ORIGIN] != origin:
        return _misunderstood(server, "the answer is not to our question (origin timestamp differs)")
    if packet.stratum == 0:
        code = _ascii(packet.ref_id)
        kind = FailureKind.DENIED if code in _REFUSALS else FailureKind.NOT_UNDERSTOOD
        return Failure(kind, f"{server} refuses to give time (kiss code {code or '?'})")
    if packet.leap == 3 or packet.stratum >= _UNSYNCHRONISED_STRATUM:
        return _misunderstood(
            server,
            f"it says that its clock is not synchronised (leap {packet.leap}, stratum {packet.stratum})",
        )
    received, transmitted = _STAMPS.unpack_from(answer, 32)
    if received == 0 or transmitted == 0:
        return _misunderstood(server, "the answer carries no time")
    held_ns = _fraction_ns((transmitted - received) % 2**64)
    if not 0 <= held_ns <= elapsed_ns:
        return _misunderstood(server, "the server's receive and transmit times do not fit into the exchange")
    return Told(
        server_ns=_unix_ns(received, own_utc_ns) + held_ns // 2,
        held_ns=held_ns,
        stratum=packet.stratum,
        leap=_LEAPS[packet.leap],
        refid=_ascii(packet.ref_id) if packet.stratum == 1 else f"{packet.ref_id:08X}",
        precision=packet.precision,
        root_delay_ns=round(packet.root_delay * 65536) * 10**9 >> 16,
        root_dispersion_ns=round(packet.root_dispersion * 65536) * 10**9 >> 16,
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


def _misunderstood(server: str, what: str) -> Failure:
    return Failure(FailureKind.NOT_UNDERSTOOD, f"{server}: {what}")
