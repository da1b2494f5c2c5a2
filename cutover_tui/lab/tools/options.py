"""Options as getopt(3) reads them: letters in one word, a value behind or glued on, names with two dashes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Options:
    """What was given: letters (or long names) with their values, and the other words."""

    given: list[tuple[str, str]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    unknown: str | None = None  # getopt's complaint

    def has(self, name: str) -> bool:
        return any(name == one for one, _ in self.given)

    def value(self, name: str) -> str | None:
        """The last value of an option."""
        return next((value for one, value in reversed(self.given) if one == name), None)


def options(
    argv: Sequence[str], *, flags: str = "", valued: str = "", long: Sequence[str] | None = ()
) -> Options:
    """Read a command line; options may stand between other words, as glibc has it.

    `long`: known names with two dashes; None = the tool knows letters only.
    """
    found, rest = Options(), list(argv[1:])
    while rest:
        word = rest.pop(0)
        if word == "--":
            found.words += rest
            break
        if word.startswith("--") and long is not None:
            name = word[2:].partition("=")[0]
            if name not in long:
                found.unknown = found.unknown or f"unrecognized option '{word}'"
            found.given.append((name, word.partition("=")[2]))
            continue
        if not word.startswith("-") or word == "-":
            found.words.append(word)
            continue
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in valued:
                if not letters and not rest:
                    missing = f"option requires an argument -- '{letter}'"
                    found.unknown = found.unknown or missing
                    break
                found.given.append((letter, letters or rest.pop(0)))
                break
            if letter not in flags:
                found.unknown = found.unknown or f"invalid option -- '{letter}'"
            found.given.append((letter, ""))
    return found
