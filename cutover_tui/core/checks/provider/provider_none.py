"""Where no provider answered: one that runs all the same, or that is installed and ended. By units and processes."""

from __future__ import annotations

from cutover_tui.core.checks.provider import provider_ntpd
from probes.facts_time import ServicesFacts

CHRONY_UNITS = ("chrony.service", "chronyd.service")
TIMESYNCD_UNITS = ("systemd-timesyncd.service",)
PROVIDERS = (
    ("chronyd", CHRONY_UNITS),
    ("systemd-timesyncd", TIMESYNCD_UNITS),
    ("ntpd", provider_ntpd.UNITS),
)


def start(services: ServicesFacts) -> str:
    """What to do where none runs: one that is there stopped for a reason, which its log tells."""
    there = [
        u.name for _, names in PROVIDERS for u in services.units if u.name in names and u.load == "loaded"
    ]
    if not there:
        return "Install and start chrony with this site's time sources."
    return (
        f"{there[0]} is installed and does not run: look why it ended (journalctl -u {there[0]}; a driver that is "
        "gone, a clock farther off than it may set), then start it."
    )


def silent(services: ServicesFacts) -> str | None:
    """A provider whose process runs while its tool says nothing: not the same as no provider."""
    running = {p[:15] for p in services.processes or ()}
    for name, units in PROVIDERS:
        active = any(u.name in units and u.active == "active" for u in services.units)
        if active or name[:15] in running:
            return name
    return None
