"""A moment as date and strftime show it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def render(utc_ns: int, form: str, zone_ns: int = 0) -> str:
    """strftime with GNU's %N, %s, %:z and `-` flag, that far from UTC; what is unknown stays as it is."""
    seconds, nanos = divmod(utc_ns, 10**9)
    moment = _EPOCH + timedelta(seconds=seconds + zone_ns // 10**9)
    hours, minutes = divmod(abs(zone_ns) // 60_000_000_000, 60)
    sign = "-" if zone_ns < 0 else "+"
    fixed = {
        "s": str(seconds),
        "n": "\n",
        "t": "\t",
        "%": "%",
        "Z": "UTC" if zone_ns == 0 else f"{sign}{hours:02}" + (f"{minutes:02}" if minutes else ""),
        "z": f"{sign}{hours:02}{minutes:02}",
        ":z": f"{sign}{hours:02}:{minutes:02}",
        "e": f"{moment.day:2}",
    }

    def one(found: re.Match[str]) -> str:
        flag, width, letter = found[1], found[2], found[3]
        if letter == "N":
            return f"{nanos:09}"[: int(width)] if width else f"{nanos:09}"
        if letter in fixed:
            return fixed[letter].strip() if flag else fixed[letter]
        if letter in "aAbBdFHIjkmMpSTyYuwDrlh":
            if letter in "kl":
                hour = moment.hour if letter == "k" else (moment.hour % 12 or 12)
                return f"{hour:2}"
            value = moment.strftime("%I:%M:%S %p" if letter == "r" else f"%{letter}")
            return value.lstrip("0") or "0" if flag else value
        return found[0]

    return re.sub(r"%(-?)(\d?)(:z|[A-Za-z%])", one, form)
