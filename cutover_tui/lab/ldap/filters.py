"""Search filters (RFC 4511 section 4.5.1.7): what they are made of, and which entries they fit.

A filter that asks for what an entry does not have is undefined there, which `!` leaves undefined; only what
is true fits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Entry = Mapping[str, tuple[str, ...]]

_AND_BITS, _OR_BITS = "1.2.840.113556.1.4.803", "1.2.840.113556.1.4.804"
_NUMBERS = frozenset(
    {"useraccountcontrol", "pwdlastset", "msds-keyversionnumber", "msds-supportedencryptiontypes"}
)


@dataclass(frozen=True, slots=True)
class All:
    """`&`"""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """`|`"""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """`!`"""

    part: Filter


@dataclass(frozen=True, slots=True)
class Present:
    """`name=*`"""

    name: str


@dataclass(frozen=True, slots=True)
class Equal:
    """`name=value`; `~=` is the same here, as in Active Directory."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Ordered:
    """`name>=value`, or `<=` with `least` False."""

    name: str
    value: str
    least: bool


@dataclass(frozen=True, slots=True)
class Like:
    """`name=first*middle*last`"""

    name: str
    first: str
    middle: tuple[str, ...]
    last: str


@dataclass(frozen=True, slots=True)
class Extended:
    """`name:rule:=value`"""

    name: str
    rule: str
    value: str


Filter = All | Any | Not | Present | Equal | Ordered | Like | Extended


def fits(entry: Entry, wanted: Filter) -> bool:
    """Whether the entry is among what the filter finds."""
    return _truth(entry, wanted) is True


def _truth(entry: Entry, wanted: Filter) -> bool | None:
    match wanted:
        case All(parts):
            found = [_truth(entry, part) for part in parts]
            return False if False in found else None if None in found else True
        case Any(parts):
            found = [_truth(entry, part) for part in parts]
            return True if True in found else None if None in found else False
        case Not(part):
            inner = _truth(entry, part)
            return None if inner is None else not inner
        case Present(name):
            return bool(_values(entry, name))
        case Equal() | Ordered() | Like() | Extended():
            values = _values(entry, wanted.name)
            return any(_meets(value, wanted) for value in values) if values else None


def _meets(value: str, wanted: Equal | Ordered | Like | Extended) -> bool:
    match wanted:
        case Equal(name, given):
            same = value.casefold() == given.casefold()
            # An objectCategory may be asked for by the name of its class ([MS-ADTS] section 3.1.1.3.1.3.5).
            of_class = name.casefold() == "objectcategory" and "=" not in given
            return same or (of_class and value.casefold().startswith(f"cn={given},".casefold()))
        case Ordered(name, given, least):
            if name.casefold() in _NUMBERS:
                theirs, ours = _number(value), _number(given)
                return (
                    theirs is not None and ours is not None and (theirs >= ours if least else theirs <= ours)
                )
            folded, other = value.casefold(), given.casefold()
            return folded >= other if least else folded <= other
        case Like(_, first, middle, last):
            return _like(value.casefold(), first.casefold(), [m.casefold() for m in middle], last.casefold())
        case Extended(_, rule, given):
            bits, mask = _number(value), _number(given)
            if bits is None or mask is None or rule not in (_AND_BITS, _OR_BITS):
                return False
            return bits & mask == mask if rule == _AND_BITS else bool(bits & mask)


def _like(value: str, first: str, middle: list[str], last: str) -> bool:
    if not value.startswith(first):
        return False
    at = len(first)
    for part in middle:
        found = value.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(value) - len(last) >= at and value.endswith(last)


def _values(entry: Entry, name: str) -> tuple[str, ...]:
    return next((values for key, values in entry.items() if key.casefold() == name.casefold()), ())


def _number(text: str) -> int | None:
    return int(text) if text.removeprefix("-").isdecimal() else None
