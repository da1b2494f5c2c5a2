"""What a check says, and what a gate decides. Pure data; integers in the criterion's unit."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from probes.observation import Instant


class Verdict(StrEnum):
    """`unknown` is a verdict, never a pass; `na` needs an empty-and-complete baseline or a platform without the function."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    UNKNOWN = "unknown"
    NA = "na"


Unit = Literal["ns", "ppb", "count", "none"]
Origin = Literal["new", "pre-existing"]


class Criterion(msgspec.Struct, frozen=True):
    """What was asked, as a sentence and as a number (`limit` in `unit`)."""

    text: str
    limit: int | None = None
    unit: Unit = "none"


class Window(msgspec.Struct, frozen=True):
    """A sealed stretch of a tape: lines `first`..`last`, the hash of their bytes, samples, gaps."""

    tape: str
    first: int
    last: int
    sha256: str
    n: int
    gaps: int


class Soak(msgspec.Struct, frozen=True):
    """Progress of a continuous stretch: how long it has held, how long it must."""

    held_ns: int
    needed_ns: int
    broken_by: str | None = None  # why the last stretch ended

    @property
    def complete(self) -> bool:
        return self.held_ns >= self.needed_ns


class Before(msgspec.Struct, frozen=True, array_like=True):
    """What a check said of a host at an earlier moment: enough to tell whether a fault is the same and grows.

    Written as a list; of a journal from before values were kept, `measured` and `bound` are None.
    """

    check: str
    verdict: Verdict
    reason_code: str
    measured: int | None = None  # in the unit of the check's criterion
    bound: int | None = None
    about: tuple[str, ...] = ()  # as in `Finding`


class Finding(msgspec.Struct, frozen=True):
    """The result of one check on one host."""

    check: str
    version: int
    host: str
    verdict: Verdict
    reason_code: str
    reason: str
    criterion: Criterion
    measured: int | None = None
    bound: int | None = None
    origin: Origin = "new"
    used: tuple[str, ...] = ()  # ids of the observations it rests on
    baseline: str | None = None  # id of the baseline observation compared with
    remedy: str = ""
    naive: str = ""  # the check a naive checklist would believe instead
    provenance: tuple[str, ...] = ()  # reader@vantage
    soak: Soak | None = None
    action: str | None = None  # id of the step's action that would mend it
    acknowledged: str | None = None  # the problem ticket this failure is accepted with; it closes no gate
    about: tuple[str, ...] = ()
    """Who fails, where that is not the guest and not always the same: an acceptance covers no other."""
    acknowledgeable: bool = False  # it closes the gate, and may be accepted with a problem ticket


def before(finding: Finding) -> Before:
    """What is kept of a finding to compare later ones with."""
    return Before(
        finding.check, finding.verdict, finding.reason_code, finding.measured, finding.bound, finding.about
    )


class Missing(msgspec.Struct, frozen=True):
    """One thing a refused gate lacks: a check (by id) or a rule of the gate itself."""

    what: str
    verdict: Verdict
    reason: str
    remedy: str = ""


Outcome = Literal["open", "refused"]


class Decision(msgspec.Struct, frozen=True):
    """May this step be marked done on this host now? Carries everything to answer again later."""

    step: str
    host: str
    at: Instant
    upto: int  # journal sequence it was decided on
    runbook: str  # sha256 of the runbook
    mark: int | None  # sequence of the mark event of this host
    rules: tuple[tuple[str, int], ...]  # check id, version
    findings: tuple[Finding, ...]
    outcome: Outcome
    missing: tuple[Missing, ...]
    windows: tuple[Window, ...] = ()
    gate_rules: int = (
        0  # version of what a gate asks besides its checks (`core.gate`); 0 = from before it had one
    )
