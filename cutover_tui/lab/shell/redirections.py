"""Where a simulated shell's descriptors go: files, nowhere, each other, and bash's UDP sockets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cutover_tui.lab.machine.files import all_files
from cutover_tui.lab.machine.guest import File, Guest, User
from cutover_tui.lab.shell.sockets import UdpSocket, open_udp
from cutover_tui.lab.shell.words import Redirection
from cutover_tui.lab.tools.call import Call
from cutover_tui.lab.world.world import World


class Shell(Protocol):
    """What a redirection needs of a shell."""

    world: World
    guest: Guest
    user: User
    flavour: str
    env: dict[str, str]
    sockets: dict[int, UdpSocket]

    def call(self, argv: list[str], env: dict[str, str]) -> Call: ...


@dataclass(slots=True)
class Sink:
    """Where a descriptor goes: the caller's 1 or 2, nowhere, or a file."""

    fd: int = 0  # 0 = nowhere
    path: str | None = None
    socket: UdpSocket | None = None


def redirect(shell: Shell, redirection: Redirection, target: str, sinks: dict[int, Sink]) -> str | None:
    """Point a descriptor somewhere; returns what the shell says when it cannot."""
    fd = redirection.fd
    if redirection.mode == "&":
        if target.isdigit() and int(target) in shell.sockets:
            sinks[fd] = Sink(socket=shell.sockets[int(target)])
        elif fd == 0 or target == "-":
            sinks[fd] = Sink()
        elif target in ("1", "2"):
            sinks[fd] = sinks[int(target)]
        else:
            return f"{target}: Bad file descriptor"
        return None
    if redirection.mode == "rw" and shell.flavour == "bash":
        opened = open_udp(shell.world, shell.guest, target)
        if isinstance(opened, str):
            return opened
        sinks[fd] = Sink(socket=opened)
        return None
    call = shell.call([], shell.env)
    path = call.path(target)
    if redirection.mode == "r":
        text = "" if path == "/dev/null" else call.read(path, all_files(shell.guest, call.now))
        return _no_open(shell, target, text, "open", "No such file") if isinstance(text, int) else None
    if path == "/dev/null":
        sinks[fd] = Sink()
        return None
    directory = path.rpartition("/")[0]
    files = all_files(shell.guest, call.now)
    if not any(name.startswith(f"{directory}/") for name in files):
        return _no_open(shell, target, 2, "create", "Directory nonexistent")
    if shell.user.uid != 0 and not directory.startswith(("/tmp", "/home")):  # noqa: S108
        return _no_open(shell, target, 13, "create", "")
    if redirection.mode == "w" or path not in shell.guest.files:
        shell.guest.files[path] = File("", owner=shell.user.name, written=shell.guest.utc(call.now))
    sinks[fd] = Sink(path=path)
    return None


def _no_open(shell: Shell, target: str, errno: int, verb: str, absent: str) -> str:
    says = {13: "Permission denied", 20: "Not a directory", 21: "Is a directory"}
    if shell.flavour == "bash":
        return f"{target}: {says.get(errno, 'No such file or directory')}"
    if shell.flavour == "ash":
        none = "no such file" if verb == "open" else "nonexistent directory"
        return f"can't {verb} {target}: {says.get(errno, none)}"
    return f"cannot {verb} {target}: {says.get(errno, absent)}"
