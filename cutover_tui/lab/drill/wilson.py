"""The Wilson score interval of a proportion: what a count of hits can say, and how little."""

from __future__ import annotations

from math import sqrt

Z95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution: a two-sided 95 %."""


def interval(hits: int, of: int, z: float = Z95) -> tuple[float, float]:
    """The lower and upper end for `hits` of `of`, between 0 and 1; nothing seen says nothing: (0, 1).

    The ends are the two proportions p with |hits/of - p| = z sqrt(p (1 - p) / of). Source: E. B.
    Wilson, "Probable inference, the law of succession, and statistical inference", Journal of
    the American Statistical Association 22 (1927) 209-212; in this form R. G. Newcombe,
    "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17
    (1998) 857-872, method 3 (without continuity correction).

    Raises:
        ValueError: not 0 <= hits <= of.
    """
    if not 0 <= hits <= of:
        raise ValueError(f"{hits} hits of {of}")
    if of == 0:
        return 0.0, 1.0
    square = z * z
    middle = 2 * hits + square
    half = z * sqrt(square + 4 * hits * (of - hits) / of)
    whole = 2 * (of + square)
    # The formula gives these two ends exactly; its arithmetic only nearly.
    low = 0.0 if hits == 0 else max(0.0, (middle - half) / whole)
    high = 1.0 if hits == of else min(1.0, (middle + half) / whole)
    return low, high
