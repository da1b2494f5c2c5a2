"""What an NTP server of the world answers, from its simulated clock (RFC 5905, client/server mode)."""

from __future__ import annotations

import struct

from cutover_tui.lab.world.world import Reference

_ERA = 2_208_988_800  # seconds from 1900 to 1970
_PACKET = struct.Struct("!BBbbII4sQQQQ")
_CLIENT, _SERVER = 3, 4
_PRECISION = -20
_POLL_OF_REFERENCE_NS = 8_000_000_000


def timestamp(utc_ns: int) -> int:
    """The 64-bit NTP timestamp (32.32, era 0 or later modulo 2³²) of a UTC time."""
    seconds, nanos = divmod(utc_ns, 1_000_000_000)
    return ((seconds + _ERA) % 2**32 << 32) | (nanos << 32) // 1_000_000_000


def short(ns: int) -> int:
    """The 32-bit short format (16.16 seconds) of a duration."""
    return min(2**32 - 1, (ns << 16) // 1_000_000_000)


def answer(request: bytes, reference: Reference, received_utc: int, sent_utc: int) -> bytes | None:
    """The reply of `reference` to a request, None where a server stays silent."""
    if reference.silent or len(request) < _PACKET.size or request[0] & 7 != _CLIENT:
        return None
    version = request[0] >> 3 & 7
    if not 1 <= version <= 4:
        return None
    good = reference.synchronised
    updated = received_utc - received_utc % _POLL_OF_REFERENCE_NS
    return _PACKET.pack(
        (reference.leap if good else 3) << 6 | version << 3 | _SERVER,
        reference.stratum if good else 0,
        request[2] if request[2] < 128 else request[2] - 256,
        _PRECISION,
        short(reference.root_delay_ns),
        short(reference.root_dispersion_ns),
        reference.refid[:4].ljust(4, b"\0") if good else b"INIT",
        timestamp(updated) if good else 0,
        int.from_bytes(request[40:48]),
        timestamp(received_utc),
        timestamp(sent_utc),
    )
