"""The names of all processes, from procps' or busybox's `ps`. Pure.

The list counts only when it shows process 1 and `ps` itself: otherwise it is cut, or
/proc is mounted with hidepid and shows this user's processes only.
"""

from __future__ import annotations

import re

from probes.linux.text import Unparsed, broken, quoted, whole_lines
from probes.observation import Raw
from probes.reader import Command

COMMANDS = (Command(("ps", "-A", "-o", "pid=,comm=")), Command(("ps", "-o", "pid,comm")))
"""The second is for a busybox without the options of the first."""

_LINE = re.compile(r" *(\d{1,10}) (\S.{0,63}?) *\Z", re.ASCII)
_HEADER = re.compile(r" *PID +COMMAND *\Z", re.ASCII)


def names(raws: tuple[Raw, ...]) -> tuple[str, ...] | None:
    """Distinct names without kernel workers, sorted; at most 15 characters each (the kernel's limit). None = not visible.

    Raises:
        Unparsed: another format.
    """
    for raw, headed in zip(raws, (False, True), strict=True):
        if broken(raw) is None and raw.rc == 0:
            lines = whole_lines(raw.out)
            if headed and (not lines or not _HEADER.match(lines.pop(0))):
                raise Unparsed("ps: no header")
            return _listed(lines)
    return None


def _listed(lines: list[str]) -> tuple[str, ...] | None:
    found = set()
    first = False
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            raise Unparsed(f"ps: {quoted(line)}")
        # Kernel workers are renamed with each task: noise that would make every reading a new one.
        if not match.group(2).startswith("kworker/"):
            found.add(match.group(2).strip())
        first = first or match.group(1) == "1"
    if not found & {"ps", "busybox"}:
        raise Unparsed("ps: the list is not complete")
    return tuple(sorted(found)) if first else None


def runs(processes: tuple[str, ...] | None, *wanted: str) -> bool | None:
    """Whether one of these programs runs; None = not visible."""
    if processes is None:
        return None
    return any(name[:15] in processes for name in wanted)
