"""Signed amounts as a world file writes them: `-3.2s` as `-3200ms`, `250us`; rates as `12ppm` or `-900ppb`."""

from __future__ import annotations

import re

from cutover_tui.core.durations import LONGEST, UNITS

_UNITS = {**UNITS, "us": 1_000, "ns": 1}
_PARTS = r"(\d{1,6}d)?(\d{1,6}h)?(\d{1,6}min)?(\d{1,9}s)?(\d{1,12}ms)?(\d{1,12}us)?(\d{1,12}ns)?$"
SPAN_PATTERN = rf"^(?=[+-]?\d)[+-]?{_PARTS}"
SPAN_EXPECTED = "an amount of time with a sign where it is negative, such as -3200ms, 250us, 0s or 1h30min"
LENGTH_PATTERN = rf"^(?=\d){_PARTS}"
LENGTH_EXPECTED = "an amount of time without a sign, such as 250us, 5ms, 0s or 1h30min"
RATE_PATTERN = r"^[+-]?\d{1,9}(\.\d{1,3})?pp[mb]$"
RATE_EXPECTED = "a rate such as 12ppm, -31400ppm or 900ppb"
FASTEST_PPB = 500_000_000
"""Half as fast again: farther off than any oscillator that still counts as a clock."""

_SPAN = re.compile(SPAN_PATTERN, re.ASCII)
_RATE = re.compile(r"([+-]?)(\d{1,9})(?:\.(\d{1,3}))?pp([mb])\Z", re.ASCII)


class Span(int):
    """Nanoseconds, signed; positive is ahead, later or longer."""


class Length(int):
    """Nanoseconds, 0 or more: what takes time, or comes later."""


class Rate(int):
    """Parts per billion, signed; positive gains time."""


def parse_span(text: str) -> Span:
    """Nanoseconds of a signed amount of time.

    Raises:
        ValueError: it is none; the message says what is wrong with it.
    """
    found = _SPAN.fullmatch(text)
    if found is None:
        if re.fullmatch(r"[+-]?\d+(\.\d+)?", text, re.ASCII):
            raise ValueError("has no unit")
        raise ValueError("is not an amount of time")
    total = sum(
        int(part[: -len(unit)]) * size
        for part, (unit, size) in zip(found.groups(), _UNITS.items(), strict=True)
        if part is not None
    )
    if total > LONGEST:
        raise ValueError("is longer than a year")
    return Span(-total if text.startswith("-") else total)


def parse_length(text: str) -> Length:
    """Nanoseconds of an amount of time that is not negative.

    Raises:
        ValueError: it is none; the message says what is wrong with it.
    """
    ns = parse_span(text)
    if text.startswith(("-", "+")):
        raise ValueError("is negative" if ns < 0 else "has a sign")
    return Length(ns)


def format_span(ns: int) -> str:
    """The shortest text that `parse_span` reads back to the same number."""
    rest, parts = abs(ns), []
    for unit, size in _UNITS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return ("-" if ns < 0 else "") + ("".join(parts) or "0s")


def parse_rate(text: str) -> Rate:
    """Parts per billion of a rate.

    Raises:
        ValueError: it is none, or no clock runs like that.
    """
    found = _RATE.fullmatch(text)
    if found is None:
        raise ValueError("has no unit" if re.fullmatch(r"[+-]?[\d.]+", text, re.ASCII) else "is not a rate")
    sign, whole, decimals, unit = found.groups()
    if unit == "b" and decimals:
        raise ValueError("has a fraction of a ppb")
    ppb = int(whole) if unit == "b" else int(whole) * 1000 + int((decimals or "").ljust(3, "0"))
    if ppb > FASTEST_PPB:
        raise ValueError(f"is more than {FASTEST_PPB // 1000}ppm")
    return Rate(-ppb if sign == "-" else ppb)


def format_rate(ppb: int) -> str:
    """The text that `parse_rate` reads back to the same number."""
    return f"{ppb // 1000}ppm" if ppb % 1000 == 0 else f"{ppb}ppb"
