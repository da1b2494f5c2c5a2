"""`time.projection`: will this clock be within Kerberos' tolerance after the horizon, and who says so?

Two regimes. *Disciplined* (`time.provider` passes): the offset has held over the soak, and the provider's
frequency ± skew was read, so that it is known what happens without it. *Free-running*: when the
tolerance is used up, or how much longer it takes to tell; never a pass, however small the drift.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from cutover_tui.core.amounts import span, time_amount
from cutover_tui.core.checks.check import Asked, Says
from cutover_tui.core.checks.clocks.readings import STALE_NS, held, reading, standing_of
from cutover_tui.core.checks.clocks.references import Standing
from cutover_tui.core.checks.clocks.standing_line import line_of
from cutover_tui.core.checks.clocks.standing_words import caution, compared_with
from cutover_tui.core.checks.provider import time_provider
from cutover_tui.core.estimate.estimator import BLOCK_NS, Estimate, Estimator, begin_ns, estimator_of
from cutover_tui.core.estimate.projection import Projection, coarse, more, ppm, project, rate, when
from cutover_tui.core.estimate.regime import SAW_TOOTH_STEPS
from cutover_tui.core.estimate.segment import Slope
from cutover_tui.core.estimate.wander import wander_bound
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding, Soak, Verdict
from cutover_tui.core.runbook import MINUTE
from probes.facts_ntpd import NtpdFacts
from probes.facts_time import ChronyFacts, TimesyncdFacts
from probes.observation import Observation, Sample

WARN_PPB = 300_000
"""A crystal is within 100 ppm, a bad one within 300; beyond, the guest's clocksource is worth a look (it
fell back to acpi_pm or jiffies). A word and no failure: that the clock is kept is measured here.
"""

UNSETTLED_PPB = 1_000_000
"""chronyd itself does not use an estimate whose skew is above 1000 ppm (chrony.conf, `maxupdateskew`)."""

KERNEL_LIMIT_PPB = 499_000
"""timesyncd and ntpd steer by the kernel's frequency, which ends at 500 ppm (adjtimex(2)); there they no longer steer."""

SURE_NS = 2 * MINUTE
"""A kept clock that is being corrected moves fast for some seconds; only a longer movement says anything."""


def run(evidence: Evidence, asked: Asked, says: Says) -> Finding:
    line = line_of(evidence)
    if not evidence.samples:
        return says.unknown(
            "no-samples",
            "The guest's clock has not been read since the last disturbance.",
            remedy="Wait for the link; samples come once a second.",
        )
    newest = evidence.samples[-1]
    silent = evidence.now.boottime_ns - newest.mono_ns
    if silent > STALE_NS:
        return says.unknown(
            "stale",
            f"No reading of the guest's clock for {span(silent)}.",
            remedy="Bring the link back; the soak starts again.",
        )
    if reading(newest, line) is None:
        return says.unknown(
            "own-clock",
            "No two clocks that share no failure agree, so no guest can be judged.",
            remedy="See time.jump-host.",
        )
    estimator = estimator_for(evidence.samples, line)
    at = estimator.estimate()
    assert at is not None  # noqa: S101 - the newest sample has a reading
    if at.set_count >= SAW_TOOTH_STEPS:
        amounts = ", ".join(time_amount(s.amount_ns, sign=True) for s in at.steps[-4:])
        return says.fails(
            "steps",
            f"The clock was stepped {at.step_count} times in the last {_window(evidence, at)}: {amounts}.",
            remedy="Find who sets it: two masters, or one that corrects by jumps. See time.single-master.",
            measured=at.steps[-1].amount_ns,
        )
    tolerance_ns, horizon_ns = int(evidence.domain.tolerances.kerberos_skew), asked.ns("horizon")
    projection, sure = project(at, tolerance_ns, horizon_ns), project(_surely(at), tolerance_ns, horizon_ns)
    kept = time_provider.run(evidence, asked, says)
    if kept.verdict is Verdict.PASS:
        return _disciplined(evidence, asked, says, line, at, sure, kept.reason)
    return _free(evidence, asked, says, estimator, at, projection, sure, kept)


def _surely(at: Estimate) -> Estimate:
    """With the rates that are possible at all.

    A path that queues more and more one way looks like a rate, to the statistics too. That a clock runs away which
    somebody keeps, or may keep, is said only where no path explains it.
    """
    slope = at.slope
    if slope is None:
        return at
    hard = replace(slope, low_ppb=slope.hard_low_ppb, high_ppb=slope.hard_high_ppb)
    return replace(at, slope=hard)


def estimator_for(samples: Sequence[Sample], line: Sequence[Standing]) -> Estimator:
    """An estimator of samples (in order of time) against the references; those no two cover say nothing."""
    since = begin_ns(samples[-1].mono_ns) if samples else 0
    counting = samples[bisect_left(samples, since, key=lambda s: s.mono_ns) :]
    told = list(readings(counting, line))
    return estimator_of(told, told[-1][0] if told else since)


