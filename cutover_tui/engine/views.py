"""Views for screens, computed from state and logs. Nothing here changes anything."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cutover_tui.core.acknowledgement import objection
from cutover_tui.core.arrival import arrived
from cutover_tui.core.checks.check import Asked
from cutover_tui.core.checks.clocks.references import Standing
from cutover_tui.core.checks.clocks.standing_line import GUEST_READERS, StandingLine
from cutover_tui.core.checks.registry import asked
from cutover_tui.core.estimate.estimator import Estimate
from cutover_tui.core.evidence import HostLog
from cutover_tui.core.finding import Decision, Finding, Verdict
from cutover_tui.core.gate import WAVE, Question, decide, hosts_of, judge, past_of
from cutover_tui.core.people import PeopleRead
from cutover_tui.core.runbook import SECOND, GateCheck, Runbook, Step
from cutover_tui.core.words import action_argv, action_keys
from cutover_tui.engine.clock.clock_history import ClockHistory, ReferenceHistory
from cutover_tui.engine.clock.clock_marks import ClockMarks
from cutover_tui.engine.clock.clock_rates import ClockRates
from cutover_tui.engine.port import (
    ActionView,
    ClockLooks,
    HostView,
    SessionView,
    StepRow,
    StepView,
)
from cutover_tui.record.asking import Logs, guests, question
from cutover_tui.record.baseline import lacking
from cutover_tui.record.state import State
from probes.facts_identity import PlatformFacts
from probes.observation import JUMP, Family, Instant, Observation

SHOWN_NS = 10 * SECOND
"""How long the newest reading of a guest stands for its offset."""


@dataclass(slots=True)
class _Newer:
    """Takes each observation of a log once."""

    last_ns: int = -1

    def newer(self, log: HostLog) -> list[Observation]:
        first = bisect_right(log.observations, self.last_ns, key=lambda o: o.ended.boottime_ns)
        found = log.observations[first:]
        if found:
            self.last_ns = found[-1].ended.boottime_ns
        return found


@dataclass(slots=True)
class _Line:
    """A line as far as it is computed, of one guest or of the jump host."""

    line: StandingLine
    jump: _Newer = field(default_factory=_Newer)
    seen: _Newer = field(default_factory=_Newer)
    asks: bool = False
    """Whether this guest has asked a reference itself."""
    _read: int = 0

    def extend(self, new: Sequence[Observation], read: Sequence[PeopleRead]) -> None:
        late = [r for r in read[self._read :] if r.at.boot_id == self.line.anchor.boot_id]
        self._read = len(read)
        if new or late:
            self.line.extend(new, late)


@dataclass(slots=True)
class Live:
    """What the views look at: the record as it stands, and the newest evidence."""

    runbook: Runbook
    state: State
    logs: Logs
    running: set[tuple[str, str, str]]  # step, host, action
    marks: ClockMarks
    looks: dict[str, tuple[int, int, ClockLooks]] = field(default_factory=dict)  # void, when asked, what
    _lines: dict[str, _Line] = field(default_factory=dict)
    _clocks: dict[str, ReferenceHistory] = field(default_factory=dict)
    _histories: dict[str, ClockHistory] = field(default_factory=dict)
    _rates: ClockRates = field(default_factory=ClockRates)

    def standings(self, host: str) -> Sequence[Standing]:
        """What the clocks asked say together over time, for that guest; only new answers are computed.

        A guest that asked no reference itself shares the jump host's line.
        """
        assert self.state.anchor is not None  # noqa: S101 - the session is started
        common = self._lines.get(JUMP)
        if common is None or common.line.anchor != self.state.anchor:
            self._lines.clear()
            self._clocks.clear()
            self._histories.clear()
            self._rates.clear()
            self.looks.clear()
            self._lines[JUMP] = _Line(StandingLine.over(self.runbook.domain, self.state.anchor))
        log = self.logs.of(host)
        known = self._lines.setdefault(
            host, _Line(StandingLine.over(self.runbook.domain, self.state.anchor, log.samples.between))
        )
        seen = known.seen.newer(log)
        known.asks = known.asks or any(o.facts is not None for o in seen if o.reader in GUEST_READERS)
        if not known.asks:
            known = self._lines[JUMP]
            seen = []
        known.extend([*known.jump.newer(self.logs.of(JUMP)), *seen], self.state.read)
        return known.line.points

    def offset_limits(self) -> Asked:
        """The numbers of the runbook's first `time.offset`, or the check's own."""
        return asked(self.first("time.offset") or GateCheck(check="time.offset"))

    def first(self, check: str) -> GateCheck | None:
        """The first gate that asks for a check."""
        return next((g for step in self.runbook.steps() for g in step.gate if g.check == check), None)

    def history(self, host: str, until_ns: int) -> ClockHistory:
        """Guest minus the time guests are judged by, up to that moment."""
        line = self.standings(host)
        history = self._histories.get(host)
        if history is None:
            history = self._histories[host] = ClockHistory(self.offset_limits().ns("fail"))
        history.follow(self.logs.of(host).samples, line, until_ns)
        return history

    def clocks(self, host: str) -> ReferenceHistory:
        """The clocks that are asked for that guest, against that time."""
        line = self.standings(host)
        clocks = self._clocks.setdefault(host, ReferenceHistory())
        clocks.follow(line)
        return clocks

    def void_ns(self, host: str) -> int:
        """CLOCK_BOOTTIME of the last disturbance of time, -1 for none."""
        void = self.state.last_voids(host).get(Family.TIME)
        anchor = self.state.anchor
        return void.boottime_ns if void is not None and anchor and void.boot_id == anchor.boot_id else -1

    def estimate(self, host: str, until_ns: int) -> Estimate | None:
        """What is known of a clock's rate, from what came after the last disturbance of time."""
        samples, void_ns = self.logs.of(host).samples, self.void_ns(host)
        return self._rates.estimate(host, samples, self.standings(host), void_ns, until_ns)


