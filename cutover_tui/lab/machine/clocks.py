"""A simulated clock: pure arithmetic on integers, with true time as an argument.

A clock is a straight line from its last event: what it showed then, its own rate error, the
correction somebody applies to that rate, and a slew that is still being worked off. Times
are nanoseconds, rates parts per billion. Every change starts a new line (`at`), so reading
twice gives the same answer and nothing accumulates rounding errors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

PPB = 1_000_000_000
MAX_SLEW_PPB = 83_333_333
"""chronyd's default maxslewrate (chrony.conf(5): 83333.333 ppm)."""
WANDER_NS = 97_000_000_000
"""Period of a clock's wandering: no divisor of any polling interval."""
MAX_CORRECTION_PPB = 100_000_000
"""What Linux lets a daemon correct by tick and frequency together: 10 %."""


def part(amount_ns: int, rate_ppb: int) -> int:
    """`amount_ns` × rate, rounded towards zero as a counter in hardware would."""
    product = abs(amount_ns * rate_ppb) // PPB
    return product if (amount_ns >= 0) == (rate_ppb >= 0) else -product


@dataclass(frozen=True, slots=True)
class SimClock:
    """One clock. `shown` is what it read at `since` (true UTC, both ns)."""

    since: int
    shown: int
    rate_ppb: int = 0
    correction_ppb: int = 0
    slew_ns: int = 0  # still to be added, either sign
    slew_ppb: int = MAX_SLEW_PPB
    noise_ns: int = 0  # how far its readings wander to either side
    phase_ns: int = 0

    @classmethod
    def wrong_by(cls, true_ns: int, offset_ns: int, rate_ppb: int = 0) -> SimClock:
        """A clock that is `offset_ns` ahead of true time now and gains `rate_ppb` from now on."""
        return cls(since=true_ns, shown=true_ns + offset_ns, rate_ppb=rate_ppb)

    def _slewed(self, elapsed: int) -> int:
        done = min(abs(self.slew_ns), part(max(elapsed, 0), self.slew_ppb))
        return done if self.slew_ns >= 0 else -done

    def read(self, true_ns: int) -> int:
        """What the clock shows at that true time."""
        return self._line(true_ns) + self._wander(true_ns)

    def _wander(self, true_ns: int) -> int:
        """A triangle: it never goes back, and the same moment always reads the same."""
        if not self.noise_ns:
            return 0
        at = (true_ns + self.phase_ns) % WANDER_NS
        return self.noise_ns * (abs(4 * at - 2 * WANDER_NS) - WANDER_NS) // WANDER_NS

    def _line(self, true_ns: int) -> int:
        elapsed = true_ns - self.since
        return (
            self.shown + elapsed + part(elapsed, self.rate_ppb + self.correction_ppb) + self._slewed(elapsed)
        )

    def offset(self, true_ns: int) -> int:
        """How far it is ahead of true time."""
        return self.read(true_ns) - true_ns

    def slewing(self, true_ns: int) -> int:
        """What is left of the slew at that true time."""
        return self.slew_ns - self._slewed(true_ns - self.since)

    def at(self, true_ns: int) -> SimClock:
        """The same clock as a line that starts at that true time."""
        return replace(self, since=true_ns, shown=self._line(true_ns), slew_ns=self.slewing(true_ns))

    def stepped(self, true_ns: int, by_ns: int) -> SimClock:
        """Set forward or back at once; a running slew is dropped, as settimeofday does."""
        now = self.at(true_ns)
        return replace(now, shown=now.shown + by_ns, slew_ns=0)

    def set_to(self, true_ns: int, shown_ns: int) -> SimClock:
        """Set to a reading."""
        return self.stepped(true_ns, shown_ns - self.read(true_ns))

    def with_rate(self, true_ns: int, rate_ppb: int) -> SimClock:
        """Another oscillator from now on (another platform, another clock source)."""
        return replace(self.at(true_ns), rate_ppb=rate_ppb)

    def corrected(self, true_ns: int, correction_ppb: int) -> SimClock:
        """Another frequency correction from now on, as far as the kernel allows."""
        allowed = max(-MAX_CORRECTION_PPB, min(MAX_CORRECTION_PPB, correction_ppb))
        return replace(self.at(true_ns), correction_ppb=allowed)

    def resumed(self, true_ns: int, suspended_ns: int) -> SimClock:
        """The clock goes on from what it showed when its machine was suspended."""
        return replace(self.at(suspended_ns), since=true_ns)

    def noisy(self, noise_ns: int, phase_ns: int) -> SimClock:
        """The same clock, whose readings wander by that much to either side."""
        return replace(self, noise_ns=noise_ns, phase_ns=phase_ns)

    def slewed(self, true_ns: int, by_ns: int, at_ppb: int = MAX_SLEW_PPB) -> SimClock:
        """Work off `by_ns` gradually from now on, instead of what was left before."""
        return replace(self.at(true_ns), slew_ns=by_ns, slew_ppb=at_ppb)
