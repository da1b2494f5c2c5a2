"""mkdir, rm and `install -d` of GNU coreutils 9.1."""

from __future__ import annotations

import re

from cutover_tui.lab.machine.files import all_files
from cutover_tui.lab.machine.guest import File
from cutover_tui.lab.tools.call import ERRNO, Call, Result
from cutover_tui.lab.tools.options import options

_MODE = re.compile(r"[0-7]{1,4}")


def mkdir(call: Call) -> Result:
    """-m MODE, -p."""
    given = options(call.argv, flags="p", valued="m")
    if given.unknown is not None:
        return Result(1, err=f"mkdir: {given.unknown}\nTry 'mkdir --help' for more information.\n")
    if not given.words:
        return Result(1, err="mkdir: missing operand\nTry 'mkdir --help' for more information.\n")
    mode = given.value("m") or "0755"
    if not _MODE.fullmatch(mode):
        return Result(1, err=f"mkdir: invalid mode {call.quote(mode)}\n")
    rc, err = 0, ""
    for word in given.words:
        errno = _make(call, call.path(word), int(mode, 8), parents=given.has("p"))
        if errno:
            why = {17: "File exists"}.get(errno) or ERRNO[errno]
            rc, err = 1, err + f"mkdir: cannot create directory {call.quote(word)}: {why}\n"
    return Result(rc, err=err)


def install(call: Call) -> Result:
    """-d with -m MODE: directories only."""
    given = options(call.argv, flags="d", valued="mog")
    if given.unknown is not None:
        return Result(1, err=f"install: {given.unknown}\nTry 'install --help' for more information.\n")
    if not given.words or not given.has("d"):
        return Result(1, err="install: missing file operand\nTry 'install --help' for more information.\n")
    for word in given.words:
        errno = _make(call, call.path(word), int(given.value("m") or "0755", 8), parents=True)
        if errno:
            return Result(1, err=f"install: cannot create directory {call.quote(word)}: {ERRNO[errno]}\n")
    return Result()


def _make(call: Call, path: str, mode: int, *, parents: bool) -> int:
    """Make a directory; an errno where that cannot be."""
    files = all_files(call.guest, call.now)
    found, above = call.read(path, files), call.read(path.rpartition("/")[0] or "/", files)
    if found not in (2, 20):
        return 0 if parents and found == 21 else 17
    if above != 21 and not parents:
        return 20 if isinstance(above, str) else above
    if not call.root and not path.startswith(("/tmp/", "/var/tmp/", f"{call.user.home}/")):  # noqa: S108
        return 13
    owner = call.user.name
    call.guest.files[f"{path}/"] = File("", mode, owner, owner, written=call.guest.utc(call.now))
    return 0


def rm(call: Call) -> Result:
    """-r -f."""
    given = options(call.argv, flags="rRf")
    if given.unknown is not None:
        return Result(1, err=f"rm: {given.unknown}\nTry 'rm --help' for more information.\n")
    if not given.words and not given.has("f"):
        return Result(1, err="rm: missing operand\nTry 'rm --help' for more information.\n")
    rc, err = 0, ""
    for word in given.words:
        why = _remove(call, call.path(word), deep=given.has("r") or given.has("R"))
        if why is not None and not (given.has("f") and why == ERRNO[2]):
            rc, err = 1, err + f"rm: cannot remove '{word}': {why}\n"
    return Result(rc, err=err)


def _remove(call: Call, path: str, *, deep: bool) -> str | None:
    files = call.guest.files
    found = call.read(path, all_files(call.guest, call.now))
    if found in (2, 20):
        return ERRNO[2]
    if found == 21 and not deep:
        return ERRNO[21]
    doomed = [name for name in files if name == path or name.startswith(f"{path}/")]
    if not call.root and any(files[name].owner != call.user.name for name in doomed):
        return ERRNO[13]
    for name in doomed:
        del files[name]
    return None
