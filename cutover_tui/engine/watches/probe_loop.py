"""The probe loop: its own thread and event loop, so that a busy screen bends no measurement.

The main loop talks to it through `ProbeLoop` only; it talks back through a `Crossing`.
With the UI loop blocked 80 ms of every 100, a sampler on the same loop is 40 ms wrong at
the median, in a thread of its own 0.2 ms (docs: bench/sampler).
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from types import MappingProxyType
from typing import Any, Protocol, TypeVar, TypeVarTuple, Unpack

from cutover_tui.core.checks.registry import FROM_THE_JUMP_HOST
from cutover_tui.engine.internal import internal, words_of
from cutover_tui.engine.kept import EndedByItself
from cutover_tui.engine.messages import Broken, Emit
from cutover_tui.engine.secrets import Secrets
from cutover_tui.engine.watches.keeping import Watch, keep, say_stopped
from cutover_tui.engine.watches.watch_guest import GuestWatch
from cutover_tui.engine.watches.watch_https import HttpsWatch
from cutover_tui.engine.watches.watch_kdc import KdcWatch
from cutover_tui.engine.watches.watch_reference import ReferenceWatch
from probes.observation import Failure, FailureKind, Raw
from probes.reader import Command, Reader
from probes.seam import Clock, LinkError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

SWITCH_INTERVAL_S = 0.0005
"""Python's default of 5 ms puts 5 ms into every tenth sample when the UI computes."""

NOTHING_WATCHES = Failure(FailureKind.LOST, "the probe loop is over: nothing is watched any more")


class HostsWatch(Watch, Protocol):
    """A watch that looks at hosts from elsewhere."""

    def look(self, host: str) -> None: ...
    def retry(self, host: str) -> None: ...
    def close(self) -> None: ...


class Attempts(Protocol):
    """Who makes attempts at guests from elsewhere."""

    async def attempt(self, host: str, number: int) -> None: ...


