"""The gate: may this step be marked done on this host now? Pure; time is an argument.

Only `pass` and `na` open, and a fault from before the mark that was accepted with a problem ticket and
does not grow (`core.acknowledgement`). Everything else is named as missing, with what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from cutover_tui.core.acknowledgement import Accepted, Cause, Past, weigh
from cutover_tui.core.arrival import on_target
from cutover_tui.core.checks.check import Asked, Proof
from cutover_tui.core.checks.registry import CHECKS, READER_FAMILY, asked, versions
from cutover_tui.core.evidence import (
    NO_PROOFS,
    PROOF_LASTS_NS,
    Attempt,
    Baseline,
    Evidence,
    HostLog,
    MarkPoint,
    Proofs,
    Wanted,
    select,
)
from cutover_tui.core.finding import Decision, Finding, Missing, Verdict, Window
from cutover_tui.core.people import PeopleRead
from cutover_tui.core.runbook import MINUTE, SECOND, GateCheck, Host, Runbook, Step
from probes.facts_identity import PlatformFacts
from probes.observation import Family, Instant

GATE_RULES = 4
"""Version of what a gate asks besides its checks: what is owed (`core.owed`), actions under way and lost links
(`record.asking`), guests read again after the key press (`record.freshness`), the platform, what the last gate asks of
steps that are done, and what makes one regress (`record.regression`). Another rule is another version.
"""

AGAIN = frozenset({"soaking", "waiting"})
"""Codes of a check that is measured, and right as far as it goes: time alone is missing since a disturbance."""

THEN_NS = 150 * SECOND
"""How far back from an attempt that failed clocks are looked at: as long as any answer of a KDC speaks for it."""

SAMPLE_NS = 5 * SECOND
"""And the guest's own, which is read once a second: what is older is no reading of that moment."""

WAVE = "*"
"""The host of a step whose scope is the wave."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One host as the gate sees it: its tape up to a sealed line, its voids, mark, baseline, and what was accepted."""

    host: Host
    log: HostLog
    upto_line: int | None
    voids: Mapping[Family, Instant]
    mark: MarkPoint | None
    baseline: Baseline | None
    accepted: Mapping[Cause, Accepted] = field(default_factory=dict)
    proofs: Proofs = NO_PROOFS
    arrived: str | None = None  # the target's platform it is seen on without a mark


@dataclass(frozen=True, slots=True)
class Kept:
    """A done step the last gate rests on: those of its checks that still count, on the guests it was done for."""

    step: Step
    subjects: tuple[Subject, ...]
    checks: frozenset[str]


@dataclass(frozen=True, slots=True)
class Question:
    """All a gate needs to answer; equal questions have equal answers."""

    runbook: Runbook
    digest: str
    step: Step
    subjects: tuple[Subject, ...]
    jump_log: HostLog
    jump_upto_line: int | None
    now: Instant
    anchor: Instant
    upto: int
    owed: tuple[Missing, ...]
    windows: tuple[Window, ...] = ()
    read: tuple[PeopleRead, ...] = ()
    kept: tuple[Kept, ...] = ()


def decide(question: Question) -> Decision:
    """Run every check of the step's gate and say what is missing."""
    findings = tuple(
        finding
        for subject in question.subjects
        for gate_check in question.step.gate
        for finding in (judge(gate_check, subject, question),)
    )
    missing = (
        *question.owed,
        *(m for s in question.subjects if (m := wrong_platform(s, question)) is not None),
        *(m for f in findings if (m := _missing(f)) is not None),
        *_not_kept(question),
    )
    used = {g.check for g in question.step.gate} | {c for k in question.kept for c in k.checks}
    one = len(question.subjects) == 1 and question.step.scope == "host"
    subject = question.subjects[0] if one else None
    return Decision(
        step=question.step.id,
        host=subject.host.name if subject is not None else WAVE,
        at=question.now,
        upto=question.upto,
        runbook=question.digest,
        mark=subject.mark.seq if subject is not None and subject.mark is not None else None,
        rules=tuple(v for v in versions() if v[0] in used),
        findings=findings,
        outcome="refused" if missing else "open",
        missing=missing,
        windows=question.windows,
        gate_rules=GATE_RULES,
    )


