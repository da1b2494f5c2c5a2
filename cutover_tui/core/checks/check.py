"""A check: a pure function from evidence to a finding, with a version and a spec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from cutover_tui.core.checks.spec import CheckSpec
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding, Soak, Verdict
from probes.observation import Facts, FailureKind, Observation

F = TypeVar("F", bound=Facts)
SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What a gate asks of a check: the runbook's numbers over the check's defaults."""

    soak_ns: int
    attempts: int
    max_age_ns: int
    params: Mapping[str, int | bool | str]

    def ns(self, name: str) -> int:
        """A duration or count parameter."""
        value = self.params[name]
        assert isinstance(value, int)  # noqa: S101 - loading converts by the parameter's kind
        return value

    def text(self, name: str) -> str:
        """A text parameter."""
        return str(self.params[name])


@dataclass(frozen=True, slots=True)
class Says:
    """Builds findings of one check on one host, so that verdicts read like sentences."""

    check: str
    version: int
    evidence: Evidence
    criterion: Criterion
    naive: str = ""

    def _finding(
        self,
        verdict: Verdict,
        code: str,
        reason: str,
        *,
        remedy: str = "",
        measured: int | None = None,
        bound: int | None = None,
        used: tuple[Observation, ...] = (),
        soak: Soak | None = None,
        about: tuple[str, ...] = (),
    ) -> Finding:
        return Finding(
            check=self.check,
            version=self.version,
            host=self.evidence.host.name,
            verdict=verdict,
            reason_code=code,
            reason=reason,
            criterion=self.criterion,
            measured=measured,
            bound=bound,
            used=tuple(o.id for o in used),
            remedy=remedy,
            naive=self.naive,
            provenance=tuple(sorted({f"{o.reader}@{o.vantage}" for o in used})),
            soak=soak,
            about=about,
        )

    def passes(
        self,
        reason: str,
        *,
        code: str = "ok",
        measured: int | None = None,
        bound: int | None = None,
        used: tuple[Observation, ...] = (),
        soak: Soak | None = None,
    ) -> Finding:
        """The criterion was measured and met."""
        return self._finding(Verdict.PASS, code, reason, measured=measured, bound=bound, used=used, soak=soak)

    def fails(
        self,
        code: str,
        reason: str,
        *,
        remedy: str,
        measured: int | None = None,
        bound: int | None = None,
        used: tuple[Observation, ...] = (),
        soak: Soak | None = None,
        about: tuple[str, ...] = (),
    ) -> Finding:
        """The criterion was measured and not met."""
        return self._finding(
            Verdict.FAIL,
            code,
            reason,
            remedy=remedy,
            measured=measured,
            bound=bound,
            used=used,
            soak=soak,
            about=about,
        )

    def unknown(
        self,
        code: str,
        reason: str,
        *,
        remedy: str,
        measured: int | None = None,
        bound: int | None = None,
        used: tuple[Observation, ...] = (),
        soak: Soak | None = None,
    ) -> Finding:
        """It could not be measured (enough); never a pass."""
        return self._finding(
            Verdict.UNKNOWN,
            code,
            reason,
            remedy=remedy,
            measured=measured,
            bound=bound,
            used=used,
            soak=soak,
        )

    def na(self, code: str, reason: str, *, used: tuple[Observation, ...] = ()) -> Finding:
        """The function is not used here, and that was shown."""
        return self._finding(Verdict.NA, code, reason, used=used)


@dataclass(frozen=True, slots=True)
class Proof:
    """How a check sees attempts: the reader of what they saw, and what came of one."""

    reader: str
    failed: Callable[[Observation | None], bool]
    """Whether an attempt that has ended failed; None = it has no result. A tool that is absent is no failure."""
    went_well: Callable[[Observation], bool]


