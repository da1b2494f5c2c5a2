"""Facts about time keeping: who sets a clock, from what, and how well. Integers only.

Frequencies are parts per billion (ppb; 1 ppm = 1000 ppb), times are nanoseconds.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Leap = Literal["normal", "insert", "delete", "unsynchronised"]


class Puller(msgspec.Struct, frozen=True):
    """A unit whose start starts another (it wants or requires it), or that triggers it."""

    name: str  # "multi-user.target", "ntpdate.timer"
    enabled: str | None = None  # of a trigger of the usual name, as of a unit; None = not shown


class Unit(msgspec.Struct, frozen=True):
    """One service as its init system shows it. Words are systemd's; None = not shown."""

    name: str  # "chrony.service"
    load: str | None  # loaded, not-found, masked
    active: str | None  # active, inactive, failed, activating
    enabled: str | None  # enabled, disabled, static, masked, alias, indirect …
    condition: bool | None = None  # ConditionResult: False = skipped, not failed
    pulled_by: tuple[Puller, ...] | None = None  # of the units systemd has loaded; None = not shown
    triggered_by: tuple[Puller, ...] | None = None


class ServicesFacts(msgspec.Struct, frozen=True, tag="services"):
    """Which clock writers and agents are installed as services, run, and start at boot."""

    init: Literal["systemd", "other"]
    units: tuple[Unit, ...]  # those that exist
    processes: tuple[str, ...] | None  # comm names of all processes; None = not visible


class ChronySource(msgspec.Struct, frozen=True):
    """One line of `chronyc -c sources`."""

    mode: Literal["server", "peer", "refclock"]
    state: Literal["selected", "combined", "not-combined", "unusable", "falseticker", "jittery"]
    name: str
    stratum: int
    poll: int  # log2 seconds
    reach: int  # 8-bit shift register, 0..255
    last_rx_s: int | None  # seconds since the last good sample; None = never
    offset_ns: int  # last measured offset, chrony's sign (positive = local clock ahead of the source)
    bound_ns: int  # estimated error of it


class ChronyFacts(msgspec.Struct, frozen=True, tag="chrony"):
    """chronyd as `chronyc -c tracking` and `sources` show it."""

    running: bool  # it answered
    version: str | None
    refid: str  # 8 hex digits; 00000000 = none, 7F7F0101 = local
    source: str  # name or address of the selected source, "" if none
    stratum: int
    # UTC of the last update as chronyd corrects it: guest's clock less system_offset_ns; None = never
    ref_time_ns: int | None
    guest_utc_ns: int | None  # the guest's clock when this was read (whole seconds), to age ref_time
    system_offset_ns: int  # system clock minus NTP time, positive = fast
    last_offset_ns: int
    rms_offset_ns: int
    frequency_ppb: int  # positive = the clock would run fast without chronyd
    skew_ppb: int
    root_delay_ns: int
    root_dispersion_ns: int
    update_interval_ns: int
    leap: Leap
    sources: tuple[ChronySource, ...]
    makestep: str | None  # the directive's arguments as configured, None = none seen
    conf_visible: bool  # the configuration could be read
    local_reference: bool | None  # a `local` directive is configured; None = not visible
    controls: bool | None = None  # it sets the clock: not started with -x; None = not visible
    offline: int | None = None  # sources it was told not to ask (chronyc offline); None = not said


class TimesyncdFacts(msgspec.Struct, frozen=True, tag="timesyncd"):
    """systemd-timesyncd as `timedatectl show-timesync` shows it."""

    running: bool
    server_name: str | None
    server_address: str | None
    poll_interval_ns: int | None
    packet_count: int  # answers since it started
    stratum: int | None
    leap: Leap | None
    root_distance_ns: int | None
    offset_ns: int | None  # server minus guest in the last answer, timesyncd's sign
    frequency_ppb: int | None  # what the kernel adds to the clock: positive where the clock itself is slow
    last_answer_utc_ns: int | None  # guest clock at the last answer (DestinationTimestamp)
    guest_utc_ns: int | None
    ntp_synchronized: (
        bool | None
    )  # the kernel's word; true for 8.9 h after the last discipline: proves nothing
    ignored: bool | None = None  # the last answer was ignored (spike)


class KernelSyncFacts(msgspec.Struct, frozen=True, tag="kernel-sync"):
    """What `timedatectl` shows of synchronisation: the kernel's word, which proves nothing.

    Read for the naive checks only.
    """

    synchronized: bool  # NTPSynchronized: the kernel's maximum error is below 16 s
    can_ntp: bool  # a time service known to timedated is installed
    ntp_runs: bool  # one of them runs (NTP)


class VmToolsFacts(msgspec.Struct, frozen=True, tag="vmtools"):
    """open-vm-tools / VMware Tools and both of its clock mechanisms.

    *Periodic*: steps the guest forward every 60 s. *One-time*: sets the clock when Tools
    start and at resume, snapshot, vMotion; `timesync status` says nothing about it.
    """

    package: str | None  # "open-vm-tools 12.2.0-1", None = not installed
    running: bool | None  # a vmtoolsd process; None = not visible
    periodic: bool | None  # timesync status: rc 0 Enabled / 69 Disabled; None = not answered
    disable_all: bool | None  # tools.conf [timeSync] disable-all; None = not visible
    disable_periodic: bool | None
    conf_visible: bool
    steps_seen: int | None = None  # clock steps by Tools found in its log; None = log not visible

    @property
    def one_time(self) -> bool | None:
        """Whether Tools sets the clock at start, resume and snapshot as far as the guest can tell."""
        if self.package is None and not self.running:
            return False
        return None if self.disable_all is None else not self.disable_all


class NtpFacts(msgspec.Struct, frozen=True, tag="ntp"):
    """One NTP exchange with a reference (RFC 5905 client mode).

    `server_ns` is the server's UTC at `mono_ns` (CLOCK_BOOTTIME of the jump host at the
    middle of the exchange): offset on a timescale = server_ns − anchor.on_timescale(mono_ns),
    true within rtt_ns/2. Root delay and dispersion are the server's own claim.
    """

    server: str
    address: str
    mono_ns: int
    server_ns: int
    rtt_ns: int
    own_utc_ns: int  # the jump host's CLOCK_REALTIME at mono_ns
    stratum: int
    leap: Leap
    refid: str
    precision: int  # log2 seconds
    root_delay_ns: int
    root_dispersion_ns: int
    kernel_stamp: bool  # receive time taken by the kernel (SO_TIMESTAMPNS)


class GuestNtpFacts(msgspec.Struct, frozen=True, tag="ntp-guest"):
    """One exchange of a guest with a reference that the jump host cannot ask.

    `apart_ns` is the guest's clock minus the reference, true within `bound_ns`: half the round trip and
    the grain of the guest's readings where it asked itself (`sntp`), half the delay chronyd was told to
    accept at most where that did (`chronyd`), which shows nothing of the server.
    """

    server: str
    by: Literal["sntp", "chronyd"]
    apart_ns: int
    bound_ns: int
    stratum: int | None = None
    leap: Leap | None = None
    refid: str | None = None


class HttpDateFacts(msgspec.Struct, frozen=True, tag="http-date"):
    """One answer of an HTTPS server: the whole second its `Date` names, BOOTTIME of the jump host around it."""

    server: str  # as the runbook names it
    address: str
    sent_ns: int
    received_ns: int
    date_ns: int  # UTC
