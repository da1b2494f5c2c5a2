"""Facts about ntpd (the reference implementation and ntpsec). Integers only: nanoseconds, parts per billion."""

from __future__ import annotations

from typing import Literal

import msgspec

from probes.facts_time import Leap

PeerState = Literal["discarded", "falseticker", "excess", "outlier", "candidate", "backup", "selected"]


class NtpdPeer(msgspec.Struct, frozen=True):
    """One line of ntpq's `peers`."""

    state: PeerState
    name: str  # address; long ones are cut by ntpq itself
    refid: str
    stratum: int
    kind: str  # ntpq's letter: u unicast, l local clock, p pool …
    last_rx_s: int | None  # since the last answer; None = never
    poll_s: int
    reach: int  # 8-bit shift register, 0..255
    offset_ns: int  # guest's clock less the peer's: positive = the guest is ahead
    jitter_ns: int


class NtpdFacts(msgspec.Struct, frozen=True, tag="ntpd"):
    """ntpd as `ntpq -n -c peers -c rv` shows it. Signs are those of ChronyFacts: positive = the guest is fast."""

    running: bool  # it answered
    version: str | None
    leap: Leap
    stratum: int
    refid: str
    ref_time_ns: int | None  # UTC (guest's clock) of the last update; None = never
    guest_utc_ns: int | None  # the guest's clock when this was read
    system_offset_ns: int
    frequency_ppb: int  # positive = the clock would run fast without ntpd
    root_delay_ns: int
    root_dispersion_ns: int
    peers: tuple[NtpdPeer, ...]
