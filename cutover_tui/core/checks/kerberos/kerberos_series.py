"""The newest series of a proof's attempts, whole: what is asked of it whichever exchange is judged.

Every attempt the journal says was intended must have its result, and the series began after the last
disturbance of the directory and of time. Attempts that failed since ask for more (`kerberos_run`).
"""

from __future__ import annotations

from collections.abc import Callable

from cutover_tui.core.amounts import span
from cutover_tui.core.checks.check import Asked, Proof, Says
from cutover_tui.core.checks.kerberos.kdc_answers import all_silent
from cutover_tui.core.checks.kerberos.kerberos_run import Run, run_of
from cutover_tui.core.checks.kerberos.kerberos_skew import heard, heard_here
from cutover_tui.core.evidence import Attempt, Evidence
from cutover_tui.core.finding import Finding
from probes.facts_kerberos import KeytabFacts
from probes.observation import Family, Observation

KEY = "x"
"""The key on every screen that shows and approves a proof."""


def all_good(
    proof: Proof,
    evidence: Evidence,
    asked: Asked,
    says: Says,
    bad: Callable[[Attempt, Observation], Finding | None],
    *,
    by_us: bool = False,
) -> Finding | tuple[tuple[Observation, ...], Run]:
    """What every attempt of the series saw and all since the last disturbance, or what keeps it from being k of k.

    Args:
        bad: what is wrong with an attempt's observation; None = nothing.
        by_us: the jump host makes the attempts, so that it has to reach a KDC itself.
    """
    if evidence.domain.realm is None:
        return says.unknown(
            "no-realm",
            "The runbook names no realm, so there are no tickets to ask for.",
            remedy="Name domain.realm and domain.controllers in a new session.",
        )
    series = evidence.proofs.series(proof.reader, evidence.now.boot_id)
    if not series:
        return _never(proof.reader, evidence, says, by_us=by_us)
    void = evidence.voided((Family.DIRECTORY, Family.TIME))
    if void is not None and series[0].at.boottime_ns <= void.boottime_ns:
        return says.unknown(
            "void",
            "The last proof is from before a disturbance of time or of the directory.",
            remedy=f"It is repeated by itself, 5 min after the last one began; {KEY} repeats it now.",
        )
    age = evidence.now.boottime_ns - series[0].at.boottime_ns
    if age > asked.max_age_ns:
        return says.unknown(
            "old",
            f"The last proof began {span(age)} ago; {span(asked.max_age_ns)} is the most.",
            remedy=f"It is repeated by itself while the step is under way; {KEY} repeats it now.",
        )
    seen = {o.id: o for o in evidence.observations.get(proof.reader, ())}
    good: list[Observation] = []
    for attempt in series:
        if not attempt.ended:
            return says.unknown(
                "proving",
                f"Attempt {attempt.number} of {attempt.of} is under way.",
                remedy="Wait for its end.",
                used=tuple(good),
            )
        observation = seen.get(attempt.observation or "")
        if observation is None:
            return says.fails(
                "no-result",
                f"Attempt {attempt.number} of {attempt.of} has no result, and counts as failed.",
                remedy=f"Make a new series: {KEY}",
                used=tuple(good),
            )
        if (wrong := bad(attempt, observation)) is not None:
            return wrong
        good.append(observation)
    run = run_of(proof, evidence, asked)
    if run.left:
        return says.fails(
            "intermittent",
            f"{run.failed} of {run.made} attempts failed; {run.clean} of {run.needed} clean ones in a row since.",
            remedy=f"Find what fails sometimes: one KDC of several, a lossy path. The clean ones come by themselves; {KEY} "
            "makes them now.",
            measured=run.clean,
            used=tuple(good),
        )
    if not run.failed and len(good) < asked.attempts:
        return says.unknown(
            "few-attempts",
            f"{len(good)} attempts succeeded, {asked.attempts} in a row must.",
            remedy=f"Make a new series: {KEY}",
            measured=len(good),
            used=tuple(good),
        )
    return tuple(good), run


def _never(proof: str, evidence: Evidence, says: Says, *, by_us: bool) -> Finding:
    """No attempt was made yet: is there anything to prove, and may we?"""
    newest, keytab = evidence.latest("keytab"), evidence.facts("keytab", KeytabFacts)
    used = (newest,) if newest is not None else ()
    if keytab is not None and not keytab.present:
        before = evidence.baseline.facts.get("keytab") if evidence.baseline is not None else None
        if not isinstance(before, KeytabFacts):
            return says.unknown(
                "no-keytab",
                f"There is no keytab {keytab.name}, and no baseline that says whether there was one.",
                remedy="Join the guest to its domain; where it never was in one, the baseline will say so.",
                used=used,
            )
        if not before.present:
            return says.na(
                "no-keytab-before",
                "There was no keytab before the mark, and there is none now.",
                used=used,
            )
        return says.fails(
            "keytab-gone",
            f"There is no keytab {keytab.name}, and before the mark there was one.",
            remedy="Bring the keytab back from the source, or join the guest again.",
            used=used,
        )
    silent = all_silent(evidence.domain, heard_here(evidence) if by_us else heard(evidence), evidence.now)
    if silent is not None:
        return says.unknown(
            "kdc-silent",
            f"No KDC answers, so nothing is tried: {silent}.",
            remedy="Bring a controller back, or open port 88 (UDP and TCP) to it.",
            used=used,
        )
    if proof not in evidence.proofs.approved:
        return says.unknown(
            "not-approved",
            "Whether tickets can be had is only shown by getting some, and nobody has approved that here yet.",
            remedy=f"Look at the commands and approve them, once for this guest: {KEY}",
            used=used,
        )
    return says.unknown(
        "not-tried-yet",
        "Approved, and not tried since this jump host was started.",
        remedy=f"It is made by itself while the step is under way; {KEY} makes it now.",
        used=used,
    )
