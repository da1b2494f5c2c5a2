"""Readers for Linux guests: each a few simple commands and a pure parser."""

from __future__ import annotations

from probes.linux import agents, boot, chrony, platform, services, timesyncd, vmtools
from probes.reader import Reader

READERS: tuple[Reader, ...] = (
    boot.READER,
    platform.READER,
    services.READER,
    chrony.READER,
    timesyncd.READER,
    vmtools.READER,
    agents.READER,
)
"""In the order worth reading them: who is this first, then time, then what is installed."""
