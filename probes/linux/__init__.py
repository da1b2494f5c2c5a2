"""Readers for Linux guests: each a few simple commands and a pure parser."""

from __future__ import annotations

from probes.linux.ad_paths import READER as AD_PATHS
from probes.linux.addresses import READER as ADDRESSES
from probes.linux.agents import READER as AGENTS
from probes.linux.boot import READER as BOOT
from probes.linux.caches import READER as CACHES
from probes.linux.chrony import READER as CHRONY
from probes.linux.cron import READER as CRON
from probes.linux.kernel_clock import READER as KERNEL_CLOCK
from probes.linux.keytab import READER as KEYTAB
from probes.linux.ntpq import READER as NTPQ
from probes.linux.platform import READER as PLATFORM
from probes.linux.ptp import READER as PTP
from probes.linux.rtc import READER as RTC
from probes.linux.services import READER as SERVICES
from probes.linux.steps import READER as STEPS
from probes.linux.sysvol import READER as SYSVOL
from probes.linux.time_config import READER as TIME_CONFIG
from probes.linux.timedatectl import READER as TIMEDATECTL
from probes.linux.timesyncd import READER as TIMESYNCD
from probes.linux.trust import READER as TRUST
from probes.linux.vmtools import READER as VMTOOLS
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
