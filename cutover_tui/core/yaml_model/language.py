"""What differs between the files that are read against a model: their name, their words, their amounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Amount:
    """A number that is written as text with a unit: a custom type of the model.

    `parse` returns the number or raises ValueError with what is wrong; `show` writes it back.
    """

    parse: Callable[[str], int]
    show: Callable[[int], str]
    expected: str
    pattern: str
    examples: tuple[str, ...]
    word: str
    above_zero: bool = False


def _no_hint(cls: type, key: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Language:
    """One kind of file."""

    name: str  # as errors call it: "runbook"
    begins: str  # its first line
    meaning: Callable[[type, str], str]
    amounts: Mapping[type, Amount]
    secrets: frozenset[type] = field(default_factory=frozenset)  # structs that must not hold a secret's value
    hint: Callable[[type, str], str | None] = _no_hint  # said beside the known keys of a struct
