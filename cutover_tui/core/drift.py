"""How fast a clock runs against the references: a slope over the newest minutes, or nothing.

A first estimate for the eye; it opens no gate.
"""

from __future__ import annotations

from collections.abc import Sequence

from cutover_tui.core.checks.time_offset import Reading
from cutover_tui.core.runbook import SECOND

BUCKET_NS = 8 * SECOND
"""Best of eight samples: the one with the smallest bound cuts the tail of the path's noise 2-11 times."""

LEAST_NS = 24 * SECOND


def drift_ppb(readings: Sequence[Reading]) -> int | None:
    """Least-squares slope of the best reading of each bucket, in ppb; None below three buckets."""
    best: dict[int, Reading] = {}
    for r in readings:
        slot = r.mono_ns // BUCKET_NS
        if slot not in best or r.bound_ns < best[slot].bound_ns:
            best[slot] = r
    points = list(best.values())
    if len(points) < 3 or points[-1].mono_ns - points[0].mono_ns < LEAST_NS:
        return None
    n = len(points)
    x0, y0 = points[0].mono_ns, points[0].offset_ns
    xs = [(p.mono_ns - x0) // 1_000_000 for p in points]  # ms, so that squares stay small
    ys = [p.offset_ns - y0 for p in points]
    sx, sy = sum(xs), sum(ys)
    sxx = sum(x * x for x in xs)
    sxy = sum(x * y for x, y in zip(xs, ys, strict=True))
    below = n * sxx - sx * sx
    return (n * sxy - sx * sy) * 1000 // below if below else None