def readings(samples: Sequence[Sample], line: Sequence[Standing]) -> Iterator[tuple[int, int, int, int, str]]:
    """What an estimator takes: mono, offset, bound and grain of each sample that can be judged, and by whom."""
    i, last = 0, len(line) - 1
    for sample in samples if line else ():
        while i < last and line[i + 1].mono_ns <= sample.mono_ns:
            i += 1
        r = reading(sample, line[i : i + 1])
        if r is not None:
            yield r.mono_ns, r.offset_ns, r.bound_ns, sample.grain_ns, line[i].judge or ""


def looks_back(asked: Asked) -> int:
    """All that an estimate can rest on, or the soak and some more so that what broke it stays visible."""
    return max(2 * BLOCK_NS + MINUTE, asked.soak_ns + 5 * MINUTE)


def criterion(asked: Asked) -> Criterion:
    return Criterion(
        f"time.provider passes, its frequency is known, and the offset stayed within "
        f"{time_amount(asked.ns('within'))} for {span(asked.soak_ns)} without heading for Kerberos' tolerance "
        f"within {coarse(asked.ns('horizon'))}",
        asked.ns("within"),
        "ns",
    )


def _disciplined(
    evidence: Evidence,
    asked: Asked,
    says: Says,
    line: Sequence[Standing],
    at: Estimate,
    sure: Projection,
    provider: str,
) -> Finding:
    limit = asked.ns("within")
    standing = standing_of(evidence.samples[-1], line)
    whom, but = compared_with(standing), caution(standing, evidence.domain.tolerances.references_agree)
    shown = f"{time_amount(at.offset_ns, sign=True)} ± {time_amount(at.bound_ns)} off {whom}"
    stretch = held(evidence.samples, line, limit, asked.soak_ns)
    held_ns, broken_by = stretch.held_ns, stretch.broken_by
    if at.steps and at.mono_ns - at.steps[-1].mono_ns < held_ns:
        held_ns = at.mono_ns - at.steps[-1].mono_ns
        broken_by = f"stepped by {time_amount(at.steps[-1].amount_ns, sign=True)}"
    soak = Soak(min(held_ns, asked.soak_ns), asked.soak_ns, broken_by)
    used = standing.used
    if at.slope is not None and sure.reaches and sure.away and at.slope.span_ns >= SURE_NS:
        return says.fails(
            "runs-away",
            f"{provider}; yet the clock moves off at {_rate(at.slope)}: "
            f"{_tolerance(evidence)} {when(sure)}{but}.",
            remedy="The provider does not hold this clock; look at its log and at the guest's clocksource.",
            measured=at.offset_ns,
            bound=at.bound_ns,
            used=used,
            soak=soak,
        )
    if abs(at.offset_ns) - at.bound_ns > limit:
        return says.fails(
            "not-held",
            f"The guest is {shown} although {provider}{but}.",
            remedy="Let the provider step the clock (`chronyc makestep`), or wait until it has slewed it.",
            measured=at.offset_ns,
            bound=at.bound_ns,
            used=used,
            soak=soak,
        )
    if abs(at.offset_ns) + at.bound_ns > limit:
        return says.unknown(
            "bound-too-wide",
            f"{shown}: the path is too slow or noisy to tell whether that is within {time_amount(limit)}{but}.",
            remedy="Measure from nearer, or over a quieter path.",
            measured=at.offset_ns,
            bound=at.bound_ns,
            used=used,
            soak=soak,
        )
    frequency = _frequency(evidence)
    if frequency is None:
        return says.unknown(
            "frequency-unread",
            f"{provider}; what it corrects the clock by could not be read.",
            remedy="Wait for its next updates.",
            used=used,
            soak=soak,
        )
    ppb, skew_ppb, observation = frequency
    used = (*used, observation)
    if skew_ppb is not None and skew_ppb > UNSETTLED_PPB:
        return says.unknown(
            "frequency-unsettled",
            f"{provider}, and knows the clock's frequency only to ± {ppm(skew_ppb)} ppm.",
            remedy="Wait for its next updates.",
            used=used,
            soak=soak,
        )
    if observation.reader in ("timesyncd", "ntpq") and abs(ppb) >= KERNEL_LIMIT_PPB:
        return says.fails(
            "provider-at-limit",
            f"{provider}, but corrects by {ppm(ppb, sign=True)} ppm, the most it can: the clock is worse than that.",
            remedy="Use chrony, which corrects up to 100,000 ppm, and look at the guest's clocksource.",
            used=used,
            soak=soak,
        )
    if not soak.complete:
        was = f" (last broken by: {soak.broken_by})" if soak.broken_by else ""
        return says.unknown(
            "soaking",
            f"{shown}, held for {span(soak.held_ns)} of {span(soak.needed_ns)}{was}{but}.",
            remedy="The rest comes by itself; work on another host meanwhile.",
            measured=at.offset_ns,
            bound=at.bound_ns,
            used=used,
            soak=soak,
        )
    worst = abs(ppb) + (skew_ppb or 0)
    skew = f" ± {ppm(skew_ppb)} ppm" if skew_ppb is not None else " ppm (it does not say how surely)"
    wary = "; a clock this bad is worth a look at its clocksource" if worst >= WARN_PPB else ""
    return says.passes(
        f"{shown} for {span(soak.needed_ns)}; {provider} corrects {ppm(ppb, sign=True)}{skew}"
        f"{_without(evidence, worst)}{wary}{but}",
        code="ok" if not wary else "warn",
        measured=at.offset_ns,
        bound=at.bound_ns,
        used=used,
        soak=soak,
    )


