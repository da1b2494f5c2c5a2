"""The truth of a drawn world: nothing is wrong with it, or these faults are; and where the line is too thin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MS = 1_000_000
SECOND = 1_000 * MS

Kind = Literal[
    "few-witnesses",
    "own-clock-wrong",
    "already-moved",
    "not-moved",
    "wrong-platform",
    "path-too-slow",
    "unreachable",
    "no-provider",
    "unaccepted-provider",
    "not-at-boot",
    "no-source",
    "source-wrong",
    "sources-disagree",
    "source-lost",
    "several-masters",
    "tools-not-visible",
    "clock-off",
    "old-vm",
]


class Borderline(Exception):  # noqa: N818 - no error: the world is drawn again
    """Too near an edge to say what must come out; `str()` says which."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: from which step on it can be seen, on whom, and which checks must say so."""

    kind: Kind
    step: str
    host: str | None  # None = the wave's
    checks: frozenset[str]  # at least one of them is among the findings


@dataclass(frozen=True, slots=True)
class Truth:
    """All faults of a world, in no order; none = it must be allowed."""

    faults: tuple[Fault, ...]

    @property
    def healthy(self) -> bool:
        return not self.faults
