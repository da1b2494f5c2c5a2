"""The stretch of buckets one line is fitted to.

It starts anew after a step, and keeps its newer half when the rate has changed: when no line goes
through all its intervals any more, or when the rates of its two halves differ by much more than their
intervals, or by more and the residuals have too few runs (few runs alone are no reason to forget
anything: noise that remembers itself has them too).
"""

from __future__ import annotations

from typing import Literal

import msgspec

from cutover_tui.core.estimate.bucket import Bucket
from cutover_tui.core.estimate.hard import PPB, HardSlope
from cutover_tui.core.estimate.signs import too_few_runs
from cutover_tui.core.estimate.sums import Fit, Sums, sums_of
from cutover_tui.core.estimate.theil_sen import medians, theil_sen

LOOK_EVERY = 15
"""Buckets between two looks at halves and signs: 2.5 minutes; fewer have no halves worth a comparison."""

ROBUST_EVERY = 30
"""Buckets between two comparisons with the robust slope: 5 minutes."""

NARROWER = 200
"""Statistics may narrow the hard bounds so many times and no more: residuals without any noise are those
of a coarse or a simulated clock, and no certainty.
"""

STEPS_KEPT = 8
"""Amounts of steps that are remembered; they are counted beyond that."""


class Step(msgspec.Struct, frozen=True):
    """A jump of the clock: when it was first seen, and by how much (new minus old)."""

    mono_ns: int
    amount_ns: int


class Slope(msgspec.Struct, frozen=True):
    """The rate of a clock: a middle, and an interval that holds it.

    `basis` says what the interval rests on: *statistics*: least squares at 95 %, inside the hard
    bounds; *bounds*: the hard bounds alone, because there are too few buckets, the residuals are one
    slow movement, or the two ways to take a slope disagree. The hard bounds hold as long as the
    readings' own bounds do and the rate stayed the same.
    """

    ppb: int
    low_ppb: int
    high_ppb: int
    hard_low_ppb: int
    hard_high_ppb: int
    basis: Literal["statistics", "bounds"]
    since_ns: int  # mono of its first and last bucket
    until_ns: int
    n: int

    @property
    def span_ns(self) -> int:
        return self.until_ns - self.since_ns


