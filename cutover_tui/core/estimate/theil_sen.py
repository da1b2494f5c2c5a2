"""The median of all pairwise slopes: a slope that a third of wild points cannot move (H. Theil, P. K. Sen)."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

from cutover_tui.core.estimate.bucket import Bucket
from cutover_tui.core.estimate.hard import PPB

GROUPS = 40
"""Medians it is taken over: 780 slopes, some 0.2 ms."""


def medians(buckets: Sequence[Bucket]) -> list[tuple[int, int]]:
    """At most `GROUPS` points (mono, offset): the middle one by offset of each run of neighbours."""
    size = -(-len(buckets) // GROUPS)
    points: list[tuple[int, int]] = []
    for i in range(0, len(buckets), size):
        group = sorted(buckets[i : i + size], key=lambda b: (b.offset_ns, b.mono_ns))
        middle = group[len(group) // 2]
        points.append((middle.mono_ns, middle.offset_ns))
    return sorted(points)


def theil_sen(points: Sequence[tuple[int, int]]) -> tuple[int, int, int]:
    """Lower end, median and upper end in ppb of the slopes; the ends hold 95 % by Kendall's tau (Sen 1968).

    Args:
        points: at least three, x ascending.
    """
    slopes = sorted(
        (y2 - y1) * PPB // (x2 - x1) for i, (x1, y1) in enumerate(points) for x2, y2 in points[i + 1 :]
    )
    n, pairs = len(points), len(slopes)
    wide = 196 * isqrt(n * (n - 1) * (2 * n + 5) * 100 // 18) // 1000  # 1.96·√(n (n − 1)(2n + 5)/18)
    low = max(0, (pairs - wide) // 2)
    high = min(pairs - 1, (pairs + wide) // 2)
    return slopes[low], slopes[pairs // 2], slopes[high]
