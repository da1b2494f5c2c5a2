"""Whole quarter hours: the signature of a time zone or of a hardware clock read in the wrong basis.

Time zones are whole quarter hours apart (IANA tz, all present ones), daylight saving time is one
hour. No oscillator drifts by just that, so such an offset names its cause.
"""

from __future__ import annotations

from cutover_tui.core.amounts import time_amount

QUARTER_NS = 900_000_000_000
NEAR_NS = 2_000_000_000

REMEDY = (
    "Compare in which basis the platform shows the hardware clock (UTC or local time) with how the guest "
    "reads it (last line of /etc/adjtime; RealTimeIsUniversal), make them equal, then let the provider "
    "step the clock."
)


def whole_quarters(offset_ns: int) -> int | None:
    """The multiple of 15 min, not 0, that lies within 2 s of the offset; None where there is none."""
    quarters = (abs(offset_ns) + QUARTER_NS // 2) // QUARTER_NS
    whole = quarters * QUARTER_NS
    if not quarters or abs(abs(offset_ns) - whole) > NEAR_NS:
        return None
    return whole if offset_ns > 0 else -whole


def in_words(offset_ns: int) -> str:
    """What such an offset says about its cause, to follow a measured value; empty for any other."""
    whole = whole_quarters(offset_ns)
    if whole is None:
        return ""
    cause = "daylight saving time or a time zone" if abs(whole) == 4 * QUARTER_NS else "a time zone"
    return f": {time_amount(abs(whole))} to within {time_amount(NEAR_NS)}, which no drift makes but {cause}"
