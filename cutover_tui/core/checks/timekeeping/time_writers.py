"""Who sets a Linux guest's clock, by the names of what runs: known daemons, and what looks like one.

A process shows 15 characters of its name (the kernel's limit). Only a program this version knows is said to set
nothing: ptp4l and phc2sys that feed chronyd over shared memory (`refclock SHM` or `SOCK`, timemaster does so), ptp4l
that keeps a card's clock for it (`refclock PHC`), and the tools and clients of a known daemon. Of a program it does
not know a name shows neither that it sets the clock nor that it does not.
"""

from __future__ import annotations

import re

from cutover_tui.core.evidence import Evidence
from probes.facts_time import ChronyFacts, ServicesFacts
from probes.facts_time_config import TimeConfigFacts
from probes.facts_writers import CronFacts
from probes.observation import Observation

DAEMONS = {
    "chronyd": ("chronyd", ("chrony.service", "chronyd.service")),
    "systemd-timesyncd": ("systemd-timesyn", ("systemd-timesyncd.service",)),
    "ntpd": ("ntpd", ("ntp.service", "ntpd.service", "ntpsec.service")),
    "openntpd": ("openntpd", ("openntpd.service",)),
    "VBoxService": ("VBoxService", ("vboxadd-service.service", "virtualbox-guest-utils.service")),
    "phc2sys": ("phc2sys", ("phc2sys.service",)),
    "ptp4l": ("ptp4l", ("ptp4l.service",)),
}
"""Writer -> process name as the kernel cuts it, and its units."""

_READ = frozenset({"chronyd", "systemd-timesyncd", "ntpd"})
"""Those `time.provider` can read."""

_LOOKS = re.compile(r"(?:^|[-_.])(?:s?ntp|ptp|time-?sync|tlsdate|htpdate|rdate|clockspeed|statime)", re.ASCII)
_READERS_OF_TIME = frozenset(
    name[:15]
    for name in (
        # Tools of chrony, ntp and ntpsec that ask a daemon, wait for it or keep its numbers.
        *("chronyc", "ntpq", "ntpdc", "ntpstat", "ntpmon", "ntptime", "ntptrace", "ntpsweep"),
        *("ntpwait", "ntp-wait", "ntpsnmpd", "ntplogtemp", "ntploggps", "ntpviz", "ntpheat", "ntpheatusb"),
        *("ntpleapfetch", "ntpkeygen", "ntp-keygen", "systemd-timedated"),
        # What reports them to a monitoring system.
        *("ntp_exporter", "ntpd_exporter", "ptp_exporter", "check_ntp", "check_ntp_time", "check_ntp_peer"),
        "check_ntpd",
    )
)
"""Programs that look like a time service and set no clock while they run, as the kernel cuts their names."""

_KERNEL = re.compile(r"ptp\d+|irq/.*", re.ASCII)
"""Threads of the kernel: of a hardware clock, and of its interrupt."""

_COUNTED = frozenset(comm for comm, _ in DAEMONS.values())


def writers(evidence: Evidence, services: ServicesFacts) -> list[str]:
    """Names of the known daemons that set this clock."""
    found = [name for name, (comm, units) in DAEMONS.items() if _runs(services, comm, units)]
    if "openntpd" in found and "ntpd" in found and not _active(services, DAEMONS["ntpd"][1]):
        found.remove("ntpd")  # openntpd's process is called ntpd too
    if "phc2sys" in found and "ptp4l" in found:
        found.remove("ptp4l")  # it keeps the network card's clock, phc2sys takes the system's from there
    fed = _feeds_chronyd(evidence, services)
    if idle(evidence):
        fed |= {"chronyd"}
    return [name for name in found if name not in fed]


def idle(evidence: Evidence) -> bool:
    """Whether chronyd runs and was started without control of the clock (-x)."""
    chrony = evidence.facts("chrony", ChronyFacts)
    return chrony is not None and chrony.running and chrony.controls is False


def unread(evidence: Evidence, services: ServicesFacts) -> list[str]:
    """What runs here, keeps the clock or looks as if it did, and cannot be read by `time.provider`."""
    known = [name for name in writers(evidence, services) if name not in _READ]
    return [*known, *unknown_daemons(services)]


def unknown_daemons(services: ServicesFacts) -> list[str]:
    """Processes that look like a time service and are none this version knows."""
    known = _COUNTED | _READERS_OF_TIME
    return [
        p
        for p in services.processes or ()
        if _LOOKS.search(p) and p[:15] not in known and not _KERNEL.fullmatch(p)
    ]


def jobs(evidence: Evidence) -> tuple[list[str], tuple[Observation, ...]]:
    """Jobs that set the clock, in words, and what they were seen by; on VMware only, what asks VMware's Tools."""
    facts, newest = evidence.facts("cron", CronFacts), evidence.latest("cron")
    if facts is None or newest is None or not facts.jobs:
        return [], ()
    return [f"{job.program} ({job.file})" for job in facts.jobs], (newest,)


def _feeds_chronyd(evidence: Evidence, services: ServicesFacts) -> frozenset[str]:
    """Which of the PTP daemons hand chronyd what they know instead of setting the clock themselves."""
    if _active(services, ("timemaster.service",)) or "timemaster" in (services.processes or ()):
        return frozenset({"phc2sys", "ptp4l"})
    config = evidence.facts("time-config", TimeConfigFacts)
    refclocks = [s.name for s in config.of("chrony") if s.kind == "refclock"] if config is not None else []
    if any(name.startswith(("SHM ", "SOCK ")) for name in refclocks):
        return frozenset({"phc2sys", "ptp4l"})
    return frozenset({"ptp4l"}) if any(name.startswith("PHC ") for name in refclocks) else frozenset()


def _runs(services: ServicesFacts, comm: str, units: tuple[str, ...]) -> bool:
    if services.processes is not None and comm in {p[:15] for p in services.processes}:
        return True
    return _active(services, units)


def _active(services: ServicesFacts, units: tuple[str, ...]) -> bool:
    return any(u.name in units and u.active == "active" for u in services.units)
