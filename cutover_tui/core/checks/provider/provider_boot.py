"""What the criterion asks of every provider alike: good updates, how long it may be silent, a start at boot."""

from __future__ import annotations

from collections.abc import Callable

from cutover_tui.core.checks.check import Says, no_facts
from cutover_tui.core.checks.clocks.smear import Mixture
from cutover_tui.core.checks.provider.provider_sources import UNSAID, Origin
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Finding
from probes.facts_time import ServicesFacts
from probes.observation import Facts, Family, Observation

GOOD_UPDATES = 3
GRACE_NS = 45_000_000_000
"""A daemon that was just started has asked and not heard yet; iburst takes 8 s, names may take longer."""

FUTURE_NS = 2_000_000_000
"""The guest's clock is read in whole seconds beside it; more than that is no rounding."""

WHOLE_SECOND_NS = 1_000_000_000
"""So much older than it looks may an update be whose age is a difference of whole seconds."""

AT_BOOT = frozenset({"enabled", "static", "alias", "indirect", "generated"})
"""`enabled-runtime` is not among them: its links are in /run and gone with the next boot (systemctl(1))."""


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
    if any(u.enabled in AT_BOOT for u in units):
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
    known = [u for u in units if u.enabled is not None]
    if known:
        return says.fails(
            "not-at-boot",
            f"{words}; but {known[0].name} is {known[0].enabled}: the next boot has no provider.",
            remedy=f"Enable it: systemctl enable {known[0].name}",
            measured=good,
            used=used,
        )
    return says.unknown(
        "boot-unknown",
        f"{words}; whether it starts at boot could not be seen.",
        remedy="Enable it with the guest's init system and look again.",
        measured=good,
        used=used,
    )
