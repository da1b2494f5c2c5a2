"""Lines of configuration by one `grep -HriE` over fixed places, as GNU and busybox print them. Pure.

The last file is one of the kernel's with one known word, so that a list that was cut is seen. What may not be read
is named on stderr; a match in a file that is no text on stdout.
"""

from __future__ import annotations

import re

from probes.linux.text import Unparsed, quoted, whole_lines
from probes.observation import Raw
from probes.reader import Command

_END = "/proc/sys/kernel/ostype"
_LINE = re.compile(r"(/[^:]{1,200}):[ \t]*(.*)\Z")
_BINARY = re.compile(r"(?:grep: (/.{1,200}): binary file matches|Binary file (/.{1,200}) matches)\Z")
_ERROR = re.compile(r"grep: (/[^:]{1,200}): (.+)\Z")


def command(pattern: str, paths: tuple[str, ...]) -> Command:
    """The command; the pattern is an extended one, without regard to case."""
    return Command(("grep", "-HriE", f"{pattern}|^Linux$", *paths, _END), limit=64 * 1024)


def lines(raw: Raw) -> list[tuple[str, str]]:
    """File and text of each line that matched.

    Raises:
        Unparsed: another format, or the list is not complete.
    """
    second = re.compile("|".join(rf"{re.escape(path)}[^\s:]*:" for path in raw.argv[3:]))
    found = whole_lines(raw.out)
    if found[-1:] != [f"{_END}:Linux"]:
        raise Unparsed("grep: the list is not complete")
    matches = []
    for line in found[:-1]:
        if _BINARY.match(line):
            continue
        match = _LINE.match(line)
        if match is None or second.search(match.group(2)):  # two lines in one
            raise Unparsed(f"grep: {quoted(line)}")
        matches.append((match.group(1), match.group(2)))
    return matches


def hidden(raw: Raw) -> tuple[str, ...]:
    """What grep could not look into; places that are not there are no news.

    Raises:
        Unparsed: it complains of something else.
    """
    found = {one or other for one, other in _binary(raw)}
    for line in whole_lines(raw.err):
        match = _ERROR.match(line)
        if match is None or match.group(2) not in ("No such file or directory", "Permission denied"):
            raise Unparsed(f"grep: {quoted(line)}")
        if match.group(2) == "Permission denied":
            found.add(match.group(1))
    return tuple(sorted(found))


def _binary(raw: Raw) -> list[tuple[str, str]]:
    return [(m.group(1), m.group(2)) for line in whole_lines(raw.out) if (m := _BINARY.match(line))]
