"""What crosses from the probe loop to the main loop: frozen structs over one bounded queue."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Protocol

import msgspec

from probes.observation import Failure, Identity, Instant, Observation, Sample


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


Message = Seen | Sampled | Gapped | LinkChanged | SecretAsked | Broken


class Emit(Protocol):
    """Where the probe loop puts what it saw. Never blocks, never raises."""

    def __call__(self, message: Message, /) -> None: ...


class Crossing:
    """The bounded queue between the two loops.

    One wake-up of the main loop for any number of messages. When the main loop does not
    keep up, the oldest *samples* give way and are counted; everything else is kept.
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
        self._queue: deque[Message] = deque()
        self._lock = Lock()
        self._awake = False
        self._lost = 0
        self._closed = False

    def put(self, message: Message) -> None:
        """From any thread."""
        with self._lock:
            if self._closed:
                return
            if len(self._queue) >= self._limit and isinstance(message, Sampled):
                self._lost += 1
                return
            self._queue.append(message)
            if self._awake:
                return
            self._awake = True
        self._loop.call_soon_threadsafe(self._drain)

    def close(self) -> None:
        """Hand over what is there and take nothing more. On the main loop."""
        self._drain()
        with self._lock:
            self._closed = True

    def _drain(self) -> None:
        with self._lock:
            messages, lost = list(self._queue), self._lost
            self._queue.clear()
            self._lost = 0
            self._awake = False
        if messages or lost:
            self._take(messages, lost)
