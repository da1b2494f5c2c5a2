"""The one thread that touches the disk, so that an event loop never waits for it.

Sinks (journals) go before calls (tapes, opening, sealing): an event a person waits for is
at most one file operation away. Calls run in the order they were made.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from queue import Empty, Queue
from typing import Protocol, TypeVar

T = TypeVar("T")


class Sink(Protocol):
    """Something that queues small appends itself and commits what has gathered in one go."""

    def commit(self) -> None:
        """In the writer thread: make everything queued durable, and tell its event loop."""


class Writer:
    """A thread that commits sinks and runs blocking calls, started at once, stopped by `aclose`."""

    def __init__(self, name: str = "record") -> None:
        self._queue: Queue[Sink | Callable[[], None] | None] = Queue()
        # A daemon: a forgotten writer must not keep a finished program alive. What was
        # confirmed is on the disk by then.
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def wake(self, sink: Sink) -> None:
        """Have `sink.commit` called soon."""
        self._queue.put(sink)

    def call(self, job: Callable[[], T]) -> asyncio.Future[T]:
        """Run `job` in the thread; the future of the running loop gets its result or its error."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def succeed(result: T) -> None:
            if not future.done():
                future.set_result(result)

        def fail(error: BaseException) -> None:
            if not future.done():
                future.set_exception(error)

        def run() -> None:
            try:
                result = job()
            except BaseException as error:  # noqa: BLE001 - carried to the task that awaits it
                tell(loop, partial(fail, error))
            else:
                tell(loop, partial(succeed, result))

        self._queue.put(run)
        return future

    def drain(self) -> None:
        """Block until nothing is queued or under way, and every event loop was told.

        For a loop whose time is not the disk's; it is never needed for the record's sake.
        """
        self._queue.join()

    async def aclose(self) -> None:
        """Finish everything queued and end the thread; nothing when it has ended."""
        if not self._thread.is_alive():
            return
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        sinks: dict[Sink, int] = {}  # how often each was woken since its last commit
        calls: deque[Callable[[], None]] = deque()
        closing = False
        while True:
            try:
                job = self._queue.get(block=not (sinks or calls or closing))
            except Empty:
                if sinks:
                    for sink, times in sinks.items():
                        sink.commit()
                        self._finished(times)
                    sinks.clear()
                elif calls:
                    calls.popleft()()
                    self._finished(1)
                else:
                    return
                continue
            if job is None:
                closing = True
                self._finished(1)
            elif callable(job):
                calls.append(job)
            else:
                sinks[job] = sinks.get(job, 0) + 1

    def _finished(self, jobs: int) -> None:
        for _ in range(jobs):
            self._queue.task_done()


def tell(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    """Run `callback` on the loop; nothing when the loop is gone, as then nobody waits."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(callback)
