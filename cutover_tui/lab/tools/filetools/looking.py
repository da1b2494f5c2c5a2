"""od, stat and grep (GNU coreutils 9.1, grep 3.8), as far as files of a guest need them."""

from __future__ import annotations

import re

from cutover_tui.lab.machine.files import all_files
from cutover_tui.lab.machine.guest import File
from cutover_tui.lab.tools.call import ERRNO, Call, Result
from cutover_tui.lab.tools.options import options

_WIDTH = 16


def od(call: Call) -> Result:
    """`-tx1` only, with -An and -N COUNT."""
    given = options(call.argv, flags="v", valued="AtN")
    if given.unknown is not None:
        return Result(1, err=f"od: {given.unknown}\nTry 'od --help' for more information.\n")
    if given.value("t") != "x1" or len(given.words) != 1:
        return Result(1, err="od: this one dumps one file as -tx1\n")
    text = call.read(call.path(given.words[0]), all_files(call.guest, call.now))
    if isinstance(text, int):
        return Result(1, err=f"od: {given.words[0]}: {ERRNO[text]}\n")
    count = given.value("N")
    data = text.encode("latin-1", "replace")[: int(count) if count is not None else None]
    plain, out = given.value("A") == "n", ""
    for at in range(0, len(data), _WIDTH):
        head = "" if plain else f"{at:07o}"
        out += head + "".join(f" {byte:02x}" for byte in data[at : at + _WIDTH]) + "\n"
    return Result(out=out if plain else f"{out}{len(data):07o}\n")


def stat(call: Call) -> Result:
    """`-c FORMAT` with %n %Y %U %G %a %s %F."""
    given = options(call.argv, valued="c")
    if given.unknown is not None:
        return Result(1, err=f"stat: {given.unknown}\nTry 'stat --help' for more information.\n")
    if not given.words:
        return Result(1, err="stat: missing operand\nTry 'stat --help' for more information.\n")
    rc, out, err = 0, "", ""
    files = all_files(call.guest, call.now)
    for word in given.words:
        path = call.path(word)
        found = files.get(path) or files.get(f"{path}/")
        if found is None and call.read(path, files) != 21:
            rc, err = 1, err + f"stat: cannot statx '{word}': {ERRNO[2]}\n"
            continue
        out += _filled(
            given.value("c") or "%n", word, found or File("", 0o755), is_file=path in files, call=call
        )
    return Result(rc, out, err)


def _filled(form: str, name: str, file: File, *, is_file: bool, call: Call) -> str:
    written = file.written or call.guest.utc(call.guest.booted)
    values = {
        "n": name,
        "Y": str(written // 10**9),
        "U": file.owner,
        "G": file.group,
        "a": f"{file.mode:o}",
        "s": str(len(file.text)) if is_file else "4096",
        "F": "regular file" if is_file else "directory",
    }
    return re.sub(r"%([nYUGasF])", lambda found: values[found[1]], form) + "\n"


def grep(call: Call) -> Result:
    """Expressions in files; -r -h -H -s -i -q, and -E, which changes nothing for those the readers use."""
    given = options(call.argv, flags="rhHsiqE")
    usage = "Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n"
    if given.unknown is not None:
        return Result(2, err=f"grep: {given.unknown}\n{usage}")
    if not given.words:
        return Result(2, err=usage)
    expression = given.words[0].replace("[[:space:]]", r"\s")
    pattern = re.compile(expression, re.IGNORECASE if given.has("i") else 0)
    files = all_files(call.guest, call.now)
    names, out, err, failed = given.words[1:], "", "", False
    several = (len(names) > 1 or given.has("r") or given.has("H")) and not given.has("h")
    for name in names:
        path = call.path(name)
        inside = sorted(p for p in files if p.startswith(f"{path}/") and not p.endswith("/"))
        text = call.read(path, files)
        if text == 21 and given.has("r"):
            read = [(p, call.read(p, files)) for p in inside]
        elif isinstance(text, int):
            failed = True
            err += f"grep: {name}: {ERRNO[text]}\n"
            continue
        else:
            read = [(name, text)]
        for where, content in read:
            if isinstance(content, int):
                failed = True
                err += f"grep: {where}: {ERRNO[content]}\n"
                continue
            lines = content.splitlines()
            out += "".join(
                f"{where}:{line}\n" if several else f"{line}\n" for line in lines if pattern.search(line)
            )
    rc = 2 if failed else 0 if out else 1
    return Result(rc, "" if given.has("q") else out, "" if given.has("s") else err)
