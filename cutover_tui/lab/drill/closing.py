"""What closed a gate, by the names `expect.findings` uses."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from cutover_tui.core.finding import Decision, Missing, Verdict
from cutover_tui.core.gate import WAVE
from cutover_tui.core.runbook import Step
from cutover_tui.engine.session import Session
from cutover_tui.lab.world_file.findings import NOT_DONE, REGRESSED, STEP


def closed_by(session: Session, decision: Decision) -> tuple[tuple[str, str], ...]:
    """Every missing thing once, as (check id or rule, reason code or verdict), sorted.

    A step that regressed brings what fails in it now, since its own name says nothing of why.
    """
    return tuple(sorted(set(_closing(session, decision, frozenset()))))


def regressed(session: Session, decision: Decision) -> tuple[tuple[Step, str], ...]:
    """The steps (and where) this one misses because they fail now."""
    found: dict[tuple[str, str], tuple[Step, str]] = {}
    for missing in decision.missing:
        step = session.runbook.step(missing.what.removeprefix(STEP)) if _is_step(missing) else None
        if step is not None:
            for column in _columns(session, step, decision.host):
                if session.recorder.state.status(step.id, column) == "regressed":
                    found[step.id, column] = step, column
    return tuple(found.values())


def _closing(session: Session, decision: Decision, seen: frozenset[str]) -> Iterator[tuple[str, str]]:
    codes = {(f.check, f.verdict, f.reason): f.reason_code for f in decision.findings}
    back = regressed(session, decision)
    names = {step.id for step, _ in back}
    for missing in decision.missing:
        if not _is_step(missing):
            yield (
                missing.what,
                codes.get((missing.what, missing.verdict, missing.reason), str(missing.verdict)),
            )
        else:
            yield missing.what, REGRESSED if missing.what.removeprefix(STEP) in names else NOT_DONE
    for step, column in back:
        if step.id in seen:
            continue
        live = session.step(step.id, column).live
        failing = [m for m in live.missing if m.verdict is Verdict.FAIL or _is_step(m)]
        narrowed = _only(live, failing or list(live.missing))
        yield from _closing(session, narrowed, seen | {step.id})


def _only(decision: Decision, missing: list[Missing]) -> Decision:
    return msgspec.structs.replace(decision, missing=tuple(missing))


def _is_step(missing: Missing) -> bool:
    return missing.what.startswith(STEP)


def _columns(session: Session, step: Step, host: str) -> tuple[str, ...]:
    if step.scope == "wave":
        return (WAVE,)
    return tuple(h.name for h in session.runbook.hosts) if host == WAVE else (host,)