def session_view(
    live: Live,
    now: Instant,
    *,
    window: tuple[int, int, int | None],
    operator: str,
    recording: str | None,
    head: str,
    notices: tuple[str, ...],
    warnings: tuple[str, ...],
) -> SessionView:
    """Where are we?"""
    runbook, state = live.runbook, live.state
    assert state.started is not None  # noqa: S101
    rows = tuple(
        StepRow(
            id=step.id,
            phase=phase.id,
            phase_title=phase.title,
            title=step.title,
            scope=step.scope,
            mark=step.mark,
            expected_ns=int(step.expected),
            states=tuple((h, state.status(step.id, h)) for h in hosts_of(step, runbook.hosts)),
            gated=bool(step.gate),
        )
        for phase in runbook.phases
        for step in phase.steps
    )
    return SessionView(
        session=state.started.session,
        change=runbook.change.id,
        title=runbook.change.title,
        now=now,
        window_start_ns=window[0],
        window_end_ns=window[1],
        rollback_until_ns=window[2],
        operator=operator,
        recording=recording,
        seq=state.seq,
        head=head,
        steps=rows,
        hosts=tuple(host_view(live, h.name, now) for h in runbook.hosts),
        left_ns=_left(rows),
        notices=notices,
        warnings=warnings,
        realm=runbook.domain.realm,
    )


def host_view(live: Live, name: str, now: Instant) -> HostView:
    """One guest at a glance."""
    host = live.runbook.host(name)
    assert host is not None  # noqa: S101 - a host of the runbook
    link = live.state.links.get(name)
    log = live.logs.of(name)
    last = live.history(name, now.boottime_ns).last
    if last is not None and now.boottime_ns - last.mono_ns >= SHOWN_NS:
        last = None
    newest = log.samples.mono[-1] if len(log.samples) else None
    platform = next((o.facts for o in reversed(log.observations) if isinstance(o.facts, PlatformFacts)), None)
    return HostView(
        name=name,
        address=host.address,
        os=host.os,
        role=host.role,
        link="connecting" if link is None else ("up" if link.up else "lost"),
        link_detail=link.detail if link is not None else "",
        link_since=link.since if link is not None else None,
        platform=platform.platform if platform is not None else None,
        provider=_provider(live, name, now),
        offset_ns=last.offset_ns if last is not None else None,
        bound_ns=last.bound_ns if last is not None else None,
        sample_age_ns=now.boottime_ns - newest if newest is not None else None,
        marked=name in live.state.marks,
        arrived=name not in live.state.marks and arrived(live.runbook, log, None, now) is not None,
        no_way_back=_no_way_back(live, name),
    )


def _no_way_back(live: Live, host: str) -> str | None:
    """What the runbook calls the action after which this guest cannot simply go back."""
    ran = live.state.no_way_back.get(host)
    if ran is None:
        return None
    step = live.runbook.step(ran.step)
    actions = (*step.actions, *step.provocations) if step is not None else ()
    return next((a.title for a in actions if a.id == ran.action), ran.action)