def _free(
    evidence: Evidence,
    asked: Asked,
    says: Says,
    estimator: Estimator,
    at: Estimate,
    projection: Projection,
    sure: Projection,
    kept: Finding,
) -> Finding:
    horizon = coarse(asked.ns("horizon"))
    tolerance = _tolerance(evidence)
    if projection.reaches and (kept.verdict is Verdict.FAIL or (sure.reaches and sure.away)):
        running = f"Free-running at {_rate(at.slope)}: " if at.slope is not None else ""
        return says.fails(
            "reaches-tolerance",
            f"{running}{tolerance} {when(projection)}.",
            remedy="Give it a time provider. See time.provider.",
            measured=at.offset_ns,
            bound=at.bound_ns,
        )
    if kept.verdict is not Verdict.FAIL:
        return says.unknown(
            "provider-unknown",
            f"Whether anybody keeps this clock is not known: {kept.reason}",
            remedy=kept.remedy,
            measured=at.offset_ns,
            bound=at.bound_ns,
        )
    if projection.reaches is None:
        shown = f"at {_rate(at.slope)}, {when(projection)}; " if at.slope is not None else ""
        return says.unknown(
            "more-minutes",
            f"Nobody keeps this clock; whether it reaches {tolerance} within {horizon}: "
            f"{shown}{more(projection.more_ns)}.",
            remedy="Give it a time provider; measuring on only tells when it fails.",
            measured=at.offset_ns,
            bound=at.bound_ns,
        )
    far = wander_bound(estimator.buckets(), asked.ns("horizon"))
    wanders = (
        f"; if its rate goes on changing as it did, {time_amount(far)} within {horizon} cannot be excluded"
        if far is not None and far >= evidence.domain.tolerances.kerberos_skew
        else ""
    )
    return says.unknown(
        "free-running",
        f"{kept.reason} At {_rate(at.slope)} it reaches {tolerance} {when(projection)}{wanders}; "
        "a rate measured once is no provider.",
        remedy="Give it a time provider. See time.provider.",
        measured=at.offset_ns,
        bound=at.bound_ns,
    )


def _frequency(evidence: Evidence) -> tuple[int, int | None, Observation] | None:
    """What the provider corrects and how sure it is, in ppb, and who said so; None = not known.

    Positive: the clock would run fast without it. chronyd says exactly 0 ± 0 before it has an estimate; timesyncd and
    ntpd tell no skew. What timesyncd shows is the kernel's, which is added to the clock: the other way round.
    """
    chrony = evidence.facts("chrony", ChronyFacts)
    seen = evidence.latest("chrony")
    if chrony is not None and seen is not None and chrony.running:
        known = chrony.frequency_ppb or chrony.skew_ppb
        return (chrony.frequency_ppb, chrony.skew_ppb, seen) if known else None
    timesyncd = evidence.facts("timesyncd", TimesyncdFacts)
    seen = evidence.latest("timesyncd")
    if timesyncd is not None and seen is not None and timesyncd.running:
        return None if timesyncd.frequency_ppb is None else (-timesyncd.frequency_ppb, None, seen)
    ntpd = evidence.facts("ntpq", NtpdFacts)
    seen = evidence.latest("ntpq")
    return (
        None if ntpd is None or seen is None or not ntpd.frequency_ppb else (ntpd.frequency_ppb, None, seen)
    )


def _without(evidence: Evidence, worst_ppb: int) -> str:
    """How soon the tolerance would be used up from zero, at that rate; a correction by nothing tells nothing of it."""
    if not worst_ppb:
        return ""
    left = coarse(evidence.domain.tolerances.kerberos_skew * 1_000_000_000 // worst_ppb)
    return f", without it {_tolerance(evidence)} in {left}"


def _tolerance(evidence: Evidence) -> str:
    return time_amount(evidence.domain.tolerances.kerberos_skew)


def _rate(slope: Slope | None) -> str:
    return rate(slope.low_ppb, slope.ppb, slope.high_ppb) if slope is not None else "an unknown rate"


def _window(evidence: Evidence, at: Estimate) -> str:
    first = max(evidence.samples[0].mono_ns, begin_ns(at.mono_ns))
    return span(at.mono_ns - first)
