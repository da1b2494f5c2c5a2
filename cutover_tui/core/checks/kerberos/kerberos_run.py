"""All attempts of a proof since the last disturbance: what fails sometimes is not mended by trying until it does not.

Proofs are repeated by themselves while a gate lacks one, so one good series is sure to come sooner or
later where half of all attempts fail. A failed attempt therefore asks for a longer clean run, counted back from the newest
attempt across series: four more for each, so that a fault of half of all attempts is taken for gone in one of
a hundred cases or fewer. A disturbance (an action that mends something) starts anew, and what failed while the guest's own
clock was measured to be off by more than the tolerance is explained by that.
"""

from __future__ import annotations

from dataclasses import dataclass

from cutover_tui.core.checks.check import Asked, Proof
from cutover_tui.core.checks.kerberos.kerberos_skew import newest_sample, skews, told
from cutover_tui.core.evidence import Attempt, Evidence
from probes.observation import Family, Observation

FOR_EACH = 4
MOST = 20
"""As many attempts as a runbook may ask for at most."""


@dataclass(frozen=True, slots=True)
class Run:
    """Counts of attempts since the last disturbance."""

    made: int  # those a clock that was off explains are not counted
    failed: int
    explained: int
    clean: int
    """The newest in a row that went well."""
    needed: int
    """So many must have, in a row."""

    @property
    def left(self) -> int:
        """Attempts that are still to go well before what failed is outweighed."""
        return max(0, self.needed - self.clean) if self.failed else 0


def run_of(proof: Proof, evidence: Evidence, asked: Asked) -> Run:
    """Every attempt that has ended, those of the newest series included."""
    seen = {o.id: o for o in evidence.observations.get(proof.reader, ())}
    void = evidence.voided((Family.DIRECTORY, Family.TIME))
    made = failed = explained = clean = 0
    for attempt in evidence.proofs.since(proof.reader, void, evidence.now):
        if not attempt.ended:
            continue
        saw = seen.get(attempt.observation or "")
        if saw is not None and proof.went_well(saw):
            made, clean = made + 1, clean + 1
            continue
        clean = 0
        if not proof.failed(saw):
            continue
        if _by_its_clock(attempt, evidence):
            explained += 1
        else:
            made, failed = made + 1, failed + 1
    return Run(made, failed, explained, clean, min(MOST, asked.attempts + FOR_EACH * failed))


def unsettled(observation: Observation) -> bool:
    """Whether what made the attempt was cut off: it has no usable result, and counts as failed."""
    return observation.failure is not None and observation.failure.kind in ("timeout", "lost", "unreachable")


def _by_its_clock(attempt: Attempt, evidence: Evidence) -> bool:
    """Whether the guest was then surely farther off than tolerated, whichever KDC that answered it is held against.

    Against one KDC of several it may be the KDC that is wrong.
    """
    then = evidence.then.get(attempt.seq)
    sample = newest_sample(then) if then is not None else None
    if then is None or sample is None:
        return False
    tolerance = int(then.domain.tolerances.kerberos_skew)
    found = skews(sample, told(then))
    return bool(found) and all(abs(s.offset_ns) - s.bound_ns > tolerance for s in found)
