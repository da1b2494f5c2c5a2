"""The guest's clock minus each KDC's: what Kerberos itself compares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cutover_tui.core.checks.timekeeping.time_offset import STALE_NS
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.kdc_answers import asked_kdc, newest_answers
from cutover_tui.core.kdc_interval import KdcClock, kdc_clock
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
    """The clocks of the KDCs that answer, in the order of their names."""
    observations = evidence.jump.get("kdc", ())
    found: list[Told] = []
    for name, newest in sorted(newest_answers(observations, evidence.now).items()):
        if newest.failure is not None:
            continue
        mine = [o for o in observations if asked_kdc(o) == name]
        clock = kdc_clock(mine, evidence.anchor, evidence.now.boottime_ns)
        if clock is not None:
            found.append(Told(name, clock, newest))
    return tuple(found)


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
