"""What the criterion asks of every provider alike: good updates, how long it may be silent, a source that says it knows
the time, a start at boot.
"""

from __future__ import annotations

from collections.abc import Callable

from cutover_tui.core.amounts import time_amount
from cutover_tui.core.checks.check import Asked, Says, no_facts
from cutover_tui.core.checks.clocks.smear import Mixture
from cutover_tui.core.checks.provider.provider_sources import UNSAID, Origin
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Finding
from probes.facts_time import ServicesFacts, Unit
from probes.observation import Facts, Family, Observation

GOOD_UPDATES = 3
GRACE_NS = 45_000_000_000
"""A daemon that was just started has asked and not heard yet; iburst takes 8 s, names may take longer."""

FUTURE_NS = 2_000_000_000
"""The guest's clock is read in whole seconds beside it; more than that is no rounding."""

WHOLE_SECOND_NS = 1_000_000_000
"""So much older than it looks may an update be whose age is a difference of whole seconds."""

PULLED_IN = frozenset({"static", "alias", "indirect", "generated"})
"""States of a unit file that say nothing of a start (systemctl(1), is-enabled): another unit pulls it in, or none.
`enabled-runtime` is not among them: its links are in /run and gone with the next boot.
"""

BOOT_TARGETS = frozenset(
    f"{name}.target"
    for name in (
        "basic", "default", "graphical", "local-fs", "multi-user", "paths", "remote-fs", "sockets", "sysinit", "timers",
    )
)  # fmt: skip
"""What every boot reaches (bootup(7)); network-online.target is not among them: it is reached where something wants it."""


def lasts(evidence: Evidence, reader: str, condition: Callable[[Facts | None], bool]) -> int:
    """Since when, in ns before now, every reading of that reader has met the condition."""
    since = evidence.now.boottime_ns
    for o in reversed(evidence.observations.get(reader, ())):
        if not condition(o.facts):
            break
        since = o.began.boottime_ns
    return evidence.now.boottime_ns - since


def before_disturbance(age_ns: int, newest: Observation, evidence: Evidence) -> bool:
    """Whether an update of that age when it was read may be from before the last disturbance of time.

    Such an update came over a path, or from a machine, that need not be there any more.
    """
    void = evidence.voids.get(Family.TIME)
    if void is None or void.boot_id != newest.began.boot_id:
        return False
    return newest.began.boottime_ns - age_ns - WHOLE_SECOND_NS <= void.boottime_ns


def vouched(
    who: str,
    server: str,
    distance_ns: int,
    good: int,
    used: tuple[Observation, ...],
    asked: Asked,
    says: Says,
) -> Finding | None:
    """Unknown where the source itself does not say that it has the time; None = it does.

    The root distance, half the root delay and the root dispersion, is how far off a server says it may be (RFC 5905:
    none from `MAXDIST`, 1 s, on). Providers accept more (chronyd's `maxdistance` 3 s, timesyncd 5 s,
    and more where it was raised for a Windows controller), and w32time on its own CMOS clock shows in nothing
    else: stratum 1, no leap warning, and a root dispersion of 10 s.
    """
    limit = asked.ns("distance")
    if distance_ns < limit:
        return None
    return says.unknown(
        "far-from-root",
        f"{who} follows {server}, which itself vouches for its time to ± {time_amount(distance_ns)} only, "
        f"not to {time_amount(limit)}.",
        remedy="Right after a start, wait for further updates. Else look at what that server follows: one that runs on "
        "its own clock looks like this.",
        measured=good,
        used=used,
    )


def at_boot(
    names: tuple[str, ...],
    words: str,
    good: int,
    used: tuple[Observation, ...],
    evidence: Evidence,
    says: Says,
    mixed: Mixture | None = None,
    origin: Origin = UNSAID,
) -> Finding:
    """Passes where one of these units starts at boot, with `words`, a mixture of smears, and where sources are from."""
    services = evidence.facts("services", ServicesFacts)
    newest = evidence.latest("services")
    if services is None or newest is None:
        return no_facts(says, "services", newest)
    used = (*used, newest)
    units = [u for u in services.units if u.name in names]
    starts = {u.name: _starts(u, services) for u in units if u.enabled is not None}
    if any(starts.values()):
        smear = f"; {mixed.words}: equal until the next leap second, do not mix them" if mixed else ""
        return says.passes(
            f"{words}{smear}{origin.words}",
            code="smear-mixed"
            if mixed is not None
            else "dhcp-sources"
            if origin.provenance == "dhcp"
            else "default-sources"
            if origin.provenance == "default"
            else "ok",
            measured=good,
            used=(*used, *origin.used),
        )
    by = sorted({p.name for u in units for p in (*(u.pulled_by or ()), *(u.triggered_by or ()))})
    known = [u for u in units if u.enabled is not None]
    if known and None not in starts.values():
        unit = known[0]
        alone = " and nothing pulls it in" if unit.enabled in PULLED_IN else ""
        how = "add-wants multi-user.target" if unit.enabled == "static" else "enable"
        return says.fails(
            "not-at-boot",
            f"{words}; but {unit.name} is {unit.enabled}{alone}: the next boot has no provider.",
            remedy=f"Enable it: systemctl {how} {unit.name}",
            measured=good,
            used=used,
        )
    seen = f" (it is {known[0].enabled}, pulled in by {', '.join(by)})" if known and by else ""
    return says.unknown(
        "boot-unknown",
        f"{words}; whether it starts at boot could not be seen{seen}.",
        remedy="Enable it with the guest's init system and look again.",
        measured=good,
        used=used,
    )


def _starts(unit: Unit, services: ServicesFacts) -> bool | None:
    """Whether the next boot starts it; None = it depends on units whose own start was not seen."""
    if unit.enabled == "enabled":
        return True
    enabled = {u.name for u in services.units if u.enabled == "enabled"}
    triggers = unit.triggered_by or ()
    if unit.enabled in (*PULLED_IN, "disabled") and any(t.enabled == "enabled" for t in triggers):
        return True
    if unit.enabled not in PULLED_IN:
        return False
    if unit.pulled_by is None:
        return None
    if any(p.name in BOOT_TARGETS or p.name in enabled for p in unit.pulled_by):
        return True
    return None if unit.pulled_by or triggers else False
