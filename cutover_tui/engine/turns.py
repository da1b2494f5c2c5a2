"""Turns of reading that were asked for: who waits for which guest's, and since when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from cutover_tui.engine.recording.intake import Intake
from cutover_tui.engine.watches.probes_port import Probes
from cutover_tui.record.freshness import LAST_OF_A_TURN, is_fresh
from probes.observation import Instant, Observation

FRESH_TIMEOUT_S = 30.0
"""Two turns of a guest one of whose tools hangs: one may be under way when it is asked."""


@dataclass(slots=True)
class Turns:
    """Has guests read again. Use from the main loop only."""

    intake: Intake
    probes: Probes
    now: Callable[[], Instant]
    _waiting: dict[str, list[tuple[Instant, asyncio.Future[None]]]] = field(default_factory=dict)

    async def read(self, names: tuple[str, ...]) -> Instant:
        """Have these guests read again, and wait until a turn that began after now has ended.

        Returns that now. Who did not answer in time is missing at the gate.
        """
        asked = self.now()
        loop = asyncio.get_running_loop()
        waiting: list[asyncio.Future[None]] = []
        for name in names:
            if self.intake.up.get(name):
                future: asyncio.Future[None] = loop.create_future()
                self._waiting.setdefault(name, []).append((asked, future))
                waiting.append(future)
                self.probes.look(name)
        if waiting:
            await asyncio.wait(waiting, timeout=FRESH_TIMEOUT_S)
            for future in waiting:
                future.cancel()
        return asked

    def seen(self, observation: Observation) -> None:
        """An observation came in; the last of a turn ends the waiting of whoever asked before that turn began."""
        if observation.reader != LAST_OF_A_TURN:
            return
        still = []
        for asked, future in self._waiting.pop(observation.host, ()):
            if not is_fresh(observation, asked) and not future.done():
                still.append((asked, future))
            elif not future.done():
                future.set_result(None)
        if still:
            self._waiting[observation.host] = still
