"""A model of systemd-timesyncd (252) over a simulated clock: one server, polls, step or slew, spikes apart.

From src/timesync/timesyncd-manager.c: the interval doubles from 32 s to 2048 s while offsets
stay below 50 ms and falls back to 32 s above 200 ms; an offset of 0.4 s or more is stepped,
less is handed to the kernel's PLL (500 ppm at most); a silent server is asked again after
15 s, doubling to 6 min.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cutover_tui.lab.machine.chronyd import Ask, Reply
from cutover_tui.lab.machine.clocks import PPB, SimClock

SECOND = 1_000_000_000
POLL_MIN, POLL_MAX = 32 * SECOND, 2048 * SECOND
_RETRY_MIN, _RETRY_MAX = 15 * SECOND, 360 * SECOND
_MAX_ADJUST = 400_000_000
_ACCURACY = 200_000_000
_PLL_PPB = 500_000


@dataclass(frozen=True, slots=True)
class Message:
    """The last answer: the exchange's four stamps as guest and server told them (UTC, ns)."""

    reply: Reply
    origin: int
    receive: int
    transmit: int
    destination: int
    ignored: bool = False


@dataclass(slots=True)
class Timesyncd:
    """A running timesyncd. Times are true UTC."""

    server: str
    address: str | None
    next_poll: int
    poll: int = POLL_MIN
    retry: int = _RETRY_MIN
    packets: int = 0
    message: Message | None = None
    last_update: int | None = None

    @classmethod
    def start(cls, server: str, true_ns: int, resolve: Callable[[str], str | None]) -> Timesyncd:
        """Start with that server; `resolve` turns a name into an address."""
        return cls(server, resolve(server), true_ns + SECOND // 5)

    def advance(self, clock: SimClock, true_ns: int, ask: Ask) -> SimClock:
        """Do all that was due until `true_ns` and return the clock as it is then."""
        while self.address is not None and self.next_poll <= true_ns:
            now = self.next_poll
            reply = ask(self.address, now, clock)
            if reply is None:
                self.next_poll = now + self.retry
                self.retry = min(self.retry * 2, _RETRY_MAX)
                continue
            clock = self._answered(reply, now, clock)
        return clock

    def _answered(self, reply: Reply, now: int, clock: SimClock) -> SimClock:
        self.retry = _RETRY_MIN
        if not reply.synchronised:  # "Server is not synchronized. Suspending resync."
            self.next_poll = now + self.poll
            return clock
        offset = -reply.offset_ns  # what has to be added to the guest's clock
        origin = clock.read(now) - reply.delay_ns
        arrived = origin + reply.delay_ns // 2 + offset
        self.message = Message(reply, origin, arrived, arrived, origin + reply.delay_ns)
        self.packets += 1
        self.last_update = now
        span = self.poll
        self._adjust_poll(abs(offset))
        self.next_poll = now + self.poll
        if abs(offset) >= _MAX_ADJUST:
            return clock.stepped(now, offset)
        slope = max(-_PLL_PPB, min(_PLL_PPB, clock.correction_ppb + offset * PPB // span // 4))
        return clock.corrected(now, slope).slewed(now, offset, _PLL_PPB)

    def _adjust_poll(self, size: int) -> None:
        if size > _ACCURACY:
            self.poll = POLL_MIN
        elif size < _ACCURACY // 4:
            self.poll = min(self.poll * 2, POLL_MAX)
        elif size > _ACCURACY * 3 // 4:
            self.poll = max(self.poll // 2, POLL_MIN)

    def shift(self, by: int) -> None:
        """Its machine was suspended that long."""
        self.next_poll += by
        if self.last_update is not None:
            self.last_update += by
