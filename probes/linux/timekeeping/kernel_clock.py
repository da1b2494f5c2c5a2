"""The kernel's clock: clocksource, command line, a TSC it gave up, and the state of adjtimex(2).

No file shows adjtimex's state, so it is read with the tool of that name where one is
installed (Debian's adjtimex 1.29; frequency in units of 2^-16 ppm, errors in µs). The
kernel's log is asked for one message only (kernel/time/clocksource.c: "timekeeping watchdog
on CPU%d: Marking clocksource '%s' as unstable because the skew is too large:").
"""

from __future__ import annotations

import re

from probes.facts_clock import KernelClockFacts
from probes.linux.text import Unparsed, absent, broken, natural, only_line, quoted, scaled, whole_lines
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Command, Reader

_SOURCE = "/sys/devices/system/clocksource/clocksource0"
_WORD = re.compile(r"[0-9A-Za-z._-]{1,64}\Z", re.ASCII)
_ABOUT_CLOCKS = re.compile(
    r"(?:(?:tsc|clocksource|divider|hpet|nohz|processor\.max_cstate|idle)=\S{1,64}|"
    r"notsc|nohpet|no-kvmclock|no-kvmclock-vsyscall|no-steal-acc|nolapic_timer)\Z",
    re.ASCII,
)
_UNSTABLE = "Marking clocksource"
_GIVEN_UP = re.compile(rf"{_UNSTABLE} '([0-9A-Za-z._-]{{1,64}})' as unstable because the skew is too large")
_KEYS = (
    "mode",
    "offset",
    "frequency",
    "maxerror",
    "esterror",
    "status",
    "time_constant",
    "precision",
    "tolerance",
    "tick",
    "raw time",
)
_ENDS = {_KEYS, (*_KEYS, "return value")}
"""The return value is shown where it is not 0."""
_LINE = re.compile(r" {0,12}([a-z_ ]+?)(?::| =) (.*)\Z", re.ASCII)


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from sysfs, /proc/cmdline, adjtimex and the kernel's log."""
    failure = next((f for raw in raws if (f := broken(raw)) is not None), None)
    if failure is not None:
        return failure
    current, available, cmdline, adjtimex, log = raws
    try:
        status, max_error_ns, frequency_ppb = _adjtimex(adjtimex)
        return KernelClockFacts(
            clocksource=_word(only_line(current.out)) if current.rc == 0 else None,
            clocksources=tuple(map(_word, only_line(available.out).split())) if available.rc == 0 else None,
            arguments=_arguments(cmdline),
            tsc_unstable=_unstable(log),
            status=status,
            max_error_ns=max_error_ns,
            frequency_ppb=frequency_ppb,
        )
    except Unparsed as error:
        return Failure(FailureKind.NOT_UNDERSTOOD, f"kernel clock: {error}")


def _word(text: str) -> str:
    if not _WORD.match(text):
        raise Unparsed(f"not a clocksource: {quoted(text)}")
    return text


def _arguments(cmdline: Raw) -> tuple[str, ...] | None:
    if cmdline.rc != 0:
        return None
    return tuple(word for word in only_line(cmdline.out).split() if _ABOUT_CLOCKS.match(word))


def _unstable(log: Raw) -> bool | None:
    """journalctl --grep ends with 1 and says nothing when nothing matches; what it may not see it says on stderr."""
    if absent(log) or log.err:
        return None
    if log.rc == 1 and not log.out:
        return False
    lines = whole_lines(log.out)
    found = [_GIVEN_UP.search(line) for line in lines]
    if log.rc != 0 or not lines or None in found:
        raise Unparsed(f"journalctl: {quoted(log.out)}")
    return any(match is not None and match.group(1).startswith("tsc") for match in found)


def _adjtimex(raw: Raw) -> tuple[int | None, int | None, int | None]:
    if raw.rc != 0:
        return None, None, None
    values: dict[str, str] = {}
    for line in whole_lines(raw.out):
        match = _LINE.match(line)
        if match is None or match.group(1) not in (*_KEYS, "return value") or match.group(1) in values:
            raise Unparsed(f"adjtimex: {quoted(line)}")
        values[match.group(1)] = match.group(2)
    if tuple(values) not in _ENDS:
        raise Unparsed(f"adjtimex: {len(values)} values, not {len(_KEYS)}")
    return (
        natural(values["status"], upto=0xFFFF),
        natural(values["maxerror"], upto=2**32) * 1000,
        scaled(values["frequency"], 0) * 1000 >> 16,
    )


READER = Reader(
    name="kernel-clock",
    version=1,
    family=Family.TIME,
    commands=(
        Command(("cat", f"{_SOURCE}/current_clocksource")),
        Command(("cat", f"{_SOURCE}/available_clocksource")),
        Command(("cat", "/proc/cmdline")),
        Command(("adjtimex", "--print")),
        Command(
            ("journalctl", "-k", "-b", "--no-pager", "-o", "cat", "-n", "20", "-g", _UNSTABLE),
            limit=16 * 1024,
        ),
    ),
    parse=parse,
    interval_s=60.0,
)
