"""Timestamps as a runbook writes them: RFC 3339 with `Z` or an offset, never local time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

PATTERN = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})$"
EXPECTED = "an RFC 3339 timestamp with Z or an offset, such as 2026-03-14T22:00:00+01:00"

_WHOLE = re.compile(PATTERN, re.ASCII)
_NO_OFFSET = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc_text(ns: int) -> str:
    """Nanoseconds since 1970 for people, to the second: `2026-11-22 21:21:19 UTC`."""
    return f"{_EPOCH + timedelta(seconds=ns // 1_000_000_000):%Y-%m-%d %H:%M:%S} UTC"


def utc_ns(text: str) -> int:
    """Nanoseconds since 1970 (UTC, whole microseconds) of an RFC 3339 timestamp.

    Raises:
        ValueError: it is no such timestamp; the message says what is wrong with it.
    """
    if _NO_OFFSET.fullmatch(text):
        raise ValueError("has no offset from UTC")
    if not _WHOLE.fullmatch(text):
        raise ValueError("is not an RFC 3339 timestamp")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"does not exist in the calendar ({error})") from None
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
