"""What a step owes besides its checks: earlier steps, a start, a mark, a second person."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cutover_tui.core.finding import Missing, Verdict
from cutover_tui.core.gate import WAVE
from cutover_tui.core.runbook import Runbook, Step

StatusOf = Callable[[str, str], str]


def owed(
    runbook: Runbook,
    step: Step,
    hosts: Sequence[str],
    status: StatusOf,
    moved_unmarked: dict[str, str],
    second: str | None,
) -> tuple[Missing, ...]:
    """Rules of the gate that no measurement can satisfy.

    Args:
        hosts: the guests this step stands for (all of them for scope wave).
        status: state of a step on a host (`*` for steps of scope wave).
        second: who else confirms, for steps that need two people.
    """
    missing: list[Missing] = []
    for needed_id in step.depends_on:
        needed = runbook.step(needed_id)
        columns = (WAVE,) if needed is not None and needed.scope == "wave" else tuple(hosts)
        late = [h for h in columns if status(needed_id, h) != "done"]
        if late:
            where = "the wave" if late == [WAVE] else ", ".join(late)
            title = needed.title if needed is not None else needed_id
            missing.append(
                Missing(
                    f"step {needed_id}",
                    Verdict.UNKNOWN,
                    f"{needed_id} {title} is not done on {where}.",
                    f"Do {needed_id} first.",
                )
            )
    missing.extend(
        Missing(
            "mark",
            Verdict.FAIL,
            f"{host}: {moved_unmarked[host]}, and no step has set the mark.",
            "Start the runbook's mark step for this host, or find out who moved it.",
        )
        for host in hosts
        if host in moved_unmarked and not (step.mark and _to_do(step, host, status))
    )
    if step is runbook.phases[-1].steps[-1]:
        for other in runbook.steps():
            columns = (WAVE,) if other.scope == "wave" else tuple(hosts)
            back = [h for h in columns if status(other.id, h) == "regressed"]
            if back:
                missing.append(
                    Missing(
                        f"step {other.id}",
                        Verdict.FAIL,
                        f"{other.id} {other.title} was done and fails now on {', '.join(back)}.",
                        f"Go back to {other.id}.",
                    )
                )
    if step.two_person and not second:
        missing.append(
            Missing(
                "two-person",
                Verdict.UNKNOWN,
                "This step needs a second person.",
                "Let the second engineer give their name when marking it done.",
            )
        )
    return tuple(missing)


def _to_do(step: Step, host: str, status: StatusOf) -> bool:
    """A mark step nobody started yet lacks no mark: starting it is what sets it."""
    return status(step.id, WAVE if step.scope == "wave" else host) == "todo"
