"""What crosses from the probe loop to the main loop: frozen structs over one bounded queue."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from heapq import merge
from operator import itemgetter
from threading import Lock
from typing import Protocol

import msgspec

from probes.observation import JUMP, Failure, FailureKind, Identity, Instant, Observation, Sample


class Seen(msgspec.Struct, frozen=True):
    """A reader looked."""

    observation: Observation


class Sampled(msgspec.Struct, frozen=True):
    """A guest's clock was read."""

    host: str
    sample: Sample


class Gapped(msgspec.Struct, frozen=True):
    """No sample where one was due."""

    host: str
    from_ns: int
    to_ns: int
    why: str


class LinkChanged(msgspec.Struct, frozen=True):
    """A guest was reached (`failure` None) or lost."""

    host: str
    at: Instant
    identity: Identity
    failure: Failure | None


class SecretAsked(msgspec.Struct, frozen=True):
    """A person is needed; the answer goes back through `ProbeLoop.answer`."""

    id: str
    credential: str
    prompt: str
    echo: bool


class Broken(msgspec.Struct, frozen=True):
    """Something of this program failed that never should; it is begun again, or is over."""

    part: str
    detail: str


TOO_FAST = "more came than could be taken"

Message = Seen | Sampled | Gapped | LinkChanged | SecretAsked | Broken


class Emit(Protocol):
    """Where the probe loop puts what it saw. Never blocks, never raises."""

    def __call__(self, message: Message, /) -> None: ...


class Crossing:
    """The bounded queue between the two loops.

    One wake-up of the main loop for any number of messages. When the main loop does not keep up,
    the oldest *samples* give way to what comes, and a gap of their host says so. When there is
    nothing of these left that could give way, the newest of whatever comes is thrown away: then the
    link of its host is declared lost, as what was thrown away may have been what nobody must miss.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        take: Callable[[list[Message], int], None],
        limit: int = 100_000,
    ) -> None:
        self._loop = loop
        self._take = take
        self._limit = limit
        self._samples: deque[tuple[int, Sampled]] = deque()
        self._others: deque[tuple[int, Message]] = deque()
        self._count = 0  # what the order of both is by
        self._gaps: dict[str, Gapped] = {}
        self._overrun: dict[str, LinkChanged] = {}
        self._lock = Lock()
        self._thrown = 0
        self._awake = False
        self._closed = False

    def put(self, message: Message) -> None:
        """From any thread."""
        with self._lock:
            if self._closed:
                return
            self._keep(message)
            if self._awake:
                return
            self._awake = True
        self._loop.call_soon_threadsafe(self._drain)

    def close(self) -> None:
        """Hand over what is there and take nothing more. On the main loop."""
        self._drain()
        with self._lock:
            self._closed = True

    def _keep(self, message: Message) -> None:
        few = isinstance(message, SecretAsked | Broken)  # at human rate, and a person waits for them
        if len(self._samples) + len(self._others) >= self._limit and not few:
            self._thrown += 1
            if not self._samples:
                self._throw_away(message)
                return
            self._miss(self._samples.popleft()[1])
        self._count += 1
        if isinstance(message, Sampled):
            self._samples.append((self._count, message))
        else:
            self._others.append((self._count, message))

    def _throw_away(self, message: Message) -> None:
        match message:
            case Sampled():
                self._miss(message)
            case Gapped(host=host, from_ns=from_ns, to_ns=to_ns, why=why):
                self._widen(host, from_ns, to_ns, why)
            case Seen(observation=o) if o.host == JUMP:  # it has no link; its tape says so
                self._widen(JUMP, o.ended.boottime_ns, o.ended.boottime_ns, TOO_FAST)
            case Seen(observation=o):
                self._lose(o.host, o.ended, o.identity, None)
            case LinkChanged(host=host, at=at, identity=identity, failure=failure):
                self._lose(host, at, identity, failure)
            case SecretAsked() | Broken():
                raise AssertionError("these are always kept")

    def _miss(self, sampled: Sampled) -> None:
        self._widen(sampled.host, sampled.sample.mono_ns, sampled.sample.mono_ns, TOO_FAST)

    def _widen(self, host: str, from_ns: int, to_ns: int, why: str) -> None:
        known = self._gaps.get(host)
        if known is not None:
            from_ns, to_ns, why = min(from_ns, known.from_ns), max(to_ns, known.to_ns), known.why
        self._gaps[host] = Gapped(host, from_ns, to_ns, why)

    def _lose(self, host: str, at: Instant, identity: Identity, failure: Failure | None) -> None:
        lost = failure or Failure(FailureKind.LOST, TOO_FAST)
        self._overrun[host] = LinkChanged(host, at, identity, lost)

    def _drain(self) -> None:
        with self._lock:
            kept = merge(self._samples, self._others, key=itemgetter(0))
            messages = [*self._gaps.values(), *(m for _, m in kept), *self._overrun.values()]
            thrown = self._thrown
            self._samples.clear()
            self._others.clear()
            self._gaps.clear()
            self._overrun.clear()
            self._thrown = 0
            self._awake = False
        if messages:
            self._take(messages, thrown)
