"""An event loop whose time jumps: when nobody has anything to do, it is at once the next timer's time.

Threads (the record's writer, `asyncio.to_thread`) take no virtual time: before it jumps, the
loop waits in real time until every thread it knows of is idle, and only then hears what they
say. So the order of things depends on nothing but the program, and two runs are the same run.

There are no real sockets in it, and a thread may not wait for the loop.
"""

from __future__ import annotations

import asyncio
import contextvars
import selectors
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar, TypeVarTuple, Unpack

SECOND = 1_000_000_000
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Stuck(RuntimeError):  # noqa: N818 - what happened
    """Nobody has anything to do, no timer runs and no thread works: nothing can ever happen again."""


class Held(Protocol):
    """Work in another thread during which virtual time stands still."""

    def drain(self) -> None:
        """Return when nothing is queued or under way, and all of it was told to the loop."""


class _Idle(selectors.SelectSelector):
    """In the place of waiting for sockets: asks what to do with the time until the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = 0
        self.idle: Callable[[float | None], None] = _nothing

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """The loop's own wake-up pipe, and nothing else.

        Raises:
            RuntimeError: for anything more.
        """
        if self.get_map():
            raise RuntimeError("there are no real sockets in virtual time")
        return super().register(fileobj, events, data)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Nothing ever arrives here; `timeout` 0 means that something is ready, None that no timer runs."""
        self.turns += 1
        if timeout is None or timeout > 0:
            self.idle(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Starts at time 0. `jumps` counts how often time moved."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.jumps = 0
        self._owner = threading.get_ident()
        self._heard: deque[Callable[[], None]] = deque()  # from other threads, not yet told
        self._held: list[Held] = []
        self._working = 0
        self._ended = threading.Condition()
        self._threads: ThreadPoolExecutor | None = None
        self._pause = _Idle()
        super().__init__(self._pause)
        self._pause.idle = self._idle

    @property
    def turns(self) -> int:
        """How often it went round."""
        return self._pause.turns

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self.now_ns / SECOND

    def hold(self, work: Held) -> None:
        """Freeze time whenever `work` is not drained, for as long as the loop lives."""
        self._held.append(work)

    # Threads

    def call_soon_threadsafe(
        self,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """As asyncio's; what another thread says is heard when the loop has nothing else to do."""
        if self.is_closed():
            raise RuntimeError("Event loop is closed")
        if threading.get_ident() == self._owner:
            return self.call_soon(callback, *args, context=context)
        kept = context if context is not None else contextvars.copy_context()
        handle = asyncio.Handle(callback, args, self, kept)
        self._heard.append(lambda: None if handle.cancelled() else kept.run(_call, callback, args))
        return handle

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """As asyncio's; virtual time stands still until `func` has returned, also when nobody waits for it."""
        if executor is None:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(thread_name_prefix="virtual")
            executor = self._threads
        waiting: asyncio.Future[T] = self.create_future()

        def work() -> None:
            try:
                if not waiting.cancelled():
                    self._tell(waiting, func(*args), None)
            except BaseException as error:  # noqa: BLE001 - carried to the task that awaits it
                self._tell(waiting, None, error)
            finally:
                with self._ended:
                    self._working -= 1
                    self._ended.notify_all()

        with self._ended:
            self._working += 1
        executor.submit(work)
        return waiting

    def _tell(self, waiting: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
        def settle() -> None:
            if waiting.done():
                return
            if error is not None:
                waiting.set_exception(error)
            else:
                waiting.set_result(result)

        self._heard.append(settle)

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait for the threads of `asyncio.to_thread`, in real time."""
        if self._threads is not None:
            self._threads.shutdown(wait=True)

    def close(self) -> None:
        """End the loop and its threads."""
        super().close()
        if self._threads is not None:
            self._threads.shutdown(wait=True)

    # Time

    def _idle(self, timeout: float | None) -> None:
        """Nothing is ready: hear the threads, or let time pass."""
        with self._ended:
            self._ended.wait_for(lambda: not self._working)
        for work in self._held:
            work.drain()
        if self._heard:
            while self._heard:
                self.call_soon(self._heard.popleft())
            return
        if timeout is None:
            raise Stuck("nothing can happen any more: every task waits for another")
        self.jumps += 1
        self.now_ns += max(1, round(timeout * SECOND))


def run(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """Run `main` to its end on a loop of its own. Other tasks are cancelled then, as `asyncio.run` does.

    Raises:
        Stuck: it waits for something that cannot happen.
    """
    loops: list[VirtualLoop] = []

    def make() -> VirtualLoop:
        loops.append(VirtualLoop())
        return loops[0]

    with asyncio.Runner(loop_factory=make) as runner:
        runner.get_loop()
        return runner.run(main(loops[0]))


def _call(callback: Callable[..., object], args: tuple[Any, ...]) -> None:
    callback(*args)


def _nothing(_timeout: float | None) -> None:
    """Until the loop is made."""
