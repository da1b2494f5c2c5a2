"""Readings gathered into buckets: the tightest of each ten seconds, and the steps between them."""

from __future__ import annotations

import msgspec

BUCKET_NS = 10_000_000_000
"""Best of ten readings at 1 Hz: the smallest round trip cuts the tail of a path's noise 2-11 times."""

SLEW_PPB = 150_000_000
"""Faster than any slewing. chronyd corrects by at most 100,000 ppm (the kernel's tick, adjtimex(2)), ntpd
and timesyncd by 500 ppm; a guest's own rate is added to that, 30,000-60,000 ppm where it is very bad.
"""

LATE_NS = 1_500_000_000
"""Readings come once a second; one that comes this late, its round trip included, may have met a guest that stood still."""


class Bucket(msgspec.Struct, frozen=True):
    """One reading that stands for its ten seconds.

    `grain_ns`: how coarse the guest shows its clock; errors of that size are not noise and do not average out.
    """

    mono_ns: int
    offset_ns: int
    bound_ns: int
    grain_ns: int = 0

    @property
    def slot(self) -> int:
        """Number of its ten seconds since CLOCK_BOOTTIME's zero."""
        return self.mono_ns // BUCKET_NS


class Gatherer:
    """Takes readings in order of time and gives a bucket whenever one is full: O(1) a reading."""

    __slots__ = ("_against", "_best", "_grain", "_slot", "changed", "last", "paused_ns", "step_ns")

    def __init__(self) -> None:
        self.last: tuple[int, int, int] | None = None
        """The newest reading: mono, offset and bound in ns."""
        self.step_ns = 0
        """The jump from the reading before to the newest, 0 when it is none."""
        self.paused_ns = 0
        """The most the guest has lost where that jump may be a pause, 0 where it is none: it falls behind by no more
        than the time in which it was not read.
        """
        self.changed = False
        """Whether the newest was compared with another clock than the one before."""
        self._against = ""
        self._slot = 0
        self._best: tuple[int, int, int] | None = None
        self._grain = 0

    def copy(self) -> Gatherer:
        """An independent one in the same state."""
        other = Gatherer()
        other.last, other.step_ns, other._slot = self.last, self.step_ns, self._slot
        other.paused_ns = self.paused_ns
        other._best, other._grain = self._best, self._grain
        other._against, other.changed = self._against, self.changed
        return other

    def add(self, mono_ns: int, offset_ns: int, bound_ns: int, grain_ns: int, against: str) -> Bucket | None:
        """Take a reading newer than the last; the bucket it completed, if any.

        A step closes the bucket too, and so does a comparison with another clock: what lies on its two
        sides has nothing in common.
        """
        self.step_ns = self.paused_ns = 0
        self.changed = self.last is not None and against != self._against
        self._against = against
        if self.last is not None and not self.changed:
            last_mono, last_offset, last_bound = self.last
            jump, bounds, gap = offset_ns - last_offset, bound_ns + last_bound, mono_ns - last_mono
            if abs(jump) - bounds > gap * SLEW_PPB // 1_000_000_000:
                self.step_ns = jump
                if jump < 0 and -jump <= gap + bounds >= LATE_NS:
                    self.paused_ns = bounds - jump
        self.last = (mono_ns, offset_ns, bound_ns)
        slot = mono_ns // BUCKET_NS
        if self._best is not None and slot == self._slot and not self.step_ns and not self.changed:
            if bound_ns < self._best[2]:
                self._best = self.last
            if grain_ns > self._grain:
                self._grain = grain_ns
            return None
        full = Bucket(*self._best, self._grain) if self._best is not None else None
        self._slot, self._best, self._grain = slot, self.last, grain_ns
        return full
