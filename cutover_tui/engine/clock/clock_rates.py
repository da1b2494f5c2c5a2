"""How fast guests' clocks run, for screens: the figures of `time.projection`, without reading all again."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from cutover_tui.core.checks.clocks.references import Standing
from cutover_tui.core.checks.clocks.witness import HOLD_NS
from cutover_tui.core.checks.registry import asked
from cutover_tui.core.checks.timekeeping.time_projection import readings
from cutover_tui.core.estimate.estimator import Estimate, Estimator, begin_ns
from cutover_tui.core.estimate.projection import project
from cutover_tui.core.runbook import HOUR, MINUTE, GateCheck, Runbook
from cutover_tui.core.sample_columns import SampleColumns
from cutover_tui.engine.port import ClockRate
from probes.observation import Sample

FORGOTTEN_NS = 2 * MINUTE
"""A rate is about now: nothing is said of a clock that has not been read for so long."""


FAR_NS = 100 * 365 * 24 * HOUR
"""A clock that is a few ppb off is within its tolerance for millennia, which no 64 bits hold in ns."""


@dataclass(slots=True)
class _Host:
    """What is settled, up to when; and beyond it, compared with a line of so many answers."""

    void_ns: int
    settled_ns: int
    settled: Estimator
    ahead: Estimator | None = None
    from_ns: int = 0  # `ahead` holds what came after this,
    ahead_ns: int = 0  # up to this: so many samples
    taken: int = 0
    line: Sequence[Standing] = ()
    answers: int = 0


@dataclass(slots=True)
class ClockRates:
    """An estimator a host. What is older than the references' hold cannot change any more and is taken once;
    what is newer is taken again only after a new answer of a clock.
    """

    _kept: dict[str, _Host] = field(default_factory=dict)

    def clear(self) -> None:
        """Forget everything: the references' line begins anew."""
        self._kept.clear()

    def estimate(
        self, host: str, samples: SampleColumns, line: Sequence[Standing], void_ns: int, until_ns: int
    ) -> Estimate | None:
        """What is known of a clock at `until_ns`, to the bit what a check that reads it all again finds.

        Args:
            void_ns: CLOCK_BOOTTIME of the last disturbance of time, -1 for none; nothing before it counts.
        """
        oldest_ns = max(void_ns, begin_ns(until_ns) - 1)
        kept = self._kept.get(host)
        known = kept is not None and kept.void_ns == void_ns and kept.line is line
        if kept is None or not known or kept.settled_ns < oldest_ns:
            # a new disturbance, other clocks are asked, or nobody has asked us for long
            kept = self._kept[host] = _Host(void_ns, oldest_ns, Estimator(), line=line)
        settled_ns = max(kept.settled_ns, until_ns - HOLD_NS)
        _take(kept.settled, samples.between(kept.settled_ns, settled_ns), line)
        kept.settled_ns = settled_ns
        there = bisect_right(samples.mono, kept.ahead_ns) - bisect_right(samples.mono, kept.from_ns)
        if kept.ahead is None or kept.answers != len(line) or there != kept.taken:
            kept.ahead, kept.answers = kept.settled.copy(), len(line)
            kept.from_ns = kept.ahead_ns = settled_ns
            kept.taken = 0
        new = samples.between(kept.ahead_ns, until_ns)
        _take(kept.ahead, new, line)
        kept.ahead_ns = max(kept.ahead_ns, until_ns)
        kept.taken += len(new)
        return kept.ahead.estimate()


def _take(estimator: Estimator, samples: Sequence[Sample], line: Sequence[Standing]) -> None:
    for told in readings(samples, line):
        estimator.add(*told)


def _at_most(ns: int | None) -> int | None:
    return min(ns, FAR_NS) if ns is not None else None


def clock_rate(at: Estimate | None, runbook: Runbook, now_ns: int) -> ClockRate | None:
    """How fast a clock runs and what follows; None when it was not read in the last minutes.

    The horizon is that of the runbook's first `time.projection`, or the check's default.
    """
    if at is None or now_ns - at.mono_ns > FORGOTTEN_NS:
        return None
    gate_check = next(
        (g for step in runbook.steps() for g in step.gate if g.check == "time.projection"),
        GateCheck(check="time.projection"),
    )
    tolerance = int(runbook.domain.tolerances.kerberos_skew)
    projection = project(at, tolerance, asked(gate_check).ns("horizon"))
    slope = at.slope
    return ClockRate(
        ppb=slope.ppb if slope is not None else 0,
        low_ppb=slope.low_ppb if slope is not None else 0,
        high_ppb=slope.high_ppb if slope is not None else 0,
        basis=slope.basis if slope is not None else "none",
        n=slope.n if slope is not None else 0,
        span_ns=slope.span_ns if slope is not None else 0,
        regime=at.regime,
        earliest_ns=_at_most(projection.earliest_ns),
        latest_ns=_at_most(projection.latest_ns),
        reaches=projection.reaches,
        more_ns=projection.more_ns,
        step_count=at.step_count,
        steps=tuple((s.mono_ns, s.amount_ns) for s in at.steps),
    )
