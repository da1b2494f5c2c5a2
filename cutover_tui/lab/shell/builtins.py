"""The shell's own commands: export, unset, cd, pwd, exit, type, `command -v` and what does nothing here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Protocol

from cutover_tui.lab.machine.files import all_files
from cutover_tui.lab.machine.guest import Guest
from cutover_tui.lab.tools import table
from cutover_tui.lab.tools.call import Call, Result

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NO_PATH_MESSAGE = {"ash": ": No such file or directory"}


class Shell(Protocol):
    """What a builtin may change."""

    flavour: str
    guest: Guest
    env: dict[str, str]
    local: dict[str, str]
    cwd: str
    rc: int
    exiting: bool

    def call(self, argv: list[str], env: dict[str, str]) -> Call: ...


def _export(shell: Shell, argv: list[str], env: dict[str, str]) -> Result:
    for word in argv[1:]:
        name, equals, value = word.partition("=")
        if not _NAME.fullmatch(name):
            if shell.flavour == "bash":
                return Result(1, err=f"export: `{word}': not a valid identifier")
            return Result(2, err=f"export: {name}: bad variable name")
        shell.env[name] = value if equals else shell.local.pop(name, shell.env.get(name, ""))
    if len(argv) == 1:
        return Result(out="".join(f"export {key}='{value}'\n" for key, value in sorted(env.items())))
    return Result()


def _unset(shell: Shell, argv: list[str], env: dict[str, str]) -> Result:
    for name in argv[1:]:
        shell.env.pop(name, None)
        shell.local.pop(name, None)
    return Result()


def _cd(shell: Shell, argv: list[str], env: dict[str, str]) -> Result:
    call = shell.call(argv, env)
    wanted = argv[1] if len(argv) > 1 else env.get("HOME", "/")
    path = call.path(wanted)
    homes = {user.home for user in shell.guest.users.values()} | {"/tmp", "/"}  # noqa: S108
    if path not in homes and call.read(path, all_files(shell.guest, call.now)) != 21:
        if shell.flavour == "bash":
            return Result(1, err=f"cd: {wanted}: No such file or directory")
        return Result(2, err=f"cd: can't cd to {wanted}{_NO_PATH_MESSAGE.get(shell.flavour, '')}")
    shell.cwd = path
    return Result()


def _exit(shell: Shell, argv: list[str], env: dict[str, str]) -> Result:
    shell.exiting = True
    if len(argv) > 1 and not argv[1].isdigit():
        says = "numeric argument required" if shell.flavour == "bash" else "Illegal number"
        text = f"exit: {argv[1]}: {says}" if shell.flavour == "bash" else f"exit: {says}: {argv[1]}"
        return Result(2, err=text)
    return Result(int(argv[1]) % 256 if len(argv) > 1 else shell.rc)


def which(shell: Shell, argv: list[str], env: dict[str, str]) -> Result:
    names = argv[2:] if argv[0] == "command" else argv[1:]
    out, rc = "", 0
    for name in names:
        known = name in BUILTINS or table.base(name) in (*shell.guest.system.shells, "sudo", "env")
        if known or table.find(shell.guest, name) is not None:
            where = name if name in BUILTINS or "/" in name else f"/usr/bin/{name}"
            out += f"{where}\n" if argv[0] == "command" else f"{name} is {where}\n"
        else:
            rc = 127 if shell.flavour != "bash" else 1
    return Result(rc, out=out)


def _nothing(shell: Shell, argv: list[str], env: dict[str, str]) -> Result:
    return Result()


Builtin = Callable[[Shell, list[str], dict[str, str]], Result]
BUILTINS: Mapping[str, Builtin] = {
    ":": _nothing,
    "set": _nothing,
    "umask": _nothing,
    "export": _export,
    "unset": _unset,
    "cd": _cd,
    "pwd": lambda shell, argv, env: Result(out=f"{shell.cwd}\n"),
    "exit": _exit,
    "type": which,
}
