"""References asked by a guest: those that do not answer the jump host, or all of them where only guests may ask.

Once a minute and one after the other: a guest in production is no NTP client of ours. Never with
root.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cutover_tui.core.addresses import parse_host_port
from cutover_tui.engine.messages import Emit, Seen
from probes.clocks import ntp_guest
from probes.observation import Failure, FailureKind, Identity, Observation, Raw
from probes.seam import Clock, Guest

SECOND = 1_000_000_000
INTERVAL_NS = 60 * SECOND
LOOK_NS = SECOND
"""How often it is looked whether a reference has become silent to the jump host."""


@dataclass(slots=True)
class GuestReferences:
    """What one guest is asked for while it is connected."""

    host: str
    guest: Guest
    servers: Callable[[], Iterable[str]]  # as the runbook or DNS names them
    needed: Callable[[str], bool]
    clock: Clock
    emit: Emit
    _due: dict[str, int] = field(default_factory=dict)
    _no_bash: bool = False

    def look(self) -> None:
        """Ask all that is needed at the next turn."""
        self._due.clear()

    async def run(self, identity: Callable[[], Identity]) -> None:
        """Until cancelled.

        Raises:
            LinkError: the guest is lost.
        """
        self._due.clear()
        while True:
            for server in self.servers():
                if not self.needed(server) or self._due.get(server, 0) > self.clock.mono_ns():
                    continue
                self._due[server] = self.clock.mono_ns() + INTERVAL_NS
                self.emit(Seen(await self.ask(server, identity)))
            await self.clock.sleep_until(self.clock.mono_ns() + LOOK_NS)

    async def ask(self, server: str, identity: Callable[[], Identity]) -> Observation:
        """One answer, by bash or where that cannot by chronyd.

        Raises:
            LinkError: the guest is lost.
        """
        address, port = parse_host_port(server)
        began = self.clock.now()
        ways = [ntp_guest.by_bash, ntp_guest.by_chronyd][self._no_bash :]
        raw = Raw((), None, "")
        for way in ways:
            began = self.clock.now()
            (raw,) = await self.guest.run((way(address, port or ntp_guest.NTP_PORT),))
            outcome = ntp_guest.parse((raw,))
            if not (isinstance(outcome, Failure) and outcome.kind is FailureKind.TOOL_ABSENT):
                break
            self._no_bash = way is ntp_guest.by_bash
        ended = self.clock.now()
        outcome = ntp_guest.parse((raw,))
        return Observation(
            id=f"{self.host}/{ntp_guest.READER.name}:{server}/{ended.boottime_ns}",
            reader=ntp_guest.READER.name,
            version=ntp_guest.READER.version,
            host=self.host,
            identity=identity(),
            vantage="guest",
            began=began,
            ended=ended,
            attempt=1,
            raw=(raw,),
            facts=None if isinstance(outcome, Failure) else outcome,
            failure=outcome if isinstance(outcome, Failure) else None,
        )
