"""Who answers behind a name, and what a change of that voids: the same for a session and a headless look."""

from __future__ import annotations

from dataclasses import dataclass, field

from cutover_tui.record.events import Disturbed
from cutover_tui.record.machine import Machine
from cutover_tui.record.state import ALL_FAMILIES
from probes.observation import Instant, Observation


@dataclass(slots=True)
class Recognising:
    """What is known of the machines, observation by observation."""

    machines: dict[str, Machine] = field(default_factory=dict)
    connected: dict[str, Instant] = field(default_factory=dict)
    """When each was connected to last."""

    def see(self, observation: Observation) -> tuple[Disturbed, ...]:
        """A reboot, a restored snapshot, another key, machine or platform voids what was seen before."""
        host = observation.host
        machine = self.machines.setdefault(host, Machine())
        since = machine.void_since(self.connected.get(host), observation.began)
        return tuple(
            Disturbed(host, ALL_FAMILIES, change.kind, change.cause, since)
            for change in machine.see(observation)
        )
