"""What one look at the clock screen costs the main loop: five guests, four clocks, two hours of samples at 1 Hz.

Time moves on half a second a look, as on the screen; samples, answers and readings arrive at the rates of a
session. The median is what the screen costs; the 95th percentile is a look at which an answer of a clock made the
last readings be compared again.
"""

from __future__ import annotations

import math
import statistics
import time

from bench.ratios import say
from cutover_tui.core.loading import load_text
from cutover_tui.core.runbook import HOUR, MINUTE, Runbook
from cutover_tui.engine import views
from cutover_tui.engine.clock.clock_marks import ClockMarks
from cutover_tui.engine.clock.clock_view import clock_view
from cutover_tui.record.asking import Logs
from cutover_tui.record.events import Event, SessionStarted
from cutover_tui.record.state import State, fold
from probes.observation import JUMP, Sample
from tests.unit.evidence_builders import ANCHOR, RUNBOOK, at, chrony, ntp, observed, services

S, MS = 1_000_000_000, 1_000_000
GUESTS = ("app01", "app02", "app03", "web01", "web02")
CLOCKS = {"dc1": 0, "ntp1": 2, "ntp2": -3}
SEEN_S = 2 * 3600
LOOKS = 120
POINTS = 4 * 200


def runbook() -> Runbook:
    hosts = "".join(f"{{name: {name}, address: 192.0.2.{n}}}, " for n, name in enumerate(GUESTS, 10))
    text = RUNBOOK.replace("{name: app01, address: 192.0.2.10}", hosts.rstrip(", "))
    return load_text(text, "bench.yaml").runbook


def begun() -> State:
    body = SessionStarted("s", "0", "bench.yaml", "0" * 64, RUNBOOK, ANCHOR, (), "ana", "jump")
    return fold([Event(1, "0" * 64, ANCHOR, "ana", body)])


class Evening:
    """The logs of a session that has run for two hours, and goes on."""

    def __init__(self) -> None:
        self.logs = Logs()
        marks = ClockMarks(ANCHOR.boot_id, lambda _step, action: action)
        self.live = views.Live(runbook(), begun(), self.logs, set(), marks)
        self.second = 1000
        for _ in range(SEEN_S):
            self.advance()

    def advance(self) -> None:
        """One more second of everything."""
        self.second += 1
        t = self.second
        for n, (name, offset_ms) in enumerate(CLOCKS.items()):
            if t % 16 == 4 * n:
                log = self.logs.of(JUMP)
                log.add_observation(len(log.observations) + 1, ntp(name, t, offset_ms))
        for n, name in enumerate(GUESTS):
            log = self.logs.of(name)
            wave = round(6 * MS * math.sin(t / (40 + 7 * n))) + 3 * MS * n
            log.add_sample(len(log.samples) + 1, Sample(t * S + n * MS, 2 * MS, wave, 1000))
            if t % 15 == n:
                for seen in (
                    observed("chrony", t, chrony(t), name),
                    observed("services", t, services("chronyd"), name),
                ):
                    log.add_observation(len(log.observations) + 1, seen)


def look(evening: Evening, minutes: int, half: float) -> tuple[float, float]:
    """CPU ms of the session's view and of the clock's, as the screen asks for both."""
    now = at(evening.second + half)
    began = time.thread_time()
    views.session_view(
        evening.live,
        now,
        window=(0, 1, None),
        operator="ana",
        recording=None,
        head="",
        notices=(),
        warnings=(),
    )
    between = time.thread_time()
    clock_view(evening.live, GUESTS, now.boottime_ns - minutes * MINUTE, POINTS, now)
    return 1000 * (between - began), 1000 * (time.thread_time() - between)


def main() -> None:
    """Print the costs beside the target."""
    evening = Evening()
    for minutes in (10, 120):
        look(evening, minutes, 0.2)
        taken = []
        for n in range(LOOKS):
            if n % 2 == 0:
                evening.advance()
            taken.append(look(evening, minutes, 0.2 + n % 2 / 2))
        session = statistics.median(one for one, _ in taken)
        clock = sorted(other for _, other in taken)
        say(f"session view of {len(GUESTS)} guests, ms CPU, median", session, "no target")
        what = f"clock view, last {minutes * MINUTE // HOUR or minutes} {'h' if minutes >= 60 else 'min'}"
        say(f"{what}, ms CPU, median", statistics.median(clock), "< 10")
        say(f"{what}, ms CPU, p95", clock[int(len(clock) * 0.95)], "< 10")


if __name__ == "__main__":
    main()
