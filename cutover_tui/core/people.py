"""A clock that people read: the witness of a site in which nothing else may be asked."""

from __future__ import annotations

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


_EARLIEST_NS = 1_577_836_800 * 10**9
"""2020-01-01, before any clock that people who use this can read rightly."""

_LATEST_NS = 4_102_444_800 * 10**9
"""2100-01-01."""

NAME_CHARACTERS = 40


def reading_problem(first: str, second: str, utc_ns: int) -> str | None:
    """What is wrong with a reading by two people; None when nothing is."""
    for name in (first, second):
        if not name.strip() or name != name.strip() or len(name) > NAME_CHARACTERS or not name.isprintable():
            return f"a name has one to {NAME_CHARACTERS} printable characters"
    if _same(first) == _same(second):
        return "two different people have to read it"
    if not _EARLIEST_NS <= utc_ns < _LATEST_NS:
        return "no clock shows that date now"
    return None


def _same(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
