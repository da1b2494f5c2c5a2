"""Readings in, estimate out. Bounded memory, O(1) amortised a reading.

Two segments overlap: time is cut into blocks by CLOCK_BOOTTIME, and at any moment the *elder* segment
began with the block before this one, the *younger* with this one; at a block's end the elder goes and
the younger takes its place. So the estimate rests on the last one to two blocks, nothing is ever
taken out of a sum, and who starts reading at `begin_ns` has the same estimate to the bit as
who has been listening all along.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from cutover_tui.core.estimate.bucket import BUCKET_NS, Gatherer
from cutover_tui.core.estimate.regime import Regime, regime
from cutover_tui.core.estimate.segment import Segment, Slope, Step

BLOCK_NS = 900_000_000_000
"""A window of 15 to 30 minutes: a clock that two masters fight over shows its steps in 15, and the
hard bounds of a path with 20 ms round trips are ±11 to 22 ppm, of the 1,157 that use up 300 s in 72 h.
"""


class Estimate(msgspec.Struct, frozen=True):
    """What is known of a clock at its newest reading.

    `steps` are the last few of `step_count` within the window; `set_count` of them are neither a pause of the guest nor
    what put it right again. `bends` counts changes of rate.
    """

    mono_ns: int
    offset_ns: int
    bound_ns: int
    slope: Slope | None
    steps: tuple[Step, ...]
    step_count: int
    set_count: int
    bends: int
    regime: Regime


def begin_ns(mono_ns: int, block_ns: int = BLOCK_NS) -> int:
    """From when on readings count for an estimate at `mono_ns`."""
    return (mono_ns // block_ns - 1) * block_ns


class Estimator:
    """Takes readings in order of time; `estimate` is cheap to ask after each."""

    __slots__ = ("_block", "_block_ns", "_elder", "_gatherer", "_younger")

    def __init__(self, block_ns: int = BLOCK_NS) -> None:
        """`block_ns`: a multiple of `BUCKET_NS`."""
        if block_ns <= 0 or block_ns % BUCKET_NS:
            raise ValueError("a block holds whole buckets")
        self._block_ns = block_ns
        self._block: int | None = None
        self._gatherer = Gatherer()
        self._elder = Segment(0)
        self._younger = Segment(0)

    def copy(self) -> Estimator:
        """An independent one in the same state: to look ahead with readings that may still change."""
        other = Estimator(self._block_ns)
        other._block, other._gatherer = self._block, self._gatherer.copy()
        other._elder, other._younger = self._elder.copy(), self._younger.copy()
        return other

    def add(self, mono_ns: int, offset_ns: int, bound_ns: int, grain_ns: int = 0, against: str = "") -> None:
        """Take a reading: guest minus references at `mono_ns`, true within `bound_ns`.

        `grain_ns` is how coarse the guest shows its clock. `against` names what it was compared with: when
        that changes, the window starts anew, and nobody has stepped the guest's clock. Readings not newer
        than the last are ignored.
        """
        gatherer = self._gatherer
        last = gatherer.last
        if last is not None and mono_ns <= last[0]:
            return
        full = gatherer.add(mono_ns, offset_ns, bound_ns, grain_ns, against)
        block = mono_ns // self._block_ns
        if full is not None:
            current = full.mono_ns // self._block_ns == self._block
            self._elder.add(full)
            if current:
                self._younger.add(full)
            if gatherer.step_ns:
                self._elder.step(mono_ns, gatherer.step_ns, gatherer.paused_ns)
                if current:
                    self._younger.step(mono_ns, gatherer.step_ns, gatherer.paused_ns)
            elif gatherer.changed:
                self._elder.restart()
                if current:
                    self._younger.restart()
        if block != self._block:
            self._turn(block)

    def begin(self, newest_ns: int) -> None:
        """Say beforehand when the newest reading will be, so that no segment is filled that nobody will ask."""
        self._turn(newest_ns // self._block_ns)

    def _turn(self, block: int) -> None:
        if self._block is not None and block < self._block:
            return
        slots = self._block_ns // BUCKET_NS
        if self._block is not None and block == self._block + 1:
            self._elder = self._younger
        else:
            self._elder = Segment(block * slots)
        self._younger = Segment((block + 1) * slots)
        self._block = block

    def estimate(self) -> Estimate | None:
        """What is known now; None without a reading."""
        last = self._gatherer.last
        if last is None:
            return None
        elder, slope = self._elder, self._elder.slope()
        return Estimate(
            mono_ns=last[0],
            offset_ns=last[1],
            bound_ns=last[2],
            slope=slope,
            steps=tuple(elder.steps),
            step_count=elder.step_count,
            set_count=elder.set_count,
            bends=elder.bends,
            regime=regime(slope, last[1], elder.set_count, elder.bends),
        )

    def buckets(self) -> tuple[tuple[int, int], ...]:
        """The points (mono, offset) the slope rests on."""
        return tuple((b.mono_ns, b.offset_ns) for b in self._elder.buckets)


def estimator_of(
    readings: Iterable[tuple[int, int, int, int, str]], newest_ns: int, block_ns: int = BLOCK_NS
) -> Estimator:
    """An estimator of readings (mono, offset, bound, grain, against) in order of time, the newest at `newest_ns`.

    Equal to one that has taken them one by one since long ago; what is too old to count is skipped.
    """
    since = begin_ns(newest_ns, block_ns)
    estimator = Estimator(block_ns)
    estimator.begin(newest_ns)
    for mono_ns, offset_ns, bound_ns, grain_ns, against in readings:
        if mono_ns >= since:
            estimator.add(mono_ns, offset_ns, bound_ns, grain_ns, against)
    return estimator