def judge(gate_check: GateCheck, subject: Subject, question: Question) -> Finding:
    """One check on one host, with the evidence `select` gives it."""
    return judged(gate_check, evidence_of(gate_check, subject, question), subject, question)


def evidence_of(gate_check: GateCheck, subject: Subject, question: Question) -> Evidence:
    """All that a check may see of a host."""
    check = CHECKS[gate_check.check]
    numbers = asked(gate_check)
    wanted = Wanted(
        readers=check.readers,
        jump_readers=check.jump_readers,
        max_age_ns=numbers.max_age_ns,
        sample_age_ns=check.looks_back(numbers) if check.looks_back is not None else None,
        voided_by=check.spec.voided_by,
        witnesses=check.witnesses,
        proofs=check.proofs,
        through_voids=check.through_voids,
        proof=check.judges.reader if check.judges is not None else None,
    )
    evidence = _selected(wanted, subject, question, question.now)
    if check.judges is None:
        return evidence
    clocks = replace(wanted, readers=(), proof=None, max_age_ns=THEN_NS, sample_age_ns=SAMPLE_NS)
    return replace(
        evidence,
        then={
            attempt.seq: _selected(clocks, subject, question, attempt.at)
            for attempt in _failed(check.judges, check.spec.families, evidence)
        },
    )


def _failed(proof: Proof, families: frozenset[Family], evidence: Evidence) -> Iterator[Attempt]:
    """Attempts since the last disturbance that failed: what the clocks were then is asked."""
    seen = {o.id: o for o in evidence.observations[proof.reader]}
    for attempt in evidence.proofs.since(proof.reader, evidence.voided(families), evidence.now):
        if attempt.ended and proof.failed(seen.get(attempt.observation or "")):
            yield attempt


def _selected(wanted: Wanted, subject: Subject, question: Question, now: Instant) -> Evidence:
    return select(
        wanted,
        host=subject.host,
        log=subject.log,
        jump_log=question.jump_log,
        upto_line=subject.upto_line,
        jump_upto_line=question.jump_upto_line,
        families=READER_FAMILY,
        voids=subject.voids,
        now=now,
        anchor=question.anchor,
        domain=question.runbook.domain,
        source=question.runbook.source.platform,
        target=question.runbook.target.platform,
        mark=subject.mark,
        baseline=subject.baseline,
        proofs=subject.proofs,
        read=question.read,
    )


def judged(
    gate_check: GateCheck,
    evidence: Evidence,
    subject: Subject,
    question: Question,
    numbers: Asked | None = None,
) -> Finding:
    """What the check says of that evidence. It looks at no log, so another thread may ask it.

    Args:
        numbers: what is asked, where that is not what the gate asks.
    """
    finding = CHECKS[gate_check.check].run(evidence, numbers or asked(gate_check))
    return weigh(
        _with_origin(_with_action(finding, question.step), subject.baseline),
        past_of(subject, question.runbook),
        subject.accepted,
    )


def past_of(subject: Subject, runbook: Runbook) -> Past:
    """What is known of a host from before its mark."""
    return Past(any(step.mark for step in runbook.steps()), subject.mark, subject.baseline, subject.arrived)


def wrong_platform(subject: Subject, question: Question) -> Missing | None:
    """After the mark the guest must be seen on the declared target.

    The old VM, still running behind the same address, answers every check with a smile.
    """
    if subject.mark is None or not question.step.gate:
        return None
    target = question.runbook.target.platform
    evidence = _selected(Wanted(("platform",), (), 10 * MINUTE, None), subject, question, question.now)
    facts = evidence.facts("platform", PlatformFacts)
    name = subject.host.name
    if facts is None or facts.platform == "unknown":
        return Missing(
            "platform",
            Verdict.UNKNOWN,
            f"On which platform {name} runs has not been seen since the mark.",
            "Wait for the next reading, or look at the console.",
        )
    if not on_target(facts.platform, target, question.runbook.source.platform):
        return Missing(
            "platform",
            Verdict.FAIL,
            f"{name} answers from {facts.platform} ({facts.dmi_vendor}), the target is {target}.",
            "Make sure that it is the moved VM that answers, not the source.",
        )
    return None


