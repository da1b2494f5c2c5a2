"""Durations as a runbook writes them: `250ms`, `90s`, `10min`, `2h`, `3d`, or a sum such as `1h30min`.

A bare number is refused: nobody can see at 02:00 whether `10` meant seconds or minutes.
"""

from __future__ import annotations

import re

from cutover_tui.core.runbook import Duration

UNITS = {
    "d": 86_400_000_000_000,
    "h": 3_600_000_000_000,
    "min": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
}
"""Nanoseconds of each unit, largest first; `m` is left out on purpose (minutes? months? milli?)."""

PATTERN = r"^(?=\d)(\d{1,6}d)?(\d{1,6}h)?(\d{1,6}min)?(\d{1,9}s)?(\d{1,12}ms)?$"
"""What is accepted, as a regular expression that JSON Schema (ECMA 262) understands too."""

EXPECTED = "a duration such as 250ms, 90s, 10min, 2h, 1h30min or 3d"
LONGEST = 366 * UNITS["d"]

_PARTS = re.compile(PATTERN, re.ASCII)


def parse_duration(text: str) -> Duration:
    """Nanoseconds of a duration text.

    Raises:
        ValueError: it is no duration; the message says what is wrong with it.
    """
    if re.fullmatch(r"[+-]?\d+(\.\d+)?", text, re.ASCII):
        raise ValueError("has no unit")
    if text.startswith("-"):
        raise ValueError("is negative")
    if re.search(r"\d\.\d", text):
        raise ValueError("has a fraction")
    if re.search(r"\dm(?![is])", text):
        raise ValueError("has `m`, which may be minutes or months")
    parts = _PARTS.fullmatch(text)
    if parts is None:
        raise ValueError("is not a duration")
    total = sum(
        int(part[: -len(unit)]) * size
        for part, (unit, size) in zip(parts.groups(), UNITS.items(), strict=True)
        if part is not None
    )
    if total > LONGEST:
        raise ValueError("is longer than a year")
    return Duration(total)


def format_duration(ns: int) -> str:
    """The shortest text that `parse_duration` reads back to the same number; whole milliseconds only."""
    rest, parts = max(0, ns), []
    for unit, size in UNITS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    if rest and not parts:
        return f"{rest}ns"
    return "".join(parts) or "0s"
