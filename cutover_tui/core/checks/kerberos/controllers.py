"""Each controller's clock by all that shows it: its KDC, and its rootDSE as a second witness. Pure.

Both are one clock of one machine. Where both answer the intervals are put together; where
port 88 is closed to us, the rootDSE's whole second still decides within 5 s. Intervals that have no
moment in common are of two machines, or of one whose clock was set in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cutover_tui.core.checks.clocks.second_interval import SecondInterval, Shown, intersect
from cutover_tui.core.checks.kerberos.kdc_answers import kdcs
from cutover_tui.core.checks.kerberos.kerberos_skew import Told, heard, told
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.runbook import SECOND
from probes.facts_directory import CldapFacts, RootDseFacts
from probes.observation import Observation

SPEAKS_NS = 150 * SECOND
"""How long a rootDSE speaks for a controller: it is asked once a minute, two may be lost."""


@dataclass(frozen=True, slots=True)
class ControllerClock:
    """A controller's clock minus the session timescale, in [low_ns, high_ns] now."""

    name: str
    low_ns: int
    high_ns: int
    by_kdc: bool
    used: tuple[Observation, ...]
    apart: SecondInterval | None = None
    """What the rootDSE showed, where that contradicts the KDC."""
    settled: bool = True
    """Of a contradiction: the KDC was asked again since."""

    @property
    def middle_ns(self) -> int:
        return (self.low_ns + self.high_ns) // 2

    @property
    def bound_ns(self) -> int:
        return (self.high_ns - self.low_ns + 1) // 2


def clocks(evidence: Evidence) -> tuple[ControllerClock, ...]:
    """Of every controller that shows its clock, in the order of their names."""
    by_kdc = {t.kdc: t for t in told(evidence)}
    found = (
        _clock(evidence, name, by_kdc.get(name))
        for name in sorted({*kdcs(evidence.domain, heard(evidence)), *by_kdc})
    )
    return tuple(clock for clock in found if clock is not None)


def pings(evidence: Evidence) -> Mapping[str, CldapFacts]:
    """What each controller said of itself last, by its name in the runbook."""
    facts = (o.facts for o in evidence.jump.get("cldap", ()))
    return {f.server: f for f in facts if isinstance(f, CldapFacts)}


def advisory(evidence: Evidence) -> frozenset[str]:
    """The controllers that say they are of another site than the guest's, and not the PDC emulator.

    Empty where no site is named, and where that would leave nobody: a site without a controller
    of its own is served by those of another.
    """
    site = (evidence.domain.site or "").casefold()
    if not site:
        return frozenset()
    said = pings(evidence)
    far = {n for n, p in said.items() if p.server_site and p.server_site.casefold() != site and not p.pdc}
    names = frozenset(kdcs(evidence.domain, heard(evidence)))
    near = {n for n, p in said.items() if p.server_site.casefold() == site}
    return frozenset(far & names) if near & names else frozenset()


def _clock(evidence: Evidence, name: str, kdc: Told | None) -> ControllerClock | None:
    now_ns = evidence.now.boottime_ns
    answers = [
        (o, o.facts)
        for o in evidence.jump.get("rootdse", ())
        if isinstance(o.facts, RootDseFacts)
        and o.facts.server == name
        and o.facts.current_time_ns is not None
        and now_ns - SPEAKS_NS <= o.facts.received_ns <= now_ns
    ]
    shown = intersect([_shown(f) for _, f in answers], evidence.anchor, now_ns)
    if kdc is None:
        if shown is None:
            return None
        return ControllerClock(name, shown.low_ns, shown.high_ns, by_kdc=False, used=(answers[-1][0],))
    clock = kdc.clock
    if shown is None:
        return ControllerClock(name, clock.low_ns, clock.high_ns, by_kdc=True, used=(kdc.newest,))
    used = (kdc.newest, answers[-1][0])
    low, high = max(clock.low_ns, shown.low_ns), min(clock.high_ns, shown.high_ns)
    if low <= high:
        return ControllerClock(name, low, high, by_kdc=True, used=used)
    if (
        clock.jumped or shown.jumped
    ):  # set, or runs away: what was shown at another moment is no contradiction
        return ControllerClock(name, clock.low_ns, clock.high_ns, by_kdc=True, used=(kdc.newest,))
    settled = kdc.newest.began.boottime_ns >= answers[-1][1].received_ns
    return ControllerClock(
        name, clock.low_ns, clock.high_ns, by_kdc=True, used=used, apart=shown, settled=settled
    )


def _shown(facts: RootDseFacts) -> Shown:
    from_ns = facts.current_time_ns or 0
    return Shown(facts.sent_ns, facts.received_ns, from_ns, from_ns + SECOND)
