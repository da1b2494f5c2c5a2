"""A twin is its incident but for one key: which keys two worlds differ in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

SAID = frozenset({"title", "scenario", "twin_of", "expect", "naive", "pending"})
"""Keys that say something of a world and change nothing in it."""


def path_of(twin_of: str, directory: Path) -> Path:
    """The file of the world that `twin_of` names in a world of that directory."""
    return directory / f"{twin_of}.yaml"


def differing_keys(one: bytes, other: bytes) -> tuple[str, ...]:
    """The keys in which what happens in two world files differs, sorted, such as `guests[0].time`.

    Values are compared as they are written. Both have to be valid worlds.
    """
    return tuple(sorted(key.removeprefix(".") for key in differences(_happens(one), _happens(other))))


def differences(one: object, other: object, path: str = "") -> Iterator[str]:
    """Every key whose value is another, or that only one side has: with all below it, it is one.

    A list of plain values, such as names, is one value.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() | other.keys():
            if key in one and key in other:
                yield from differences(one[key], other[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}"
    elif isinstance(one, list) and isinstance(other, list) and not _plain(*one, *other):
        for n in range(max(len(one), len(other))):
            if n < min(len(one), len(other)):
                yield from differences(one[n], other[n], f"{path}[{n}]")
            else:
                yield f"{path}[{n}]"
    elif one != other or type(one) is not type(other):
        yield path


def _plain(*values: object) -> bool:
    return not any(isinstance(value, dict | list) for value in values)


def _happens(text: bytes) -> object:
    # The base loader makes texts of everything, so that the key `on` stays a word.
    data = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506
    return {k: v for k, v in data.items() if k not in SAID} if isinstance(data, dict) else data
