"""The readable parts of a file that may still have errors elsewhere.

The rules across a file run on parts, so that one wrong number does not hide a dangling
reference: what could not be read is absent, and is never reported a second time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

Value = str | int | bool | None


@dataclass(slots=True)
class Part:
    """One value with its path (`phases[0].steps[1].id`) and line; `value` is set for scalars only."""

    path: str
    line: int
    value: Value = None
    items: list[Part] | None = None
    entries: dict[str, Part] | None = None
    unread: set[str] = field(default_factory=set)
    """Keys that are in the file but could not be read."""

    def get(self, key: str) -> Part | None:
        """The part below a key, None when the key is absent, unreadable or null."""
        part = (self.entries or {}).get(key)
        return None if part is not None and part.is_null else part

    @property
    def is_null(self) -> bool:
        return self.value is None and self.items is None and self.entries is None

    def has(self, key: str) -> bool:
        """Whether the file gives the key, readable or not."""
        return key in self.unread or self.get(key) is not None

    def text(self, key: str, default: str | None = None) -> str | None:
        """A text below a key; the default when it is absent, None when it could not be read."""
        part = self.get(key)
        if part is None:
            return None if key in self.unread else default
        return part.value if isinstance(part.value, str) else None

    def integer(self, key: str) -> int | None:
        """A number or duration below a key."""
        part = self.get(key)
        return part.value if part is not None and isinstance(part.value, int) else None

    def flag(self, key: str) -> bool:
        """A boolean below a key, False when it is absent."""
        part = self.get(key)
        return part is not None and part.value is True

    def each(self, key: str) -> list[Part]:
        """The readable items of a list below a key."""
        part = self.get(key)
        return (part.items or []) if part is not None else []

    def pairs(self, key: str) -> Iterator[tuple[str, Part]]:
        """The readable entries of a mapping below a key."""
        part = self.get(key)
        if part is not None and part.entries is not None:
            yield from part.entries.items()

    def line_of(self, key: str) -> int:
        """The line of a key, of the whole part when it is absent."""
        part = (self.entries or {}).get(key)
        return part.line if part is not None else self.line

    def plain(self) -> object:
        """The same as builtins, for `msgspec.convert`."""
        if self.items is not None:
            return [item.plain() for item in self.items]
        if self.entries is not None:
            return {key: part.plain() for key, part in self.entries.items()}
        return self.value

    def lines(self) -> Iterator[tuple[str, int]]:
        """Path and line of this part and all below it."""
        yield self.path, self.line
        for part in self.items or (self.entries or {}).values():
            yield from part.lines()
