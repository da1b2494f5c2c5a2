"""chronyd, read through chronyc's CSV reports and its configuration file.

Columns and signs are those of chronyc's `client.c` (`print_report`, -c): in `tracking` the
system time column is positive when the system clock is *slow* of NTP time, the frequency
is positive when the clock would run *fast*; in `sources` offsets are positive when the
local clock is ahead, `reach` is octal, a last reception of 2^32−1 s means never.
`activity` counts the NTP sources and so shows a `sources` report that was cut.

With `cmdport 0`, as hardening guides want it, chronyd answers over its Unix socket only, and that is root's: where its
process runs and the port says nothing, root is asked. With `-x` chronyd reports all the same and sets no clock
(chronyd(8)), which shows in its command line only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import msgspec

from probes.facts_time import ChronyFacts, ChronySource, Leap
from probes.linux.text import (
    Unparsed,
    absent,
    broken,
    directory,
    epoch_ns,
    natural,
    no_such_file,
    only_line,
    quoted,
    scaled,
    unusable,
    whole_lines,
)
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Command, Reader

CONFIGURATIONS = ("/etc/chrony/chrony.conf", "/etc/chrony.conf")
FRAGMENTS = "/etc/chrony/conf.d"

_NO_DAEMON = "506 Cannot talk to daemon"
_NEVER_S = (2**32 - 1, 2**64 - 1)
_NS = 9
_TRACKING_COLUMNS = 14
_SOURCES_COLUMNS = 10
_ACTIVITY_COLUMNS = 5
_LEAPS: dict[str, Leap] = {
    "Normal": "normal",
    "Insert second": "insert",
    "Delete second": "delete",
    "Not synchronised": "unsynchronised",
}
_MODES: dict[str, Literal["server", "peer", "refclock"]] = {"^": "server", "=": "peer", "#": "refclock"}
_STATES: dict[str, Literal["selected", "combined", "not-combined", "unusable", "falseticker", "jittery"]] = {
    "*": "selected",
    "+": "combined",
    "-": "not-combined",
    "?": "unusable",
    "x": "falseticker",
    "~": "jittery",
}
_REFID = re.compile(r"[0-9A-F]{8}\Z", re.ASCII)
_NAME = re.compile(r"[0-9A-Za-z.:%_\[\]-]{0,255}\Z", re.ASCII)
_LISTED = re.compile(r"\d{1,10} (\S.{0,4000})\Z", re.ASCII)
_WITH_ARGUMENT = "fFlLPtu"
_VERSION = re.compile(r"chronyc \(chrony\) version (\d+\.\d[\w.-]*)(?: \([-+A-Z0-9 ]*\))?\Z", re.ASCII)


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from tracking, sources, activity, version, date, fragments and configuration files."""
    first, further = raws[: len(_COMMANDS)], raws[len(_COMMANDS) :]
    tracking, sources, activity, version, date, process, fragments, *files = first
    failure = unusable(tracking) or unusable(sources) or broken(activity) or broken(version) or broken(date)
    if failure is not None:
        return failure
    asked_by_root = len(further) == len(_AS_ROOT) and all(
        broken(r) is None and not absent(r) for r in further
    )
    if asked_by_root and further[0].rc == 0:
        tracking, sources, activity, date = further
    try:
        configured = _Configuration.read(files, fragments)
        return msgspec.structs.replace(
            _daemon(tracking, sources, activity),
            version=_version(version),
            guest_utc_ns=epoch_ns(date),
            makestep=configured.makestep,
            conf_visible=configured.visible,
            local_reference=configured.local,
            controls=_controls(process),
        )
    except Unparsed as error:
        return Failure(FailureKind.NOT_UNDERSTOOD, f"chronyc: {error}")


def _daemon(tracking: Raw, sources: Raw, activity: Raw) -> ChronyFacts:
    silent = _NO_DAEMON in tracking.out, _NO_DAEMON in sources.out
    if all(silent) and tracking.rc == sources.rc == 1:
        return _SILENT
    if any(silent) or tracking.rc != 0 or sources.rc != 0:
        said = next(r for r in (tracking, sources) if r.rc != 0 or _NO_DAEMON in r.out)
        raise Unparsed(f"no report: {quoted(said.out or said.err)}")
    counted = counts(activity) if activity.rc == 0 else None
    listed = listed_sources(sources, counted)
    told_off = counted[1] if counted is not None else None
    return msgspec.structs.replace(_tracking(only_line(tracking.out)), sources=listed, offline=told_off)


