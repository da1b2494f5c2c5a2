"""Readers for Linux guests: each a few simple commands and a pure parser."""

from __future__ import annotations

from probes.linux.agents import READER as AGENTS
from probes.linux.boot import READER as BOOT
from probes.linux.domain.ad_paths import READER as AD_PATHS
from probes.linux.domain.addresses import READER as ADDRESSES
from probes.linux.domain.caches import READER as CACHES
from probes.linux.domain.keytab import READER as KEYTAB
from probes.linux.domain.sysvol import READER as SYSVOL
from probes.linux.domain.trust import READER as TRUST
from probes.linux.platform import READER as PLATFORM
from probes.linux.services import READER as SERVICES
from probes.linux.timekeeping.chrony import READER as CHRONY
from probes.linux.timekeeping.cron import READER as CRON
from probes.linux.timekeeping.kernel_clock import READER as KERNEL_CLOCK
from probes.linux.timekeeping.ntpq import READER as NTPQ
from probes.linux.timekeeping.ptp import READER as PTP
from probes.linux.timekeeping.rtc import READER as RTC
from probes.linux.timekeeping.steps import READER as STEPS
from probes.linux.timekeeping.time_config import READER as TIME_CONFIG
from probes.linux.timekeeping.timedatectl import READER as TIMEDATECTL
from probes.linux.timekeeping.timesyncd import READER as TIMESYNCD
from probes.linux.timekeeping.vmtools import READER as VMTOOLS
from probes.reader import Reader

READERS: tuple[Reader, ...] = (
    BOOT,
    PLATFORM,
    SERVICES,
    CHRONY,
    TIMESYNCD,
    NTPQ,
    VMTOOLS,
    AGENTS,
    TIMEDATECTL,
    RTC,
    KERNEL_CLOCK,
    KEYTAB,
    CACHES,
    STEPS,
    TIME_CONFIG,
    CRON,
    PTP,
)
"""In the order worth reading them: who is this first, then time, then what is installed."""

OF_DOMAIN: tuple[Reader, ...] = (ADDRESSES, TRUST, AD_PATHS, SYSVOL)
"""Read only where a runbook asks about its domain; two of them take their commands from it."""
