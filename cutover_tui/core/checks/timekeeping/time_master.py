"""`time.single-master`: exactly one writer of the clock *that can act on the platform observed*."""

from __future__ import annotations

from cutover_tui.core.checks.check import Asked, Says, no_facts
from cutover_tui.core.checks.timekeeping import time_writers
from cutover_tui.core.checks.timekeeping.foreign_sets import LOOKS_BACK_NS, foreign
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding
from probes.facts_identity import PlatformFacts
from probes.facts_time import ServicesFacts, VmToolsFacts
from probes.observation import FailureKind, Observation

_HIDES_JOBS = frozenset({FailureKind.TRUNCATED, FailureKind.NOT_UNDERSTOOD, FailureKind.TIMEOUT})
"""What was printed and not read may name a job; what the account may not read is listed in the report."""


def run(evidence: Evidence, _asked: Asked, says: Says) -> Finding:
    services_at = evidence.latest("services")
    services = evidence.facts("services", ServicesFacts)
    if services is None or services_at is None:
        return no_facts(says, "services", services_at)
    platform_at = evidence.latest("platform")
    platform = evidence.facts("platform", PlatformFacts)
    if platform is None or platform_at is None:
        return no_facts(says, "platform", platform_at)
    used: tuple[Observation, ...] = (services_at, platform_at)
    writers = time_writers.writers(evidence, services)
    if (
        services.processes is None and len(writers) < 2
    ):  # units show a second writer; that there is none they cannot
        return says.unknown(
            "not-visible",
            "The guest's processes are not visible to this account: a writer that is no unit would not be seen.",
            remedy="Give the account the right to list processes (/proc mounted with hidepid: its group in gid=).",
            used=used,
        )
    tools_words = ""
    if platform.platform == "vmware":
        tools_at = evidence.latest("vmtools")
        tools = evidence.facts("vmtools", VmToolsFacts)
        if tools is None or tools_at is None:
            if tools_at is None or (
                tools_at.failure is not None and tools_at.failure.kind is not FailureKind.TOOL_ABSENT
            ):
                return no_facts(says, "vmtools", tools_at)
        else:
            used = (*used, tools_at)
            if tools.running is None:
                return says.unknown(
                    "not-visible",
                    "Whether VMware Tools runs is not visible to this account.",
                    remedy="Give the account the right to list processes.",
                    used=used,
                )
            if tools.running:
                if tools.periodic and not tools.disable_periodic and not tools.disable_all:
                    writers.append("VMware Tools (every 60 s)")
                elif tools.one_time is None:
                    return says.unknown(
                        "tools-conf-not-visible",
                        "VMware Tools runs and its tools.conf could not be read: "
                        "it may set the clock at every resume.",
                        remedy="Let the account read /etc/vmware-tools/tools.conf.",
                        used=used,
                    )
                elif tools.one_time:
                    writers.append("VMware Tools (at start, resume, snapshot)")
    elif platform.platform == "unknown":
        return says.unknown(
            "platform-unknown",
            "On which platform this guest runs could not be told, so not who can act on its clock.",
            remedy="Let the account read /sys/class/dmi/id, or look at the console.",
            used=used,
        )
    else:
        tools_words = f" (VMware Tools cannot act on {platform.platform})"
    cron_at = evidence.latest("cron")
    if cron_at is not None and cron_at.failure is not None and cron_at.failure.kind in _HIDES_JOBS:
        return no_facts(says, "cron", cron_at)
    named, seen = time_writers.jobs(evidence)
    writers, used = [*writers, *named], (*used, *seen)
    if len(writers) == 1:
        other = foreign(evidence, writers[0])
        if other is not None:
            return says.fails(
                "several-writers",
                f"{writers[0]} runs alone{tools_words}, and yet {other.words}.",
                remedy="Find who sets it and stop it: a job (ntpdate, date, hwclock in cron or a timer), a script, a person.",
                measured=2,
                used=(*used, *other.used),
            )
    unsure = time_writers.unknown_daemons(services)
    if unsure and len(writers) < 2:
        beside = f" beside {writers[0]}" if writers else ""
        return says.unknown(
            "unknown-daemon",
            f"{', '.join(unsure)} looks like a time service{beside}, and this version does not know whether it "
            "sets the clock.",
            remedy="Find out what it is; stop it if it keeps the clock, or use a provider this check can read.",
            used=used,
        )
    if len(writers) == 1:
        return says.passes(f"{writers[0]} alone{tools_words}", measured=1, used=used)
    idle = "; chronyd runs and may not set it (-x)" if time_writers.idle(evidence) else ""
    if not writers:
        return says.fails(
            "no-writer",
            f"Nothing keeps this guest's clock{tools_words}{idle}.",
            remedy="Take -x out of chronyd's options and restart it."
            if idle
            else "Install and start one provider.",
            measured=0,
            used=used,
        )
    return says.fails(
        "several-writers",
        f"{len(writers)} writers fight over the clock: {', '.join(writers)}.",
        remedy=_remedy(writers, named),
        measured=len(writers),
        used=used,
    )


def looks_back(_asked: Asked) -> int:
    """How far back a jump of the clock is somebody's."""
    return LOOKS_BACK_NS


def criterion(_asked: Asked) -> Criterion:
    return Criterion("exactly one writer that can act on this platform", 1, "count")


def _remedy(writers: list[str], jobs: list[str]) -> str:
    if jobs:
        return f"Take the job out: {', '.join(jobs)}."
    if any(w.startswith("VMware Tools") for w in writers):
        return "Set [timeSync] disable-all=true in /etc/vmware-tools/tools.conf and restart Tools."
    return f"Keep one and disable the other: {' or '.join(writers)}."
