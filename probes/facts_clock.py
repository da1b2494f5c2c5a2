"""Facts about the clocks below the system clock: the hardware clock and the zone it is read in, and the kernel's own.

Times are nanoseconds, frequencies parts per billion; None means "not visible", never "no".
"""

from __future__ import annotations

import msgspec


class RtcFacts(msgspec.Struct, frozen=True, tag="rtc"):
    """The hardware clock beside the guest's clock, and in which zone each is meant.

    `shown_ns` is what the RTC's registers say *taken as UTC* (sysfs `since_epoch`): where the
    guest keeps it in local time it differs from UTC by `utc_offset_ns`. All readings are
    whole seconds; the RTC was read between `before_utc_ns` and `after_utc_ns`.
    """

    present: bool | None  # the kernel has an RTC device
    shown_ns: int | None
    before_utc_ns: int | None
    after_utc_ns: int | None
    local: bool | None  # /etc/adjtime: the RTC is kept in local time
    zone: str | None  # "Europe/Berlin", as /etc/localtime links to it
    utc_offset_ns: int | None  # local time less UTC on the guest, now

    def error(self) -> tuple[int, int] | None:
        """RTC less guest's clock, each as it is meant, as (middle, half width) in ns; None = not all of it is visible."""
        if self.shown_ns is None or self.before_utc_ns is None or self.after_utc_ns is None:
            return None
        if self.local is None or (self.local and self.utc_offset_ns is None):
            return None
        shown = self.shown_ns - (self.utc_offset_ns or 0 if self.local else 0)
        lowest = shown - self.after_utc_ns - _GRAIN_NS
        highest = shown + _GRAIN_NS - self.before_utc_ns
        return (lowest + highest) // 2, (highest - lowest + 1) // 2


_GRAIN_NS = 1_000_000_000


class PtpClock(msgspec.Struct, frozen=True):
    """One PTP clock device. Its number is an accident of the order of drivers; its name says what it is."""

    index: int  # of /dev/ptpN
    name: str  # "KVM virtual PTP", "hyperv", "ptp_vmw", a network card's driver


class PtpFacts(msgspec.Struct, frozen=True, tag="ptp"):
    """The PTP clock devices a `refclock PHC /dev/ptpN` may mean."""

    clocks: tuple[PtpClock, ...]

    def behind(self, device: str) -> PtpClock | None:
        """The clock behind a path, `/dev/ptp0` or udev's link by name (`/dev/ptp_kvm`, `/dev/ptp_hyperv`)."""
        linked = {"/dev/ptp_kvm": "KVM virtual PTP", "/dev/ptp_hyperv": "hyperv"}
        wanted = device.split(":")[0]
        return next(
            (c for c in self.clocks if wanted == f"/dev/ptp{c.index}" or linked.get(wanted) == c.name), None
        )


class KernelClockFacts(msgspec.Struct, frozen=True, tag="kernel-clock"):
    """The kernel's own part: what it counts by, how it was told to, and what its NTP discipline says.

    The values of adjtimex(2) are there only where a tool that prints them is installed.
    """

    clocksource: str | None
    clocksources: tuple[str, ...] | None  # available ones, best first
    arguments: tuple[str, ...] | None  # those of the kernel's command line that are about clocks
    tsc_unstable: bool | None  # the kernel said in its log of this boot that it gave the TSC up
    status: int | None  # adjtimex status bits
    max_error_ns: int | None  # grows by 500 ppm while nobody disciplines; 16 s = unsynchronised
    frequency_ppb: int | None

    @property
    def unsynchronised(self) -> bool | None:
        """STA_UNSYNC (linux/timex.h)."""
        return None if self.status is None else bool(self.status & 0x40)
