"""The machine's keytab as MIT's klist lists it: principals, key versions, encryption types; never keys.

`klist -k` is asked twice, once with and once without times and encryption types: the two
must name the same entries, so that a list that was cut is noticed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from probes.facts_kerberos import KeytabEntry, KeytabFacts
from probes.linux.domain.klist import stamp_ns
from probes.linux.text import Unparsed, quoted, unusable, whole_lines
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Command, Reader

_ABSENT = re.compile(r"klist: (?:Key table file '([^']+)' not found|No such file or directory) while ")
_NAME = re.compile(r"Keytab name: (\S+)\Z")
_LONG = re.compile(r" *(\d{1,10}) (\S+ \S+) (\S+) \((\S+)\) *\Z", re.ASCII)
_SHORT = re.compile(r" *(\d{1,10}) (\S+)\Z", re.ASCII)


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from klist -kte and klist -k."""
    full, short = raws
    failure = unusable(full) or unusable(short)
    if failure is not None:
        if failure.kind is FailureKind.TOOL_ABSENT:
            return Failure(FailureKind.TOOL_ABSENT, "klist is not installed")
        return failure
    denied = next((raw for raw in raws if raw.rc and raw.err.startswith("klist: Permission denied")), None)
    if denied is not None:
        return Failure(FailureKind.DENIED, "the keytab may be read by root only")
    try:
        return _absent(full, short) or _listed(whole_lines(full.out), whole_lines(short.out))
    except Unparsed as error:
        return error.failure()


def _absent(*raws: Raw) -> KeytabFacts | None:
    """There is no keytab, in klist's words; None where there is one.

    Raises:
        Unparsed: klist failed for another reason.
    """
    if all(raw.rc == 0 for raw in raws):
        return None
    names: set[str] = set()
    for raw in raws:
        match = _ABSENT.match(raw.err)
        if raw.rc == 0 or match is None:
            raise Unparsed(f"klist ended with {raw.rc}: {quoted(raw.err)}")
        names.add(match.group(1) or "")
    return KeytabFacts(f"FILE:{names.pop()}", present=False, entries=())


def _listed(full: Sequence[str], short: Sequence[str]) -> KeytabFacts:
    name = _name(full)
    entries = tuple(_entry(line) for line in full[3:])
    again = [m.groups() for line in short[3:] if (m := _SHORT.match(line)) is not None]
    if _name(short) != name or [(str(e.kvno), e.principal) for e in entries] != again:
        raise Unparsed("klist listed two different keytabs")
    return KeytabFacts(name, present=True, entries=entries)


def _name(lines: Sequence[str]) -> str:
    match = _NAME.match(lines[0]) if len(lines) >= 3 else None
    if match is None or not lines[1].startswith("KVNO") or not lines[2].startswith("----"):
        raise Unparsed(f"not a keytab as klist lists it: {quoted(' '.join(lines))}")
    return match.group(1)


def _entry(line: str) -> KeytabEntry:
    match = _LONG.match(line)
    if match is None:
        raise Unparsed(f"not a key as klist lists it: {quoted(line)}")
    kvno, stamp, principal, enctype = match.groups()
    return KeytabEntry(int(kvno), principal, enctype, stamp_ns(stamp))


_KLIST = ("env", "LC_ALL=C", "TZ=UTC", "klist")

READER = Reader(
    name="keytab",
    version=1,
    family=Family.DIRECTORY,
    commands=(Command((*_KLIST, "-kte"), elevate=True), Command((*_KLIST, "-k"), elevate=True)),
    parse=parse,
    interval_s=60.0,
)
