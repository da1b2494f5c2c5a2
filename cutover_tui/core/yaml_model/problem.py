"""What is wrong with a file, as one line an error, and safe to print."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

SHOWN = 80
"""Characters of a file's own text that an error repeats."""

LISTED = 24
"""Words an error lists as the choice."""
COMPARED = 500
"""Words a misspelt one is compared with, so that a huge file cannot cost the square of its size."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One error or warning. `line` counts from 1."""

    file: str
    line: int
    what: str
    expected: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}; expected {self.expected}"


class BadFile(Exception):  # noqa: N818 - the field says "a bad runbook"
    """The file is not usable; `errors` holds all that is wrong, in the order of its lines."""

    def __init__(self, errors: Iterable[Problem]) -> None:
        self.errors = tuple(sorted(dict.fromkeys(errors), key=lambda p: p.line))
        super().__init__(str(self))

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


class BadRunbook(BadFile):
    """The file is no usable runbook."""


class Problems:
    """Collects errors and warnings of one file."""

    def __init__(self, file: str) -> None:
        self.file = safe(file)
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []

    def error(self, line: int, what: str, expected: str) -> None:
        """Something that makes the file unusable."""
        self.errors.append(Problem(self.file, line, what, expected))

    def warn(self, line: int, what: str, expected: str) -> None:
        """Something that is probably not meant, with which the file still works."""
        self.warnings.append(Problem(self.file, line, what, expected))


def shown(text: str) -> str:
    """A piece of the file between backticks: one line, no control characters, bounded."""
    flat = safe(text[: SHOWN + 1])
    return f"`{flat[:SHOWN]}…`" if len(text) > SHOWN else f"`{flat}`"


def safe(text: str) -> str:
    """Text that can go to a terminal: what is not printable (bidi controls too) becomes `?`."""
    return "".join(c if c.isprintable() else ("\\n" if c == "\n" else "?") for c in text)


def place(path: str, whole: str = "runbook") -> str:
    """A path of the file (`phases[0].id`) as errors name it; `whole` is what the file is."""
    return shown(path) if path else f"the {whole}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`x` (did you mean that?), or the known words when none is near. They may come from the file."""
    words = [one for one in known if one.strip()]
    candidates = [one for one in words[:COMPARED] if len(one) <= SHOWN]
    near = get_close_matches(word[:SHOWN], candidates, n=1, cutoff=0.7)
    return f"{shown(near[0])} (did you mean that?)" if near else one_of(words)


def one_of(words: Iterable[str]) -> str:
    """`a`, or `one of a, b, c`; a long list is cut."""
    listed = [safe(word[:SHOWN]) for word in words]
    if not listed:
        return "another name (none is defined)"
    if len(listed) == 1:
        return listed[0]
    more = f" and {len(listed) - LISTED} more" if len(listed) > LISTED else ""
    return "one of " + ", ".join(listed[:LISTED]) + more
