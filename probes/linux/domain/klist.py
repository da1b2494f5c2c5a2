"""What MIT's `klist` prints with LC_ALL=C and TZ=UTC: tickets of one cache. Pure.

Times are `%m/%d/%y %H:%M:%S` there (krb5_timestamp_to_sfstring, src/lib/krb5/krb/str_conv.c).
Lines that begin with a tab belong to the ticket above them (show_credential in src/clients/klist/klist.c).
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass

from probes.linux.text import Unparsed, quoted

_HEADING = re.compile(r"Valid starting +Expires +Service principal\Z")
_TICKET = re.compile(
    r"(\d\d/\d\d/\d\d \d\d:\d\d:\d\d)  (\d\d/\d\d/\d\d \d\d:\d\d:\d\d)  (\S+@[A-Za-z0-9._-]*)\Z", re.ASCII
)
_MORE = re.compile(
    r"\t(?:renew until \S+ \d\d:\d\d:\d\d"
    r"|for client \S+(?:, renew until \S+ \d\d:\d\d:\d\d)?"
    r"|Ticket server: \S+)\Z",
    re.ASCII,
)
_PRINCIPAL = re.compile(r"\S+@[A-Za-z0-9._-]+\Z", re.ASCII)
_STAMP = re.compile(r"(\d\d)/(\d\d)/(\d\d) (\d\d):(\d\d):(\d\d)\Z", re.ASCII)
_NS = 10**9


@dataclass(frozen=True, slots=True)
class Ticket:
    """One ticket; times in ns UTC, as the KDC said them."""

    service: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Cache:
    """One credential cache."""

    name: str  # TYPE:residual
    principal: str
    tickets: tuple[Ticket, ...]


def cache(lines: Sequence[str]) -> Cache:
    """The one cache that these lines show.

    Raises:
        Unparsed: not what klist prints.
    """
    if len(lines) < 3 or lines[2]:
        raise Unparsed(f"not a cache as klist shows it: {quoted(' '.join(lines))}")
    name, principal = _after("Ticket cache: ", lines[0]), _after("Default principal: ", lines[1])
    if not _PRINCIPAL.match(principal):
        raise Unparsed(f"not a principal: {quoted(principal)}")
    if len(lines) > 3 and not _HEADING.match(lines[3]):
        raise Unparsed(f"not klist's heading: {quoted(lines[3])}")
    tickets: list[Ticket] = []
    for line in lines[4:]:
        if tickets and _MORE.match(line):
            continue
        match = _TICKET.match(line)
        if match is None:
            raise Unparsed(f"not a ticket as klist shows it: {quoted(line)}")
        tickets.append(Ticket(match.group(3), stamp_ns(match.group(1)), stamp_ns(match.group(2))))
    return Cache(name, principal, tuple(tickets))


def stamp_ns(text: str) -> int:
    """`11/26/26 03:27:31` as ns UTC.

    Raises:
        Unparsed: no such moment.
    """
    match = _STAMP.match(text)
    if match is None:
        raise Unparsed(f"not a time as klist shows it: {quoted(text)}")
    month, day, year, hour, minute, second = (int(x) for x in match.groups())
    century = 1900 if year >= 69 else 2000  # POSIX %y
    if not (
        1 <= month <= 12
        and 1 <= day <= calendar.monthrange(century + year, month)[1]
        and hour < 24
        and minute < 60
        and second <= 60
    ):
        raise Unparsed(f"no such time: {quoted(text)}")
    return calendar.timegm((century + year, month, day, hour, minute, second)) * _NS


def _after(label: str, line: str) -> str:
    if not line.startswith(label) or not line[len(label) :].strip():
        raise Unparsed(f"expected {label.strip()} and not {quoted(line)}")
    return line[len(label) :]
