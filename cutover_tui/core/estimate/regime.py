"""What the readings alone say about who keeps a clock. What a provider says of itself is not asked here."""

from __future__ import annotations

from typing import Literal

from cutover_tui.core.estimate.segment import Slope

Regime = Literal["saw-tooth", "free-running", "disciplined", "unknown"]
"""*saw-tooth*: stepped again and again: two masters, or one that corrects by jumps. *free-running*: one
straight line away from zero. *disciplined*: no rate to speak of. *unknown*: too short, or neither.
"""

SAW_TOOTH_STEPS = 2
"""One step is a correction; a second within half an hour means that something undoes the first."""

LONG_NS = 570_000_000_000
"""Ten minutes of buckets (from the first to the last): below it the intervals are wider than crystals differ."""

STILL_PPB = 2_000
"""Free-running crystals are off by 10-100 ppm (chrony FAQ); nobody's is within 2 ppm by itself for long."""


def regime(slope: Slope | None, offset_ns: int, steps: int, bends: int) -> Regime:
    """Classify a clock by its movement.

    A clock that moves towards zero is `unknown`: it may be corrected, or pass zero on its own way.
    """
    if steps >= SAW_TOOTH_STEPS:
        return "saw-tooth"
    if slope is None or slope.span_ns < LONG_NS:
        return "unknown"
    if max(abs(slope.low_ppb), abs(slope.high_ppb)) <= STILL_PPB:
        return "disciplined"
    away = slope.low_ppb > STILL_PPB if offset_ns > 0 else slope.high_ppb < -STILL_PPB
    return "free-running" if away and not bends else "unknown"