def listed_sources(sources: Raw, counted: tuple[int, ...] | None) -> tuple[ChronySource, ...]:
    """The lines of `sources`; `counted` of `activity` shows one that was cut.

    Raises:
        Unparsed: another format, or fewer sources than are active.
    """
    listed = tuple(_source(line) for line in whole_lines(sources.out))
    if counted is not None and sum(counted[:4]) != sum(s.mode != "refclock" for s in listed):
        raise Unparsed(f"sources report is not complete: {sum(counted[:4])} NTP sources are active")
    return listed


def _tracking(line: str) -> ChronyFacts:
    columns = line.split(",")
    if len(columns) != _TRACKING_COLUMNS:
        raise Unparsed(f"tracking has {len(columns)} columns, not {_TRACKING_COLUMNS}")
    refid, name, leap = columns[0], columns[1], columns[13]
    if not _REFID.match(refid):
        raise Unparsed(f"not a reference id: {quoted(refid)}")
    if leap not in _LEAPS:
        raise Unparsed(f"unknown leap status {quoted(leap)}")
    ref_time = _nano(columns[3], signed=False)
    return ChronyFacts(
        running=True,
        version=None,
        refid=refid,
        source=_named(name),
        stratum=natural(columns[2], upto=16),
        ref_time_ns=ref_time or None,
        guest_utc_ns=None,
        system_offset_ns=-_nano(columns[4]),
        last_offset_ns=_nano(columns[5]),
        rms_offset_ns=_nano(columns[6], signed=False),
        frequency_ppb=_fixed(columns[7], 3),
        skew_ppb=_fixed(columns[9], 3, signed=False),
        root_delay_ns=_nano(columns[10]),
        root_dispersion_ns=_nano(columns[11], signed=False),
        update_interval_ns=_fixed(columns[12], 1, signed=False) * 10**8,
        leap=_LEAPS[leap],
        sources=(),
        makestep=None,
        conf_visible=False,
        local_reference=None,
    )


_SILENT = ChronyFacts(
    running=False,
    version=None,
    refid="00000000",
    source="",
    stratum=0,
    ref_time_ns=None,
    guest_utc_ns=None,
    system_offset_ns=0,
    last_offset_ns=0,
    rms_offset_ns=0,
    frequency_ppb=0,
    skew_ppb=0,
    root_delay_ns=0,
    root_dispersion_ns=0,
    update_interval_ns=0,
    leap="unsynchronised",
    sources=(),
    makestep=None,
    conf_visible=False,
    local_reference=None,
)


def _source(line: str) -> ChronySource:
    columns = line.split(",")
    if len(columns) != _SOURCES_COLUMNS:
        raise Unparsed(f"a source has {len(columns)} columns, not {_SOURCES_COLUMNS}")
    mode, state, name = columns[:3]
    if mode not in _MODES or state not in _STATES or not name:
        raise Unparsed(f"unknown kind of source: {quoted(line)}")
    last_rx = natural(columns[6], upto=2**64 - 1)
    _nano(columns[7])
    return ChronySource(
        mode=_MODES[mode],
        state=_STATES[state],
        name=_named(name),
        stratum=natural(columns[3], upto=16),
        poll=_poll(columns[4]),
        reach=natural(columns[5], upto=0o377, base=8),
        last_rx_s=None if last_rx in _NEVER_S else last_rx,
        offset_ns=_nano(columns[8]),
        bound_ns=_nano(columns[9], signed=False),
    )


def counts(activity: Raw) -> tuple[int, ...]:
    """What `activity` counts: NTP sources online, offline, in two kinds of bursts, and without an address.

    Raises:
        Unparsed: another format.
    """
    columns = only_line(activity.out).split(",")
    if len(columns) != _ACTIVITY_COLUMNS:
        raise Unparsed(f"activity has {len(columns)} columns, not {_ACTIVITY_COLUMNS}")
    return tuple(natural(c, upto=10_000) for c in columns)


def _nano(text: str, *, signed: bool = True) -> int:
    return _fixed(text, _NS, signed=signed)


