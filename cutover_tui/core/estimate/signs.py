"""Runs test: do the residuals of a line change their sign as often as noise does?"""

from __future__ import annotations

from collections.abc import Iterable

Z_SQUARED_MILLI = 9_550
"""3.09²: less than one in a thousand (one-sided) for noise without memory."""


def too_few_runs(above: Iterable[bool]) -> bool:
    """Whether a sequence of signs has significantly few runs (A. Wald, J. Wolfowitz, 1940)."""
    up = down = runs = 0
    before: bool | None = None
    for sign in above:
        if sign:
            up += 1
        else:
            down += 1
        runs += sign is not before
        before = sign
    n = up + down
    twice = 2 * up * down
    if n < 10 or twice <= n:
        return False
    # mean = twice/n + 1, variance = twice (twice − n)/(n² (n − 1)); all multiplied by n
    short = twice + n - runs * n
    return short > 0 and short * short * (n - 1) * 1000 > Z_SQUARED_MILLI * twice * (twice - n)