class Segment:
    """Buckets from a fixed moment on, and the line through the newest of them.

    A fold: what it says depends on the buckets it was given and on nothing else.
    """

    __slots__ = (
        "_grain",
        "_hard",
        "_looked",
        "_lost",
        "_robust_says_no",
        "_slope",
        "_sums",
        "_unsteady",
        "bends",
        "buckets",
        "looks_from",
        "set_count",
        "step_count",
        "steps",
    )

    def __init__(self, looks_from_slot: int) -> None:
        """`looks_from_slot`: the first slot whose buckets are looked at as a whole (signs, robust slope)."""
        self.looks_from = looks_from_slot
        self.buckets: list[Bucket] = []
        self.steps: list[Step] = []
        self.step_count = 0
        self.set_count = 0
        """Steps that somebody set: no pause of the guest, nor what gives back what it lost by one."""
        self.bends = 0
        self._sums = Sums()
        self._hard = HardSlope()
        self._grain = 0
        self._lost = 0
        self._unsteady = 0
        self._looked = False
        self._robust_says_no = False
        self._slope: Slope | None = None

    def copy(self) -> Segment:
        """An independent one in the same state."""
        other = Segment(self.looks_from)
        other.buckets, other.steps = self.buckets[:], self.steps[:]
        other.step_count, other.bends = self.step_count, self.bends
        other.set_count, other._lost = self.set_count, self._lost
        other._sums, other._hard = self._sums.copy(), self._hard.copy()
        other._unsteady, other._looked = self._unsteady, self._looked
        other._grain, other._robust_says_no, other._slope = self._grain, self._robust_says_no, self._slope
        return other

    def add(self, bucket: Bucket) -> None:
        """Take the next bucket: O(1) but for the looks at the whole, which are seldom."""
        self._slope = None
        if not self._append(bucket):
            self.bends += 1
            while not self._keep(self.buckets[(len(self.buckets) + 1) // 2 :]):
                pass
        if bucket.slot >= self.looks_from:
            self._look()

    def step(self, mono_ns: int, amount_ns: int, paused_ns: int = 0) -> None:
        """The clock has jumped: what comes now has nothing to do with what was.

        `paused_ns`: the most it lost where that may be a pause, else 0. A step forward by no more than pauses took is
        what puts them right: a guest that a backup or a migration held up has no second master.
        """
        self.step_count += 1
        if paused_ns:
            self._lost += paused_ns
        else:
            self.set_count += not 0 < amount_ns <= self._lost
            self._lost = 0
        self.steps = [*self.steps, Step(mono_ns, amount_ns)][-STEPS_KEPT:]
        self.restart()

    def restart(self) -> None:
        """What comes now is compared with another clock than what was."""
        self._slope = None
        self._keep([])

    def slope(self) -> Slope | None:
        """The rate now; None below three buckets since the last step."""
        if self._slope is None and len(self.buckets) >= 3:
            self._slope = self._estimate()
        return self._slope

    def _append(self, bucket: Bucket) -> bool:
        if not self.buckets:
            self._sums, self._hard, self._grain = Sums(), HardSlope(), 0
        self.buckets.append(bucket)
        self._grain = max(self._grain, bucket.grain_ns)
        origin = self.buckets[0]
        x, y = bucket.mono_ns - origin.mono_ns, bucket.offset_ns - origin.offset_ns
        self._sums.add(x, y)
        return self._hard.add(x, y, bucket.bound_ns)

    def _keep(self, buckets: list[Bucket]) -> bool:
        """Go on with these alone; False when no line goes through them either."""
        self.buckets, self._robust_says_no, self._unsteady = [], False, 0
        straight = True
        for bucket in buckets:
            straight = self._append(bucket)
        return straight

    def _estimate(self) -> Slope:
        first, last = self.buckets[0], self.buckets[-1]
        hard = self._hard.ppb()
        assert hard is not None  # noqa: S101 - three buckets have a line, or they would have been halved
        low, high = hard
        middle = (low + high) // 2
        basis: Literal["statistics", "bounds"] = "bounds"
        fit = self._sums.fit()
        half = self._half(fit, (high - low) // (2 * NARROWER) + 1)
        if fit is not None and half is not None and not self._robust_says_no:
            inner = max(low, fit.slope_ppb - half), min(high, fit.slope_ppb + half)
            if inner[0] <= inner[1]:
                low, high = inner
                middle, basis = min(max(fit.slope_ppb, low), high), "statistics"
        return Slope(
            ppb=middle,
            low_ppb=low,
            high_ppb=high,
            hard_low_ppb=hard[0],
            hard_high_ppb=hard[1],
            basis=basis,
            since_ns=first.mono_ns,
            until_ns=last.mono_ns,
            n=len(self.buckets),
        )

    def _half(self, fit: Fit | None, least: int) -> int | None:
        """The statistical half-width, how unsteady the rate was, and what the coarsest grain may tilt a line by."""
        if fit is None or fit.half_ppb is None:
            return None
        span = self.buckets[-1].mono_ns - self.buckets[0].mono_ns
        return max(fit.half_ppb, least) + self._unsteady + self._grain * PPB // span

    def _look(self) -> None:
        """Now and then, and as soon as it is asked for, look at all buckets together."""
        n, first = len(self.buckets), not self._looked
        if n < LOOK_EVERY or (n % LOOK_EVERY and not first):
            return
        self._looked = True
        self._look_at_halves()
        if len(self.buckets) == n and (first or n % ROBUST_EVERY == 0):
            self._robust_says_no = self._disagree()

    def _look_at_halves(self) -> None:
        """Did the rate change between the two halves, beyond what their intervals allow?

        If so, and the residuals of the whole have too few runs or the change is large, only the newer
        half counts. What it changed by, it may change by again: the interval widens by that, and by
        half of it where half of the time is left.
        """
        n = len(self.buckets)
        older, newer = (self.buckets[: n // 2], self.buckets[n // 2 :])
        before, now = sums_of(older, older[0]).fit(), sums_of(newer, newer[0]).fit()
        self._unsteady = 0
        if before is None or now is None or before.half_ppb is None or now.half_ppb is None:
            return
        apart, allowed = abs(before.slope_ppb - now.slope_ppb), before.half_ppb + now.half_ppb
        if apart <= allowed:
            return
        if 2 * apart > 3 * allowed or self._few_runs():
            self.bends += 1
            self._keep(newer)
            self._unsteady = apart // 2
        else:
            self._unsteady = apart

    def _few_runs(self) -> bool:
        scale, a, b = self._sums.line()
        origin = self.buckets[0]
        x0, y0 = origin.mono_ns, origin.offset_ns
        return too_few_runs(scale * (p.offset_ns - y0) > a + b * (p.mono_ns - x0) for p in self.buckets)

    def _disagree(self) -> bool:
        """Whether the robust slope lies elsewhere than least squares, both with their intervals."""
        fit = self._sums.fit()
        if fit is None or fit.half_ppb is None:
            return False  # no interval to disagree with
        low, _, high = theil_sen(medians(self.buckets))
        return low > fit.slope_ppb + fit.half_ppb or high < fit.slope_ppb - fit.half_ppb
