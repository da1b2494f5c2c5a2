"""Takes what the probes saw onto the record: tapes, links, disturbances. On the main loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cutover_tui.engine.internal import words_of
from cutover_tui.engine.messages import (
    TOO_FAST,
    Broken,
    Gapped,
    LinkChanged,
    Message,
    Sampled,
    SecretAsked,
    Seen,
)
from cutover_tui.engine.port import SecretRequest
from cutover_tui.engine.recording.recognising import Recognising
from cutover_tui.engine.recording.recorder import Recorder
from cutover_tui.record.events import Body, LinkLost, LinkUp
from probes.observation import Instant, Observation


@dataclass(slots=True)
class Intake:
    """One place where measured things enter the session."""

    recorder: Recorder
    now: Callable[[], Instant]
    changed: Callable[[], None]
    secrets: dict[str, SecretRequest] = field(default_factory=dict)
    recognising: Recognising = field(init=False)
    up: dict[str, bool] = field(default_factory=dict)
    on_seen: Callable[[Observation], None] | None = None
    _why_down: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.recognising = Recognising(self.recorder.machines)

    def take(self, messages: list[Message], thrown: int) -> None:
        """Everything that gathered since the last turn of the loop, and how much more there would have been.

        Each message is taken by itself: what goes wrong with one must not lose those behind it.
        """
        events = False
        for message in messages:
            try:
                events |= self._take(message)
            except Exception as error:  # noqa: BLE001 - the boundary between messages
                self.recorder.defect(f"taking what {_whose(message)} sent", words_of(error))
                events = True
        if thrown:
            self.recorder.defect("the main loop", TOO_FAST)
            events = True
        if events:
            self.changed()

    def _take(self, message: Message) -> bool:
        """Whether there is something new to see."""
        match message:
            case Sampled():
                self.recorder.sample(message.host, message.sample)
            case Gapped():
                self.recorder.gap(message.host, message.from_ns, message.to_ns, message.why)
            case Seen():
                return self._seen(message.observation)
            case LinkChanged():
                return self._link(message)
            case SecretAsked():
                self.secrets[message.id] = SecretRequest(
                    message.id, message.credential, message.prompt, message.echo
                )
                return True
            case Broken(part=part, detail=detail):
                self.recorder.defect(part, detail)
                return True
        return False

    def _seen(self, observation: Observation) -> bool:
        noticed = self._recognise(observation)
        host = observation.host
        if self._why_down.get(host) == TOO_FAST:
            # Its link was declared lost because too much came; the watch itself never lost it.
            self._record(LinkUp(host, observation.identity.host_key, observation.identity.boot_id))
            self._why_down.pop(host)
            self.up[host] = noticed = True
        self.recorder.observation(observation)
        if self.on_seen is not None:
            self.on_seen(observation)
        return noticed

    def _recognise(self, observation: Observation) -> bool:
        changes = self.recognising.see(observation)
        for change in changes:
            self._record(change)
        return bool(changes)

    def _link(self, message: LinkChanged) -> bool:
        host = message.host
        if message.failure is None:
            self.recognising.connected[host] = message.at
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


def _whose(message: Message) -> str:
    match message:
        case Seen(observation=observation):
            return f"{observation.reader} on {observation.host}"
        case Sampled(host=host) | Gapped(host=host) | LinkChanged(host=host):
            return f"the watch of {host}"
        case SecretAsked(credential=credential):
            return f"the login with {credential}"
        case Broken(part=part):
            return part
