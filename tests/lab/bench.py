"""Driving a lab shell without any door: virtual time moves only when a program waits."""

from __future__ import annotations

from dataclasses import dataclass

from cutover_tui.lab.machine.clocks import SimClock
from cutover_tui.lab.machine.guest import Guest, Move, User
from cutover_tui.lab.machine.packages import NGT_UNIT
from cutover_tui.lab.machine.platforms import AHV
from cutover_tui.lab.shell import Shell
from cutover_tui.lab.tools.call import Out, Running, Wait
from cutover_tui.lab.world import clockwork
from cutover_tui.lab.world.new_guest import add_guest
from cutover_tui.lab.world.world import Reference, World

SECOND = 1_000_000_000
NOON = 1_795_348_800 * SECOND  # 2026-11-22 12:00:00 UTC


@dataclass
class Ran:
    rc: int
    out: str
    err: str


class Bench:
    """A world with one guest and three references, and a hand on its time."""

    def __init__(self) -> None:
        self.now = NOON
        self.world = World()
        for n in (1, 2, 3):
            self.world.add_reference(
                Reference(f"ntp{n}.lab.example", f"10.20.0.{n}", SimClock.wrong_by(NOON, 0))
            )
        ops = User("ops", 1000, ((1000, "ops"),), sudo=True)
        plain = User("plain", 1001, ((1001, "plain"),))
        self.guest: Guest = add_guest(self.world, "app01", NOON, users=(ops, plain))
        self.guest.move = Move(AHV, 31_400_000, 3_200_000_000, (NGT_UNIT,))

    def run(self, text: str, *, user: str = "ops", flavour: str = "sh") -> Ran:
        """Feed lines to a shell until its input ends."""
        shell = Shell(self.world, self.guest, self.guest.users[user], lambda: self.now, flavour=flavour)
        return self._drive(shell.interact(), text)

    def root(self, text: str) -> Ran:
        return self.run(text, user="root")

    def wait(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)
        clockwork.advance(self.world, self.now)

    def offset(self) -> int:
        return self.guest.clock.offset(self.now)

    def _drive(self, running: Running, text: str) -> Ran:
        lines = iter(text.splitlines())
        found = {1: "", 2: ""}
        answer: str | None = None
        while True:
            try:
                event = running.send(answer)
            except StopIteration as end:
                return Ran(end.value, found[1], found[2])
            answer = None
            if isinstance(event, Out):
                found[event.fd] += event.text
            elif isinstance(event, Wait):
                self.now += event.ns
            else:
                answer = next(lines, None)