class Watches:
    """All watches of a session on one loop; the virtual door runs this directly.

    Each is kept by itself: a defect met at one guest or server is shown there, stops nobody
    else, and the watch begins again.
    """

    def __init__(
        self,
        guests: Sequence[GuestWatch],
        references: Sequence[ReferenceWatch | HttpsWatch],
        others: Sequence[HostsWatch] = (),
        kdcs: Sequence[KdcWatch] = (),
        attempts: Mapping[str, Attempts] = MappingProxyType({}),
        *,
        clock: Clock,
        emit: Emit,
    ) -> None:
        self._guests = {watch.host: watch for watch in guests}
        self._others = tuple(others)
        self._attempts = attempts
        self._clock = clock
        self._emit = emit
        self._references = tuple(references)
        self._kdcs = tuple(kdcs)
        self._named: tuple[tuple[str, Watch], ...] = (
            *((f"the watch of the reference {watch.server}", watch) for watch in self._references),
            *((f"the watch of the KDC {watch.server}", watch) for watch in self._kdcs),
            *((f"a {type(watch).__name__}", watch) for watch in self._others),
            *((f"the watch of {watch.host}", watch) for watch in self._guests.values()),
        )

    async def run(self) -> None:
        """Watch everything until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for name, watch in self._named:
                    group.create_task(keep(name, watch, self._clock, self._emit), name=name)
        finally:
            for other in self._others:
                other.close()

    def over(self, error: BaseException) -> None:
        """Nothing is watched any more: say so of everything. From whatever thread is left."""
        self._emit(
            Broken("the probe loop, which is over: nothing is measured before a resume", words_of(error))
        )
        for name, watch in self._named:
            say_stopped(name, watch, error, self._emit)

    async def act(self, host: str, command: Command) -> Raw:
        """Run an action's command on a guest.

        Raises:
            LinkError: it is not connected, or not watched.
        """
        watch = self._guests.get(host)
        if watch is None:
            raise LinkError(Failure(FailureKind.UNREACHABLE, f"{host} is not watched by this version"))
        return await self._whole(f"an action on {host}", watch.act(command))

    async def attempt(self, host: str, reader: Reader, number: int) -> None:
        """Make one attempt of a proof; what it saw comes as an observation of that number.

        Raises:
            LinkError: the guest is not watched.
        """
        if reader.name in self._attempts:
            await self._whole(f"{reader.name} of {host}", self._attempts[reader.name].attempt(host, number))
            return
        if reader.name in FROM_THE_JUMP_HOST:  # its command is ours, and no guest may be told to run it
            raise LinkError(Failure(FailureKind.UNREACHABLE, f"nobody here makes {reader.name} attempts"))
        watch = self._guests.get(host)
        if watch is None:
            raise LinkError(Failure(FailureKind.UNREACHABLE, f"{host} is not watched by this version"))
        await self._whole(f"{reader.name} of {host}", watch.attempt(reader, number))

    async def _whole(self, part: str, work: Coroutine[Any, Any, T]) -> T:
        """Work somebody waits for, whose defects are failures like any other.

        Raises:
            LinkError: it failed, in whatever way.
        """
        try:
            return await work
        except LinkError:
            raise
        except Exception as error:
            self._emit(Broken(part, words_of(error)))
            raise LinkError(internal(error)) from error

    def look(self, host: str) -> None:
        """Read everything of this guest now."""
        if host in self._guests:
            self._guests[host].look()
        for other in self._others:
            other.look(host)

    def retry(self, host: str) -> None:
        """The same because a person asks: what was refused is tried once more."""
        if host in self._guests:
            self._guests[host].retry()
        for other in self._others:
            other.retry(host)


class ProbeLoop:
    """A thread with an event loop that runs the watches; every method is for the main loop."""

    def __init__(self, make: Callable[[], tuple[Watches, Secrets]]) -> None:
        self._make = make
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watches: Watches | None = None
        self._secrets: Secrets | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="probe-loop", daemon=True)
        self._failure: BaseException | None = None
        self._lock = threading.Lock()  # around `_over` and whatever must not be posted after it
        self._over = False
        self._calls: set[Future[Any]] = set()

    async def start(self) -> None:
        """Start the thread and wait until the watches run."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._thread.start()
        await asyncio.to_thread(self._ready.wait)
        if self._failure is not None:
            raise self._failure

    async def stop(self) -> None:
        """Cancel everything, wait for connections to close and the thread to end; nothing when it never began.

        Raises:
            BaseException: what ended the thread before.
        """
        if self._thread.ident is None:
            return
        await asyncio.to_thread(self._ready.wait)
        if self._stop is not None:
            self._post(self._stop.set)
        await asyncio.to_thread(self._thread.join)
        if self._failure is not None:
            raise self._failure

    async def act(self, host: str, command: Command) -> Raw:
        """Run an action's command on a guest.

        Raises:
            LinkError: the guest is not connected, or nothing is watched any more.
        """
        assert self._watches is not None  # noqa: S101 - started
        return await self._call(self._watches.act(host, command))

    async def attempt(self, host: str, reader: Reader, number: int) -> None:
        """Make one attempt of a proof.

        Raises:
            LinkError: the guest is not watched.
        """
        assert self._watches is not None  # noqa: S101 - started
        await self._call(self._watches.attempt(host, reader, number))

    def look(self, host: str) -> None:
        """Read everything of this guest now."""
        if self._watches is not None:
            self._post(self._watches.look, host)

    def retry(self, host: str) -> None:
        """The same because a person asks."""
        if self._watches is not None:
            self._post(self._watches.retry, host)

    def answer(self, request: str, value: str | None) -> None:
        """Hand a person's answer to whoever asked."""
        if self._secrets is not None:
            self._post(self._secrets.answer, request, value)

    def _post(self, call: Callable[[Unpack[Ts]], object], *args: *Ts) -> None:
        with self._lock:
            if self._loop is not None and not self._over:
                self._loop.call_soon_threadsafe(call, *args)

    async def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        with self._lock:
            if self._over or self._loop is None:
                coroutine.close()
                raise LinkError(NOTHING_WATCHES)
            call = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
            self._calls.add(call)
        try:
            return await asyncio.wrap_future(call)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise LinkError(NOTHING_WATCHES) from None  # the thread ended under it
        finally:
            with self._lock:
                self._calls.discard(call)

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001 - told, and raised by `stop`
            self._failure = error
            if self._watches is not None:
                self._watches.over(error)
        finally:
            with self._lock:
                left = tuple(self._calls)
            for call in left:
                call.cancel()
            self._ready.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._watches, self._secrets = self._make()
        watching = asyncio.create_task(self._watches.run())
        stopping = asyncio.create_task(self._stop.wait())
        self._ready.set()
        try:
            await asyncio.wait((watching, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            with self._lock:
                self._over = True
        ended = watching.done()
        stopping.cancel()
        watching.cancel()
        await asyncio.gather(stopping, return_exceptions=True)
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        if ended:
            raise EndedByItself
