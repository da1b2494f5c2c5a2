"""dpkg-query (dpkg 1.21.22): -W with a format, -s."""

from __future__ import annotations

import re

from cutover_tui.lab.tools.call import Call, Result
from cutover_tui.lab.tools.coreutils import unescape
from cutover_tui.lab.world import clockwork

_HELP = "\nUse --help for help about querying packages.\n"


def dpkg_query(call: Call) -> Result:
    """-W/--show [-f FORMAT] NAME…, -s/--status NAME…"""
    action, form, names = "", "${binary:Package}\t${Version}\n", []
    rest = call.argv[1:]
    while rest:
        word = rest.pop(0)
        if word == "--version":
            return Result(
                out="Debian dpkg-query package management program query tool version 1.21.22 (amd64).\n"
            )
        if word in ("-W", "--show", "-s", "--status"):
            action = "show" if word in ("-W", "--show") else "status"
        elif word in ("-f", "--showformat") or word.startswith(("-f=", "-f", "--showformat=")):
            if word in ("-f", "--showformat"):
                if not rest:
                    return Result(2, err=f"dpkg-query: error: {word} option takes an argument\n{_HELP}")
                form = rest.pop(0)
            else:
                form = word.removeprefix("--showformat").removeprefix("-f").removeprefix("=")
        elif word.startswith("-"):
            return Result(2, err=f"dpkg-query: error: unknown option {word}\n{_HELP}")
        else:
            names.append(word)
    if not action:
        return Result(2, err=f"dpkg-query: error: need an action option\n{_HELP}")
    if action == "status" and not names:
        return Result(2, err="dpkg-query: error: --status needs at least one package name argument\n" + _HELP)
    clockwork.advance_guest(call.world, call.guest, call.now)
    out, err, rc = "", "", 0
    installed = call.guest.packages
    for name in names or sorted(installed):
        if name not in installed and name not in call.guest.removed:
            rc = 1
            if action == "show":
                err += f"dpkg-query: no packages found matching {name}\n"
            else:
                err += (
                    f"dpkg-query: package '{name}' is not installed and no information is available\n"
                    "Use dpkg --info (= dpkg-deb --info) to examine archive files.\n"
                )
            continue
        values = _values(name, installed.get(name), call.guest.system.mirror[name].kilobytes)
        if action == "show":
            out += _fill(unescape(form), values)
        else:
            out += f"Package: {name}\nStatus: {values['Status']}\n"
            out += f"Architecture: amd64\nVersion: {values['Version']}\n" if values["Version"] else ""
    return Result(rc, out, err)


def _fill(form: str, values: dict[str, str]) -> str:
    return re.sub(r"\$\{([^}]*)\}", lambda found: values.get(found[1], ""), form)


def _values(name: str, version: str | None, kilobytes: int) -> dict[str, str]:
    there = version is not None
    return {
        "Package": name,
        "binary:Package": name,
        "Version": version or "",
        "Architecture": "amd64" if there else "",
        "Status": "install ok installed" if there else "unknown ok not-installed",
        "db:Status-Abbrev": "ii " if there else "un ",
        "db:Status-Status": "installed" if there else "not-installed",
        "Installed-Size": str(kilobytes) if there else "",
    }
