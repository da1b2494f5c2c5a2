"""One answer over a stream, put together from what comes; whichever transport it comes over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from probes.observation import FailureKind

LONGEST = 128 * 1024
"""Bytes of one answer."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A `Datagram` as received; stamps are CLOCK_BOOTTIME."""

    data: bytes
    address: str
    sent_ns: int
    received_ns: int
    kernel_stamp: bool


class Ended(Exception):  # noqa: N818 - what the peer did
    """The stream ended before its answer was whole, or flooded us."""

    def __init__(self, kind: FailureKind, what: str) -> None:
        super().__init__(what)
        self.kind = kind


class Arrival:
    """Waits for one answer; `whole` is its bytes and the stamp of its last piece. Belongs to one event loop."""

    def __init__(self, complete: Callable[[bytes], bool]) -> None:
        self.whole: asyncio.Future[tuple[bytes, int]] = asyncio.get_running_loop().create_future()
        self._complete = complete
        self._data = b""

    def feed(self, data: bytes, now_ns: int) -> None:
        """A piece of it."""
        self._data += data
        if self.whole.done():
            return
        if len(self._data) > LONGEST:
            self._end(FailureKind.TRUNCATED, f"answered more than {LONGEST} bytes")
        elif self._complete(self._data):
            self.whole.set_result((self._data, now_ns))

    def closed(self) -> None:
        """Nothing more will come."""
        self._end(FailureKind.LOST, f"closed before its answer was whole ({len(self._data)} bytes)")

    def _end(self, kind: FailureKind, what: str) -> None:
        if not self.whole.done():
            self.whole.set_exception(Ended(kind, what))
            self.whole.exception()  # nobody may be waiting any more
