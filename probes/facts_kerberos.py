"""Facts about Kerberos: what a KDC says, and which clock it says it by. Integers only."""

from __future__ import annotations

from typing import Literal

import msgspec


class KdcFacts(msgspec.Struct, frozen=True, tag="kdc"):
    """One AS-REQ for a name nobody has, without credentials, and the KDC's answer (RFC 4120 section 3.1).

    The answer was given between `sent_ns` and `received_ns` (CLOCK_BOOTTIME of the jump
    host), and the KDC's clock then showed at least `stime_ns` + `susec` microseconds and
    less than the next second: the microseconds of MIT 1.16 to 1.21 are a counter within
    the second and no clock, so they are only a lower limit.
    """

    server: str  # as the runbook names it
    address: str
    transport: Literal["udp", "tcp"]
    realm: str  # that was asked for
    sent_ns: int
    received_ns: int
    own_utc_ns: int  # the jump host's CLOCK_REALTIME at the middle
    code: int | None  # error number of the KRB-ERROR; None = a ticket, which shows no clock
    stime_ns: int | None  # UTC in whole seconds, as ns
    susec: int | None
    answered_realm: str
    text: str  # e-text, cleaned
