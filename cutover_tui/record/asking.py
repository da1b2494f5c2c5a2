"""Puts a gate's question from the record: the live session and the audit ask with the same words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cutover_tui.core.arrival import arrived
from cutover_tui.core.checks.registry import CHECKS
from cutover_tui.core.evidence import HostLog
from cutover_tui.core.finding import Missing, Verdict, Window
from cutover_tui.core.gate import WAVE, Kept, Question, Subject, families, holds, no_longer
from cutover_tui.core.owed import owed
from cutover_tui.core.runbook import Host, Runbook, Step
from cutover_tui.record.freshness import looks_at_guests, not_read_again
from cutover_tui.record.regression import can_regress
from cutover_tui.record.state import State
from probes.observation import JUMP, Instant


@dataclass(slots=True)
class Logs:
    """What the tapes hold, by host; the jump host under its own name."""

    by_host: dict[str, HostLog] = field(default_factory=dict)

    def of(self, host: str) -> HostLog:
        """The log of that host, empty when nothing was recorded yet."""
        return self.by_host.setdefault(host, HostLog())


def guests(runbook: Runbook, step: Step, host: str) -> tuple[Host, ...]:
    """The guests a step stands for in that column."""
    if step.scope == "wave" or host == WAVE:
        return runbook.hosts
    return tuple(h for h in runbook.hosts if h.name == host)


def question(
    runbook: Runbook,
    state: State,
    logs: Logs,
    step: Step,
    host: str,
    now: Instant,
    *,
    upto: int,
    seals: Mapping[str, Window] | None,
    operator: str | None = None,
    second: str | None = None,
    asked: Instant | None = None,
    steps_count: bool = True,
) -> Question:
    """The question for one step in one column.

    Args:
        seals: the newest seal of every tape; evidence ends there. None = all that is known
            now (a live view, never a decision).
        operator: who asks; nobody is their own second person.
        asked: when somebody asked to mark it done; its guests must have been read again since. None
            = nobody did (a live view).
        steps_count: False outside a session, where no step was ever done.
    """
    assert state.started is not None  # noqa: S101 - a journal begins with session-started
    assert state.anchor is not None  # noqa: S101
    chosen = guests(runbook, step, host)
    cited = seals or {}
    windows = tuple(cited[n] for n in (*(h.name for h in chosen), JUMP) if n in cited)

    def upto_line(name: str) -> int | None:
        if seals is None:
            return None
        return seals[name].last if name in seals else 0

    arrivals = {
        h.name: platform
        for h in chosen
        if h.name not in state.marks
        and (platform := arrived(runbook, logs.of(h.name), upto_line(h.name), now)) is not None
    }
    unmarked = {name: f"it runs on {platform} already" for name, platform in arrivals.items()}
    subjects = tuple(
        Subject(
            host=h,
            log=logs.of(h.name),
            upto_line=upto_line(h.name),
            voids=state.last_voids(h.name),
            mark=state.marks.get(h.name),
            baseline=state.baselines.get(h.name),
            accepted=state.accepted_on(h.name),
            proofs=state.proofs(h.name),
            arrived=arrivals.get(h.name),
        )
        for h in chosen
    )
    closes = steps_count and step is runbook.phases[-1].steps[-1]
    kept = tuple(_kept(runbook, state, step, subjects)) if closes else ()
    return Question(
        runbook=runbook,
        digest=state.started.runbook_sha256,
        step=step,
        subjects=subjects,
        jump_log=logs.of(JUMP),
        jump_upto_line=upto_line(JUMP),
        now=now,
        anchor=state.anchor,
        upto=upto,
        owed=(
            *owed(
                runbook,
                step,
                tuple(h.name for h in chosen),
                state.status,
                unmarked | state.moved_unmarked,
                None if _same_person(operator, second) else second,
            ),
            *_under_way(state, step, tuple(h.name for h in chosen)),
            *_unwatched(runbook, state, step, tuple(h.name for h in chosen)),
            *(
                missing
                for h in chosen
                if asked is not None and looks_at_guests(step)
                for missing in not_read_again(
                    h.name, state.links.get(h.name), logs.of(h.name), upto_line(h.name), asked
                )
            ),
            *(_as_journaled(state, kept) if seals is None else ()),
        )
        if steps_count
        else (),
        windows=windows,
        read=tuple(state.read),
        kept=kept if seals is not None else (),
    )


def _kept(runbook: Runbook, state: State, step: Step, subjects: tuple[Subject, ...]) -> Iterator[Kept]:
    """The done steps the last one rests on. A guest without a link is named as that, once."""
    up = {name for name, link in state.links.items() if link.up}
    for other in runbook.steps():
        for (step_id, column), at in state.steps.items():
            if step_id != other.id or at.status != "done" or other is step:
                continue
            mine = tuple(s for s in subjects if s.host.name in up and column in (WAVE, s.host.name))
            checks = can_regress(runbook, state, other, column)
            if mine and checks:
                yield Kept(other, mine, checks)


def _as_journaled(state: State, kept: tuple[Kept, ...]) -> Iterator[Missing]:
    """For a look that decides nothing: what done steps said of themselves last, instead of judging them all again."""
    for k in kept:
        for check in sorted(k.checks):
            for subject in k.subjects:
                seen = state.verdicts.get((k.step.id, subject.host.name, check))
                said = seen[0] if seen is not None else None
                if said is None or holds(said.verdict, said.reason_code, said.acknowledged):
                    continue
                if CHECKS[check].judges is not None and said.reason_code == "old":
                    continue  # its age is not asked again to close
                yield no_longer(k.step, check, said.host, said.verdict, said.reason)


def _same_person(operator: str | None, second: str | None) -> bool:
    return operator is not None and second is not None and operator.strip().lower() == second.strip().lower()


def _under_way(state: State, step: Step, hosts: tuple[str, ...]) -> Iterator[Missing]:
    """Actions that still run: what they disturb cannot be judged before they end."""
    for intent in state.intents.values():
        if intent.host in hosts and not families(step).isdisjoint(intent.disturbs):
            yield Missing(
                "action",
                Verdict.UNKNOWN,
                f"Action {intent.action} of {intent.step} on {intent.host} has not ended.",
                "Wait for its end, then look again.",
            )


def _unwatched(runbook: Runbook, state: State, step: Step, hosts: tuple[str, ...]) -> Iterator[Missing]:
    """What was done on a guest that cannot be measured now may have fallen back: the last step is not done over it."""
    if step is not runbook.phases[-1].steps[-1]:
        return
    judged = {
        f.host
        for at in state.steps.values()
        if at.status == "done" and at.decision
        for f in at.decision.findings
    }
    for host in hosts:
        link = state.links.get(host)
        if host in judged and (link is None or not link.up):
            yield Missing(
                "link",
                Verdict.UNKNOWN,
                f"{host} cannot be measured{f' ({link.detail})' if link is not None else ''}, "
                "so what was done there is unverified.",
                "Bring its link back; it reconnects by itself.",
            )
