"""Between what limits a clock lies that shows whole seconds, or not much more, from several answers.

An answer given between `sent` and `received` shows that the clock then was at least `from` and
less than `before`: for a second it names, its beginning and the next one's. Its offset lies in
[from − received, before − sent). Intervals of several answers are intersected; an answer aimed
at the moment in which the clock's second should change halves what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cutover_tui.core.runbook import MINUTE, SECOND
from probes.observation import Instant

WANDER_PPM = 100
"""How far two clocks may run apart between two answers, as for references."""

USED_NS = 10 * MINUTE
"""Older answers are not intersected: the clock may have been set since."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One answer: BOOTTIME of the jump host around it, UTC limits of what the clock then was."""

    sent_ns: int
    received_ns: int
    from_ns: int
    before_ns: int


@dataclass(frozen=True, slots=True)
class SecondInterval:
    """The clock minus the session timescale at `mono_ns`, in [low_ns, high_ns]."""

    mono_ns: int
    low_ns: int
    high_ns: int
    answers: int
    jumped: bool
    """Whether older answers contradict the newer ones: the clock was set in between, or does not run."""

    @property
    def middle_ns(self) -> int:
        return (self.low_ns + self.high_ns) // 2

    @property
    def bound_ns(self) -> int:
        return (self.high_ns - self.low_ns + 1) // 2


def intersect(answers: Sequence[Shown], anchor: Instant, now_ns: int) -> SecondInterval | None:
    """What the answers of *one* clock, oldest first, allow it to be at `now_ns`; None without any.

    From the newest back to the first that contradicts the newer ones, and no farther than USED_NS.
    """
    found: SecondInterval | None = None
    for shown in reversed(answers):
        if not now_ns - USED_NS <= shown.received_ns <= now_ns:
            continue
        wander = (now_ns - shown.received_ns) * WANDER_PPM // 1_000_000
        low = shown.from_ns - anchor.on_timescale(shown.received_ns) - wander
        high = shown.before_ns - anchor.on_timescale(shown.sent_ns) + wander
        if found is None:
            found = SecondInterval(now_ns, low, high, 1, jumped=False)
            continue
        low, high = max(low, found.low_ns), min(high, found.high_ns)
        if low > high:
            return SecondInterval(now_ns, found.low_ns, found.high_ns, found.answers, jumped=True)
        found = SecondInterval(now_ns, low, high, found.answers + 1, jumped=False)
    return found


def next_flip(middle_ns: int, anchor: Instant, from_ns: int) -> int:
    """BOOTTIME not before `from_ns` at which the second of a clock with that offset changes.

    An answer given then shows on which side of that offset the clock is.
    """
    return from_ns + -(anchor.on_timescale(from_ns) + middle_ns) % SECOND
