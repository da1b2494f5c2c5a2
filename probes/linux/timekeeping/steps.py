"""Who says in the journal of this boot that it set the clock, or saw it set.

The words are those of the sources: chrony (local.c `LCL_MakeStep`, reference.c for -q), the
reference implementation's and ntpsec's ntpd, ntpdate and ntpdig, openntpd's ntpd (`set local clock
to`), systemd-timedated (`timedatectl set-time`). Witnesses are told by a timer that the
kernel cancels when the clock is set, and slewing does not: systemd (on `info` until version 235, on
`debug` since), systemd-resolved, and systemd-journald for a step back.

A name in the journal is what the writer says of itself (`logger -t chronyd`). Asked for and believed are lines of root,
and of the daemon's own service; who wrote them, and in which, journald takes from the kernel (systemd.journal-fields(7):
trusted fields begin with an underscore). Nobody else's lines take up room in the list.

`-r` makes `-n` count the lines that match (without it, versions before 247 match among the last n lines only).
The cursor of where it stopped ends the list, so that one that was cut is seen.
"""

from __future__ import annotations

import re

import msgspec

from probes.facts_writers import ClockSet, StepsFacts
from probes.linux.text import Unparsed, broken, natural, only_line, quoted, scaled, unusable, whole_lines
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Command, Reader

NEWEST = 40

_SECONDS = r"([-+]?\d{1,12}\.\d{1,9})"
_WRITERS: dict[str, tuple[tuple[str, re.Pattern[str]], ...]] = {
    "chronyd": (
        ("chronyd", re.compile(rf"System clock was stepped by {_SECONDS} seconds\Z", re.ASCII)),
        ("chronyd -q", re.compile(rf"System clock wrong by {_SECONDS} seconds \(step\)\Z", re.ASCII)),
    ),
    "ntpd": (
        ("ntpd", re.compile(rf"(?:CLOCK: )?time stepped by {_SECONDS}\Z", re.ASCII)),
        ("openntpd", re.compile(rf"set local clock to .{{1,60}} \(offset {_SECONDS}s\)\Z", re.ASCII)),
    ),
    "ntpdate": (
        ("ntpdate", re.compile(rf"step time server \S+ offset {_SECONDS} sec\Z", re.ASCII)),
        ("ntpdate", re.compile(rf"CLOCK: time stepped by {_SECONDS}\Z", re.ASCII)),
    ),
    "ntpdig": (("ntpdig", re.compile(rf"CLOCK: time stepped by {_SECONDS}\Z", re.ASCII)),),
    "sntp": (("sntp", re.compile(rf"CLOCK: time stepped by {_SECONDS}\Z", re.ASCII)),),
    "systemd-timedated": (("timedatectl set-time", re.compile(r"Changed local time to .{1,60}\Z")),),
}
_WITNESSES = {
    "systemd": "Time has been changed",
    "systemd-resolved": "Clock change detected. Flushing caches.",
    "systemd-journald": "Time jumped backwards, rotating.",
}
_IDENTIFIERS = (*_WRITERS, *_WITNESSES)
_OWN = {
    "chronyd": ("chrony.service", "chronyd.service", "chronyd-restricted.service"),
    "ntpd": ("ntp.service", "ntpd.service", "ntpsec.service", "openntpd.service"),
    "systemd-resolved": ("systemd-resolved.service",),
}
"""Services whose daemon gives root up: there it speaks under an account of its own."""

_BY_ROOT = "_UID=0"
_GREP = (
    "System clock was stepped by|System clock wrong by .* \\(step\\)|time stepped by|set local clock to|"
    "step time server|Changed local time to|Time has been changed|Clock change detected|Time jumped backwards"
)
_NEEDED = frozenset(
    [
        "__CURSOR",
        "__REALTIME_TIMESTAMP",
        "__MONOTONIC_TIMESTAMP",
        "_BOOT_ID",
        "MESSAGE",
        "SYSLOG_IDENTIFIER",
        "_UID",
    ]
)
_OTHER = frozenset(["_SYSTEMD_UNIT", "__SEQNUM", "__SEQNUM_ID"])
"""What a process outside of units lacks, and what systemd 254 and later add to every line."""