def step_view(live: Live, step: Step, host: str, now: Instant) -> StepView:
    """May this be marked done, and if not, what is missing? Judged on what is known now."""
    ask = question(live.runbook, live.state, live.logs, step, host, now, upto=live.state.seq, seals=None)
    decision = decide(ask)
    columns = hosts_of(step, live.runbook.hosts)
    steps = list(live.runbook.steps())
    since = tuple(
        (f.check, f.host, at)
        for f in decision.findings
        if (stands := live.state.standing.get((f.host, f.check))) is not None
        and (at := stands.since.get(f.verdict)) is not None
    )
    phase = next((p for p in live.runbook.phases if step in p.steps), live.runbook.phases[0])
    return StepView(
        step=step.id,
        host=host,
        phase_title=phase.title,
        title=step.title,
        instruction=step.instruction,
        status=live.state.status(step.id, host if host in columns else WAVE),
        mark=step.mark,
        two_person=step.two_person,
        actions=_actions(live, step, host),
        live=decision,
        since=since,
        unverified_since=_unverified_since(live, step, decision, host),
        position=steps.index(step) + 1 if step in steps else 0,
        of=len(steps),
        lacks=_lacks(live, step, host, now),
        objections=tuple(_objections(live, ask, decision)),
        gated=bool(step.gate),
        arrived=tuple((s.host.name, s.arrived) for s in ask.subjects if s.arrived is not None),
    )


def _lacks(live: Live, step: Step, host: str, now: Instant) -> tuple[str, ...]:
    """What the mark of this step would take for ever from the guests it has yet to mark."""
    if not step.mark:
        return ()
    names = [g.name for g in guests(live.runbook, step, host) if g.name not in live.state.marks]
    return tuple(f"{n}: {w}" for n in names for w in lacking(live.runbook, live.state, live.logs, n, now))


def _objections(live: Live, ask: Question, decision: Decision) -> Iterator[tuple[str, str, str]]:
    """Why each failure that nobody may accept cannot be accepted."""
    subjects = {s.host.name: s for s in ask.subjects}
    for f in decision.findings:
        if f.verdict is Verdict.FAIL and f.acknowledged is None and not f.acknowledgeable:
            why = objection(f, past_of(subjects[f.host], live.runbook))
            if why is not None:
                yield f.check, f.host, why


def _unverified_since(live: Live, step: Step, decision: Decision, host: str) -> Instant | None:
    """Since when a done step can no longer be measured; None while it can."""
    if live.state.status(step.id, host) != "done":
        return None
    since = [
        seen[1]
        for f in decision.findings
        if f.verdict is Verdict.UNKNOWN
        and (seen := live.state.verdicts.get((step.id, f.host, f.check))) is not None
        and seen[0].verdict is Verdict.UNKNOWN
    ]
    return min(since, key=lambda at: at.boottime_ns, default=None)


def judged(live: Live, gate_check: GateCheck, host: str, now: Instant) -> Finding | None:
    """What a check says of a guest now, outside any step; None for a host the runbook does not have."""
    step = next(live.runbook.steps())
    ask = question(live.runbook, live.state, live.logs, step, host, now, upto=live.state.seq, seals=None)
    subject = next((s for s in ask.subjects if s.host.name == host), None)
    return judge(gate_check, subject, ask) if subject is not None else None


def _provider(live: Live, host: str, now: Instant) -> str | None:
    """The sentence of time.provider when it passes; None while nobody is shown to keep the clock."""
    finding = judged(live, GateCheck(check="time.provider"), host, now)
    return finding.reason if finding is not None and finding.verdict is Verdict.PASS else None


def _actions(live: Live, step: Step, host: str) -> tuple[ActionView, ...]:
    target = live.runbook.host(host)
    os = target.os if target is not None else live.runbook.hosts[0].os
    keys = action_keys(step)
    views: list[ActionView] = []
    for action in (*step.actions, *step.provocations):
        argv = action_argv(action, os)
        if argv is None:
            continue
        result = live.state.action_results.get((step.id, host, action.id))
        intended = any(
            (i.step, i.host, i.action) == (step.id, host, action.id) for i in live.state.intents.values()
        )
        running = (step.id, host, action.id) in live.running
        views.append(
            ActionView(
                id=action.id,
                title=action.title,
                key=keys[action.id],
                argv=argv,
                tier=action.tier,
                provocation=action in step.provocations,
                elevate=action.elevate,
                disturbs=action.disturbs,
                touches=action.touches,
                breaks_rollback=action.breaks_rollback,
                state="running"
                if running
                else ("unfinished" if intended else ("ended" if result is not None else "not run")),
                rc=result.rc if result is not None else None,
                out_tail=(result.failure or result.out_tail) if result is not None else "",
                ended=None,
            )
        )
    return tuple(views)


def _left(rows: Sequence[StepRow]) -> int:
    """Expected time of what is not done: steps follow one another, hosts go in parallel."""
    return sum(r.expected_ns for r in rows if any(status != "done" for _, status in r.states))
