"""What a session needs of whoever probes: the probe loop's thread, or the virtual door's watches."""

from __future__ import annotations

from typing import Protocol

from probes.observation import Raw
from probes.reader import Command, Reader


class Probes(Protocol):
    """Implemented by `ProbeLoop`; results come back through a `Crossing`."""

    async def act(self, host: str, command: Command) -> Raw:
        """Run an action's command on a guest.

        Raises:
            LinkError: the guest is not connected.
        """
        ...

    async def attempt(self, host: str, reader: Reader, number: int) -> None:
        """Make one attempt of a proof; what it saw comes as an observation of that number.

        Raises:
            LinkError: the guest is not watched.
        """
        ...

    def look(self, host: str) -> None:
        """Read everything of this guest now; a login that was refused is not made again."""
        ...

    def retry(self, host: str) -> None:
        """A person asks to look: what was refused may be tried once more. Never called by the program itself."""
        ...

    def answer(self, request: str, value: str | None) -> None:
        """Hand a person's answer to whoever asked."""
        ...


class RunningProbes(Probes, Protocol):
    """Probes as whoever opens the session handles them."""

    async def start(self) -> None:
        """Begin to watch."""
        ...

    async def stop(self) -> None:
        """Cancel everything and wait until it is gone."""
        ...
