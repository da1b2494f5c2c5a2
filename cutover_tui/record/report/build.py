"""What a session comes to, gathered for the three reports. A pure function of journal and tapes.

The same record gives the same report to the byte, so that `verify` can write it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cutover_tui.core.finding import Decision
from cutover_tui.core.gate import hosts_of
from cutover_tui.core.loading import load_text
from cutover_tui.core.runbook import Runbook, Step
from cutover_tui.core.visibility import not_visible
from cutover_tui.record.events import (
    Acknowledged,
    ActionEnded,
    ActionIntended,
    BaselineCaptured,
    Decided,
    Disturbed,
    Done,
    Event,
    LinkLost,
    LinkUp,
    Marked,
    Noted,
    Regressed,
    SessionResumed,
    SessionStarted,
)
from cutover_tui.record.reels import Reel
from cutover_tui.record.report.accepted import Acceptances, AcceptedPart
from cutover_tui.record.report.clock import ClockGraph, clock_graphs
from cutover_tui.record.report.text import moment, one_line, told
from cutover_tui.record.state import State, Status

TIMELINE_LIMIT = 5000
"""Longer timelines are cut in the reports; the journal beside them is whole."""


@dataclass(slots=True)
class ActionPart:
    """One run of an action: what was to run, and what came of it (None: the end is not on the record)."""

    seq: int
    at: str
    by: str
    intent: ActionIntended
    title: str
    ended: ActionEnded | None = None
    ended_at: str = ""


@dataclass(frozen=True, slots=True)
class DecisionPart:
    """One answer of a gate."""

    seq: int
    at: str
    by: str
    second: str | None
    decision: Decision
    done: bool


@dataclass(slots=True)
class ColumnPart:
    """One step on one host."""

    host: str
    status: Status
    since: str = ""
    standing: DecisionPart | None = None  # the decision it is done by
    refusals: list[DecisionPart] = field(default_factory=list)
    actions: list[ActionPart] = field(default_factory=list)
    regressions: list[tuple[str, Regressed]] = field(default_factory=list)
    notes: list[tuple[str, str, str]] = field(default_factory=list)  # at, by, text


@dataclass(slots=True)
class StepPart:
    """One step of the runbook in all its columns."""

    step: Step
    phase: str
    columns: list[ColumnPart]
    rollback: bool = False


@dataclass(slots=True)
class HostPart:
    """What befell one guest."""

    name: str
    address: str
    about: str
    marked: str | None = None
    baseline: tuple[str, BaselineCaptured] | None = None
    disturbances: list[tuple[str, Disturbed]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)  # at, words
    up: bool = False
    no_way_back: ActionPart | None = None  # the first action after which it could not simply go back
    hidden: tuple[str, ...] = ()  # what the account could not see, by the newest readings


@dataclass(slots=True)
class Report:
    """A whole session for people to read."""

    head: str
    tool: str
    offset_s: int
    started: SessionStarted
    runbook: Runbook
    events: int
    first: str
    last: str
    people: tuple[str, ...]
    steps: list[StepPart]
    hosts: list[HostPart]
    clocks: list[ClockGraph]
    accepted: list[AcceptedPart]
    notes: list[tuple[str, str, str]]  # those about no step
    timeline: list[tuple[int, str, str, str]]  # seq, at, by, words
    left_out: int  # rows of the timeline
    warnings: tuple[str, ...]  # what is probably not meant in the runbook
    observations: int
    samples: int

    def columns(self) -> list[tuple[StepPart, ColumnPart]]:
        return [(part, column) for part in self.steps for column in part.columns]

    def lost_ways(self) -> list[str]:
        """Guests that could not simply go back any more, and since which action."""
        ran = ((host.name, host.no_way_back) for host in self.hosts)
        return [
            one_line(f"{name}, since {part.title} was run there, {part.at} by {part.by}")
            for name, part in ran
            if part is not None
        ]

    def unfinished(self) -> list[tuple[StepPart, ActionPart]]:
        """Actions whose end nobody recorded."""
        return [
            (part, action)
            for part, column in self.columns()
            for action in column.actions
            if action.ended is None or action.ended.rc is None
        ]


def build(events: Sequence[Event], reels: Mapping[str, Reel], head: str, tool: str, offset_s: int) -> Report:
    """The report of a session.

    Args:
        events: of a journal whose chain holds; begins with session-started.
        reels: its tapes. Only sealed lines count.
        offset_s: seconds of local time east of UTC, for the people who read it.

    Raises:
        Contradiction: the events cannot follow from one another.
        BadRunbook: this version cannot load the session's runbook.
    """
    gathering = _Gathering(offset_s)
    for event in events:
        gathering.take(event)
    started, runbook = gathering.begun()
    for host in gathering.hosts.values():
        if (reel := reels.get(host.name)) is not None:
            host.hidden = not_visible(o for _, o in reel.sealed_observations())
    return Report(
        head=head,
        tool=tool,
        offset_s=offset_s,
        started=started,
        runbook=runbook,
        events=len(events),
        first=moment(events[0].at, offset_s),
        last=moment(events[-1].at, offset_s),
        people=tuple(gathering.people),
        steps=gathering.steps,
        hosts=list(gathering.hosts.values()),
        clocks=clock_graphs(events, reels, runbook),
        accepted=gathering.acceptances.parts(),
        notes=gathering.notes,
        timeline=gathering.timeline,
        left_out=gathering.left_out,
        warnings=gathering.warnings,
        observations=sum(1 for reel in reels.values() for _ in reel.sealed_observations()),
        samples=sum(
            sum(line <= reel.contents.sealed for line, _ in reel.contents.samples) for reel in reels.values()
        ),
    )


class _Gathering:
    def __init__(self, offset_s: int) -> None:
        self._offset_s = offset_s
        self._state = State()
        self._columns: dict[tuple[str, str], ColumnPart] = {}
        self._actions: dict[int, ActionPart] = {}
        self._decided: dict[int, DecisionPart] = {}
        self._started: tuple[SessionStarted, Runbook] | None = None
        self.acceptances = Acceptances()
        self.people: dict[str, None] = {}
        self.steps: list[StepPart] = []
        self.hosts: dict[str, HostPart] = {}
        self.notes: list[tuple[str, str, str]] = []
        self.timeline: list[tuple[int, str, str, str]] = []
        self.left_out = 0
        self.warnings: tuple[str, ...] = ()

    def begun(self) -> tuple[SessionStarted, Runbook]:
        assert self._started is not None  # noqa: S101 - the fold refuses another beginning
        for (step, host), column in self._columns.items():
            at = self._state.steps.get((step, host))
            column.status = self._state.status(step, host)
            column.since = moment(at.since, self._offset_s) if at is not None else ""
        for name, intent in self._state.no_way_back.items():
            ran = next((part for part in self._actions.values() if part.intent is intent), None)
            if name in self.hosts:
                self.hosts[name].no_way_back = ran
        # A rollback nobody began is no open work.
        self.steps = [p for p in self.steps if not p.rollback or any(c.status != "todo" for c in p.columns)]
        return self._started

    def take(self, event: Event) -> None:
        self._state.apply(event)
        at = moment(event.at, self._offset_s)
        self.people[event.by] = None
        words = told(event)
        if words is not None and len(self.timeline) < TIMELINE_LIMIT:
            self.timeline.append((event.seq, at, event.by, words))
        elif words is not None:
            self.left_out += 1
        match event.body:
            case SessionStarted() as body:
                self._begin(body)
            case Acknowledged() as body:
                self.acceptances.accepted(at, event.by, body)
            case SessionResumed():
                for host in self.hosts.values():
                    host.up = False
            case ActionIntended() as body:
                self._intended(event, at, body)
            case ActionEnded() as body:
                if (part := self._actions.get(body.intent)) is not None:
                    part.ended, part.ended_at = body, at
            case Decided() as body:
                self._decide(event, at, body)
            case Done() as body:
                self._done(body)
            case Regressed() as body:
                if (column := self._columns.get((body.step, body.host))) is not None:
                    column.regressions.append((at, body))
            case Noted() as body:
                column = self._columns.get((body.step or "", body.host or "*"))
                (self.notes if column is None else column.notes).append((at, event.by, body.text))
            case Disturbed() | Marked() | BaselineCaptured() | LinkLost() | LinkUp() as body:
                self._of_host(at, body)
            case _:
                pass

    def _begin(self, body: SessionStarted) -> None:
        loaded = load_text(body.runbook_text, body.runbook_name)
        runbook, self.warnings = loaded.runbook, tuple(map(str, loaded.warnings))
        self._started = body, runbook
        for phase in runbook.phases:
            for step in (s for first in phase.steps for s in (first, *first.rollback)):
                columns = [ColumnPart(host, "todo") for host in hosts_of(step, runbook.hosts)]
                self.steps.append(StepPart(step, phase.title, columns, step not in phase.steps))
                self._columns.update({(step.id, column.host): column for column in columns})
        for host in runbook.hosts:
            self.hosts[host.name] = HostPart(host.name, host.address, f"{host.os} {host.role}")

    def _intended(self, event: Event, at: str, body: ActionIntended) -> None:
        column = self._columns.get((body.step, body.host))
        step = next((p.step for p in self.steps if p.step.id == body.step), None)
        actions = (*step.actions, *step.provocations) if step is not None else ()
        title = next((a.title for a in actions if a.id == body.action), body.action)
        part = ActionPart(event.seq, at, event.by, body, title)
        self._actions[event.seq] = part
        if column is not None:
            column.actions.append(part)

    def _decide(self, event: Event, at: str, body: Decided) -> None:
        if body.second and body.decision.outcome == "open":
            self.people[body.second.strip()] = None
        part = DecisionPart(event.seq, at, event.by, body.second, body.decision, False)
        self._decided[event.seq] = part
        self.acceptances.decided(at, body.decision)
        column = self._columns.get((body.decision.step, body.decision.host))
        if column is not None and body.decision.outcome != "open":
            column.refusals.append(part)

    def _done(self, body: Done) -> None:
        part, column = self._decided[body.decision], self._columns.get((body.step, body.host))
        if column is not None:
            column.standing = DecisionPart(part.seq, part.at, part.by, part.second, part.decision, True)

    def _of_host(self, at: str, body: Disturbed | Marked | BaselineCaptured | LinkLost | LinkUp) -> None:
        host = self.hosts.get(body.host)
        if host is None:
            return
        match body:
            case Disturbed():
                host.disturbances.append((at, body))
            case Marked():
                host.marked = at
            case BaselineCaptured():
                host.baseline = at, body
                self.acceptances.baseline(body)
            case LinkLost(kind=kind, detail=detail):
                host.links.append((at, f"lost ({kind}): {detail}"))
                host.up = False
            case LinkUp(host_key=key):
                host.links.append((at, f"up, host key {key or 'not read'}"))
                host.up = True
