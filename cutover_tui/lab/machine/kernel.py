"""What the kernel of a guest makes up in /proc and /sys.

Formats of Linux 6.1: fs/proc, drivers/rtc/sysfs.c, drivers/base, kernel/time/clocksource.c.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

from cutover_tui.lab.machine.guest import Guest


def kernel_files(guest: Guest, true_ns: int) -> dict[str, tuple[str, int]]:
    """Path -> text and mode, of what a reader may look at."""
    up = (true_ns - guest.booted) // 10_000_000
    source, rtc = "/sys/devices/system/clocksource/clocksource0", "/sys/class/rtc/rtc0"
    seconds = guest.registers(true_ns) // 10**9
    shown = datetime.fromtimestamp(seconds, UTC)
    ptp = {"/sys/class/ptp/ptp0/clock_name": (f"{guest.platform.ptp}\n", 0o444)} if guest.platform.ptp else {}
    return ptp | {
        "/proc/sys/kernel/random/boot_id": (f"{guest.boot_id}\n", 0o444),
        "/proc/cmdline": (f"BOOT_IMAGE=/boot/vmlinuz-{guest.system.kernel} root=/dev/sda1 ro quiet\n", 0o444),
        "/proc/uptime": (f"{up // 100}.{up % 100:02} {up * 19 // 1000}.00\n", 0o444),
        "/proc/1/comm": ("systemd\n" if guest.system.init == "systemd" else "init\n", 0o644),
        "/proc/sys/kernel/ostype": ("Linux\n", 0o444),
        "/proc/sys/kernel/osrelease": (f"{guest.system.kernel}\n", 0o444),
        "/sys/class/dmi/id/sys_vendor": (f"{guest.platform.vendor}\n", 0o444),
        "/sys/class/dmi/id/product_name": (f"{guest.platform.product}\n", 0o444),
        "/sys/class/dmi/id/product_uuid": (f"{_dashed(guest.machine_id)}\n", 0o400),
        f"{source}/current_clocksource": (f"{guest.platform.clocksource}\n", 0o644),
        f"{source}/available_clocksource": (f"{' '.join(guest.platform.clocksources)} \n", 0o444),
        f"{rtc}/name": ("rtc_cmos rtc_cmos\n", 0o444),
        f"{rtc}/hctosys": ("1\n", 0o444),
        f"{rtc}/since_epoch": (f"{seconds}\n", 0o444),
        f"{rtc}/date": (f"{shown.date().isoformat()}\n", 0o444),
        f"{rtc}/time": (f"{shown.time().isoformat()}\n", 0o444),
    }


def _dashed(hexdigits: str) -> str:
    cuts = (0, 8, 12, 16, 20, 32)
    return "-".join(hexdigits[a:b] for a, b in pairwise(cuts))