def _fixed(text: str, digits: int, *, signed: bool = True) -> int:
    """A number chronyc prints with exactly `digits` decimals: fewer means that it was cut."""
    if len(text.partition(".")[2]) != digits or (not signed and text.startswith(("-", "+"))):
        raise Unparsed(f"not a number with {digits} decimals: {quoted(text)}")
    return scaled(text, digits)


def unanswered(raws: tuple[Raw, ...]) -> bool:
    """Whether a chronyd runs here that does not answer this account."""
    tracking, process = raws[0], raws[_PROCESS]
    return tracking.rc == 1 and _NO_DAEMON in tracking.out and process.rc == 0 and bool(process.out)


def _controls(process: Raw) -> bool | None:
    """Whether a chronyd that runs sets the clock; of several (one may be a container's) one that does is enough."""
    if broken(process) is not None or process.rc != 0:
        return None
    shown = [_LISTED.match(line) for line in whole_lines(process.out)]
    if not shown or None in shown:
        raise Unparsed(f"pgrep: {quoted(process.out)}")
    return not all(_without_control(match.group(1).split()) for match in shown if match is not None)


def _without_control(argv: list[str]) -> bool:
    """Whether -x is among these options of chronyd(8); a word after one that takes an argument is none."""
    words = iter(argv[1:])
    for word in words:
        if not word.startswith("-"):
            continue
        for n, letter in enumerate(word[1:], 2):
            if letter == "x":
                return True
            if letter in _WITH_ARGUMENT:
                if n == len(word):
                    next(words, None)
                break
    return False


def _poll(text: str) -> int:
    value = scaled(text, 0) if re.fullmatch(r"-?\d{1,2}", text, re.ASCII) else None
    if value is None or not -7 <= value <= 24:
        raise Unparsed(f"not a polling interval: {quoted(text)}")
    return value


def _named(text: str) -> str:
    if not _NAME.match(text):
        raise Unparsed(f"not a name or address: {quoted(text)}")
    return text


def _version(raw: Raw) -> str | None:
    if raw.rc != 0:
        return None
    line = only_line(raw.out)
    match = _VERSION.match(line)
    if match is None:
        raise Unparsed(f"not a version: {quoted(line)}")
    return match.group(1)


@dataclass(frozen=True, slots=True)
class _Configuration:
    """What the files say that were read. chronyd reads one of them, named at its build; the first that is there."""

    makestep: str | None
    visible: bool
    local: bool | None

    @classmethod
    def read(cls, files: list[Raw], fragments: Raw) -> _Configuration:
        text = next((raw.out for raw in files if raw.rc == 0 and broken(raw) is None), None)
        if text is None:
            return cls(None, False, None)
        directives = _directives(text)
        makestep = next((args for name, args in reversed(directives) if name == "makestep"), None)
        if any(name == "local" for name, _ in directives):
            return cls(makestep, True, True)
        named = {args for name, args in directives if name in ("confdir", "include")}
        elsewhere = named - {FRAGMENTS} or (named and not _empty(fragments))
        return cls(makestep, True, None if elsewhere else False)


def _empty(fragments: Raw) -> bool:
    """Whether the directory of fragments is known to hold none (chronyd reads *.conf only)."""
    if broken(fragments) is not None or absent(fragments):
        return False
    names = directory(fragments)
    if names is None:
        return no_such_file(fragments)
    return not any(name.endswith(".conf") for name in names)


def _directives(text: str) -> list[tuple[str, str]]:
    """Directive and arguments of each line; names are case-insensitive, `! ; # %` start comments."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if words and words[0][0] not in "!;#%":
            found.append((words[0].lower(), " ".join(words[1:])))
    return found


_REPORTS = tuple(("chronyc", "-n", "-c", report) for report in ("tracking", "sources", "activity"))
_DATE = ("date", "-u", "+%s")
_COMMANDS = (
    *map(Command, _REPORTS),
    Command(("chronyc", "-v")),
    Command(_DATE),
    Command(("pgrep", "-a", "-x", "chronyd")),
    Command(("ls", "-ar", FRAGMENTS)),
    *(Command(("cat", path)) for path in CONFIGURATIONS),
)
_PROCESS = 5
_AS_ROOT = (*(Command(argv, elevate=True) for argv in _REPORTS), Command(_DATE))

READER = Reader(
    name="chrony",
    version=2,
    family=Family.TIME,
    commands=_COMMANDS,
    parse=parse,
    interval_s=15.0,
    further=_AS_ROOT,
    wanted=unanswered,
)
