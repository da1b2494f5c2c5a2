"""Credential caches in files: who owns them, which clock offset they carry, until when their tickets are good.

A cache that the library made while it corrected the guest's clock keeps that correction in
its header (MIT's ccache file format, version 4: tag 1, seconds and microseconds) and applies
it for as long as the cache lives. One `find` prints each file's owner, its first bytes and
what klist makes of it; the last place it looks at is a mark that it came to its end. Names
with unusual characters are passed over: their owner could write lines of ours with them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from probes.facts_kerberos import CacheFile, CachesFacts
from probes.linux import grep
from probes.linux.domain.cache_places import CONFIGS, DEPTH, KEYS, NAMES, PLACES, elsewhere
from probes.linux.domain.klist import Cache, cache
from probes.linux.text import Unparsed, quoted, unusable, whole_lines
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Command, Reader

HEAD = 32
"""Bytes read of a file: version, length of the header, and the first tag with its eight bytes."""

_ROW = 16  # bytes od prints a line
_END = "/dev/null"
_STAT = re.compile(r"cache (/[A-Za-z0-9_.@:+/-]+) (\d{1,19}) ([A-Za-z0-9_.@\\$+-]+)\Z", re.ASCII)
_HEX = re.compile(r" [0-9a-f]{2}(?: [0-9a-f]{2})*\Z", re.ASCII)
_UNREAD = re.compile(r"od: (?!.*: No such file or directory\Z)")
"""A header nobody saw is none without an offset; a file that is gone by now harms nobody."""
_NS = 10**9


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from find (stat, od and klist of each file) and from the configuration of libkrb5, sssd and services."""
    found, config = raws
    failure = unusable(found) or unusable(config)
    if failure is not None:
        if failure.kind is FailureKind.TOOL_ABSENT:
            return Failure(FailureKind.TOOL_ABSENT, "find or grep is not installed")
        return failure
    if "'klist'" in found.err and "No such file" in found.err:
        return Failure(FailureKind.TOOL_ABSENT, "klist is not installed")
    if unread := next((line for line in found.err.splitlines() if _UNREAD.match(line)), None):
        return Failure(FailureKind.DENIED, f"a cache is there and could not be read: {quoted(unread)}")
    try:
        lines = whole_lines(found.out)
        if not lines or lines[-1] != "end":
            raise Unparsed(f"find did not come to its end: {quoted(found.err)}")
        files = tuple(_file(part) for part in _parts(lines[:-1]))
        beyond = elsewhere(_named(config), grep.hidden(config))
    except Unparsed as error:
        return error.failure()
    return CachesFacts(files, beyond)


def _named(config: Raw) -> list[str]:
    """The lines that name caches: every line of grep's holds what it looked for."""
    lines = [line for _, line in grep.lines(config)]
    for line in lines:
        if not any(key.casefold() in line.casefold() for key in KEYS):
            raise Unparsed(f"grep: {quoted(line)}")
    return lines


def _parts(lines: Sequence[str]) -> Iterator[list[str]]:
    """The lines of each file; the first is stat's."""
    part: list[str] = []
    for line in lines:
        if line.startswith("cache ") and part:
            yield part
            part = []
        part.append(line)
    if part:
        yield part


def _file(lines: Sequence[str]) -> CacheFile:
    stat = _STAT.match(lines[0])
    if stat is None:
        raise Unparsed(f"not a file as stat shows it: {quoted(lines[0])}")
    path, written, owner = stat.groups()
    rows = [bytes.fromhex(line) for line in lines[1:] if _HEX.match(line)]
    if any(len(row) != _ROW for row in rows[:-1]):
        raise Unparsed(f"od printed a row that is not whole, of {quoted(path)}")
    listed = [line for line in lines[1:] if not _HEX.match(line)]
    held: Cache | None = cache(listed) if listed else None
    # klist's own entries for the library's notes are not shown by it.
    tickets = held.tickets if held is not None else ()
    return CacheFile(
        path=path,
        owner=owner,
        written_ns=int(written) * _NS,
        offset_ns=offset_ns(b"".join(rows)),
        principal=held.principal if held is not None else None,
        tickets=len(tickets),
        newest_ns=max((t.start_ns for t in tickets), default=None),
        end_ns=max((t.end_ns for t in tickets), default=None),
    )


def offset_ns(head: bytes) -> int | None:
    """The clock offset in the header of a version 4 file; None where it has none.

    Raises:
        Unparsed: the header is longer than what was read, or not one.
    """
    if head[:2] != b"\x05\x04":
        return None
    left = int.from_bytes(head[2:4])
    at = 4
    while left >= 4:
        tag, length = int.from_bytes(head[at : at + 2]), int.from_bytes(head[at + 2 : at + 4])
        value = head[at + 4 : at + 4 + length]
        if len(value) != length or length + 4 > left:
            raise Unparsed("the header of a cache is not one")
        if tag == 1 and length == 8:
            seconds = int.from_bytes(value[:4], signed=True)
            micros = int.from_bytes(value[4:], signed=True)
            return seconds * _NS + micros * 1000
        at, left = at + 4 + length, left - 4 - length
    return None


def _commands() -> tuple[Command, ...]:
    names: list[str] = []
    for name in NAMES:
        names += ["-o", "-name", name]
    each = (
        *("-exec", "stat", "-c", "cache %n %Y %U", "{}", ";"),
        *("-exec", "od", "-An", "-v", "-tx1", f"-N{HEAD}", "{}", ";"),
        *("-exec", "klist", "-c", "{}", ";"),
    )
    plain = ("!", "-name", "*[!A-Za-z0-9_.@:+-]*")
    files = ("-type", "f", "(", *names[1:], ")", *plain, *each)
    end = ("-path", _END, "-exec", "echo", "end", ";")
    within = ("env", "LC_ALL=C", "TZ=UTC", "timeout", "-k", "2", "20")
    find = (*within, "find", *PLACES, _END, "-maxdepth", str(DEPTH), "(", *end, ")", "-o", *files)
    return (
        Command(find, elevate=True, timeout_s=25.0),
        replace(grep.command("|".join(KEYS), CONFIGS), elevate=True),  # sssd.conf is root's
    )


READER = Reader(
    name="caches",
    version=3,
    family=Family.DIRECTORY,
    commands=_commands(),
    parse=parse,
    interval_s=60.0,
)
