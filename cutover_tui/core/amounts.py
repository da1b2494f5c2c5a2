"""Amounts as people read them: sign, three significant digits, one unit. Integers in."""

from __future__ import annotations

_UNITS = ((86_400_000_000_000, "d"), (3_600_000_000_000, "h"), (60_000_000_000, "min"))


def time_amount(ns: int, *, sign: bool = False) -> str:
    """`412 ms`, `-1.53 s`, `6.83e3 s` never: seconds up to 999, then minutes, hours and days."""
    mark = "-" if ns < 0 else ("+" if sign else "")
    size = abs(ns)
    if size >= 1_000_000_000_000:
        for unit, name in _UNITS:
            if size >= unit:
                return f"{mark}{_three(size, unit)} {name}"
    for unit, name in ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs")):
        if size >= unit:
            return f"{mark}{_three(size, unit)} {name}"
    return f"{mark}{size} ns" if size else "0 s"


def amount(value: int, unit: str) -> str:
    """A measured value in the unit of its criterion (`ns`, `ppb`, `count`, `none`), with its sign."""
    match unit:
        case "ns":
            return time_amount(value, sign=True)
        case "ppb":
            return f"{value} ppb"
        case _:
            return str(value)


def span(ns: int) -> str:
    """`06:12` or `1:02:03`; whole seconds, rounded down."""
    seconds = max(0, ns) // 1_000_000_000
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


def _three(size: int, unit: int) -> str:
    """size/unit with three significant digits, in integer arithmetic."""
    whole = size // unit
    if whole >= 100:
        return str((size + unit // 2) // unit)
    if whole >= 10:
        tenths = (size * 10 + unit // 2) // unit
        return f"{tenths // 10}.{tenths % 10}"
    hundredths = (size * 100 + unit // 2) // unit
    return f"{hundredths // 100}.{hundredths % 100:02}"