@dataclass(frozen=True, slots=True)
class Check:
    """A spec, what it wants to see, and the function that judges it."""

    spec: CheckSpec
    judge: Callable[[Evidence, Asked, Says], Finding]
    criterion: Callable[[Asked], Criterion]
    readers: tuple[str, ...] = ()
    jump_readers: tuple[str, ...] = ()
    witnesses: tuple[str, ...] = ()
    """Readers of the guest that show other clocks; they look back as far as those of the jump host."""
    looks_back: Callable[[Asked], int] | None = None
    """How far back the clock's samples count, in ns; None = this check takes no samples."""
    proofs: tuple[str, ...] = ()
    """Proofs whose newest attempt it looks at where there is one; they are not made for its sake."""
    judges: Proof | None = None
    """It judges attempts that a person approved."""
    compares: tuple[str, ...] = ()
    """Readers whose facts from before the mark it cannot do without after it: `no-baseline` without them."""
    of_no_guest: bool = False
    """It judges the jump host and the references, which no move touches, whoever showed their clocks."""
    through_voids: bool = False
    """Whether samples from before a disturbance count: where the question is what the clock was, and not is."""
    naive: str = ""
    """What a naive checklist would look at instead, in its words."""

    def run(self, evidence: Evidence, asked: Asked) -> Finding:
        """Judge the evidence. Pure: the same evidence gives the same finding, to the bit."""
        says = Says(self.spec.id, self.spec.version, evidence, self.criterion(asked), self.naive)
        return self.judge(evidence, asked, says)


_WHAT_TO_DO = {
    FailureKind.TIMEOUT: "Look at the guest's load and the path, then look again.",
    FailureKind.UNREACHABLE: "Bring the guest's network up or mend its address in the runbook.",
    FailureKind.DENIED: "Give the account the right, or name another credential in the runbook.",
    FailureKind.SKEW: "See time.jump-host and kdc.clock for which clock is wrong; the password is not. Then kinit anew.",
    FailureKind.UNTRUSTED: "Name the CA in domain.ca_file, or have the server show a certificate for its name; where it is "
    "not valid yet or no longer, see time.jump-host first.",
    FailureKind.HOST_KEY: "Compare the fingerprint on the console, then `cutover trust` the host.",
    FailureKind.TOOL_ABSENT: "Install the tool or use a provider this check can read.",
    FailureKind.NOT_UNDERSTOOD: "Look at the raw output; report it if the tool's version is current.",
    FailureKind.TRUNCATED: "Look at the raw output: it was larger than any known version prints.",
    FailureKind.LOST: "Wait for the link to come back; it reconnects by itself.",
    FailureKind.CANCELLED: "Look again.",
}

_WHAT_TO_DO_HERE = {
    **_WHAT_TO_DO,
    FailureKind.TIMEOUT: "Look at the path from this jump host to the server that is named, then look again.",
    FailureKind.UNREACHABLE: "Bring up the server that is named, or open the path to it from this jump host.",
    FailureKind.DENIED: "Run kinit anew, or name an account that may in domain.credential.",
    FailureKind.TOOL_ABSENT: "Install what is named, or switch it on at the service.",
    FailureKind.LOST: "Look again.",
}
"""Of what this jump host asked itself: the guest is not to blame."""


def no_facts(says: Says, reader: str, newest: Observation | None) -> Finding:
    """The finding when a reader has no facts: `unknown` with its failure kind and what to do."""
    if newest is None:
        return says.unknown(
            "not-read",
            f"{reader} has not been read since the last disturbance.",
            remedy="Wait for the next reading, or look again.",
        )
    if newest.failure is None:
        return says.unknown(
            "not-understood",
            f"{reader} gave facts of another kind.",
            remedy=_WHAT_TO_DO[FailureKind.NOT_UNDERSTOOD],
            used=(newest,),
        )
    what_to_do = _WHAT_TO_DO_HERE if newest.vantage == "jump" else _WHAT_TO_DO
    return says.unknown(
        str(newest.failure.kind),
        f"{reader}: {newest.failure.detail}",
        remedy=what_to_do[newest.failure.kind],
        used=(newest,),
    )
