"""A PHC refclock as chronyd's source: the host's clock is one, a device that a move took away is why chronyd does not run.

`/dev/ptp0` on VMware may be ptp_vmw, and nothing on the target: chronyd ends at its start when it cannot open
a refclock. Numbers of devices change with the order of drivers, so that only names count.
"""

from __future__ import annotations

from cutover_tui.core.checks.check import Says
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Finding
from probes.facts_clock import PtpFacts
from probes.facts_time import ChronySource, ServicesFacts
from probes.facts_time_config import TimeConfigFacts
from probes.observation import Observation

HOSTS = {"KVM virtual PTP": "KVM's", "hyperv": "Hyper-V's", "ptp_vmw": "VMware's"}
"""Clocks through which a guest reads its host's system clock."""

_AMAZON = "ena-ptp"
"""Amazon's network card has a clock that Amazon keeps (EC2 user guide, "PTP hardware clock")."""


def judged(
    selected: ChronySource, used: tuple[Observation, ...], evidence: Evidence, says: Says
) -> Finding | None:
    """Unknown where chronyd follows a PHC of which nobody says that it has the time; None = nothing against it."""
    devices, ptp = _devices(evidence), evidence.facts("ptp", PtpFacts)
    seen = evidence.latest("ptp")
    if selected.mode != "refclock" or len(devices) != 1 or ptp is None or seen is None:
        return None
    clock = ptp.behind(devices[0])
    if clock is None or clock.name in HOSTS or clock.name.startswith(_AMAZON) or _kept(evidence):
        return None
    return says.unknown(
        "refclock-unknown",
        f"chronyd follows {devices[0]}, which is {clock.name}: nothing here tells that clock the time.",
        remedy="Run ptp4l for it, or give chronyd servers.",
        used=(*used, seen),
    )


def host(selected: ChronySource, evidence: Evidence) -> str:
    """Whose clock a selected refclock is, in words; "" = not known."""
    devices, ptp = _devices(evidence), evidence.facts("ptp", PtpFacts)
    if selected.mode != "refclock" or len(devices) != 1 or ptp is None:
        return ""
    clock = ptp.behind(devices[0])
    return f" ({HOSTS[clock.name]} host)" if clock is not None and clock.name in HOSTS else ""


def gone(evidence: Evidence) -> tuple[str, tuple[Observation, ...]]:
    """Which device chrony's configuration asks for that is not there, in words, and what it was seen by."""
    ptp, seen = evidence.facts("ptp", PtpFacts), evidence.latest("ptp")
    missing = [] if ptp is None else [d for d in _devices(evidence) if ptp.behind(d) is None]
    if not missing or seen is None:
        return "", ()
    before = evidence.baseline.facts.get("ptp") if evidence.baseline is not None else None
    was = before.behind(missing[0]) if isinstance(before, PtpFacts) else None
    named = f"{missing[0]} ({was.name} before the mark)" if was is not None else missing[0]
    return f" chrony's configuration asks for {named}, which is not there: chronyd ends at its start.", (
        seen,
    )


def _devices(evidence: Evidence) -> list[str]:
    config = evidence.facts("time-config", TimeConfigFacts)
    named = [s.name for s in config.of("chrony") if s.kind == "refclock"] if config is not None else []
    return [name.removeprefix("PHC ") for name in named if name.startswith("PHC ")]


def _kept(evidence: Evidence) -> bool:
    services = evidence.facts("services", ServicesFacts)
    return services is None or services.processes is None or "ptp4l" in services.processes
