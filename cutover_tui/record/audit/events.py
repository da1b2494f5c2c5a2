"""The audit of a journal's events: the fold's structure, what the program always writes, every decision again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from cutover_tui.core.checks.registry import versions
from cutover_tui.core.evidence import HostLog
from cutover_tui.core.finding import Before, Decision
from cutover_tui.core.gate import GATE_RULES, decide, hosts_of
from cutover_tui.core.loading import BadRunbook, load_text
from cutover_tui.core.runbook import MINUTE, Action, Runbook, Step
from cutover_tui.core.words import action_argv
from cutover_tui.record.acknowledging import accept
from cutover_tui.record.asking import Logs, question
from cutover_tui.record.audit.regressions import Regressions
from cutover_tui.record.audit.remark import Remark, foreign, wrong
from cutover_tui.record.baseline import capture
from cutover_tui.record.events import (
    Acknowledged,
    ActionEnded,
    ActionIntended,
    AttemptEnded,
    AttemptIntended,
    BaselineCaptured,
    Decided,
    Disturbed,
    Done,
    Event,
    Marked,
    ProofApproved,
    Sealed,
    SessionResumed,
    SessionStarted,
    StepStarted,
)
from cutover_tui.record.reels import Reel
from cutover_tui.record.state import Contradiction, State

LONGEST_NS = 10 * MINUTE
"""Between a key press and its decision: nothing that is read again takes longer."""


class EventAudit:
    """Walks a journal once, with the state before each event at hand."""

    def __init__(self, journal: Path, reels: Mapping[str, Reel], *, ours: bool) -> None:
        """`ours`: this very version wrote the journal, so that it can load all of it."""
        self.decisions = 0
        self._journal = journal
        self._reels = reels
        self._ours = ours
        self._state = State()
        self._runbook: Runbook | None = None
        self._before: Event | None = None
        self._disturbed: dict[int, list[str]] = {}  # intent -> causes told of it so far
        self._resumed_at = 0
        self._operator = ""
        self._where = ""
        self._regressions = Regressions()

    def remarks(self, events: Sequence[Event]) -> Iterator[Remark]:
        """Everything in the journal that does not follow. Ends where the fold ends."""
        for number, event in enumerate(events, 1):
            self._where = f"{self._journal}:{number}"
            yield from self._event(event)
            try:
                self._state.apply(event)
            except Contradiction as error:
                yield wrong(self._where, error.why)
                return
            self._before = event
            yield from self._later(event)

    def _later(self, event: Event) -> Iterator[Remark]:
        """What was done and fails now, and is not called regressed."""
        self._regressions.heard(event)
        if isinstance(event.body, Sealed) and self._runbook is not None:
            logs = self._logs(event.at.boot_id)
            for missing in self._regressions.sealed(self._runbook, self._state, logs, event.at):
                yield wrong(self._where, missing)

    def _event(self, event: Event) -> Iterator[Remark]:
        yield from self._time(event)
        body = event.body
        if isinstance(body, SessionStarted | SessionResumed):
            self._operator = body.operator
        if event.by != self._operator:
            yield wrong(self._where, f"written by {event.by}, but {self._operator} sat here")
        match body:
            case SessionStarted():
                yield from self._started(body)
            case SessionResumed():
                self._resumed_at = event.seq
                yield from self._resumed(event, body)
            case StepStarted():
                if self._step(body.step, body.host) is None and self._runbook is not None:
                    yield wrong(self._where, f"the runbook has no step {body.step} for {body.host}")
            case ActionIntended():
                yield from self._intended(event, body)
            case ActionEnded():
                yield from self._ended(body)
            case ProofApproved() | AttemptIntended():
                if self._runbook is not None and self._runbook.host(body.host) is None:
                    yield wrong(self._where, f"a proof on {body.host}, which the runbook does not have")
            case AttemptEnded():
                yield from self._attempted(event, body)
            case Disturbed(kind="action"):
                yield from self._acted(event, body)
            case Disturbed():
                age = body.since.age_ns(event.at)
                if age is None or age < 0:
                    yield wrong(self._where, "this disturbance begins after it was noticed")
            case BaselineCaptured():
                yield from self._baseline(event, body)
            case Marked():
                yield from self._marked(body)
            case Acknowledged():
                yield from self._acknowledged(event, body)
            case Decided():
                self.decisions += 1
                yield from self._decided(event, body)
            case Done():
                if body.decision != event.seq - 1:
                    yield wrong(self._where, "done is written with its decision, this one names an older one")
            case _:
                pass

    def _time(self, event: Event) -> Iterator[Remark]:
        before = self._before
        if before is None:
            return
        age = before.at.age_ns(event.at)
        if age is not None and age < 0:
            yield wrong(self._where, "this event is older than the one before it")
        if age is None and not isinstance(event.body, SessionResumed):
            yield wrong(self._where, "the jump host was rebooted here, and nobody took the session up again")

    def _started(self, body: SessionStarted) -> Iterator[Remark]:
        text = body.runbook_text.encode()
        if sha256(text).hexdigest() != body.runbook_sha256:
            yield wrong(self._where, "the runbook's text is not the one its digest names")
            return
        try:
            self._runbook = load_text(text, body.runbook_name).runbook
        except BadRunbook as error:
            first = str(error).splitlines()[0]
            yield self._cannot(f"this version cannot load the runbook: {first}")
        if self._ours and body.rules != versions():
            yield wrong(self._where, "these are not the rules of the version that wrote this")

    def _resumed(self, event: Event, body: SessionResumed) -> Iterator[Remark]:
        anchor = self._state.anchor
        same = anchor is not None and anchor.boot_id == event.at.boot_id
        if body.anchor.boot_id != event.at.boot_id or (same and body.anchor != anchor):
            yield wrong(self._where, "the timescale was anchored anew without a reboot of the jump host")

    # Actions: what was run is what the runbook says, and the record voids what it disturbs.

    def _intended(self, event: Event, body: ActionIntended) -> Iterator[Remark]:
        self._disturbed[event.seq] = []
        if self._runbook is None:
            return
        step, host = self._step(body.step, body.host), self._runbook.host(body.host)
        actions = (*step.actions, *step.provocations) if step is not None else ()
        action: Action | None = next((a for a in actions if a.id == body.action), None)
        if action is None or host is None:
            yield wrong(
                self._where, f"the runbook has no action {body.action} in {body.step} for {body.host}"
            )
            return
        told = (body.argv, body.disturbs, body.breaks_rollback, body.elevate)
        argv = action_argv(action, host.os)
        if told != (argv, action.disturbs, action.breaks_rollback, action.elevate):
            yield wrong(self._where, f"action {body.action} is not what the runbook says")

    def _acted(self, event: Event, body: Disturbed) -> Iterator[Remark]:
        for seq, intent in self._state.intents.items():
            causes = (f"action {intent.action}", f"action {intent.action} ended")
            told = self._disturbed.get(seq, [])
            if intent.host == body.host and body.cause in causes and body.cause not in told:
                told.append(body.cause)
                if body.families != intent.disturbs:
                    yield wrong(self._where, f"{body.cause} disturbs other families than was intended")
                break
        else:
            yield wrong(self._where, f"{body.cause} on {body.host}, and no such action was under way")
        before = self._before
        earliest = before.at.age_ns(body.since) if before is not None else None
        latest = body.since.age_ns(event.at)
        if earliest is None or latest is None or earliest < 0 or latest < 0:
            yield wrong(self._where, "an action disturbs when it begins and ends, not at another time")

    def _ended(self, body: ActionEnded) -> Iterator[Remark]:
        intent = self._state.intents.get(body.intent)
        if intent is None or not intent.disturbs:
            return
        told = self._disturbed.get(body.intent, [])
        needed = [f"action {intent.action} ended"]
        if self._resumed_at < body.intent:  # else the program may have died before the action began
            needed.append(f"action {intent.action}")
        if any(cause not in told for cause in needed):
            yield wrong(
                self._where, f"action {intent.action} disturbs, and the journal has no disturbance by it"
            )

    def _attempted(self, event: Event, body: AttemptEnded) -> Iterator[Remark]:
        """The attempt's result is the observation of that number, seen between its intent and its end."""
        host, attempt = self._state.under_way().get(body.intent, ("", None))
        if attempt is None or body.observation is None or host not in self._reels:
            return
        seen = self._reels[host].contents.observations
        found = next((o for _, o in seen if o.id == body.observation), None)
        if found is None:
            later = (o.ended.age_ns(event.at) for _, o in self._reels[host].sealed_observations())
            if any(age is not None and age < 0 for age in later):
                yield wrong(self._where, f"the tape of {host} has no observation {body.observation}")
            return
        began, ended = attempt.at.age_ns(found.began), found.ended.age_ns(event.at)
        if (found.reader, found.attempt) != (attempt.proof, attempt.number):
            yield wrong(self._where, f"{body.observation} is not attempt {attempt.number} of {attempt.proof}")
        elif began is None or began < 0 or ended is None or ended < 0:
            yield wrong(self._where, f"{body.observation} was seen at another time than it was attempted")

    # Marks and decisions

    def _marked(self, body: Marked) -> Iterator[Remark]:
        before = self._before
        if before is None or not isinstance(before.body, BaselineCaptured) or before.body.host != body.host:
            yield wrong(self._where, "a mark stands right after its baseline, this one does not")
        step = self._runbook.step(body.step) if self._runbook is not None else None
        if self._runbook is not None and (step is None or not step.mark):
            yield wrong(self._where, f"{body.step} is no step that sets a mark")

    def _baseline(self, event: Event, body: BaselineCaptured) -> Iterator[Remark]:
        runbook, state = self._runbook, self._state
        if runbook is None or state.started is None:
            return
        if runbook.host(body.host) is None:
            yield wrong(self._where, f"a baseline of {body.host}, which the runbook does not have")
            return
        other = _other_rules(state.started.rules)
        if other:
            yield self._cannot(f"the baseline was judged by other rules than this program's: {other}")
            return
        again = capture(runbook, state, self._logs(event.at.boot_id), body.host, event.at, state.seals)
        if not any(f.measured is not None for f in body.findings):
            again = _without_values(again)
        if again.boot_id != body.boot_id:
            yield wrong(self._where, "the baseline's boot id is not the one that was read")
        elif again != body:
            yield wrong(self._where, f"the baseline of {body.host} is not what was seen before the mark")

    def _acknowledged(self, event: Event, body: Acknowledged) -> Iterator[Remark]:
        runbook, state = self._runbook, self._state
        if runbook is None or state.started is None:
            return
        other = _other_rules([(f.check, f.version) for f in body.findings])
        if other:
            yield self._cannot(f"accepted by other rules than this program's: {other}")
            return
        cause = (body.check, body.reason_code)
        logs = self._logs(event.at.boot_id)
        again = accept(runbook, state, logs, cause, body.host, body.ticket, event.at, state.seals)
        if isinstance(again, str):
            yield wrong(
                self._where, f"{body.ticket} accepts {' '.join(cause)}, which does not follow: {again}"
            )
        elif again != body:
            yield wrong(self._where, f"{body.ticket} accepts {' '.join(cause)} as nobody measured it")

    def _decided(self, event: Event, body: Decided) -> Iterator[Remark]:
        recorded, runbook, state = body.decision, self._runbook, self._state
        if runbook is None:
            return
        step = self._step(recorded.step, recorded.host)
        if step is None:
            yield wrong(self._where, f"the runbook has no step {recorded.step} for {recorded.host}")
            return
        if state.status(recorded.step, recorded.host) in ("todo", "done"):
            was = state.status(recorded.step, recorded.host)
            yield wrong(self._where, f"{recorded.step} on {recorded.host} was {was} when it was decided")
        if recorded.upto != event.seq - 1:
            yield wrong(self._where, f"decided on event {recorded.upto}, not on the newest")
        before = self._before
        earliest = before.at.age_ns(recorded.at) if before is not None else None
        latest = recorded.at.age_ns(event.at)
        if earliest is None or latest is None or earliest < 0 or latest < 0:
            yield wrong(self._where, "decided at another time than it was written")
        other = _other_rules(recorded.rules)
        if recorded.gate_rules != GATE_RULES:
            other = ", ".join(filter(None, (other, f"gate {recorded.gate_rules}")))
        if other:
            yield self._cannot(f"decided by other rules than this program's: {other}")
            return
        waited = body.asked.age_ns(recorded.at) if body.asked is not None else None
        if waited is None or not 0 <= waited <= LONGEST_NS:
            yield wrong(self._where, "decided without reading the guests again after somebody asked")
        again = decide(
            question(
                runbook,
                state,
                self._logs(recorded.at.boot_id),
                step,
                recorded.host,
                recorded.at,
                upto=recorded.upto,
                seals=state.seals,
                operator=event.by,
                second=body.second,
                asked=body.asked,
            )
        )
        if again != recorded:
            yield wrong(self._where, _difference(recorded, again))

    def _logs(self, boot_id: str) -> Logs:
        return Logs({name: reel.by_boot.get(boot_id, HostLog()) for name, reel in self._reels.items()})

    def _step(self, step_id: str, host: str) -> Step | None:
        """The step if it has such a column."""
        step = self._runbook.step(step_id) if self._runbook is not None else None
        if step is None or self._runbook is None:
            return None
        return step if host in hosts_of(step, self._runbook.hosts) else None

    def _cannot(self, what: str) -> Remark:
        if self._ours:
            return wrong(self._where, f"{what}, though this very version wrote it")
        return foreign(self._where, what)


def _other_rules(rules: Sequence[tuple[str, int]]) -> str:
    mine = dict(versions())
    return ", ".join(f"{check} {v}" for check, v in rules if mine.get(check) != v)


def _without_values(body: BaselineCaptured) -> BaselineCaptured:
    """As it was written before baselines kept values. Taking them away gains nothing: no fault can be shown
    not to have grown since such a baseline, so no acknowledgement holds after its mark.
    """
    found = tuple(Before(f.check, f.verdict, f.reason_code) for f in body.findings)
    return msgspec.structs.replace(body, findings=found)


def _difference(recorded: Decision, again: Decision) -> str:
    what = f"the decision on {recorded.step} ({recorded.host})"
    if recorded.outcome != again.outcome:
        lacks = ", ".join(m.what for m in again.missing) or "nothing"
        return f"{what} says {recorded.outcome}; its evidence gives {again.outcome} (missing: {lacks})"
    for mine, theirs in zip(again.findings, recorded.findings, strict=False):
        if mine != theirs:
            return f"{what}: finding {theirs.check} on {theirs.host} is not what its evidence gives"
    return f"{what} is not what its evidence gives"
