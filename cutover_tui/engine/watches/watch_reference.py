"""The watch over one time reference: an NTP exchange every 16 s, four quick ones at first."""

from __future__ import annotations

from dataclasses import dataclass

from cutover_tui.engine.messages import Emit, Seen
from cutover_tui.engine.watches.reached import Reached
from cutover_tui.engine.watches.seen_from_here import not_seen_from_here, seen_from_here
from probes.clocks import ntp
from probes.observation import Failure, Instant, Observation
from probes.seam import Clock, Network

SECOND = 1_000_000_000
INTERVAL_NS = 16 * SECOND
"""Gentle to a production server (NTP's usual minimum is 64 s, iburst 2 s), fresh enough for a 5 s limit."""

FIRST_NS = 2 * SECOND
FIRST = 4


@dataclass(slots=True)
class ReferenceWatch:
    """Asks one server for the life of the session."""

    server: str
    address: str
    port: int
    network: Network
    clock: Clock
    emit: Emit
    reached: Reached
    phase_ns: int = 0

    async def run(self) -> None:
        """Until cancelled."""
        due = self.clock.mono_ns() + self.phase_ns
        asked = 0
        while True:
            await self.clock.sleep_until(due)
            seen = await self.look()
            (self.reached.missed if seen.facts is None else self.reached.answered)(self.server)
            self.emit(Seen(seen))
            asked += 1
            due = max(self.clock.mono_ns(), due + (FIRST_NS if asked < FIRST else INTERVAL_NS))

    async def look(self) -> Observation:
        """One exchange as an observation of the jump host."""
        began = self.clock.now()
        raw = await ntp.query(self.network, self.clock, self.address, port=self.port)
        ended: Instant = self.clock.now()
        return seen_from_here(ntp.READER, self.server, raw, began, ended)

    def stopped(self, failure: Failure) -> None:
        """Say that this server is not asked now."""
        argv = ntp.argv(self.address, self.port)
        self.reached.missed(self.server)
        self.emit(not_seen_from_here(ntp.READER, self.server, argv, failure, self.clock.now()))
