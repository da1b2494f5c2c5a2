"""What a check declares about itself: the numbers a runbook may set, and how loose they may be.

The bounds are the product's promise: a criterion looser than its bound is an error when the
runbook is loaded, not a surprise in the window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cutover_tui.core.runbook import Role
from probes.observation import Family

ParamKind = Literal["duration", "int", "bool", "str", "choice"]


@dataclass(frozen=True, slots=True)
class Bound:
    """A number with its default and the range a runbook may choose from (ends included, None = open).

    Nanoseconds for `soak` and `max_age`, a count for `attempts`.
    """

    default: int
    lowest: int | None = None
    highest: int | None = None


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a check; durations are nanoseconds here and text such as `5s` in a runbook."""

    kind: ParamKind
    default: int | bool | str
    lowest: int | None = None
    highest: int | None = None
    choices: tuple[str, ...] = ()
    doc: str = ""
    required: bool = False
    """The runbook must give it; `default` then only shows the kind."""
    at_most: str | None = None
    """Name of another parameter of the same check that this one may not exceed."""


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """Identity and numbers of a check. None for `soak`, `attempts`, `max_age`: it takes no such thing.

    `acknowledge` says which faults of this check may be accepted with a problem ticket where they were there
    before the mark: None = never; a number = those shown to be no larger, |measured| + bound, in the unit of
    the check's criterion. A finding without a measured value is never accepted. It is for faults of others
    that a move neither makes nor mends, such as a domain that is wrong as one. It is None for whatever
    shows that the *guest* is looked after, `time.provider`, `time.single-master` and `time.offset` above all:
    a guest that only VMware Tools keep right fails `time.provider` before the mark too. To accept that as
    pre-existing, and then remove Tools, is the very incident this program exists for.
    """

    id: str
    version: int
    family: Family
    max_age: Bound | None
    soak: Bound | None = None
    attempts: Bound | None = None
    params: Mapping[str, Param] = field(default_factory=dict)
    voided_by: tuple[Family, ...] = ()
    """Further families whose disturbances void its evidence and a decision that rests on it."""
    needs_mark: bool = False
    """It compares with the mark, so it can only pass in a step after the one with `mark: true`."""
    acknowledge: int | None = None
    role: Role | None = None
    """It is for guests of this role only: a runbook that asks it of another does not load."""

    @property
    def families(self) -> frozenset[Family]:
        """Every family whose disturbance takes its evidence away."""
        return frozenset((self.family, *self.voided_by))


PLANNED = frozenset(
    {
        "net.peers",
        "cert.valid",
        "cert.chain",
        "cert.tls",
        "cert.renewal",
        "gpo.refresh",
        "task.run",
        "service.restart",
    }
)
"""Ids of the design that a later version brings: "not available" is another answer than "unknown"."""

PLANNED_GROUPS = ("identity.", "app.")
"""Groups of ids whose members are not fixed yet."""


def planned(check_id: str) -> bool:
    """Whether the id is one of the design's that this version may not have."""
    return check_id in PLANNED or check_id.startswith(PLANNED_GROUPS)
