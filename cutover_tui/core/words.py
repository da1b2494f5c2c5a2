"""How an action's command is written out, and which key runs it."""

from __future__ import annotations

import shlex

from cutover_tui.core.runbook import Action, Os, Step

TAKEN = frozenset("bcdehijklnoqrsuwxy")
"""Letters that mean something on every screen (`core.runbook.Action.key` allows the others)."""


def action_argv(action: Action, os: Os) -> tuple[str, ...] | None:
    """The argv on that system; None when the action has no command for it.

    A command written as one line is split into words; no shell sees it.
    """
    command = action.command.get(os)
    if command is None:
        return None
    if not isinstance(command, str):
        return command
    return tuple(shlex.split(command, posix=os == "linux"))


def action_keys(step: Step) -> dict[str, str]:
    """A letter for every action: its own, or `a` and then the free ones in order."""
    actions = (*step.actions, *step.provocations)
    keys = {a.id: a.key for a in actions if a.key is not None}
    free = (c for c in "afgmptvz" if c not in keys.values() and c not in TAKEN)
    for action in actions:
        if action.id not in keys:
            keys[action.id] = next(free, "")
    return keys
