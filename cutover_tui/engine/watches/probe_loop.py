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
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from cutover_tui.core.checks.registry import FROM_THE_JUMP_HOST
from cutover_tui.engine.secrets import Secrets
from cutover_tui.engine.watches.watch_guest import GuestWatch
from cutover_tui.engine.watches.watch_https import HttpsWatch
from cutover_tui.engine.watches.watch_kdc import KdcWatch
from cutover_tui.engine.watches.watch_reference import ReferenceWatch
from probes.observation import Failure, FailureKind, Raw
from probes.reader import Command, Reader
from probes.seam import LinkError

T = TypeVar("T")

SWITCH_INTERVAL_S = 0.0005
"""Python's default of 5 ms puts 5 ms into every tenth sample when the UI computes."""


class HostsWatch(Protocol):
    """A watch that looks at hosts from elsewhere."""

    async def run(self) -> None: ...
    def look(self, host: str) -> None: ...


class Attempts(Protocol):
    """Who makes attempts at guests from elsewhere."""

    async def attempt(self, host: str, number: int) -> None: ...


class Watches:
    """All watches of a session on one loop; the virtual door runs this directly."""

    def __init__(
        self,
        guests: Sequence[GuestWatch],
        references: Sequence[ReferenceWatch | HttpsWatch],
        others: Sequence[HostsWatch] = (),
        kdcs: Sequence[KdcWatch] = (),
        attempts: Mapping[str, Attempts] = MappingProxyType({}),
    ) -> None:
        self._guests = {watch.host: watch for watch in guests}
        self._references = tuple(references)
        self._others = tuple(others)
        self._kdcs = tuple(kdcs)
        self._attempts = attempts

    async def run(self) -> None:
        """Watch everything until cancelled."""
        async with asyncio.TaskGroup() as group:
            for reference in self._references:
                group.create_task(reference.run(), name=f"reference {reference.server}")
            for other in self._others:
                group.create_task(other.run(), name=type(other).__name__)
            for kdc in self._kdcs:
                group.create_task(kdc.run(), name=f"kdc {kdc.server}")
            for guest in self._guests.values():
                group.create_task(self._isolated(guest), name=f"guest {guest.host}")

    async def _isolated(self, guest: GuestWatch) -> None:
        """A defect met at one host is shown there and stops no other host."""
        try:
            await guest.run()
        except Exception as error:  # noqa: BLE001 - the boundary between hosts
            guest.stopped(f"internal error: {type(error).__name__}: {error}")

    async def act(self, host: str, command: Command) -> Raw:
        """Run an action's command on a guest.

        Raises:
            LinkError: it is not connected, or not watched.
        """
        watch = self._guests.get(host)
        if watch is None:
            raise LinkError(Failure(FailureKind.UNREACHABLE, f"{host} is not watched by this version"))
        return await watch.act(command)

    async def attempt(self, host: str, reader: Reader, number: int) -> None:
        """Make one attempt of a proof; what it saw comes as an observation of that number.

        Raises:
            LinkError: the guest is not watched.
        """
        if reader.name in self._attempts:
            await self._attempts[reader.name].attempt(host, number)
            return
        if reader.name in FROM_THE_JUMP_HOST:  # its command is ours, and no guest may be told to run it
            raise LinkError(Failure(FailureKind.UNREACHABLE, f"nobody here makes {reader.name} attempts"))
        watch = self._guests.get(host)
        if watch is None:
            raise LinkError(Failure(FailureKind.UNREACHABLE, f"{host} is not watched by this version"))
        await watch.attempt(reader, number)

    def look(self, host: str) -> None:
        """Read everything of this guest now."""
        if host in self._guests:
            self._guests[host].look()
        for other in self._others:
            other.look(host)


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

    async def start(self) -> None:
        """Start the thread and wait until the watches run."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._thread.start()
        await asyncio.to_thread(self._ready.wait)
        if self._failure is not None:
            raise self._failure

    async def stop(self) -> None:
        """Cancel everything, wait for connections to close and the thread to end."""
        loop, stop = self._loop, self._stop
        if loop is not None and stop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)
        await asyncio.to_thread(self._thread.join)
        if self._failure is not None:
            raise self._failure

    async def act(self, host: str, command: Command) -> Raw:
        """Run an action's command on a guest.

        Raises:
            LinkError: the guest is not connected.
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
        loop, watches = self._loop, self._watches
        if loop is not None and watches is not None:
            loop.call_soon_threadsafe(watches.look, host)

    def answer(self, request: str, value: str | None) -> None:
        """Hand a person's answer to whoever asked."""
        loop, secrets = self._loop, self._secrets
        if loop is not None and secrets is not None:
            loop.call_soon_threadsafe(secrets.answer, request, value)

    async def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        assert self._loop is not None  # noqa: S101 - started
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self._loop))

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001 - handed to the main loop, which raises it
            self._failure = error
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._watches, self._secrets = self._make()
        watching = asyncio.create_task(self._watches.run())
        stopping = asyncio.create_task(self._stop.wait())
        self._ready.set()
        await asyncio.wait((watching, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        watching.cancel()
        await asyncio.gather(stopping, return_exceptions=True)
        with contextlib.suppress(asyncio.CancelledError):
            await watching
