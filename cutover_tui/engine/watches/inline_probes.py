"""The same watches on the session's own loop, without a thread: for a loop whose time is not the wall's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from cutover_tui.engine.secrets import Secrets
from cutover_tui.engine.watches.probe_loop import Watches
from probes.observation import Raw
from probes.reader import Command, Reader


class InlineProbes:
    """Implements `RunningProbes`."""

    def __init__(self, make: Callable[[], tuple[Watches, Secrets]]) -> None:
        self._watches, self._secrets = make()
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to watch."""
        self._watching = asyncio.create_task(self._watches.run(), name="watches")

    async def stop(self) -> None:
        """Cancel everything and wait for connections to close.

        Raises:
            BaseExceptionGroup: what ended the watches before.
        """
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    async def act(self, host: str, command: Command) -> Raw:
        """Run an action's command on a guest.

        Raises:
            LinkError: the guest is not connected.
        """
        return await self._watches.act(host, command)

    async def attempt(self, host: str, reader: Reader, number: int) -> None:
        """Make one attempt of a proof.

        Raises:
            LinkError: the guest is not watched.
        """
        await self._watches.attempt(host, reader, number)

    def look(self, host: str) -> None:
        """Read everything of this guest now."""
        self._watches.look(host)

    def retry(self, host: str) -> None:
        """The same because a person asks."""
        self._watches.retry(host)

    def answer(self, request: str, value: str | None) -> None:
        """Hand a person's answer to whoever asked."""
        self._secrets.answer(request, value)
