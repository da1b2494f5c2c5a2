"""Least squares in exact integers: slope, standard error, and how long the residuals remember.

Sums are of Python's integers, so adding in one go or one by one, from whatever origin, gives
the same fractions; only what leaves here is rounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isqrt

import msgspec

from cutover_tui.core.estimate.bucket import Bucket
from cutover_tui.core.estimate.hard import PPB

MILLION = 1_000_000

LEAST = 6
"""Below six points the standard error itself is too uncertain to be called one."""

HIGHEST_PPM = 980_000
"""Lag-1 correlation from which the residuals are one slow movement and no noise: no interval then."""

# Student's t, 0.975 quantile in thousandths, for 1 to 12 degrees of freedom (any statistical table).
_T = (0, 12706, 4303, 3182, 2776, 2571, 2447, 2365, 2306, 2262, 2228, 2201, 2179)


def student_milli(freedom: int) -> int:
    """0.975 quantile of Student's t in thousandths; beyond the table by its expansion, to 0.2 %."""
    if freedom < len(_T):
        return _T[max(1, freedom)]
    return 1960 + 2372 // freedom + 2822 // (freedom * freedom)


class Fit(msgspec.Struct, frozen=True):
    """A line through buckets: slope in ppb, its 95 % half-width (None: cannot be told), lag-1 correlation."""

    slope_ppb: int
    half_ppb: int | None
    se_ppb: int
    r1_ppm: int


class Sums:
    """Sums over points (x, y) in ns, in order of x; O(1) a point."""

    __slots__ = ("_end", "_pxx", "_pxy", "_pyy", "_start", "_sx", "_sxx", "_sxy", "_sy", "_syy", "n")

    def __init__(self) -> None:
        self.n = 0
        self._start = (0, 0)
        self._end = (0, 0)
        self._sx = self._sy = self._sxx = self._sxy = self._syy = 0
        self._pxx = self._pxy = self._pyy = 0  # products of neighbours

    def copy(self) -> Sums:
        """An independent one in the same state."""
        other = Sums()
        for name in Sums.__slots__:
            setattr(other, name, getattr(self, name))
        return other

    def add(self, x_ns: int, y_ns: int) -> None:
        """Take the next point. Origins near the points keep the numbers small; they change nothing else."""
        if self.n:
            x0, y0 = self._end
            self._pxx += x0 * x_ns
            self._pxy += x0 * y_ns + x_ns * y0
            self._pyy += y0 * y_ns
        else:
            self._start = (x_ns, y_ns)
        self._end = (x_ns, y_ns)
        self.n += 1
        self._sx += x_ns
        self._sy += y_ns
        self._sxx += x_ns * x_ns
        self._sxy += x_ns * y_ns
        self._syy += y_ns * y_ns

    def line(self) -> tuple[int, int, int]:
        """(n·D, a, b) of the fitted line: n·D·y = a + b·x, exactly."""
        n, sx, sy = self.n, self._sx, self._sy
        below = n * self._sxx - sx * sx
        above = n * self._sxy - sx * sy
        return n * below, sy * below - above * sx, above * n

    def fit(self) -> Fit | None:
        """Slope with its interval; None below three points."""
        n, sx, sy = self.n, self._sx, self._sy
        if n < 3:
            return None
        below = n * self._sxx - sx * sx
        above = n * self._sxy - sx * sy
        slope = above * PPB // below
        # n·D·SSE and the slope's variance SSE/(n − 2)/(D/n), in ppb²
        left = (n * self._syy - sy * sy) * below - above * above
        variance = left * PPB * PPB // (below * below * (n - 2))
        se = isqrt(variance)
        if left == 0:
            return Fit(slope, 0 if n >= LEAST else None, 0, 0)
        scale, a, b = self.line()
        (x1, y1), (xn, yn) = self._start, self._end
        ends_x, ends_y = 2 * sx - x1 - xn, 2 * sy - y1 - yn
        together = (
            scale * (scale * self._pyy - a * ends_y - b * self._pxy)
            + a * b * ends_x
            + a * a * (n - 1)
            + b * b * self._pxx
        )
        r1 = together * MILLION // (scale * left)
        return Fit(slope, _half(n, variance, r1), se, r1)


def sums_of(buckets: Iterable[Bucket], origin: Bucket) -> Sums:
    """The sums of buckets relative to one of them."""
    sums = Sums()
    for bucket in buckets:
        sums.add(bucket.mono_ns - origin.mono_ns, bucket.offset_ns - origin.offset_ns)
    return sums


def _half(n: int, variance: int, r1_ppm: int) -> int | None:
    """95 % half-width for noise whose neighbours correlate by r1: t·se·√((1 + r)/(1 − r)).

    A correlation measured on the residuals of a line is too small by about (2 + 4r)/n
    (M. G. Kendall, "Note on bias in the estimation of autocorrelation", 1954, carried to a
    trend); it is put back. Below zero it is not believed.
    """
    if n < LEAST:
        return None
    r = max(0, (r1_ppm * n + 2 * MILLION) // (n - 4))
    if r > HIGHEST_PPM:
        return None
    worth = n * (MILLION - r) // (MILLION + r)  # so many points without memory
    t = student_milli(worth - 2)
    return isqrt(variance * t * t * (MILLION + r) // (MILLION - r)) // 1000 + 1
