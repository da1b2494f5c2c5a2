"""`time.offset`: |guest − reference| + bound, held over the whole soak.

The reference is the domain's time where its controllers answer, else the independent
references' (`references`): Kerberos compares a guest with its domain. While the domain
itself is off, every sentence says so, a pass included.
"""

from __future__ import annotations

from collections.abc import Sequence

from cutover_tui.core.amounts import span, time_amount
from cutover_tui.core.checks.check import Asked, Says
from cutover_tui.core.checks.clocks.quarter_hours import REMEDY as QUARTER_HOURS_REMEDY
from cutover_tui.core.checks.clocks.quarter_hours import in_words, whole_quarters
from cutover_tui.core.checks.clocks.readings import STALE_NS, Reading, held, reading, standing_of
from cutover_tui.core.checks.clocks.references import Standing
from cutover_tui.core.checks.clocks.standing_line import line_of
from cutover_tui.core.checks.clocks.standing_words import caution, compared_with
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding, Soak
from cutover_tui.core.runbook import MINUTE
from probes.observation import Sample


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
    now = reading(newest, line)
    if now is None:
        return says.unknown(
            "own-clock",
            "No two clocks that share no failure agree, so no guest can be judged.",
            remedy="See time.jump-host.",
        )
    warn, limit = asked.ns("warn"), asked.ns("fail")
    standing = standing_of(newest, line)
    whom, but = compared_with(standing), caution(standing, evidence.domain.tolerances.references_agree)
    shown = f"{time_amount(now.offset_ns, sign=True)} ± {time_amount(now.bound_ns)}"
    stretch = held(evidence.samples, line, limit, asked.soak_ns)
    soak = Soak(min(stretch.held_ns, asked.soak_ns), asked.soak_ns, stretch.broken_by)
    used = standing.used
    if abs(now.offset_ns) - now.bound_ns > limit:
        began = _quarters_at_first(evidence.samples, line, now)
        if began is not None:
            slewed = "" if began is now else f", {time_amount(began.offset_ns, sign=True)} at first"
            return says.fails(
                "whole-quarter-hours",
                f"The guest is {shown} off {whom}{slewed}{in_words(began.offset_ns)}{but}.",
                remedy=QUARTER_HOURS_REMEDY,
                measured=now.offset_ns,
                bound=now.bound_ns,
                used=used,
                soak=soak,
            )
        return says.fails(
            "offset",
            f"The guest is {shown} off {whom}; must stay within {time_amount(limit)}{but}.",
            remedy="See time.provider for who keeps it: give it one, let that one step the clock, "
            "or mend whom it follows.",
            measured=now.offset_ns,
            bound=now.bound_ns,
            used=used,
            soak=soak,
        )
    if now.worst_ns > limit:
        return says.unknown(
            "bound-too-wide",
            f"{shown} off {whom}: the path is too slow or noisy to tell whether that is within "
            f"{time_amount(limit)}{but}.",
            remedy="Measure from nearer, or over a quieter path.",
            measured=now.offset_ns,
            bound=now.bound_ns,
            used=used,
            soak=soak,
        )
    if not soak.complete:
        was = f" (last broken by: {stretch.broken_by})" if stretch.broken_by else ""
        return says.unknown(
            "soaking",
            f"{shown} off {whom}, held for {span(soak.held_ns)} of {span(soak.needed_ns)}{was}{but}.",
            remedy="The rest comes by itself; work on another host meanwhile.",
            measured=now.offset_ns,
            bound=now.bound_ns,
            used=used,
            soak=soak,
        )
    wary = f"; above the warning of {time_amount(warn)}" if now.worst_ns > warn else ""
    return says.passes(
        f"{shown} off {whom}, within {time_amount(limit)} for {span(soak.needed_ns)}{wary}{but}",
        code="ok" if not wary else "warn",
        measured=now.offset_ns,
        bound=now.bound_ns,
        used=used,
        soak=soak,
    )


def _quarters_at_first(samples: Sequence[Sample], line: Sequence[Standing], now: Reading) -> Reading | None:
    """The reading whole quarter hours off: the newest, or the oldest that counts while it is slewed away."""
    if whole_quarters(now.offset_ns) is not None:
        return now
    first = reading(samples[0], line)
    if first is None or whole_quarters(first.offset_ns) is None:
        return None
    same_side = (first.offset_ns > 0) == (now.offset_ns > 0)
    return first if same_side and abs(now.offset_ns) < abs(first.offset_ns) else None


def looks_back(asked: Asked) -> int:
    """The soak, and some more so that what broke it stays visible."""
    return asked.soak_ns + 5 * MINUTE


def criterion(asked: Asked) -> Criterion:
    limit = asked.ns("fail")
    return Criterion(
        f"|guest − references| + bound ≤ {time_amount(limit)} for {span(asked.soak_ns)}", limit, "ns"
    )
