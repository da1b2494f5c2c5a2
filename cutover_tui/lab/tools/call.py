"""What a tool gets and what it gives: argv and world in; output, exit status and waiting out."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol

from cutover_tui.lab.machine.guest import File, Guest, User
from cutover_tui.lab.world import clockwork
from cutover_tui.lab.world.world import World


@dataclass(frozen=True, slots=True)
class Out:
    """Output on descriptor 1 or 2."""

    fd: int
    text: str


@dataclass(frozen=True, slots=True)
class Wait:
    """The program sleeps."""

    ns: int


@dataclass(frozen=True, slots=True)
class ReadLine:
    """The program reads a line of its input; None is sent back at its end."""


Event = Out | Wait | ReadLine
Running = Generator[Event, str | None, int]
"""A running program: yields events, returns its exit status."""


@dataclass(frozen=True, slots=True)
class Result:
    """A program that is done at once."""

    rc: int = 0
    out: str = ""
    err: str = ""


class Datagrams(Protocol):
    """A socket a program reads from."""

    def next(self) -> tuple[int, bytes | None] | None:
        """True time of the next datagram's arrival and what it is (None: refused); None when there is none."""
        ...


@dataclass(slots=True)
class Call:
    """One invocation of a tool."""

    world: World
    guest: Guest
    user: User
    argv: list[str]
    env: dict[str, str]
    clock: Callable[[], int]  # true time
    start: Callable[[list[str], dict[str, str]], Running | None]  # another program; None = there is none
    cwd: str = "/"
    stdin_empty: bool = False  # </dev/null
    stdin: Datagrams | None = None

    @property
    def now(self) -> int:
        """True time; the guest is brought up to it."""
        moment = self.clock()
        clockwork.advance_guest(self.world, self.guest, moment)
        return moment

    @property
    def root(self) -> bool:
        return self.user.uid == 0

    def path(self, name: str) -> str:
        """An absolute path without trailing slash."""
        full = name if name.startswith("/") else f"{self.cwd.rstrip('/')}/{name}"
        return full.rstrip("/") or "/"

    def read(self, path: str, files: dict[str, File]) -> str | int:
        """The text of a file, or errno: 2 absent, 13 denied, 20 not a directory, 21 a directory."""
        found = files.get(path)
        if found is not None:
            return found.text if self.may_read(found) else 13
        if any(name.startswith(f"{path}/") for name in files) or path == "/":
            return 21
        return 20 if any(path.startswith(f"{name}/") for name in files) else 2

    def may_read(self, file: File) -> bool:
        """By mode bits of owner, group and others."""
        if self.root:
            return True
        if file.owner == self.user.name:
            return bool(file.mode & 0o400)
        if any(name == file.group for _, name in self.user.groups):
            return bool(file.mode & 0o040)
        return bool(file.mode & 0o004)

    def quote(self, text: str) -> str:
        """Quotation marks as GNU tools put them: ASCII in the C locale, curly in UTF-8."""
        locale = self.env.get("LC_ALL") or self.env.get("LC_MESSAGES") or self.env.get("LANG") or "C"
        return f"‘{text}’" if "utf" in locale.lower() else f"'{text}'"


Tool = Callable[[Call], Result | Running]

ERRNO = {
    2: "No such file or directory",
    13: "Permission denied",
    20: "Not a directory",
    21: "Is a directory",
}
