"""How an exchange with a directory is kept: one line of JSON in a `Raw`, from which facts are derived again."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from probes.observation import Failure, FailureKind, Raw
from probes.unsafe_text import without_controls

K = TypeVar("K")
LONGEST = 1024
"""Characters kept of one value."""


def keep(argv: tuple[str, ...], exchange: msgspec.Struct) -> Raw:
    """The exchange as a raw output."""
    return Raw(argv=argv, rc=None, out=msgspec.json.encode(exchange).decode() + "\n")


def nothing(argv: tuple[str, ...], failure: Failure) -> Raw:
    """An exchange that did not take place."""
    return Raw(argv=argv, rc=None, out="", failure=failure)


def recall(raw: Raw, kind: type[K]) -> K | Failure:
    """The exchange again, or why there is none."""
    if raw.failure is not None:
        return raw.failure
    if raw.truncated:
        return Failure(FailureKind.TRUNCATED, "the recorded exchange was cut")
    try:
        return msgspec.json.decode(raw.out, type=kind)
    except msgspec.DecodeError as problem:
        return Failure(FailureKind.NOT_UNDERSTOOD, f"the recorded exchange cannot be read: {problem}")


def safe(value: bytes) -> str:
    """A value as text that may be kept and shown; what is no text becomes visible as such."""
    return without_controls(value[: 4 * LONGEST].decode("utf-8", "replace"))[:LONGEST]
