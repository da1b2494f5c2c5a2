"""The guest's clock minus each KDC's: what Kerberos itself compares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cutover_tui.core.checks.clocks.readings import STALE_NS
from cutover_tui.core.checks.kerberos.kdc_answers import GUEST_READERS, JUMP_READERS, answering
from cutover_tui.core.checks.kerberos.kdc_interval import KdcClock, kdc_clock, ldap_clock
from cutover_tui.core.evidence import Evidence
from probes.observation import Observation, Sample


@dataclass(frozen=True, slots=True)
class Told:
    """One KDC's clock as its answers allow it, at the moment of the evidence."""

    kdc: str
    clock: KdcClock
    newest: Observation


@dataclass(frozen=True, slots=True)
class Skew:
    """Guest minus KDC, true within `bound_ns`."""

    kdc: str
    offset_ns: int
    bound_ns: int
    newest: Observation

    @property
    def worst_ns(self) -> int:
        return abs(self.offset_ns) + self.bound_ns


def told(evidence: Evidence) -> tuple[Told, ...]:
    """The clocks of the KDCs that answer the jump host or the guest, in the order of their names."""
    found: list[Told] = []
    for name, said in sorted(answering(heard(evidence), evidence.now).items()):
        if said.newest.failure is not None:
            continue
        by = kdc_clock if said.newest.reader == "kdc" else ldap_clock
        clock = by(said.answers, evidence.anchor, evidence.now.boottime_ns)
        if clock is not None:
            found.append(Told(name, clock, said.newest))
    return tuple(found)


def heard_here(evidence: Evidence) -> tuple[Observation, ...]:
    """All that says which KDCs there are and what they answer the jump host."""
    return tuple(o for reader in JUMP_READERS for o in evidence.jump.get(reader, ()))


def heard(evidence: Evidence) -> tuple[Observation, ...]:
    """As `heard_here`, and what they answer the guest."""
    return (
        *heard_here(evidence),
        *(o for reader in GUEST_READERS for o in evidence.witnessed.get(reader, ())),
    )


def newest_sample(evidence: Evidence) -> Sample | None:
    """The guest's clock as it was read last, if that was just now."""
    newest = evidence.samples[-1] if evidence.samples else None
    if newest is None or evidence.now.boottime_ns - newest.mono_ns > STALE_NS:
        return None
    return newest


def skews(sample: Sample, clocks: Iterable[Told]) -> tuple[Skew, ...]:
    """That reading against every KDC."""
    return tuple(
        Skew(t.kdc, sample.offset_ns - t.clock.middle_ns, sample.bound_ns + t.clock.bound_ns, t.newest)
        for t in clocks
    )


def worst(evidence: Evidence) -> Skew | None:
    """The KDC the guest is farthest from; None where nothing can be told."""
    sample = newest_sample(evidence)
    found = skews(sample, told(evidence)) if sample is not None else ()
    return max(found, key=lambda s: (s.worst_ns, s.kdc), default=None)
