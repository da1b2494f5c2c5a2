"""The watch over one HTTPS server's `Date`: aimed questions at first, then one a minute."""

from __future__ import annotations

from dataclasses import dataclass, field

from cutover_tui.core.addresses import parse_https
from cutover_tui.core.checks.clocks.second_interval import next_flip
from cutover_tui.core.checks.clocks.witness import DATE_LAG_NS, date_interval
from cutover_tui.engine.messages import Emit, Seen
from cutover_tui.engine.watches.seen_from_here import not_seen_from_here, seen_from_here
from probes.clocks import http_date
from probes.facts_time import HttpDateFacts
from probes.observation import Failure, Instant, Observation
from probes.seam import Clock, Network

SECOND = 1_000_000_000
INTERVAL_NS = 60 * SECOND
"""Each question is a connection of its own to a server of others."""

FIRST = 8
FIRST_NS = 2 * SECOND
"""The first questions, until what is left open is not much more than a late Date."""

NARROW_NS = DATE_LAG_NS + SECOND // 20
_KEPT = 16


@dataclass(slots=True)
class HttpsWatch:
    """Asks one server for the life of the session."""

    server: str  # its URL, as the runbook names it
    network: Network
    clock: Clock
    anchor: Instant
    emit: Emit
    phase_ns: int = 0
    _dates: list[HttpDateFacts] = field(default_factory=list)
    _before_ns: int = 0
    """From the beginning of the last exchange to its question: name, connection, handshake."""

    async def run(self) -> None:
        """Until cancelled."""
        due = self.clock.mono_ns() + self.phase_ns
        asked = 0
        while True:
            await self.clock.sleep_until(due)
            self.emit(Seen(await self.look()))
            asked += 1
            due = self._next(asked)

    def _next(self, asked: int) -> int:
        """When to begin, so that the question is there as the server's second changes."""
        now = self.clock.mono_ns()
        known = date_interval(self._dates, self.anchor, now)
        wide = known is None or known.high_ns - known.low_ns > NARROW_NS
        earliest = now + (FIRST_NS if asked < FIRST and wide else INTERVAL_NS)
        if known is None:
            return earliest
        newest = self._dates[-1]
        ahead = self._before_ns + (newest.received_ns - newest.sent_ns) // 2
        # What a late Date leaves open above cannot be halved by asking.
        aim = known.middle_ns - DATE_LAG_NS // 2
        return next_flip(aim, self.anchor, earliest + ahead) - ahead

    async def look(self) -> Observation:
        """One exchange as an observation of the jump host."""
        host, port, path = parse_https(self.server)
        began = self.clock.now()
        raw = await http_date.query(self.network, self.clock, self.server, host, port, path)
        ended: Instant = self.clock.now()
        seen = seen_from_here(http_date.READER, self.server, raw, began, ended)
        if isinstance(seen.facts, HttpDateFacts):
            self._dates = [*self._dates, seen.facts][-_KEPT:]
            self._before_ns = seen.facts.sent_ns - began.boottime_ns
        return seen

    def stopped(self, failure: Failure) -> None:
        """Say that this server is not asked now."""
        argv = http_date.argv(self.server)
        self.emit(not_seen_from_here(http_date.READER, self.server, argv, failure, self.clock.now()))
