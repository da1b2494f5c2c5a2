"""`naive.*`: what a usual checklist believes, judged by the same engine so that both can be compared.

Each says what it would have ticked; none opens a gate of a real move (loading warns).
"""

from __future__ import annotations

from cutover_tui.core.amounts import span, time_amount
from cutover_tui.core.checks.agent import OF_PLATFORM
from cutover_tui.core.checks.check import Asked, Says, no_facts
from cutover_tui.core.checks.provider.provider_none import CHRONY_UNITS, TIMESYNCD_UNITS
from cutover_tui.core.checks.provider.provider_ntpd import UNITS as NTPD_UNITS
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding
from probes.facts_identity import AgentsFacts
from probes.facts_time import KernelSyncFacts, ServicesFacts
from probes.observation import Observation

TIME_UNITS = (*CHRONY_UNITS, *TIMESYNCD_UNITS, *NTPD_UNITS, "openntpd.service")
PROCESSES = ("chronyd", "systemd-timesyn", "ntpd", "openntpd")
DATE_LIMIT_NS = 1_000_000_000
PING_NS = 5_000_000_000


def installed(services: ServicesFacts) -> bool:
    """Whether there is a time service whose state a checklist could look at."""
    running = {p[:15] for p in services.processes or ()}
    return any(u.name in TIME_UNITS for u in services.units) or any(p in running for p in PROCESSES)


def time_service(evidence: Evidence, _asked: Asked, says: Says) -> Finding:
    newest = evidence.latest("services")
    services = evidence.facts("services", ServicesFacts)
    if services is None or newest is None:
        return no_facts(says, "services", newest)
    used = (newest,)
    if not installed(services):
        return says.na(
            "no-time-service", "No time service is installed: there is nothing to tick.", used=used
        )
    active = [u.name for u in services.units if u.name in TIME_UNITS and u.active == "active"]
    running = [p for p in services.processes or () if p[:15] in PROCESSES]
    if active or running:
        return says.passes(f"{(active or running)[0]} is active (running)", used=used)
    return says.fails(
        "service-inactive",
        "A time service is installed and none is active.",
        remedy="Start it.",
        used=used,
    )


def timedatectl(evidence: Evidence, _asked: Asked, says: Says) -> Finding:
    newest = evidence.latest("timedatectl")
    services = evidence.facts("services", ServicesFacts)
    if services is None:
        return no_facts(says, "services", evidence.latest("services"))
    used: tuple[Observation, ...] = tuple(o for o in (evidence.latest("services"), newest) if o is not None)
    if not installed(services):
        return says.na("no-time-service", "No time service is installed: nobody asks timedatectl.", used=used)
    facts = evidence.facts("timedatectl", KernelSyncFacts)
    if facts is None or newest is None:
        if newest is not None and newest.failure is not None and newest.failure.kind == "tool-absent":
            return says.na("no-timedatectl", "There is no timedatectl on this guest to ask.", used=used)
        return no_facts(says, "timedatectl", newest)
    if facts.synchronized:
        return says.passes("System clock synchronized: yes", used=used)
    return says.fails(
        "not-synchronized",
        "System clock synchronized: no",
        remedy="Wait for the time service, or restart it.",
        used=used,
    )


def date(evidence: Evidence, _asked: Asked, says: Says) -> Finding:
    if not evidence.samples:
        return says.unknown(
            "no-samples",
            "The guest's clock has not been read since the last disturbance.",
            remedy="Wait for the link.",
        )
    own = evidence.now.utc_ns - evidence.anchor.on_timescale(evidence.now.boottime_ns)
    apart = evidence.samples[-1].offset_ns - own
    shown = f"`date` there and here are {time_amount(apart, sign=True)} apart"
    if abs(apart) <= DATE_LIMIT_NS:
        return says.passes(shown, measured=apart)
    return says.fails("date-differs", f"{shown}.", remedy="Set the guest's clock.", measured=apart)


def agent(evidence: Evidence, _asked: Asked, says: Says) -> Finding:
    newest = evidence.latest("agents")
    facts = evidence.facts("agents", AgentsFacts)
    name = OF_PLATFORM.get(evidence.target, "")
    if not name:
        return says.na("no-agent", f"{evidence.target} has no agent to look for.")
    if facts is None or newest is None:
        return no_facts(says, "agents", newest)
    found = facts.get(name)
    if found is not None and found.running:
        return says.passes(f"{name} runs", used=(newest,))
    if found is not None and found.running is None:
        return says.unknown(
            "processes-not-visible",
            "The guest's processes are not visible to this account.",
            remedy="Give the account the right to list processes.",
            used=(newest,),
        )
    return says.fails("agent-not-running", f"{name} does not run.", remedy=f"Start {name}.", used=(newest,))


def ping(evidence: Evidence, _asked: Asked, says: Says) -> Finding:
    if evidence.samples:
        return says.passes(f"answered within {span(PING_NS)}")
    return says.unknown(
        "no-answer",
        f"The guest has not answered for {span(PING_NS)}.",
        remedy="Bring the guest's network up.",
    )


CRITERIA = {
    "naive.time-service": Criterion("a time service is active"),
    "naive.timedatectl": Criterion("timedatectl: System clock synchronized: yes"),
    "naive.date": Criterion("`date` on the guest and here, less than 1 s apart", DATE_LIMIT_NS, "ns"),
    "naive.agent": Criterion("the target platform's agent runs"),
    "naive.ping": Criterion("the guest answers", PING_NS, "ns"),
}


def looks_back(_asked: Asked) -> int:
    """Only what is there at this moment: a checklist takes no series."""
    return PING_NS