_CURSOR = re.compile(
    r"-- cursor: s=[0-9a-f]{32};i=[0-9a-f]+;b=[0-9a-f]{32};m=[0-9a-f]+;t=[0-9a-f]+;x=[0-9a-f]+\Z", re.ASCII
)
_UPTIME = re.compile(r"(\d{1,10}\.\d\d) \d{1,12}\.\d\d\Z", re.ASCII)


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from the journal and /proc/uptime."""
    journal, uptime = raws
    failure = unusable(journal) or broken(uptime)
    if failure is not None:
        return failure
    try:
        entries = _entries(journal)
        sets = None if entries is None else tuple(one for one in map(_set, entries) if one is not None)
        return StepsFacts(
            sets=sets,
            more=entries is not None and len(entries) >= NEWEST,
            up_ns=_uptime(only_line(uptime.out)) if uptime.rc == 0 else None,
            skipped=len(entries) - len(sets) if entries is not None and sets is not None else 0,
        )
    except Unparsed as error:
        return Failure(FailureKind.NOT_UNDERSTOOD, f"journal: {error}")


_Entry = dict[str, object]


def _entries(journal: Raw) -> list[_Entry] | None:
    """What may not be seen, and what an old journalctl does not know, is said on stderr."""
    if journal.err:
        return None
    if journal.rc == 1 and not journal.out:  # these programs have said nothing at all in this boot
        return []
    *lines, last = whole_lines(journal.out) or [""]
    if not _CURSOR.match(last):
        raise Unparsed(f"the list is not complete: {quoted(last)}")
    if journal.rc != (0 if lines else 1):
        raise Unparsed(f"{len(lines)} entries with exit status {journal.rc}")
    return [_entry(line) for line in lines]


def _entry(line: str) -> _Entry:
    try:
        entry = msgspec.json.decode(line, type=_Entry)
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise Unparsed(f"not an entry: {quoted(line)}") from None
    if not entry.keys() >= _NEEDED or not entry.keys() <= _NEEDED | _OTHER:
        raise Unparsed(f"an entry with {len(entry)} fields: {quoted(line)}")
    return entry


def _set(entry: _Entry) -> ClockSet | None:
    """What one entry says; None = not to be believed, or in words (or bytes, or fields given twice) nobody here knows."""
    name, message, mono, utc = (
        entry[key]
        for key in ("SYSLOG_IDENTIFIER", "MESSAGE", "__MONOTONIC_TIMESTAMP", "__REALTIME_TIMESTAMP")
    )
    if not (isinstance(mono, str) and isinstance(utc, str)):
        raise Unparsed(f"an entry of no time: {quoted(str(mono))}")
    mono_ns, utc_ns = natural(mono, upto=2**62) * 1000, natural(utc, upto=2**62) * 1000
    if not (isinstance(name, str) and isinstance(message, str) and _believed(name, entry)):
        return None
    if _WITNESSES.get(name) == message:
        return ClockSet(None, mono_ns, utc_ns, None)
    for by, pattern in _WRITERS.get(name, ()):
        match = pattern.match(message)
        if match is not None:
            return ClockSet(by, mono_ns, utc_ns, scaled(match.group(1), 9) if pattern.groups else None)
    return None


def _believed(name: str, entry: _Entry) -> bool:
    return entry["_UID"] == "0" or entry.get("_SYSTEMD_UNIT") in _OWN.get(name, ())


def _uptime(line: str) -> int:
    match = _UPTIME.match(line)
    if match is None:
        raise Unparsed(f"not an uptime: {quoted(line)}")
    return scaled(match.group(1), 2) * 10_000_000


READER = Reader(
    name="steps",
    version=2,
    family=Family.TIME,
    commands=(
        Command(
            (
                "journalctl",
                "-b",
                "-r",
                "-n",
                str(NEWEST),
                "--no-pager",
                "--show-cursor",
                "-o",
                "json",
                "--output-fields=MESSAGE,SYSLOG_IDENTIFIER,_UID,_SYSTEMD_UNIT",
                *(word for name in _IDENTIFIERS for word in ("-t", name)),
                "-g",
                _GREP,
                _BY_ROOT,
                *(
                    word
                    for units in _OWN.values()
                    for unit in units
                    for word in ("+", f"_SYSTEMD_UNIT={unit}")
                ),
            ),
            limit=64 * 1024,
            aside=True,  # a journal may be large
        ),
        Command(("cat", "/proc/uptime")),
    ),
    parse=parse,
    interval_s=30.0,
)
