"""What a probe returns: typed facts or a typed failure, never a verdict.

Everything here is a frozen, encodable struct. Times are integers: nanoseconds unless the
name says otherwise. An offset is *what a clock shows minus the session timescale*; the
timescale is the jump host's UTC at the session's anchor, carried on by CLOCK_BOOTTIME, so
a step of the jump host's own clock moves nobody's offset.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from probes.facts_clock import KernelClockFacts, PtpFacts, RtcFacts
from probes.facts_controller import DcFacts, SysvolFacts
from probes.facts_directory import (
    AccountFacts,
    AddressesFacts,
    CldapFacts,
    DiscoveryFacts,
    DnsFacts,
    GuestRootDseFacts,
    PathsFacts,
    RootDseFacts,
    TrustFacts,
)
from probes.facts_identity import AgentsFacts, BootFacts, PlatformFacts
from probes.facts_kerberos import ApInFacts, CachesFacts, ExchangeFacts, KdcFacts, KeytabFacts
from probes.facts_ntpd import NtpdFacts
from probes.facts_time import (
    ChronyFacts,
    GuestNtpFacts,
    HttpDateFacts,
    KernelSyncFacts,
    NtpFacts,
    ServicesFacts,
    TimesyncdFacts,
    VmToolsFacts,
)
from probes.facts_time_config import TimeConfigFacts
from probes.facts_writers import CronFacts, StepsFacts

Vantage = Literal["jump", "guest"]
Facts = (
    AccountFacts
    | AddressesFacts
    | AgentsFacts
    | ApInFacts
    | BootFacts
    | CachesFacts
    | ChronyFacts
    | CldapFacts
    | CronFacts
    | DcFacts
    | DiscoveryFacts
    | DnsFacts
    | ExchangeFacts
    | GuestNtpFacts
    | GuestRootDseFacts
    | HttpDateFacts
    | KdcFacts
    | KernelClockFacts
    | KernelSyncFacts
    | KeytabFacts
    | NtpFacts
    | NtpdFacts
    | PathsFacts
    | PlatformFacts
    | PtpFacts
    | RootDseFacts
    | RtcFacts
    | ServicesFacts
    | StepsFacts
    | SysvolFacts
    | TimeConfigFacts
    | TimesyncdFacts
    | TrustFacts
    | VmToolsFacts
)

JUMP = "@jump"
"""The name under which the jump host itself is observed."""


class Family(StrEnum):
    """What facts are about; a disturbance voids the families it names and no others."""

    TIME = "time"
    IDENTITY = "identity"
    DIRECTORY = "directory"
    CERT = "cert"
    POLICY = "policy"
    NETWORK = "network"


class FailureKind(StrEnum):
    """Why there are no facts. Each is `unknown` to a check, with something to do about it."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    DENIED = "denied"  # a login or a privilege was refused
    SKEW = "login-skew"  # our login was refused because clocks differ: no word about the account
    UNTRUSTED = "untrusted"  # a certificate from nobody we trust, for another name, or not valid now
    HOST_KEY = "host-key"  # unknown or changed host key
    TOOL_ABSENT = "tool-absent"
    NOT_UNDERSTOOD = "not-understood"
    TRUNCATED = "truncated"
    LOST = "lost"  # the link broke while the command ran
    CANCELLED = "cancelled"


class Instant(msgspec.Struct, frozen=True, gc=False):
    """A moment on the jump host: order by sequence, age by `boottime_ns`, `utc_ns` is for people."""

    boot_id: str
    boottime_ns: int
    utc_ns: int

    def age_ns(self, now: Instant) -> int | None:
        """Nanoseconds from here to `now`; None when the jump host was rebooted between."""
        if self.boot_id != now.boot_id:
            return None
        return now.boottime_ns - self.boottime_ns

    def on_timescale(self, boottime_ns: int) -> int:
        """UTC at `boottime_ns` on the timescale anchored here (no clock is read)."""
        return self.utc_ns + boottime_ns - self.boottime_ns


class Identity(msgspec.Struct, frozen=True):
    """Which machine answered. `None` means: not read (yet), never "the same"."""

    host_key: str | None = None  # SHA256:… fingerprint the transport verified
    machine_id: str | None = None
    boot_id: str | None = None
    dmi_vendor: str | None = None
    platform: str | None = None  # vmware, kvm, ahv, hyperv, xen, aws, physical, unknown


class Raw(msgspec.Struct, frozen=True):
    """One command's outcome as text that is safe to keep and show.

    `out` and `err` are decoded leniently and already bounded and stripped of control
    characters (see `probes.hostile.clean`). `rc` is None when the command did not end by
    itself (timeout, lost link) or has no exit status (an NTP exchange).
    """

    argv: tuple[str, ...]
    rc: int | None
    out: str
    err: str = ""
    truncated: bool = False
    failure: Failure | None = None  # set by the transport: timeout, lost, denied …


class Failure(msgspec.Struct, frozen=True):
    """Why there are no facts: a kind a check can switch on, and one sentence for people."""

    kind: FailureKind
    detail: str


class Observation(msgspec.Struct, frozen=True):
    """What one reader saw of one host at one time."""

    id: str  # unique in a session: "<host>/<n>"
    reader: str
    version: int
    host: str
    identity: Identity
    vantage: Vantage
    began: Instant
    ended: Instant
    attempt: int
    raw: tuple[Raw, ...]
    facts: Facts | None = None
    failure: Failure | None = None


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One reading of a guest's clock over the kept channel.

    `mono_ns`: CLOCK_BOOTTIME of the jump host at the middle of the exchange. `rtt_ns`: its
    duration. `offset_ns`: guest UTC minus the session timescale at `mono_ns`. `grain_ns`:
    how coarse the guest's reading is (1000 where it shows microseconds, 10^9 where only
    seconds are to be had; the offset already refers to the middle of the grain).
    """

    mono_ns: int
    rtt_ns: int
    offset_ns: int
    grain_ns: int = 0

    @property
    def bound_ns(self) -> int:
        """Half-width of the interval that holds the true offset: RTT/2 each way plus half the grain."""
        return (self.rtt_ns + 1) // 2 + (self.grain_ns + 1) // 2
