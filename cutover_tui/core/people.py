"""A clock that people read: the witness of a site in which nothing else may be asked."""

from __future__ import annotations

import datetime
import re
import unicodedata

import msgspec

from probes.observation import Instant

READ_BOUND_NS = 2_000_000_000
"""How well two people read a clock and confirm it at once: the reading and the key press, each within a second."""


class PeopleRead(msgspec.Struct, frozen=True):
    """UTC as a clock that `first` and `second` trust showed it when it was confirmed, `at`."""

    at: Instant
    utc_ns: int
    first: str
    second: str

    @property
    def who(self) -> str:
        return f"{self.first} + {self.second}"


LATE_NS = 5_000_000_000
"""How long after the key press it may get onto the record: longer, and it is read again."""

_EARLIEST_NS = 1_577_836_800 * 10**9
"""2020-01-01, before any clock that people who use this can read rightly."""

_LATEST_NS = 4_102_444_800 * 10**9
"""2100-01-01."""

NAME_CHARACTERS = 40


def reading_problem(first: str, second: str, utc_ns: int) -> str | None:
    """What is wrong with a reading by two people; None when nothing is."""
    problem = names_problem(first, second)
    if problem is None and not _EARLIEST_NS <= utc_ns < _LATEST_NS:
        return "no clock shows that date now"
    return problem


def names_problem(first: str, second: str) -> str | None:
    """What is wrong with the names of two people; None when nothing is."""
    for name in (first, second):
        if not name.strip() or name != name.strip() or len(name) > NAME_CHARACTERS or not name.isprintable():
            return f"a name has one to {NAME_CHARACTERS} printable characters"
    if _same(first) == _same(second):
        return "two different people have to read it"
    return None


def _same(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


_TYPED = re.compile(r"(?:(\d{4}-\d\d-\d\d)[T ])?(\d\d:\d\d:\d\d)Z?", re.ASCII)
_DAY_NS = 86_400 * 10**9


def typed_utc(text: str, near_utc_ns: int) -> int | None:
    """UTC in ns of `HH:MM:SS` or `YYYY-MM-DD HH:MM:SS`; None where it is neither.

    Args:
        near_utc_ns: without a day the one nearest to this is meant; a clock that is off by more than half a
            day needs the day written.
    """
    found = _TYPED.fullmatch(text.strip())
    if found is None:
        return None
    try:
        moment = datetime.datetime.fromisoformat(f"{found[1] or '1970-01-01'}T{found[2]}+00:00")
    except ValueError:
        return None
    utc_ns = int(moment.timestamp()) * 10**9
    if found[1] is None:
        utc_ns += (near_utc_ns - utc_ns + _DAY_NS // 2) // _DAY_NS * _DAY_NS
    return utc_ns
