"""The two sides of a comparison: a guest of the system tier with real tools, and one of the embedded lab.

Both answer the same commands of the same readers; what is compared is the facts and the
verdicts on them, never text: that one is the corpus' work.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Protocol

from cutover_tui.core.finding import Finding
from cutover_tui.core.gate import judge
from cutover_tui.lab.machine.guest import Guest as LabGuest
from cutover_tui.lab.shell import Shell
from cutover_tui.lab.tools.call import Out, Wait
from cutover_tui.lab.world import clockwork
from cutover_tui.lab.world.world import World
from probes.observation import Facts, Failure, Raw
from probes.reader import Reader
from tests.system.nodes.lab import Guest as RealGuest
from tests.system.nodes.sshd import USER
from tests.unit import evidence_builders as evidence

SECOND = 1_000_000_000
Outcome = Facts | Failure


class Side(Protocol):
    """A guest that can be looked at."""

    def command(self, argv: tuple[str, ...]) -> Raw:
        """One command as the engineer's login runs it, C locale."""
        ...

    def offset_ns(self) -> int:
        """The truth: the guest's clock minus true time, now."""
        ...


@dataclass(frozen=True)
class Real:
    """Real tools on a guest made of namespaces."""

    guest: RealGuest

    def command(self, argv: tuple[str, ...]) -> Raw:
        ran = self.guest.node.run("sh", "-c", shlex.join(argv), user=USER, check=False, env={"LC_ALL": "C"})
        return Raw(argv=argv, rc=ran.rc, out=ran.out, err=ran.err)

    def offset_ns(self) -> int:
        return self.guest.clock.offset_ns()


@dataclass
class Lab:
    """The lab's tools; its time stands until it is moved."""

    world: World
    guest: LabGuest
    now: int
    user: str = "root"

    def command(self, argv: tuple[str, ...]) -> Raw:
        shell = Shell(self.world, self.guest, self.guest.users[self.user], lambda: self.now, flavour="sh")
        running, said = shell.script(f"LC_ALL=C {shlex.join(argv)}"), {1: "", 2: ""}
        while True:
            try:
                event = running.send(None)
            except StopIteration as end:
                return Raw(argv=argv, rc=end.value, out=said[1], err=said[2])
            if isinstance(event, Out):
                said[event.fd] += event.text
            elif isinstance(event, Wait):
                self.now += event.ns

    def offset_ns(self) -> int:
        return self.guest.clock.offset(self.now)

    def until(self, now: int) -> None:
        """Move the world's time on."""
        self.now = now
        clockwork.advance(self.world, now)


def look(side: Side, reader: Reader) -> Outcome:
    """What the reader makes of a side now."""
    return reader.parse(tuple(side.command(command.argv) for command in reader.commands))


@dataclass
class Seen:
    """What was read of one side, by seconds since its state was set, and what the checks say of it."""

    outcomes: dict[tuple[str, float], Outcome] = field(default_factory=dict)
    offsets: list[tuple[float, int]] = field(default_factory=list)

    def __contains__(self, reader: str) -> bool:
        return any(name == reader for name, _ in self.outcomes)

    def take(self, side: Side, reader: Reader, at_s: float) -> None:
        """Look with one reader."""
        self.outcomes[reader.name, at_s] = look(side, reader)

    def sample(self, side: Side, at_s: float) -> None:
        """Note how far the clock is off."""
        self.offsets.append((at_s, side.offset_ns()))

    def latest(self, reader: str, upto_s: float) -> Outcome:
        """The newest outcome of that reader."""
        return max((at, o) for (name, at), o in self.outcomes.items() if name == reader and at <= upto_s)[1]

    def findings(self, at_s: float) -> dict[str, Finding]:
        """The checks of a gate on everything seen up to that moment, two good references beside it."""
        record = evidence.World()
        record.references(0, at_s)
        for (reader, seen_s), outcome in sorted(self.outcomes.items(), key=lambda item: item[0][1]):
            if seen_s <= at_s:
                record.see(evidence.observed(reader, seen_s, outcome))
        for line, (seen_s, offset) in enumerate(self.offsets):
            if seen_s <= at_s:
                record.guest.add_sample(10_000 + line, evidence.sample(seen_s, offset / evidence.MS))
        question = record.ask("time", at_s)
        (subject,) = question.subjects
        return {gate.check: judge(gate, subject, question) for gate in question.step.gate}

    def verdicts(self, at_s: float) -> dict[str, tuple[str, str]]:
        """Check → verdict and reason code."""
        found = self.findings(at_s)
        return {
            check: (f.verdict.value, f.reason_code) for check, f in found.items() if check != "time.jump-host"
        }
