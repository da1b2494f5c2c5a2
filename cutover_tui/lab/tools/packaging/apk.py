"""apk of apk-tools 2.14: info -e."""

from __future__ import annotations

from cutover_tui.lab.tools.call import Call, Result
from cutover_tui.lab.world import clockwork


def apk(call: Call) -> Result:
    """`info [-e] [-v] NAME…`: those that are installed, in the order asked; without names all of them."""
    words = [word for word in call.argv[1:] if not word.startswith("-")]
    options = {letter for word in call.argv[1:] if word.startswith("-") for letter in word.lstrip("-")}
    if not words:
        return Result(1, "apk-tools 2.14.4, compiled for x86_64.\n")
    if words[0] != "info":
        return Result(1, err=f"apk: unrecognized command '{words[0]}'\n")
    clockwork.advance_guest(call.world, call.guest, call.now)
    installed = call.guest.packages
    found = [name for name in words[1:] or sorted(installed) if name in installed]
    out = "".join(f"{name}-{installed[name]}\n" if "v" in options else f"{name}\n" for name in found)
    return Result(0 if found else 1, out)
