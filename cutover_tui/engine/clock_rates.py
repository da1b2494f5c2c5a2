"""How fast guests' clocks run, for screens: the figures of `time.projection`, without reading all again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cutover_tui.core.checks.references import Standing
from cutover_tui.core.checks.registry import asked
from cutover_tui.core.checks.time_projection import readings
from cutover_tui.core.checks.witness import HOLD_NS
from cutover_tui.core.estimate.estimator import Estimate, Estimator, begin_ns
from cutover_tui.core.estimate.projection import project
from cutover_tui.core.evidence import SampleColumns
from cutover_tui.core.runbook import MINUTE, GateCheck, Runbook
from cutover_tui.engine.port import ClockRate
from probes.observation import Sample

FORGOTTEN_NS = 2 * MINUTE
"""A rate is about now: nothing is said of a clock that has not been read for so long."""


@dataclass(slots=True)
class ClockRates:
    """An estimator a host. What is older than the references' hold cannot change any more and is taken once."""

    _kept: dict[str, tuple[int, int, Estimator]] = field(default_factory=dict)  # void, taken up to, what

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
        void, done_ns, kept = self._kept.get(host, (-2, 0, Estimator()))
        oldest_ns = max(void_ns, begin_ns(until_ns) - 1)
        if void != void_ns or done_ns < oldest_ns:  # a new disturbance, or nobody has asked for long
            done_ns, kept = oldest_ns, Estimator()
        settled_ns = max(done_ns, until_ns - HOLD_NS)
        _take(kept, samples.between(done_ns, settled_ns), line)
        self._kept[host] = void_ns, settled_ns, kept
        now = kept.copy()
        _take(now, samples.between(settled_ns, until_ns), line)
        return now.estimate()


def _take(estimator: Estimator, samples: Sequence[Sample], line: Sequence[Standing]) -> None:
    for told in readings(samples, line):
        estimator.add(*told)


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
        earliest_ns=projection.earliest_ns,
        latest_ns=projection.latest_ns,
        reaches=projection.reaches,
        more_ns=projection.more_ns,
        step_count=at.step_count,
        steps=tuple((s.mono_ns, s.amount_ns) for s in at.steps),
    )
