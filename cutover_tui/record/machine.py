"""Which machine answered: a reboot, a restored snapshot, another key, machine or platform voids what was before.

The live session and the audit recognise with the same words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from msgspec import structs

from probes.facts_identity import BootFacts
from probes.observation import Identity, Instant, Observation

IN_DOUBT = "unknown"
"""A platform's name where its signs were not read or contradict each other: that is no other platform."""

Kind = Literal["host-key", "machine", "platform", "reboot", "restored"]


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
    _before: Instant | None = None  # the same of the turn before that one; one turn's answers end together
    _boot: BootFacts | None = None  # as it said last

    def see(self, observation: Observation) -> tuple[Change, ...]:
        """Take one more observation; what changed against all before it. What was not read stays known."""
        if observation.vantage == "jump" or observation.failure is not None:
            return ()
        known, now = self.identity, observation.identity
        if now.platform == IN_DOUBT:
            now = structs.replace(now, platform=None)
        if observation.ended != self.seen:
            self._before, self.seen = self.seen, observation.ended
        restored = self._restored(observation)
        self.identity = Identity(
            host_key=now.host_key or known.host_key,
            machine_id=now.machine_id or known.machine_id,
            boot_id=now.boot_id or known.boot_id,
            dmi_vendor=now.dmi_vendor or known.dmi_vendor,
            platform=now.platform or known.platform,
        )
        return (*_changes(known, now), *restored)

    def _restored(self, observation: Observation) -> tuple[Change, ...]:
        """Uptime (CLOCK_BOOTTIME, proc(5)) never goes back within a boot: whose does was there before."""
        facts, before = observation.facts, self._boot
        if not isinstance(facts, BootFacts):
            return ()
        self._boot = facts
        if before is None or before.boot_id != facts.boot_id or before.uptime_ns <= facts.uptime_ns:
            return ()
        return (Change("restored", "its uptime went back: restored from a snapshot"),)

    def seen_before(self, began: Instant) -> Instant | None:
        """When it was last seen in a turn before the one that began then."""
        seen = self.seen
        same_turn = (
            seen is not None and seen.boot_id == began.boot_id and seen.boottime_ns > began.boottime_ns
        )
        return self._before if same_turn else seen

    def void_since(self, connected: Instant | None, began: Instant) -> Instant:
        """Up to when older observations no longer count, for a change seen in what `began` then.

        A connection made after the old machine was last seen leads to the new one; within
        one connection nobody knows when it changed, so nothing older than the change counts.
        """
        seen = self.seen_before(began)
        if (
            connected is not None
            and connected.boot_id == began.boot_id
            and connected.boottime_ns < began.boottime_ns
            and (
                seen is None or seen.boot_id != connected.boot_id or seen.boottime_ns <= connected.boottime_ns
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
