"""Readings gathered into buckets: the tightest of each ten seconds, and the steps between them."""

from __future__ import annotations

import msgspec

BUCKET_NS = 10_000_000_000
"""Best of ten readings at 1 Hz: the smallest round trip cuts the tail of a path's noise 2-11 times."""

SLEW_PPB = 150_000_000
"""Faster than any slewing. chronyd corrects by at most 100,000 ppm (the kernel's tick, adjtimex(2)), ntpd
and timesyncd by 500 ppm; a guest's own rate is added to that, 30,000-60,000 ppm where it is very bad.
"""


class Bucket(msgspec.Struct, frozen=True):
    """One reading that stands for its ten seconds.

    `step_ns` is the jump of the clock just before it, 0 for none. `grain_ns`: how coarse the guest
    shows its clock; errors of that size are not noise and do not average out.
    """

    mono_ns: int
    offset_ns: int
    bound_ns: int
    grain_ns: int = 0
    step_ns: int = 0

    @property
    def slot(self) -> int:
        """Number of its ten seconds since CLOCK_BOOTTIME's zero."""
        return self.mono_ns // BUCKET_NS


class Gatherer:
    """Takes readings in order of time and gives a bucket whenever one is full: O(1) a reading."""

    __slots__ = ("_best", "_grain", "_last", "_slot", "_step")

    def __init__(self) -> None:
        self._last: tuple[int, int, int] | None = None
        self._slot = 0
        self._best: tuple[int, int, int] | None = None
        self._grain = 0
        self._step = 0

    def copy(self) -> Gatherer:
        """An independent one in the same state."""
        other = Gatherer()
        other._last, other._slot, other._best = self._last, self._slot, self._best
        other._grain, other._step = self._grain, self._step
        return other

    @property
    def last(self) -> tuple[int, int, int] | None:
        """The newest reading: mono, offset and bound in ns."""
        return self._last

    def add(self, mono_ns: int, offset_ns: int, bound_ns: int, grain_ns: int) -> Bucket | None:
        """Take a reading; the bucket it completed, if any. A reading not newer than the last is ignored.

        A step closes the bucket too: what lies on its two sides has nothing in common.
        """
        step = 0
        if self._last is not None:
            last_mono, last_offset, last_bound = self._last
            if mono_ns <= last_mono:
                return None
            jump = offset_ns - last_offset
            if abs(jump) - bound_ns - last_bound > (mono_ns - last_mono) * SLEW_PPB // 1_000_000_000:
                step = jump
        self._last = (mono_ns, offset_ns, bound_ns)
        slot = mono_ns // BUCKET_NS
        if self._best is not None and slot == self._slot and not step:
            if bound_ns < self._best[2]:
                self._best = self._last
            if grain_ns > self._grain:
                self._grain = grain_ns
            return None
        full = Bucket(*self._best, self._grain, self._step) if self._best is not None else None
        self._slot, self._best, self._grain, self._step = slot, self._last, grain_ns, step
        return full
