"""What an action does: intent on the record, then the command, then what came of it."""

from __future__ import annotations

from collections.abc import Callable

from cutover_tui.core.runbook import SECOND, Action
from cutover_tui.engine.recording.recorder import Recorder
from cutover_tui.engine.recording.under_way import NOT_KNOWN, under_way
from cutover_tui.engine.watches.probes_port import Probes
from cutover_tui.record.events import NEVER_RAN, ActionEnded, ActionIntended, Body, Disturbed
from probes.observation import Instant, Raw
from probes.reader import Command
from probes.seam import LinkError

TAIL = 2000
"""Characters of an action's output that are journaled."""


async def act(
    recorder: Recorder,
    probes: Probes,
    step: str,
    host: str,
    action: Action,
    argv: tuple[str, ...],
    now: Callable[[], Instant],
) -> None:
    """Run an action of a step on a guest; whatever happens, its end is on the record.

    Raises:
        RecordError: it could not be recorded; where that was its intent, it did not run.
    """
    intent = ActionIntended(
        step, host, action.id, argv, action.disturbs, action.breaks_rollback, action.elevate
    )

    def disturbed(cause: str) -> tuple[Disturbed, ...]:
        """At its beginning and at its end, where it disturbs anything."""
        return (Disturbed(host, action.disturbs, "action", cause, now()),) if action.disturbs else ()

    def ends(seq: int) -> tuple[Body, ...]:
        """Its end where nobody saw it."""
        why = NOT_KNOWN if begun else NEVER_RAN
        return (*disturbed(f"action {action.id} ended"), ActionEnded(seq, None, "", why))

    begun = False
    async with under_way(recorder, intent, ends) as running:
        await recorder.tell(*disturbed(f"action {action.id}"))
        begun = True
        try:
            command = Command(argv, elevate=action.elevate, timeout_s=action.timeout / SECOND)
            raw = await probes.act(host, command)
        except LinkError as error:
            raw = Raw(argv, None, "", failure=error.failure)
        failure = raw.failure.detail if raw.failure is not None else None
        told = ActionEnded(running.seq, raw.rc, (raw.out + raw.err)[-TAIL:], failure)
        await running.ended(*disturbed(f"action {action.id} ended"), told)
    probes.look(host)
