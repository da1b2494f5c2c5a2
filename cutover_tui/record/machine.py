"""Which machine answered: a reboot, another key, machine or platform voids what was seen before.

The live session and the audit recognise with the same words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from probes.observation import JUMP, Identity, Instant, Observation

Kind = Literal["host-key", "machine", "platform", "reboot"]


@dataclass(frozen=True, slots=True)
class Change:
    """One attribute of the machine is another than before."""

    kind: Kind
    cause: str


@dataclass(slots=True)
class Machine:
    """What is known of the machine behind one name, observation by observation."""

    identity: Identity = field(default_factory=Identity)
    seen: Instant | None = None
    """When the newest observation that recognised it ended."""

    def see(self, observation: Observation) -> tuple[Change, ...]:
        """Take one more observation; what changed against all before it. What was not read stays known."""
        if observation.host == JUMP or observation.failure is not None:
            return ()
        known, now = self.identity, observation.identity
        self.seen = observation.ended
        self.identity = Identity(
            host_key=now.host_key or known.host_key,
            machine_id=now.machine_id or known.machine_id,
            boot_id=now.boot_id or known.boot_id,
            dmi_vendor=now.dmi_vendor or known.dmi_vendor,
            platform=now.platform or known.platform,
        )
        return tuple(_changes(known, now))

    def void_since(self, connected: Instant | None, began: Instant) -> Instant:
        """Up to when older observations no longer count, for a change seen in what `began` then.

        A connection made after the old machine was last seen leads to the new one; within
        one connection nobody knows when it changed, so nothing older than the change counts.
        """
        if (
            connected is not None
            and connected.boot_id == began.boot_id
            and connected.boottime_ns < began.boottime_ns
            and (
                self.seen is None
                or self.seen.boot_id != connected.boot_id
                or self.seen.boottime_ns <= connected.boottime_ns
            )
        ):
            return connected
        return Instant(began.boot_id, began.boottime_ns - 1, began.utc_ns - 1)


def _changes(known: Identity, now: Identity) -> Iterable[Change]:
    if _other(known.host_key, now.host_key):
        yield Change("host-key", "another host key answers")
    if _other(known.machine_id, now.machine_id):
        yield Change("machine", "another machine answers (machine id changed)")
    if _other(known.platform, now.platform):
        yield Change("platform", f"the platform changed from {known.platform} to {now.platform}")
    if _other(known.boot_id, now.boot_id):
        yield Change("reboot", "rebooted")


def _other(before: str | None, after: str | None) -> bool:
    return before is not None and after is not None and before != after


def machine_of(observations: Iterable[Observation]) -> Machine:
    """What is known after these observations of one host."""
    machine = Machine()
    for observation in observations:
        machine.see(observation)
    return machine
