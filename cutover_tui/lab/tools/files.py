"""cat and ls (GNU coreutils 9.1) over the guest's files."""

from __future__ import annotations

import time

from cutover_tui.lab.machine.files import all_files
from cutover_tui.lab.machine.guest import File
from cutover_tui.lab.tools.call import ERRNO, Call, Out, ReadLine, Result, Running


def invalid_option(tool: str, option: str, *, rc: int = 1) -> Result:
    """What getopt prints for an option a GNU tool does not know."""
    what = (
        f"unrecognized option '{option}'" if option.startswith("--") else f"invalid option -- '{option[1]}'"
    )
    return Result(rc, err=f"{tool}: {what}\nTry '{tool} --help' for more information.\n")


def cat(call: Call) -> Result | Running:
    """Concatenate files; without one, copy the input."""
    names = []
    for word in call.argv[1:]:
        if word.startswith("-") and word not in ("-", "--", "-u"):
            return invalid_option("cat", word)
        if word not in ("--", "-u"):
            names.append(word)
    if not names or names == ["-"]:
        return Result() if call.stdin_empty else _copy()
    files = all_files(call.guest, call.now)
    rc, out, err = 0, "", ""
    for name in names:
        found = "" if name in ("-", "/dev/null") else call.read(call.path(name), files)
        if isinstance(found, int):
            rc, err = 1, err + f"cat: {name}: {ERRNO[found]}\n"
        else:
            out += found
    return Result(rc, out, err)


def _copy() -> Running:
    while (line := (yield ReadLine())) is not None:
        yield Out(1, line + "\n")
    return 0


def readlink(call: Call) -> Result:
    """Where one symbolic link points; a file that is none says nothing, with status 1."""
    for word in call.argv[1:]:
        if word.startswith("-"):
            return invalid_option("readlink", word)
    if len(call.argv) < 2:
        return Result(1, err="readlink: missing operand\nTry 'readlink --help' for more information.\n")
    links = call.guest.links()
    found = [links.get(call.path(name)) for name in call.argv[1:]]
    return Result(int(None in found), "".join(f"{one}\n" for one in found if one is not None))


def ls(call: Call) -> Result:
    """List directories and files, one name a line (output is never a terminal's)."""
    names, long, every, back = [], False, False, False
    for word in call.argv[1:]:
        if word.startswith("--"):
            return invalid_option("ls", word, rc=2)
        if word.startswith("-") and len(word) > 1:
            bad = set(word[1:]) - set("1aArl")
            if bad:
                return invalid_option("ls", f"-{sorted(bad)[0]}", rc=2)
            long, every, back = long or "l" in word, every or "a" in word, back or "r" in word
        else:
            names.append(word)
    files = all_files(call.guest, call.now)
    plain: list[str] = []
    listings: list[tuple[str, list[str]]] = []
    rc, err = 0, ""
    for name in names or ["."]:
        path = call.path("" if name == "." else name)
        if path in files or path == "/dev/null":
            plain.append(name)
            continue
        inside = _children(path, files)
        if not inside and f"{path}/" not in files:
            rc, err = 2, err + f"ls: cannot access {_shell_quote(name)}: {ERRNO[2]}\n"
        else:
            shown = [*([".", ".."] if every else []), *inside]
            listings.append((name, shown[::-1] if back else shown))
    blocks = (
        ["".join(_line(call, n, files.get(call.path(n)), long) for n in sorted(plain, reverse=back))]
        if plain
        else []
    )
    for name, inside in sorted(listings, reverse=back):
        head = f"{name}:\n" if len(listings) + len(plain) > 1 or err else ""
        total = "total 8\n" if long else ""
        lines = [_line(call, n, files.get(f"{call.path(name)}/{n}"), long) for n in inside]
        blocks.append(head + total + "".join(lines))
    return Result(rc, "\n".join(blocks), err)


def _children(path: str, files: dict[str, File]) -> list[str]:
    prefix = path.rstrip("/") + "/"
    return sorted({name[len(prefix) :].split("/")[0] for name in files if name.startswith(prefix)} - {""})


def _line(call: Call, name: str, file: File | None, long: bool) -> str:
    if not long:
        return f"{name}\n"
    bits = file.mode if file is not None else 0o755
    letters = "".join("rwxrwxrwx"[8 - i] if bits >> i & 1 else "-" for i in range(8, -1, -1))
    owner, group = (file.owner, file.group) if file is not None else ("root", "root")
    size = len(file.text.encode()) if file is not None else 4096
    when = time.strftime("%b %e %H:%M", time.gmtime(call.guest.utc(call.guest.booted) // 10**9))
    kind = "-" if file is not None else "d"
    return f"{kind}{letters} 1 {owner} {group} {size:>5} {when} {name}\n"


def _shell_quote(name: str) -> str:
    return "'" + name.replace("'", "'\\''") + "'"
