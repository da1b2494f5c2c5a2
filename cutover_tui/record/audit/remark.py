"""What an audit says of one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Answer = Literal["follows", "does-not-follow", "not-rederivable"]
"""It follows; it does not follow (or was altered); it cannot be derived again *here*."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that does not follow, or cannot be told here. `where` is `file:line`."""

    where: str
    answer: Answer
    what: str


def wrong(where: str, what: str) -> Remark:
    """It does not follow, or was altered."""
    return Remark(where, "does-not-follow", what)


def foreign(where: str, what: str) -> Remark:
    """Another version of the rules, or something this version lacks."""
    return Remark(where, "not-rederivable", what)
