"""Search filters as text (RFC 4515), read into what `filters` evaluates."""

from __future__ import annotations

import re

from cutover_tui.lab.ldap.filters import All, Any, Equal, Extended, Filter, Like, Not, Ordered, Present

_DEEPEST = 50
_ITEM = re.compile(r"([A-Za-z0-9.;-]+)(?::([A-Za-z0-9.-]+):)?(=|>=|<=|~=)((?:[^()\0])*)\Z", re.DOTALL)
_ESCAPE = re.compile(r"\\([0-9A-Fa-f]{2})")


class BadFilter(ValueError):  # noqa: N818 - what it is
    """The text is no filter."""


def read(text: str) -> Filter:
    """The filter.

    Raises:
        BadFilter: it is none.
    """
    found, rest = _one(text, 0)
    if rest:
        raise BadFilter(f"behind the filter: {rest[:20]!r}")
    return found


def _one(text: str, depth: int) -> tuple[Filter, str]:
    if depth > _DEEPEST or not text.startswith("("):
        raise BadFilter("no ( where one belongs" if depth <= _DEEPEST else "too deep")
    kind = text[1:2]
    if kind in ("&", "|"):
        parts: list[Filter] = []
        rest = text[2:]
        while rest.startswith("("):
            part, rest = _one(rest, depth + 1)
            parts.append(part)
        return (All if kind == "&" else Any)(tuple(parts)), _closed(rest)
    if kind == "!":
        part, rest = _one(text[2:], depth + 1)
        return Not(part), _closed(rest)
    inner, closing, rest = text[1:].partition(")")
    if not closing:
        raise BadFilter("no ) at its end")
    return _item(inner), rest


def _closed(rest: str) -> str:
    if not rest.startswith(")"):
        raise BadFilter("no ) at its end")
    return rest[1:]


def _item(text: str) -> Filter:
    found = _ITEM.match(text)
    if found is None:
        raise BadFilter(f"no comparison: {text[:40]!r}")
    name, rule, operator, value = found[1], found[2], found[3], found[4]
    if rule is not None:
        if operator != "=":
            raise BadFilter(f"no matching rule: {text[:40]!r}")
        return Extended(name, rule, _plain(value))
    if operator in (">=", "<="):
        return Ordered(name, _plain(value), operator == ">=")
    if operator == "~=" or "*" not in value:
        return Equal(name, _plain(value))
    if value == "*":
        return Present(name)
    first, *middle, last = map(_plain, value.split("*"))
    return Like(name, first, tuple(m for m in middle if m), last)


def _plain(value: str) -> str:
    if "\\" in _ESCAPE.sub("", value):
        raise BadFilter(f"a backslash that escapes nothing: {value[:40]!r}")
    raw = b"".join(
        bytes([int(piece, 16)]) if n % 2 else piece.encode() for n, piece in enumerate(_ESCAPE.split(value))
    )
    return raw.decode("utf-8", "replace")
