"""rpm 4.16: -q with a query format."""

from __future__ import annotations

import re

from cutover_tui.lab.tools.call import Call, Result
from cutover_tui.lab.tools.coreutils import unescape
from cutover_tui.lab.world import clockwork


def rpm(call: Call) -> Result:
    """`-q [--qf FORMAT] NAME…`, `-qa`; the exit status is the number of packages that are not there."""
    form, names, asked, everything = r"%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}\n", [], False, False
    rest = call.argv[1:]
    while rest:
        word = rest.pop(0)
        if word == "--version":
            return Result(out="RPM version 4.16.1.3\n")
        if word in ("-q", "--query", "-qa"):
            asked, everything = True, everything or word == "-qa"
        elif word in ("--qf", "--queryformat") and rest:
            form = rest.pop(0)
        elif word.startswith("-"):
            return Result(1, err=f"rpm: {word}: unknown option\n")
        else:
            names.append(word)
    if not asked:
        return Result(1, err="RPM version 4.16.1.3\n")
    if not names and not everything:
        return Result(1, err="rpm: no arguments given for query\n")
    clockwork.advance_guest(call.world, call.guest, call.now)
    installed = call.guest.packages
    out, missing = "", 0
    for name in sorted(installed) if everything else names:
        if name in installed:
            out += unescape(_fill(form, name, installed[name]))
        else:
            missing += 1
            out += f"package {name} is not installed\n"
    return Result(missing, out)


def _fill(form: str, name: str, installed: str) -> str:
    version, _, release = installed.partition("-")
    values = {"NAME": name, "VERSION": version, "RELEASE": release, "ARCH": "x86_64"}
    return re.sub(r"%\{([A-Z]+)\}", lambda found: values.get(found[1], "(none)"), form)