def families(step: Step) -> frozenset[Family]:
    """The families whose disturbance invalidates a decision on this step."""
    return frozenset(f for g in step.gate for f in CHECKS[g.check].spec.families)


def hosts_of(step: Step, hosts: Sequence[Host]) -> tuple[str, ...]:
    """The state columns of a step: one a host, or one for the wave."""
    return (WAVE,) if step.scope == "wave" else tuple(h.name for h in hosts)


def _missing(finding: Finding) -> Missing | None:
    if finding.verdict in (Verdict.PASS, Verdict.NA) or finding.acknowledged is not None:
        return None
    return Missing(finding.check, finding.verdict, finding.reason, finding.remedy)


def _not_kept(question: Question) -> Iterator[Missing]:
    """What was shown when a step was done and fails now, or is no longer measured; each once."""
    said: set[tuple[object, ...]] = set()
    for kept in question.kept:
        for gate_check in kept.step.gate:
            for subject in kept.subjects if gate_check.check in kept.checks else ():
                host = subject.host.name
                numbers = _at_close(gate_check)
                once = (
                    host,
                    gate_check.check,
                    numbers.soak_ns,
                    numbers.attempts,
                    numbers.max_age_ns,
                    *sorted(numbers.params.items()),
                )
                if once in said:
                    continue
                said.add(once)
                evidence = evidence_of(gate_check, subject, question)
                f = judged(gate_check, evidence, subject, question, numbers)
                if not holds(f.verdict, f.reason_code, f.acknowledged):
                    yield no_longer(kept.step, f.check, host, f.verdict, f.reason)


def _at_close(gate_check: GateCheck) -> Asked:
    """An intrusive proof is not made again to close: proven in this session and not voided since is enough."""
    numbers = asked(gate_check)
    proof = CHECKS[gate_check.check].judges
    return numbers if proof is None else replace(numbers, max_age_ns=PROOF_LASTS_NS)


def holds(verdict: Verdict, reason_code: str, acknowledged: str | None) -> bool:
    """Whether a done step still stands by what a check says now: it neither fails nor is it no longer measured."""
    if verdict is Verdict.FAIL:
        return acknowledged is not None
    return verdict is not Verdict.UNKNOWN or reason_code in AGAIN


def no_longer(step: Step, check: str, host: str, verdict: Verdict, reason: str) -> Missing:
    """What the last gate lacks of a done step."""
    now = "fails now" if verdict is Verdict.FAIL else "is not shown any more"
    return Missing(
        check,
        verdict,
        f"{step.id} {step.title} was done, and what it rests on {now} on {host}: {reason}",
        f"Go back to {step.id}.",
    )


def _with_origin(finding: Finding, baseline: Baseline | None) -> Finding:
    """A check that failed for the same reason before the mark did not begin to fail by it."""
    if finding.verdict is not Verdict.FAIL or baseline is None:
        return finding
    then = baseline.findings.get(finding.check)
    if then is None or (then.verdict, then.reason_code) != (Verdict.FAIL, finding.reason_code):
        return finding
    return msgspec.structs.replace(finding, origin="pre-existing", baseline=str(baseline.seq))


def _with_action(finding: Finding, step: Step) -> Finding:
    """The step's action whose verifier is this check is the remedy: a key, not a sentence."""
    if finding.verdict is not Verdict.FAIL:
        return finding
    for action in step.actions:
        if action.verifier == finding.check:
            return msgspec.structs.replace(finding, action=action.id)
    return finding
