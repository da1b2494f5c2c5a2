"""A domain's controllers where the runbook lists none: DNS names them, and each is watched while it is named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cutover_tui.engine.messages import Emit, Seen
from cutover_tui.engine.watches.keeping import Watch, keep
from probes.ad import discovery
from probes.facts_directory import DiscoveryFacts
from probes.observation import JUMP, Failure, Identity, Instant, Observation, Raw
from probes.seam import Clock

SECOND = 1_000_000_000
INTERVAL_NS = 240 * SECOND
"""A check looks back ten minutes: one lost answer in between forgets nobody."""

AGAIN_NS = 20 * SECOND
"""After a look that found nobody."""

Watching = Callable[[str], Sequence[Watch]]
"""Who is to watch one controller for as long as it is there."""


@dataclass(slots=True)
class Discovered:
    """Looks for them for the life of the session. On the probe loop."""

    domain: str
    site: str
    ask: discovery.Ask
    clock: Clock
    emit: Emit
    watching: Watching
    found: Callable[[], None] = lambda: None
    """Told when DNS names others than before: who asks them now and then must not wait for its turn."""
    names: tuple[str, ...] = ()
    """Those known now."""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _running: dict[str, list[asyncio.Task[None]]] = field(default_factory=dict)
    _watches: dict[str, Sequence[Watch]] = field(default_factory=dict)

    def look(self, _host: str) -> None:
        """Look again now where nobody is known."""
        if not self.names:
            self._wake.set()

    def retry(self, host: str) -> None:
        """The same: there is no login to be refused."""
        self.look(host)

    def stopped(self, failure: Failure) -> None:
        """Say that nobody is looked for now, and that nobody found is asked."""
        now = self.clock.now()
        argv = discovery.argv(self.domain, self.site)
        self.emit(Seen(self._observed(Raw(argv, None, "", failure=failure), now, now)))
        for watch in (w for watches in self._watches.values() for w in watches):
            watch.stopped(failure)

    def close(self) -> None:
        """Nothing is held open."""

    async def run(self) -> None:
        """Until cancelled."""
        self._running.clear()
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                seen = await self._look()
                self.emit(Seen(seen))
                if isinstance(seen.facts, DiscoveryFacts) and seen.facts.controllers:
                    self._follow(seen.facts.controllers, group)
                    await self._pause(INTERVAL_NS)
                else:
                    await self._pause(AGAIN_NS)

    def _follow(self, names: tuple[str, ...], group: asyncio.TaskGroup) -> None:
        for gone in self._running.keys() - set(names):
            del self._watches[gone]
            for task in self._running.pop(gone):
                task.cancel()
        for name in names:
            if name not in self._running:
                self._watches[name] = self.watching(name)
                self._running[name] = [
                    group.create_task(keep(f"a watch of {name}", watch, self.clock, self.emit))
                    for watch in self._watches[name]
                ]
        if self.names != names:
            self.names = names
            self.found()

    async def _look(self) -> Observation:
        began = self.clock.now()
        raw = await discovery.discover(self.ask, self.domain, self.site)
        return self._observed(raw, began, self.clock.now())

    def _observed(self, raw: Raw, began: Instant, ended: Instant) -> Observation:
        outcome = discovery.READER.parse((raw,))
        return Observation(
            id=f"{JUMP}/{discovery.READER.name}/{ended.boottime_ns}",
            reader=discovery.READER.name,
            version=discovery.READER.version,
            host=JUMP,
            identity=Identity(boot_id=ended.boot_id),
            vantage="jump",
            began=began,
            ended=ended,
            attempt=1,
            raw=(raw,),
            facts=None if isinstance(outcome, Failure) else outcome,
            failure=outcome if isinstance(outcome, Failure) else None,
        )

    async def _pause(self, pause_ns: int) -> None:
        waits = [
            asyncio.ensure_future(self.clock.sleep_until(self.clock.mono_ns() + pause_ns)),
            asyncio.ensure_future(self._wake.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
