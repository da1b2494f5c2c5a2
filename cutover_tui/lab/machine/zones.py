"""Time zones by their distance from UTC."""

from __future__ import annotations

_HOUR = 3_600_000_000_000
_BROKEN = {
    "5:30": "Asia/Kolkata",
    "5:45": "Asia/Kathmandu",
    "3:30": "Asia/Tehran",
    "4:30": "Asia/Kabul",
    "6:30": "Asia/Yangon",
    "9:30": "Australia/Darwin",
}
"""Zones that are no whole hour from UTC and keep no summer time."""


def zone_name(zone_ns: int) -> str | None:
    """A zone of that distance from UTC all year; None = there is none, the file is somebody's own."""
    hours, rest = divmod(zone_ns, _HOUR)
    if rest:
        return _BROKEN.get(f"{hours}:{rest // 60_000_000_000:02}")
    if hours == 0:
        return "Etc/UTC"
    return f"Etc/GMT{-hours:+}" if -12 <= hours <= 14 else None
