"""The hardware clock, read from sysfs (no root needed), and the zone both clocks are meant in.

`since_epoch` is what the registers show, taken as UTC (Linux, drivers/rtc/sysfs.c). Whether
they are *meant* as UTC is the third line of /etc/adjtime; without the file they are
(hwclock(8), systemd's src/shared/clock-util `clock_is_localtime`). The zone is where
/etc/localtime links to: that is what libc follows, /etc/timezone is a copy some packages
keep. `date` is asked before and after, so that how closely both were read is known.
"""

from __future__ import annotations

import re

from probes.facts_clock import RtcFacts
from probes.linux.text import (
    Unparsed,
    broken,
    directory,
    epoch_ns,
    natural,
    no_such_file,
    only_line,
    quoted,
    unusable,
    whole_lines,
)
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Command, Reader

_NS = 1_000_000_000
_NOW = re.compile(r"(\d{1,10})([+-])(\d\d)([0-5]\d)\Z", re.ASCII)
_ZONE = re.compile(r"(?:\S*/)?zoneinfo/([A-Za-z][0-9A-Za-z_+/-]{0,63})\Z", re.ASCII)
_BASES = {"UTC": False, "LOCAL": True}


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from the classes of devices, the RTC between two `date`s, /etc/adjtime and /etc/localtime."""
    classes, devices, before, shown, after, adjtime, zone = raws
    failure = next((f for raw in raws if (f := broken(raw)) is not None), None) or unusable(before)
    if failure is not None:
        return failure
    try:
        present = _present(classes, devices)
        before_ns, offset_ns = _now(only_line(before.out)) if before.rc == 0 else (None, None)
        return RtcFacts(
            present=present,
            shown_ns=natural(only_line(shown.out), upto=2**33) * _NS if present and shown.rc == 0 else None,
            before_utc_ns=before_ns,
            after_utc_ns=epoch_ns(after),
            local=_local(adjtime),
            zone=_zone(zone),
            utc_offset_ns=offset_ns,
        )
    except Unparsed as error:
        return Failure(FailureKind.NOT_UNDERSTOOD, f"rtc: {error}")


def _present(classes: Raw, devices: Raw) -> bool | None:
    """A kernel without the class has no RTC; a /sys that is not there says nothing."""
    known, found = directory(classes), directory(devices)
    if known is None:
        return None
    if "rtc" not in known:
        return False
    return None if found is None else "rtc0" in found


def _now(line: str) -> tuple[int, int]:
    match = _NOW.match(line)
    if match is None:
        raise Unparsed(f"not a time with its zone: {quoted(line)}")
    ahead = (int(match.group(3)) * 60 + int(match.group(4))) * 60 * _NS
    return int(match.group(1)) * _NS, -ahead if match.group(2) == "-" else ahead


def _local(adjtime: Raw) -> bool | None:
    if adjtime.rc != 0:
        return False if no_such_file(adjtime) else None
    lines = whole_lines(adjtime.out)
    if len(lines) < 3:
        return None
    if lines[2] not in _BASES:
        raise Unparsed(f"/etc/adjtime: {quoted(lines[2])}")
    return _BASES[lines[2]]


def _zone(link: Raw) -> str | None:
    if link.rc != 0:
        return None
    line = only_line(link.out)
    match = _ZONE.match(line)
    if match is None:
        raise Unparsed(f"/etc/localtime links to {quoted(line)}")
    return match.group(1)


READER = Reader(
    name="rtc",
    version=1,
    family=Family.TIME,
    commands=(
        Command(("ls", "-ar", "/sys/class")),
        Command(("ls", "-ar", "/sys/class/rtc")),
        Command(("date", "+%s%z")),
        Command(("cat", "/sys/class/rtc/rtc0/since_epoch")),
        Command(("date", "-u", "+%s")),
        Command(("cat", "/etc/adjtime")),
        Command(("readlink", "/etc/localtime")),
    ),
    parse=parse,
    interval_s=60.0,
)
