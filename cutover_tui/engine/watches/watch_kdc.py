"""The watch over one KDC's clock: aimed questions at first, then one now and then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cutover_tui.core.checks.kerberos.kdc_interval import kdc_clock, next_flip
from cutover_tui.engine.messages import Emit, Seen
from cutover_tui.engine.watches.reached import Reached
from cutover_tui.engine.watches.seen_from_here import not_seen_from_here, seen_from_here
from probes.facts_kerberos import KdcFacts
from probes.kerberos import kdc
from probes.observation import Failure, Instant, Observation
from probes.seam import Clock

SECOND = 1_000_000_000
INTERVAL_NS = 30 * SECOND
"""A KDC answers thousands of requests a second; its clock does not need more looks than this."""

PAIR_NS = 20_000_000
"""The second question of all comes this soon after the first: whether microseconds are a clock shows in one second."""

FIRST = 10
"""Questions at about one a second until the interval is a millisecond or so wide."""

NARROW_NS = 2_000_000
_KEPT = 32


@dataclass(slots=True)
class KdcWatch:
    """Asks one KDC for the life of the session."""

    server: str
    address: str
    port: int
    asker: kdc.Asker
    clock: Clock
    anchor: Instant
    emit: Emit
    reached: Reached
    phase_ns: int = 0
    asked: Callable[[], None] = lambda: None
    """Called after each exchange."""
    _seen: list[Observation] = field(default_factory=list)

    async def run(self) -> None:
        """Until cancelled."""
        due = self.clock.mono_ns() + self.phase_ns
        asked = 0
        while True:
            await self.clock.sleep_until(due)
            seen = await self.look()
            (self.reached.missed if seen.facts is None else self.reached.answered)(self.server)
            self.emit(Seen(seen))
            self._seen = [*self._seen, seen][-_KEPT:]
            self.asked()
            asked += 1
            due = self._next(asked)

    def off_ns(self) -> tuple[int, int] | None:
        """This machine's UTC minus the KDC's clock now, and the bound of that, in ns; None where it is not known."""
        now = self.clock.now()
        known = kdc_clock(self._seen, self.anchor, now.boottime_ns)
        if known is None or self._seen[-1].failure is not None:
            return None
        return now.utc_ns - self.anchor.on_timescale(now.boottime_ns) - known.middle_ns, known.bound_ns

    def _next(self, asked: int) -> int:
        now = self.clock.mono_ns()
        if asked == 1:
            return now + PAIR_NS
        known = kdc_clock(self._seen, self.anchor, now)
        if known is None:
            return now + INTERVAL_NS
        if asked < FIRST and known.high_ns - known.low_ns > NARROW_NS:
            return self._aim(next_flip(known, self.anchor, now + SECOND // 4))
        return self._aim(next_flip(known, self.anchor, now + INTERVAL_NS))

    def _aim(self, flip_ns: int) -> int:
        """When to send so that the KDC has the question at that moment: half a round trip earlier."""
        facts = self._seen[-1].facts
        trip = facts.received_ns - facts.sent_ns if isinstance(facts, KdcFacts) else 0
        return flip_ns - min(trip // 2, SECOND // 8)

    async def look(self) -> Observation:
        """One exchange as an observation of the jump host."""
        began = self.clock.now()
        raw = await self.asker.ask(self.address, port=self.port)
        ended: Instant = self.clock.now()
        return seen_from_here(kdc.READER, self.server, raw, began, ended)

    def stopped(self, failure: Failure) -> None:
        """Say that this KDC is not asked now."""
        argv = self.asker.argv(self.address, self.port)
        self.reached.missed(self.server)
        self.emit(not_seen_from_here(kdc.READER, self.server, argv, failure, self.clock.now()))
