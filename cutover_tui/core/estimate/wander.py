"""How far a free-running clock may be at a horizon when its frequency wanders as it did while measured.

The white-noise interval of a slope says nothing about tomorrow's frequency: of clocks at 900 ppm that
wander by 50 ppm/√h it accepts all, and one in six passes 300 s within 72 h. This bound is for saying
`unknown`; it is blind to what it has not seen (temperature, a migration, a service turned off) and
no certificate.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import isqrt

from cutover_tui.core.estimate.sums import Sums

BLOCKS = 8
LEAST_POINTS = 4 * BLOCKS
_SECOND = 1_000_000_000
_Z_MILLI = 3_290  # 99.9 % two-sided
_CHI2_7_MILLI = 1_239  # 0.01 quantile of chi² with 7 degrees of freedom


def wander_bound(points: Sequence[tuple[int, int]], horizon_ns: int) -> int | None:
    """Greatest |offset| in ns at `horizon_ns` after the last point (mono, offset), at 99.9 %.

    None below 32 points. The stretch is cut into 8; how much the slopes of neighbours differ beyond
    their errors gives the frequency's random walk q² (taken at its 99 % upper limit), and

        U = |y + b·H| + 3.29·√((se·H)² + q²·S·H²/3 + q²·H³/3)

    with S the stretch and H the horizon.
    """
    n = len(points)
    if n < LEAST_POINTS:
        return None
    whole = _fit(points)
    parts = [_fit(points[n * k // BLOCKS : n * (k + 1) // BLOCKS]) for k in range(BLOCKS)]
    stretch = (points[-1][0] - points[0][0]) // _SECOND
    block, horizon = max(1, stretch // BLOCKS), horizon_ns // _SECOND
    squares = sum((b - a) ** 2 for (a, _), (b, _) in pairwise(parts))
    noise = sum(variance for _, variance in parts) // BLOCKS
    walk_milli = max(0, squares * 1_000_000 // _CHI2_7_MILLI - 2_000 * noise) // block  # ppb²/s, thousandths
    slope, variance = whole
    spread = variance * horizon**2 + walk_milli * (stretch * horizon**2 + horizon**3) // 3_000
    end = points[-1][1] + slope * horizon  # ppb·s = ns
    return abs(end) + _Z_MILLI * isqrt(spread) // 1000


def _fit(points: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Slope in ppb and its variance in ppb²."""
    x0, y0 = points[0]
    sums = Sums()
    for x, y in points:
        sums.add(x - x0, y - y0)
    fit = sums.fit()
    assert fit is not None  # noqa: S101 - four points or more
    return fit.slope_ppb, fit.se_ppb * fit.se_ppb
