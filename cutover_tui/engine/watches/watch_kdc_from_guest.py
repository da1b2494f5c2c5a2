"""KDCs asked by a guest: those that do not answer the jump host, or all of them where only guests may ask.

Through the guest's own connection, one after the other, never with root. Where its sshd carries nothing,
the guest's ldapsearch asks the same controllers for their time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cutover_tui.core.checks.kerberos.kdc_interval import kdc_clock, next_flip
from cutover_tui.engine.messages import Emit, Seen
from probes.ad import rootdse_guest
from probes.kerberos import kdc
from probes.observation import Facts, Failure, FailureKind, Identity, Instant, Observation, Raw
from probes.reader import Reader
from probes.seam import Clock, Guest

SECOND = 1_000_000_000
INTERVAL_NS = 60 * SECOND
LOOK_NS = SECOND
"""How often it is looked whether a KDC has become silent to the jump host, and whether one is due."""

FIRST = 4
"""Questions some seconds apart until the interval is narrow; a guest in production is asked little."""

FIRST_NS = 4 * SECOND
NARROW_NS = 50_000_000
_KEPT = 16


@dataclass(slots=True)
class GuestKdcs:
    """What one guest is asked for while it is connected.

    Args:
        servers: the KDCs there are now.
        needed: whether one of them is to be asked from here.
    """

    host: str
    guest: Guest
    servers: Callable[[], Iterable[str]]
    needed: Callable[[str], bool]
    asker: kdc.Asker
    clock: Clock
    anchor: Instant
    emit: Emit
    _due: dict[str, int] = field(default_factory=dict)
    _seen: dict[str, list[Observation]] = field(default_factory=dict)

    def look(self) -> None:
        """Ask all that is needed at the next turn."""
        self._due.clear()

    async def run(self, identity: Callable[[], Identity]) -> None:
        """Until cancelled.

        Raises:
            LinkError: the guest is lost.
        """
        self._due.clear()
        self._seen.clear()
        while True:
            for server in self.servers():
                if self.needed(server) and self._due.get(server, 0) <= self.clock.mono_ns():
                    await self._one(server, identity)
            await self.clock.sleep_until(self.clock.mono_ns() + LOOK_NS)

    async def _one(self, server: str, identity: Callable[[], Identity]) -> None:
        began = self.clock.now()
        raw = await self.asker.ask_from(self.guest, server)
        seen = self._observed(kdc.READER, server, raw, began, identity())
        self.emit(Seen(seen))
        if seen.failure is not None and seen.failure.kind is FailureKind.DENIED:
            began = self.clock.now()
            (raw,) = await self.guest.run((rootdse_guest.command(server),))
            self.emit(Seen(self._observed(rootdse_guest.READER, server, raw, began, identity())))
        kept = self._seen[server] = [*self._seen.get(server, ()), seen][-_KEPT:]
        self._due[server] = self._next(kept)

    def _next(self, seen: list[Observation]) -> int:
        """Aimed at the moment in which the KDC's second changes, as from the jump host."""
        now = self.clock.mono_ns()
        known = kdc_clock(seen, self.anchor, now)
        if known is None:
            return now + INTERVAL_NS
        early = len(seen) < FIRST and known.high_ns - known.low_ns > NARROW_NS
        return next_flip(known, self.anchor, now + (FIRST_NS if early else INTERVAL_NS))

    def _observed(
        self, reader: Reader, server: str, raw: Raw, began: Instant, identity: Identity
    ) -> Observation:
        ended = self.clock.now()
        outcome: Facts | Failure = reader.parse((raw,))
        return Observation(
            id=f"{self.host}/{reader.name}:{server}/{ended.boottime_ns}",
            reader=reader.name,
            version=reader.version,
            host=self.host,
            identity=identity,
            vantage="guest",
            began=began,
            ended=ended,
            attempt=1,
            raw=(raw,),
            facts=None if isinstance(outcome, Failure) else outcome,
            failure=outcome if isinstance(outcome, Failure) else None,
        )
