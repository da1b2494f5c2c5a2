"""The state of a session: a fold over its journal, cheap and structural.

The fold does not judge evidence (the audit does); it refuses a journal whose events
contradict each other: a `done` must name an earlier `decided(open)` for the same step and
host with no disturbance of its families between; only a fault that a baseline has can be
acknowledged after the mark, and only what was acknowledged can fail in an open decision.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from cutover_tui.core.acknowledgement import Accepted, Cause, ticket_problem
from cutover_tui.core.checks.registry import CHECKS
from cutover_tui.core.evidence import Attempt, Baseline, MarkPoint, Proofs
from cutover_tui.core.finding import Decision, Finding, Verdict, Window, before
from cutover_tui.core.gate import WAVE
from cutover_tui.core.people import LATE_NS, PeopleRead, reading_problem
from cutover_tui.record.events import (
    NEVER_RAN,
    Acknowledged,
    ActionEnded,
    ActionIntended,
    AttemptEnded,
    AttemptIntended,
    BaselineCaptured,
    ClockRead,
    Decided,
    Disturbed,
    Done,
    Event,
    LinkLost,
    LinkUp,
    Marked,
    Noted,
    ProofApproved,
    Regressed,
    Sealed,
    SessionResumed,
    SessionStarted,
    StepStarted,
    VerdictChanged,
)
from probes.observation import Family, Instant

Status = Literal["todo", "started", "refused", "done", "regressed"]
ALL_FAMILIES = tuple(Family)


class Contradiction(Exception):  # noqa: N818 - it names what the journal holds
    """An event that cannot follow from those before it."""

    def __init__(self, seq: int, why: str) -> None:
        super().__init__(f"event {seq}: {why}")
        self.seq = seq
        self.why = why


@dataclass(frozen=True, slots=True)
class StepState:
    """One step on one host (`*` = the wave)."""

    status: Status
    since: Instant
    decision: Decision | None = None
    decision_seq: int | None = None


@dataclass(frozen=True, slots=True)
class Void:
    """The last disturbance of one family of one host."""

    seq: int
    since: Instant
    cause: str


@dataclass(frozen=True, slots=True)
class Link:
    """Whether a guest can be measured, since when, and which machine answered."""

    up: bool
    since: Instant
    detail: str = ""


@dataclass(slots=True)
class Standing:
    """What the steps under way last said of one check on one host, and since when each such verdict stands.

    A failure that is not seen for a while is not over: only a step in which it passes ends it.
    """

    said: dict[str, Verdict] = field(default_factory=dict)  # by step
    since: dict[Verdict, Instant] = field(default_factory=dict)

    def take(self, step: str, verdict: Verdict, at: Instant) -> None:
        """One more verdict of a step."""
        self.said[step] = verdict
        self.since.setdefault(verdict, at)
        for old in self.since.keys() - set(self.said.values()):
            if old is not Verdict.FAIL or verdict in (Verdict.PASS, Verdict.NA):
                del self.since[old]


@dataclass(slots=True)
class State:
    """What the journal says so far. Only `apply` changes it."""

    seq: int = 0
    started: SessionStarted | None = None
    anchor: Instant | None = None
    steps: dict[tuple[str, str], StepState] = field(default_factory=dict)
    voids: dict[str, dict[Family, Void]] = field(default_factory=dict)
    marks: dict[str, MarkPoint] = field(default_factory=dict)
    baselines: dict[str, Baseline] = field(default_factory=dict)
    accepted: dict[str, dict[Cause, Accepted]] = field(default_factory=dict)  # by host, `*` = all others
    moved_unmarked: dict[str, str] = field(default_factory=dict)
    intents: dict[int, ActionIntended] = field(default_factory=dict)
    action_results: dict[tuple[str, str, str], ActionEnded] = field(default_factory=dict)
    no_way_back: dict[str, ActionIntended] = field(default_factory=dict)  # by host, the first
    approved: dict[str, dict[str, ProofApproved]] = field(default_factory=dict)  # host, proof
    attempts: dict[str, list[Attempt]] = field(default_factory=dict)
    refused: set[tuple[str, str]] = field(default_factory=set)
    """Host and proof whose account was refused and not accepted since: only a person has that tried again."""
    verdicts: dict[tuple[str, str, str], tuple[VerdictChanged, Instant]] = field(default_factory=dict)
    standing: dict[tuple[str, str], Standing] = field(default_factory=dict)  # by host and check
    links: dict[str, Link] = field(default_factory=dict)
    seals: dict[str, Window] = field(default_factory=dict)
    notes: list[tuple[Event, Noted]] = field(default_factory=list)
    read: list[PeopleRead] = field(default_factory=list)
    _decisions: dict[int, Decision] = field(default_factory=dict)

    def status(self, step: str, host: str) -> Status:
        """The state of a step on a host; `todo` when nothing was said of it."""
        at = self.steps.get((step, host))
        return at.status if at is not None else "todo"

    def last_voids(self, host: str) -> dict[Family, Instant]:
        """The instant up to which each family's observations of this host no longer count."""
        return {family: void.since for family, void in self.voids.get(host, {}).items()}

    def accepted_on(self, host: str) -> dict[Cause, Accepted]:
        """What was acknowledged on this host; its own value where it showed the fault then."""
        return self.accepted.get(WAVE, {}) | self.accepted.get(host, {})

    def proofs(self, host: str) -> Proofs:
        """What was approved on this host and every attempt made there."""
        return Proofs(frozenset(self.approved.get(host, ())), tuple(self.attempts.get(host, ())))

    def under_way(self) -> dict[int, tuple[str, Attempt]]:
        """Attempts without an end yet, by the sequence of their intent, with their host."""
        return {a.seq: (host, a) for host, made in self.attempts.items() for a in made if not a.ended}

    def disturbed_since(self, seq: int, hosts: Iterable[str], families: Iterable[Family]) -> Void | None:
        """The newest disturbance of any of these families of any of these hosts after `seq`."""
        wanted = tuple(families)
        found = [
            void
            for host in hosts
            for family, void in self.voids.get(host, {}).items()
            if family in wanted and void.seq > seq
        ]
        return max(found, key=lambda v: v.seq, default=None)

    def copy(self) -> State:
        """A state of its own, equal now; what the containers hold never changes."""
        return replace(
            self,
            steps=self.steps.copy(),
            voids={host: voids.copy() for host, voids in self.voids.items()},
            marks=self.marks.copy(),
            baselines=self.baselines.copy(),
            accepted={host: accepted.copy() for host, accepted in self.accepted.items()},
            moved_unmarked=self.moved_unmarked.copy(),
            intents=self.intents.copy(),
            action_results=self.action_results.copy(),
            approved={host: proofs.copy() for host, proofs in self.approved.items()},
            attempts={host: made.copy() for host, made in self.attempts.items()},
            refused=self.refused.copy(),
            verdicts=self.verdicts.copy(),
            links=self.links.copy(),
            seals=self.seals.copy(),
            notes=self.notes.copy(),
            read=self.read.copy(),
            _decisions=self._decisions.copy(),
        )

    def apply(self, event: Event) -> None:
        """Take one more event.

        Raises:
            Contradiction: the event cannot follow from those before it; the state is as it was.
        """
        if event.seq != self.seq + 1:
            raise Contradiction(event.seq, f"out of order after {self.seq}")
        body = event.body
        if self.started is None and not isinstance(body, SessionStarted):
            raise Contradiction(event.seq, "a journal begins with session-started")
        match body:  # the many first
            case VerdictChanged():
                self.verdicts[body.step, body.host, body.check] = (body, event.at)
                stands = self.standing.setdefault((body.host, body.check), Standing())
                stands.take(body.step, body.verdict, event.at)
            case Sealed():
                self.seals = self._sealed(event.seq, body.windows)
            case LinkLost():
                self.links[body.host] = Link(False, event.at, body.detail)
            case LinkUp():
                self.links[body.host] = Link(True, event.at)
            case Noted():
                self.notes.append((event, body))
            case ClockRead():
                self._read(event, body)
            case SessionStarted():
                if self.started is not None:
                    raise Contradiction(event.seq, "the session was started before")
                self.started, self.anchor = body, body.anchor
            case SessionResumed():
                self.anchor = body.anchor
                self.links.clear()
            case StepStarted():
                if self.status(body.step, body.host) == "todo":
                    self.steps[body.step, body.host] = StepState("started", event.at)
            case ActionIntended():
                self.intents[event.seq] = body
                if body.breaks_rollback:  # whatever comes of it: a failed removal may have removed half
                    self.no_way_back.setdefault(body.host, body)
            case ActionEnded():
                intent = self.intents.pop(body.intent, None)
                if intent is None:
                    raise Contradiction(event.seq, f"no action was intended at {body.intent}")
                self.action_results[intent.step, intent.host, intent.action] = body
                if body.failure == NEVER_RAN and self.no_way_back.get(intent.host) is intent:
                    del self.no_way_back[intent.host]
            case ProofApproved():
                self.approved.setdefault(body.host, {})[body.proof] = body
            case AttemptIntended():
                self._intend(event, body)
            case AttemptEnded():
                self._end(event, body)
            case Disturbed():
                self._void(body.host, body.families, Void(event.seq, body.since, body.cause))
                if body.kind in ("platform", "machine") and body.host not in self.marks:
                    self.moved_unmarked[body.host] = body.cause
            case Marked():
                self.marks[body.host] = MarkPoint(event.seq, event.at)
                self.moved_unmarked.pop(body.host, None)
                self._void(body.host, ALL_FAMILIES, Void(event.seq, event.at, "mark"))
            case BaselineCaptured():
                self.baselines[body.host] = Baseline(
                    event.seq,
                    event.at,
                    body.boot_id,
                    {then.check: then for then in body.findings},
                    dict(body.facts),
                )
                for then in body.findings:
                    stands = self.standing.setdefault((body.host, then.check), Standing())
                    stands.since.setdefault(then.verdict, event.at)
            case Acknowledged():
                self._acknowledged(event, body)
            case Decided():
                self._decided(event, body.decision)
            case Done():
                self._done(event, body)
            case Regressed():
                at = self.steps.get((body.step, body.host))
                if at is None or at.status not in ("done", "regressed"):
                    raise Contradiction(event.seq, "only a done step regresses")
                self.steps[body.step, body.host] = StepState(
                    "regressed", event.at, at.decision, at.decision_seq
                )
            case _:
                pass
        self.seq = event.seq

    def _intend(self, event: Event, body: AttemptIntended) -> None:
        made = self.attempts.setdefault(body.host, [])
        if body.proof not in self.approved.get(body.host, {}):
            raise Contradiction(event.seq, f"nobody approved {body.proof} on {body.host}")
        of_proof = [a for a in made if a.proof == body.proof]
        last = of_proof[-1] if of_proof else None
        if last is not None and not last.ended:
            raise Contradiction(event.seq, f"the attempt of event {last.seq} has not ended")
        follows = last is not None and (body.attempt, body.of) == (last.number + 1, last.of)
        if not 1 <= body.attempt <= body.of or (body.attempt > 1 and not follows):
            raise Contradiction(event.seq, f"attempt {body.attempt} of {body.of} is not the next one")
        made.append(
            Attempt(event.seq, event.at, body.proof, body.attempt, body.of, ended=False, observation=None)
        )

    def _end(self, event: Event, body: AttemptEnded) -> None:
        host, attempt = self.under_way().get(body.intent, ("", None))
        if attempt is None:
            raise Contradiction(event.seq, f"no attempt was under way at {body.intent}")
        made = self.attempts[host]
        made[made.index(attempt)] = replace(attempt, ended=True, observation=body.observation)
        if body.account == "refused":
            self.refused.add((host, attempt.proof))
        elif body.account == "accepted":
            self.refused.discard((host, attempt.proof))

    def _read(self, event: Event, body: ClockRead) -> None:
        late = body.at.age_ns(event.at)
        problem = reading_problem(body.first, body.second, body.utc_ns)
        if late is None or not 0 <= late <= LATE_NS:
            problem = "it was confirmed at another time than it was recorded"
        if problem:
            raise Contradiction(event.seq, f"a clock read by people: {problem}")
        self.read.append(PeopleRead(body.at, body.utc_ns, body.first, body.second))

    def _void(self, host: str, families: Iterable[Family], void: Void) -> None:
        of_host = self.voids.setdefault(host, {})
        for family in families:
            before = of_host.get(family)
            # A change noticed late must not make count again what a later one had voided.
            late = before is not None and (void.since.age_ns(before.since) or 0) > 0
            of_host[family] = Void(void.seq, before.since, void.cause) if late and before else void

    def _sealed(self, seq: int, windows: Iterable[Window]) -> dict[str, Window]:
        seals = dict(self.seals)
        for window in windows:
            before = seals.get(window.tape)
            reached = before.last if before is not None else 0
            if window.first > reached + 1 or window.last < max(window.first, reached):
                raise Contradiction(seq, f"the seal of {window.tape} leaves a hole after line {reached}")
            seals[window.tape] = window
        return seals

    def _decided(self, event: Event, decision: Decision) -> None:
        key = (decision.step, decision.host)
        if self.started is not None and decision.runbook != self.started.runbook_sha256:
            raise Contradiction(event.seq, "decided on another runbook than the session's")
        if decision.upto >= event.seq:
            raise Contradiction(event.seq, "decided on events that had not happened")
        for finding in decision.findings:
            self._accepted_before(event, decision, finding)
        closed = [
            f.check
            for f in decision.findings
            if f.verdict not in (Verdict.PASS, Verdict.NA) and f.acknowledged is None
        ]
        if decision.outcome == "open" and (closed or decision.missing):
            raise Contradiction(event.seq, f"called open while {', '.join(closed) or 'something'} is missing")
        self._decisions[event.seq] = decision
        at = self.steps.get(key)
        if at is not None and at.status in ("done", "regressed") and decision.outcome != "open":
            return
        status: Status = "refused" if decision.outcome == "refused" else (at.status if at else "started")
        self.steps[key] = StepState(status, event.at, decision, event.seq)

    def _acknowledged(self, event: Event, body: Acknowledged) -> None:
        known = CHECKS.get(body.check)
        if known is not None and known.spec.acknowledge is None:
            raise Contradiction(event.seq, f"{body.check} can never be acknowledged")
        if ticket_problem(body.ticket):
            raise Contradiction(event.seq, "an acknowledgement needs a problem ticket")
        if not body.findings:
            raise Contradiction(event.seq, "an acknowledgement of nothing")
        for f in body.findings:
            cause = (f.check, f.reason_code)
            if cause != (body.check, body.reason_code) or f.verdict is not Verdict.FAIL:
                raise Contradiction(
                    event.seq, f"{f.check} {f.reason_code} is not the fault that was accepted"
                )
            if body.host not in (WAVE, f.host):
                raise Contradiction(event.seq, f"accepted on {body.host}, not on {f.host}")
            if f.host in self.moved_unmarked:
                raise Contradiction(
                    event.seq, f"{f.host} was moved without a mark: nothing is from before it"
                )
            if f.host in self.marks and not self._in_baseline(f):
                raise Contradiction(event.seq, f"{f.check} did not fail this way on {f.host} before the mark")
        cause = (body.check, body.reason_code)
        if body.host == WAVE:
            self.accepted.setdefault(WAVE, {})[cause] = Accepted(body.ticket, event.seq, None)
        for f in body.findings:
            self.accepted.setdefault(f.host, {})[cause] = Accepted(body.ticket, event.seq, before(f))

    def _in_baseline(self, finding: Finding) -> bool:
        baseline = self.baselines.get(finding.host)
        then = baseline.findings.get(finding.check) if baseline is not None else None
        return then is not None and (then.verdict, then.reason_code) == (Verdict.FAIL, finding.reason_code)

    def _accepted_before(self, event: Event, decision: Decision, finding: Finding) -> None:
        """What a decision calls acknowledged failed, and was accepted with that ticket before."""
        if finding.acknowledged is None:
            return
        by = self.accepted_on(finding.host).get((finding.check, finding.reason_code))
        if finding.verdict is not Verdict.FAIL or by is None or by.ticket != finding.acknowledged:
            raise Contradiction(event.seq, f"{finding.check} is called acknowledged, and nobody did")
        if by.seq > decision.upto:
            raise Contradiction(event.seq, f"{finding.check} was acknowledged after it was decided")

    def _done(self, event: Event, body: Done) -> None:
        decision = self._decisions.get(body.decision)
        if decision is None:
            raise Contradiction(event.seq, f"no decision at {body.decision}")
        if (decision.step, decision.host) != (body.step, body.host):
            raise Contradiction(event.seq, "the decision is about another step or host")
        if decision.outcome != "open":
            raise Contradiction(event.seq, "the gate was closed")
        hosts = {f.host for f in decision.findings} | ({body.host} - {WAVE})
        void = self.disturbed_since(decision.upto, hosts, decision_families(decision))
        if void is not None:
            raise Contradiction(event.seq, f"disturbed since the decision ({void.cause})")
        self.steps[body.step, body.host] = StepState("done", event.at, decision, body.decision)


def decision_families(decision: Decision) -> frozenset[Family]:
    """The families a decision rests on; a check unknown to this version counts as all of them."""
    families: set[Family] = set()
    for check, _version in decision.rules:
        known = CHECKS.get(check)
        families |= known.spec.families if known is not None else set(Family)
    return frozenset(families)


def fold(events: Iterable[Event]) -> State:
    """The state after all events.

    Raises:
        Contradiction: an event cannot follow from those before it.
    """
    state = State()
    for event in events:
        state.apply(event)
    return state
