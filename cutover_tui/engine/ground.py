"""What a session stands on: the jump host's clock, who probes, the record's thread.

On the jump host these are its own clocks, the probe loop's thread and real transports; a
drill puts a simulated world in their place and changes nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cutover_tui.core.runbook import Runbook
from cutover_tui.engine.assembly import Surroundings, watches
from cutover_tui.engine.messages import Emit
from cutover_tui.engine.watches.probe_loop import ProbeLoop
from cutover_tui.engine.watches.probes_port import RunningProbes
from cutover_tui.record.writer import Writer
from probes.net import SystemClock
from probes.observation import Instant
from probes.seam import Clock


@dataclass(frozen=True, slots=True)
class Ground:
    """Given to `opening.started_on` and `opening.resumed_on`."""

    clock: Clock
    probes: Callable[[Runbook, Instant, Emit], RunningProbes]
    """Watches over a runbook's guests and references on the timescale of that anchor, not started."""
    writer: Callable[[], Writer] = Writer


def jump_host(around: Surroundings) -> Ground:
    """This machine.

    Raises:
        OSError: it is no Linux.
    """
    clock = SystemClock()

    def probes(runbook: Runbook, anchor: Instant, emit: Emit) -> RunningProbes:
        return ProbeLoop(lambda: watches(runbook, clock, anchor, emit, around))

    return Ground(clock, probes)
