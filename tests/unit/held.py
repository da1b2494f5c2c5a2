"""A command that says that it runs and waits until it is let go: tests of what happens meanwhile need no sleep."""

from __future__ import annotations

import asyncio
import os
import shlex
from pathlib import Path

PATIENCE_S = 20
"""How long a command may take to begin on a slow machine before a test calls it lost."""


class Held:
    """One such command, over two named pipes in `folder`; a name each, where a test has several."""

    def __init__(self, folder: Path, name: str = "held") -> None:
        self._told, self._gate = folder / f"{name}.told", folder / f"{name}.gate"
        for path in (self._told, self._gate):
            os.mkfifo(path)
        # Read and write: neither end of a pipe waits for the other to be opened (fifo(7)).
        self._told_fd = os.open(self._told, os.O_RDWR | os.O_NONBLOCK)
        self._gate_fd = os.open(self._gate, os.O_RDWR | os.O_NONBLOCK)

    @property
    def line(self) -> str:
        """The command as a line of a shell."""
        told, gate = shlex.quote(str(self._told)), shlex.quote(str(self._gate))
        return f"echo > {told}; read let_go < {gate}"

    @property
    def argv(self) -> tuple[str, ...]:
        return ("sh", "-c", self.line)

    async def reached(self) -> None:
        """Return once the command runs."""
        loop = asyncio.get_running_loop()
        told = asyncio.Event()
        loop.add_reader(self._told_fd, told.set)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await told.wait()
        finally:
            loop.remove_reader(self._told_fd)

    def let_go(self) -> None:
        os.write(self._gate_fd, b"\n")

    def close(self) -> None:
        os.close(self._told_fd)
        os.close(self._gate_fd)
