"""Steps that were done and fail later by what is sealed: the journal must say so, or somebody took it out.

The session looks every few seconds and writes a regression when a check has failed for a minute (`record.regression`);
the audit looks at seals, and speaks up when a check failed at every seal for three, with nothing in the journal that
says otherwise. Where the program did not run there are no seals, and nothing is missed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cutover_tui.core.checks.registry import versions
from cutover_tui.core.finding import Decision, Finding, Verdict
from cutover_tui.core.gate import GATE_RULES, Question, Subject, judge
from cutover_tui.core.runbook import MINUTE, GateCheck, Runbook, Step
from cutover_tui.record.asking import Logs, question
from cutover_tui.record.events import Done, Event, Regressed, SessionResumed, VerdictChanged
from cutover_tui.record.regression import LASTS_NS, can_regress, fails
from cutover_tui.record.state import State
from probes.observation import Instant

SILENT_NS = 3 * LASTS_NS
"""So long no honest session keeps quiet: a minute of failing, and its next look at done steps."""

LOOK_NS = 2 * MINUTE
"""While nothing fails, not every seal is judged."""

GAP_NS = LOOK_NS + 90_000_000_000
"""Two looks further apart are not in a row: the program did not seal, so it did not run."""

_Asked = tuple[object, ...]  # a check, what was asked of it, the guest: several steps may ask the same
_Key = tuple[str, str, str, str]  # step, its column, guest, check


@dataclass(frozen=True, slots=True)
class _Failing:
    since: Instant
    reason_code: str


@dataclass(slots=True)
class Regressions:
    """What fails of the steps that are done, seal by seal."""

    _failing: dict[_Key, _Failing] = field(default_factory=dict)
    _looked: Instant | None = None

    def heard(self, event: Event) -> None:
        """The journal's own word: whatever changed begins to count anew from here."""
        match event.body:
            case SessionResumed():
                self._failing.clear()
                self._looked = None
            case Regressed(step=step, host=host) | Done(step=step, host=host):
                self._failing = {k: v for k, v in self._failing.items() if k[:2] != (step, host)}
            case VerdictChanged() as now:
                for key, was in list(self._failing.items()):
                    if (key[0], *key[2:]) == (now.step, now.host, now.check):
                        del self._failing[key]
                        if now.verdict is Verdict.FAIL and now.reason_code == was.reason_code:
                            self._failing[key] = _Failing(event.at, was.reason_code)
            case _:
                pass

    def sealed(self, runbook: Runbook, state: State, logs: Logs, now: Instant) -> Iterator[str]:
        """Judge what is done again by what is sealed now; in words, each missing regression once."""
        age = self._looked.age_ns(now) if self._looked is not None else None
        if age is not None and age < LOOK_NS and not self._failing:
            return
        if age is None or age > GAP_NS:
            self._failing.clear()
        self._looked = now
        known: dict[_Asked, Finding] = {}
        for step in runbook.steps():
            for (step_id, host), at in state.steps.items():
                if step_id == step.id and at.status == "done" and at.decision is not None:
                    asked = question(runbook, state, logs, step, host, now, upto=state.seq, seals=state.seals)
                    counting = can_regress(runbook, state, step, host) & _as_here(at.decision)
                    yield from self._judged(step, host, asked, counting, known)

    def _judged(
        self,
        step: Step,
        host: str,
        asked: Question,
        counting: frozenset[str],
        known: dict[_Asked, Finding],
    ) -> Iterator[str]:
        for gate_check, subject in _each(step, asked.subjects, counting):
            once = (*_numbers(gate_check), subject.host.name)
            if once not in known:
                known[once] = judge(gate_check, subject, asked)
            finding = known[once]
            key = (step.id, host, subject.host.name, gate_check.check)
            was = self._failing.get(key)
            if not fails(finding):
                self._failing.pop(key, None)
            elif was is None or was.reason_code != finding.reason_code:
                self._failing[key] = _Failing(asked.now, finding.reason_code)
            elif (was.since.age_ns(asked.now) or 0) >= SILENT_NS:
                self._failing[key] = _Failing(asked.now, finding.reason_code)
                yield (
                    f"{step.id} on {host} was done and has failed since ({finding.check} on {finding.host}: "
                    f"{finding.reason_code}), and the record of it is missing"
                )


def _each(
    step: Step, subjects: tuple[Subject, ...], counting: frozenset[str]
) -> Iterator[tuple[GateCheck, Subject]]:
    return ((g, s) for s in subjects for g in step.gate if g.check in counting)


def _numbers(g: GateCheck) -> _Asked:
    return (g.check, g.soak, g.attempts, g.max_age, *sorted(g.params.items()))


def _as_here(decision: Decision) -> frozenset[str]:
    """The checks that judge here as they did when the step was decided."""
    mine: Mapping[str, int] = dict(versions()) if decision.gate_rules == GATE_RULES else {}
    return frozenset(check for check, version in decision.rules if mine.get(check) == version)
