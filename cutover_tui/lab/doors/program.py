"""A running program of a simulated guest, driven a line at a time by whoever holds its channel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cutover_tui.lab.tools.call import Out, Running, Wait

Sleep = Callable[[int], Awaitable[None]]
"""Lets the program sleep that many nanoseconds; raises what ends it."""


@dataclass(frozen=True, slots=True)
class Printed:
    """What a program printed until it asked for the next line, or ended."""

    out: str
    err: str


class Program:
    """`rc` is its exit status once it ended; it reads nothing more then."""

    def __init__(self, running: Running, sleep: Sleep) -> None:
        self._running = running
        self._sleep = sleep
        self._begun = False
        self.rc: int | None = None

    async def start(self) -> Printed:
        """Run until it reads its first line."""
        return await self._go(None)

    async def feed(self, line: str | None) -> Printed:
        """Give it a line (None: the end of its input) and run until it reads the next.

        A program that ended takes nothing and prints nothing.
        """
        if not self._begun:
            raise ValueError("the program was not started")
        return await self._go(line) if self.rc is None else Printed("", "")

    def kill(self) -> None:
        """End it where it is."""
        self._running.close()
        if self.rc is None:
            self.rc = 137

    async def _go(self, line: str | None) -> Printed:
        self._begun = True
        out: list[str] = []
        err: list[str] = []
        try:
            event = self._running.send(line)
            while True:
                if isinstance(event, Out):
                    (out if event.fd == 1 else err).append(event.text)
                elif isinstance(event, Wait):
                    await self._sleep(event.ns)
                else:
                    break
                event = self._running.send(None)
        except StopIteration as end:
            self.rc = int(end.value)
        return Printed("".join(out), "".join(err))
