"""Takes what the probes saw onto the record: tapes, links, disturbances. On the main loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cutover_tui.engine.messages import Broken, Gapped, LinkChanged, Message, Sampled, SecretAsked, Seen
from cutover_tui.engine.port import SecretRequest
from cutover_tui.engine.recorder import Recorder
from cutover_tui.record.events import Body, Disturbed, LinkLost, LinkUp
from cutover_tui.record.machine import Machine
from cutover_tui.record.state import ALL_FAMILIES
from probes.observation import JUMP, Instant, Observation


@dataclass(slots=True)
class Intake:
    """One place where measured things enter the session."""

    recorder: Recorder
    now: Callable[[], Instant]
    changed: Callable[[], None]
    secrets: dict[str, SecretRequest] = field(default_factory=dict)
    connected: dict[str, Instant] = field(default_factory=dict)
    up: dict[str, bool] = field(default_factory=dict)
    on_seen: Callable[[Observation], None] | None = None
    _why_down: dict[str, str] = field(default_factory=dict)

    def take(self, messages: list[Message], lost: int) -> None:
        """Everything that gathered since the last turn of the loop."""
        events = False
        for message in messages:
            match message:
                case Sampled():
                    self.recorder.sample(message.host, message.sample)
                case Gapped():
                    self.recorder.gap(message.host, message.from_ns, message.to_ns, message.why)
                case Seen():
                    events |= self._seen(message.observation)
                case LinkChanged():
                    events |= self._link(message)
                case SecretAsked():
                    self.secrets[message.id] = SecretRequest(
                        message.id, message.credential, message.prompt, message.echo
                    )
                    events = True
                case Broken(part=part, detail=detail):
                    self.recorder.defect(part, detail)
                    events = True
        if lost:
            now = self.now()
            self.recorder.gap(
                JUMP, now.boottime_ns, now.boottime_ns, f"{lost} samples came faster than they were taken"
            )
        if events:
            self.changed()

    def _seen(self, observation: Observation) -> bool:
        noticed = self._recognise(observation)
        self.recorder.observation(observation)
        if self.on_seen is not None:
            self.on_seen(observation)
        return noticed

    def _recognise(self, observation: Observation) -> bool:
        """A reboot, a restored snapshot, another key, machine or platform voids what was seen before."""
        host = observation.host
        machine = self.recorder.machines.setdefault(host, Machine())
        since = machine.void_since(self.connected.get(host), observation.began)
        changes = machine.see(observation)
        for change in changes:
            self._record(Disturbed(host, ALL_FAMILIES, change.kind, change.cause, since))
        return bool(changes)

    def _link(self, message: LinkChanged) -> bool:
        host = message.host
        if message.failure is None:
            self.connected[host] = message.at
            self.up[host] = True
            self._why_down.pop(host, None)
            self._record(LinkUp(host, message.identity.host_key, message.identity.boot_id))
            return True
        detail = message.failure.detail
        if self.up.get(host) is False and self._why_down.get(host) == detail:
            return False  # the same failure again, at every attempt: once on the record is enough
        self.up[host] = False
        self._why_down[host] = detail
        self._record(LinkLost(host, str(message.failure.kind), detail))
        return True

    def _record(self, body: Body) -> None:
        self.recorder.record_soon(body)
