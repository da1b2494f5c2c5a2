"""What one look at the identity screen costs the main loop: five guests, two hours of a session with a domain.

Time moves on half a second a look, as on the screen. Each guest has made a series of attempts every five
minutes; samples, answers and readings arrive at the rates of a session.
"""

from __future__ import annotations

import asyncio
import statistics
import time

import msgspec

from bench.ratios import say
from cutover_tui.core.loading import load_text
from cutover_tui.core.runbook import Runbook
from cutover_tui.engine.identity.look import Looks
from cutover_tui.engine.port import ProofView
from cutover_tui.record.asking import Logs
from cutover_tui.record.events import (
    AttemptEnded,
    AttemptIntended,
    Body,
    Event,
    ProofApproved,
    SessionStarted,
)
from cutover_tui.record.state import State
from probes.observation import JUMP, Facts, Instant, Sample
from tests.unit.evidence_builders import ANCHOR, at, chrony, ntp, observed, services
from tests.unit.kerberos_builders import SKEWED, cache, caches, exchanges, kdc, keytab

S, MS = 1_000_000_000, 1_000_000
GUESTS = ("app01", "app02", "app03", "web01", "web02")
CLOCKS = ("dc1", "dc2", "ntp1", "ntp2")
SEEN_S = 2 * 3600
LOOKS = 120
RUNBOOK = """
schema: 1
change: {id: CHG1, title: t, window: {start: "2026-11-22T20:00:00Z", end: "2026-11-23T02:00:00Z"}}
source: {platform: vmware}
target: {platform: ahv}
domain: {realm: CORP.EXAMPLE, references: [ntp1, ntp2], controllers: [dc1, dc2]}
hosts: [%s]
phases:
  - id: p
    title: P
    steps:
      - id: tickets
        title: Tickets
        gate: [{check: kerberos.as}, {check: kerberos.caches}, {check: ad.trust}, {check: ad.object}, {check: ad.dns}]
"""


def runbook() -> Runbook:
    hosts = ", ".join(f"{{name: {name}, address: 192.0.2.{n}}}" for n, name in enumerate(GUESTS, 10))
    return load_text(RUNBOOK % hosts, "bench.yaml").runbook


class Evening:
    """The journal and logs of a session that has run for two hours, and goes on."""

    def __init__(self) -> None:
        self.logs, self.state, self.second = Logs(), State(), 1000
        self._apply(SessionStarted("s", "0", "bench.yaml", "0" * 64, RUNBOOK, ANCHOR, (), "ana", "jump"), 0)
        for name in GUESTS:
            self._apply(ProofApproved(name, "exchange", (("kinit",),)), 1000)
        for _ in range(SEEN_S):
            self.advance()

    def _apply(self, body: Body, second: float) -> int:
        seq = self.state.seq + 1
        self.state.apply(Event(seq, "0" * 64, at(second), "ana", body))
        return seq

    def _see(self, host: str, reader: str, second: float, facts: Facts) -> str:
        log = self.logs.of(host)
        seen = observed(reader, second, facts, host)
        log.add_observation(len(log.observations) + 1, seen)
        return seen.id

    def advance(self) -> None:
        """One more second of everything."""
        self.second += 1
        t, jump = self.second, self.logs.of(JUMP)
        for n, name in enumerate(CLOCKS):
            if t % 16 == 4 * n:
                jump.add_observation(len(jump.observations) + 1, ntp(name, t, n))
            if name.startswith("dc") and t % 30 == n:
                jump.add_observation(len(jump.observations) + 1, kdc(name, t))
        for n, name in enumerate(GUESTS):
            log = self.logs.of(name)
            log.add_sample(len(log.samples) + 1, Sample(t * S + n * MS, 2 * MS, 412 * S, 1000))
            if t % 15 == n:
                self._see(name, "chrony", t, chrony(t))
                self._see(name, "services", t, services("chronyd"))
            if t % 60 == n:
                self._see(name, "keytab", t, keytab())
                self._see(name, "caches", t, caches(cache(), elsewhere=("KCM",)))
            if t % 300 == n:
                intent = self._apply(AttemptIntended(name, "exchange", 1, 3), t - 0.5)
                made = self._see(name, "exchange", t, exchanges("refused", 37, SKEWED))
                self._apply(AttemptEnded(intent, made), t)


def look(looks: Looks, host: str, now: Instant) -> float:
    """CPU ms of one look, encoded as for another process."""
    began = time.thread_time()
    msgspec.msgpack.encode(looks.look(host, now, ProofView(host, "exchange", (), 3, True, False, None)))
    return 1000 * (time.thread_time() - began)


async def looked(evening: Evening, looks: Looks) -> list[float]:
    """CPU ms of each look, on a loop as in a session."""
    taken = []
    for n in range(LOOKS):
        if n % 2 == 0:
            evening.advance()
        taken.append(look(looks, GUESTS[n * len(GUESTS) // LOOKS], at(evening.second + 0.2 + n % 2 / 2)))
        await asyncio.sleep(0.02)
    return taken


def main() -> None:
    """Print the costs beside the target."""
    evening = Evening()
    looks = Looks(runbook(), evening.state, evening.logs)
    taken = sorted(asyncio.run(looked(evening, looks)))
    say(f"identity of one of {len(GUESTS)} guests, ms CPU, median", statistics.median(taken), "< 10")
    say("identity, ms CPU, p95", taken[int(len(taken) * 0.95)], "< 10")
    say("identity, ms CPU, most", taken[-1], "< 10")


if __name__ == "__main__":
    main()
