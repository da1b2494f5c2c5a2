"""A guest's clock as screens follow it: every sample is compared with the references once, not at each look.

What is older than any answer may be late cannot change any more and is settled. Of the rest only that is
compared again which came after the newest answer of a clock.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from cutover_tui.core.checks.clocks.readings import GAP_NS, Reading, reading
from cutover_tui.core.checks.clocks.references import Standing
from cutover_tui.core.checks.clocks.standing_words import name
from cutover_tui.core.checks.clocks.witness import HOLDS, Witness
from cutover_tui.core.runbook import SECOND
from cutover_tui.core.sample_columns import SampleColumns
from cutover_tui.engine.clock.curves import ASKED_EVERY_16_S, READ_EVERY_SECOND, Curve
from cutover_tui.engine.port import ClockPoint

SETTLED_NS = 90 * SECOND
"""How old a sample is that no answer under way can change: far more than an exchange takes."""

_Told = tuple[int, ClockPoint | None]
"""When a sample was taken, and guest minus reference; None where nobody could tell."""


@dataclass(slots=True)
class Stretch:
    """How long |offset| + bound has kept `limit_ns` without a gap: what a soak of `time.offset` counts."""

    limit_ns: int
    since_ns: int | None = None
    last_ns: int | None = None

    def take(self, mono_ns: int, point: ClockPoint | None) -> None:
        """The next sample."""
        if point is None or abs(point.offset_ns) + point.bound_ns > self.limit_ns:
            self.since_ns = None
        elif self.since_ns is None or (self.last_ns is not None and mono_ns - self.last_ns > GAP_NS):
            self.since_ns = mono_ns
        self.last_ns = mono_ns

    def held_ns(self, after_ns: int) -> int:
        """How long, of what came at `after_ns` or later."""
        if self.since_ns is None or self.last_ns is None:
            return 0
        return max(0, self.last_ns - max(self.since_ns, after_ns))


@dataclass(slots=True)
class ClockHistory:
    """Guest minus the time guests are judged by, of one guest."""

    limit_ns: int
    _settled: Curve = field(init=False)
    _settled_ns: int = field(init=False)
    _stretch: Stretch = field(init=False)
    _recent: list[_Told] = field(init=False)  # not settled
    _line: Sequence[Standing] = field(init=False)
    _answers: int = field(init=False)  # of the line, when `_recent` was compared with it

    def __post_init__(self) -> None:
        self._begin(())

    def _begin(self, line: Sequence[Standing]) -> None:
        self._settled, self._settled_ns = Curve(READ_EVERY_SECOND, GAP_NS), -1
        self._stretch = Stretch(self.limit_ns)
        self._recent, self._line, self._answers = [], line, 0

    def follow(self, samples: SampleColumns, line: Sequence[Standing], until_ns: int) -> None:
        """Take what came since the last call.

        `line` only ever grows; another one (the guest has begun to ask clocks itself) compares everything anew.
        """
        if line is not self._line:
            self._begin(line)
        self._doubt(samples, line)
        seen_ns = self._recent[-1][0] if self._recent else self._settled_ns
        told = self._recent
        i, last = max(0, bisect_right(line, seen_ns, key=_at) - 1), len(line) - 1
        for sample in samples.between(seen_ns, until_ns):
            while i < last and line[i + 1].mono_ns <= sample.mono_ns:
                i += 1
            r = reading(sample, line[i : i + 1])
            told.append((sample.mono_ns, _point(r) if r is not None else None))
        self._settle(until_ns - SETTLED_NS)

    def _doubt(self, samples: SampleColumns, line: Sequence[Standing]) -> None:
        """Forget what a new answer changes, and all that is not settled after the tape lost a sample."""
        recent, new = self._recent, line[self._answers :]
        if new:
            first_ns = min(at.mono_ns for at in new) if self._answers else -1
            del recent[bisect_left(recent, first_ns, key=_moment) :]
            self._answers = len(line)
        if recent:
            there = bisect_right(samples.mono, recent[-1][0]) - bisect_left(samples.mono, recent[0][0])
            if there != len(recent):
                recent.clear()

    def _settle(self, until_ns: int) -> None:
        recent = self._recent
        done = bisect_right(recent, until_ns, key=_moment)
        if not done:
            return
        self._settled.extend(point for _, point in recent[:done] if point is not None)
        for mono_ns, point in recent[:done]:
            self._stretch.take(mono_ns, point)
        self._settled_ns = recent[done - 1][0]
        del recent[:done]

    @property
    def last(self) -> ClockPoint | None:
        """The newest reading."""
        return next((p for _, p in reversed(self._recent) if p is not None), self._settled.last)

    def between(self, since_ns: int, until_ns: int, points: int) -> tuple[ClockPoint, ...]:
        """About `points` readings of a stretch, extremes kept; what is not settled is not thinned."""
        old = self._settled.between(since_ns, until_ns, points)
        return (*old, *(p for mono, p in self._recent if p is not None and since_ns <= mono <= until_ns))

    def gaps(self, since_ns: int, until_ns: int) -> tuple[tuple[int, int], ...]:
        """The stretches without a reading (last before, first after) that lie there at least in part."""
        found = self._settled.gaps_between(since_ns, until_ns)
        before = self._settled.last.mono_ns if self._settled.last is not None else None
        for mono, point in self._recent:
            if point is None:
                continue
            if before is not None and mono - before > GAP_NS and mono > since_ns and before < until_ns:
                found.append((before, mono))
            before = mono
        return tuple(found)

    def held_ns(self, after_ns: int) -> int:
        """How long the offset has kept the limit, of what came at `after_ns` or later."""
        now = Stretch(self.limit_ns, self._stretch.since_ns, self._stretch.last_ns)
        for mono_ns, point in self._recent:
            now.take(mono_ns, point)
        return now.held_ns(after_ns)


@dataclass(slots=True)
class Asked:
    """One clock that is asked: whether it is of the domain, how long an answer speaks, the answers and the last one."""

    controller: bool
    holds_ns: int
    curve: Curve
    last_ns: int = -1


@dataclass(slots=True)
class ReferenceHistory:
    """The clocks that are asked, against the time guests are judged by: what a drawn line of each shows."""

    clocks: dict[str, Asked] = field(default_factory=dict)  # as `standing_words.name` calls them
    _line: Sequence[Standing] = ()
    _taken: int = 0

    def follow(self, line: Sequence[Standing]) -> None:
        """Take the answers since the last call. Where nobody can be judged there is no point."""
        if line is not self._line:
            self.clocks, self._line, self._taken = {}, line, 0
        for at in line[self._taken :]:
            for controller, witnesses in ((False, at.independents), (True, at.controllers)):
                for witness in witnesses:
                    self._take(at, witness, controller)
        self._taken = len(line)

    def _take(self, at: Standing, witness: Witness, controller: bool) -> None:
        asked = self.clocks.get(name(witness))
        if asked is None:
            holds_ns = HOLDS[witness.kind]
            asked = Asked(controller, holds_ns, Curve(ASKED_EVERY_16_S, holds_ns))
            self.clocks[name(witness)] = asked
        if witness.mono_ns <= asked.last_ns:
            return
        asked.last_ns = witness.mono_ns
        if at.guests is not None:
            off, bound = witness.offset_ns - at.guests.offset_ns, witness.bound_at(at.mono_ns)
            asked.curve.extend((ClockPoint(witness.mono_ns, off, bound + at.guests.bound_ns),))


def _point(r: Reading) -> ClockPoint:
    return ClockPoint(r.mono_ns, r.offset_ns, r.bound_ns)


def _at(standing: Standing) -> int:
    return standing.mono_ns


def _moment(told: _Told) -> int:
    return told[0]
