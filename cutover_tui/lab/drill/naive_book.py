"""The naive checklist of a world: the same steps and actions, with gates that believe what checklists believe.

For a world that plays the lab's own runbook it is `naive-checklist.yaml`, beside it. A world
with another runbook is played with that one, its gates replaced: so the play and the events
of a world fit whichever book it is played with, and only the gates can make a difference.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from cutover_tui.lab.world_file.model import WorldFile
from cutover_tui.lab.world_file.runbook import runbook_text

Book = Literal["ours", "naive"]
"""Which runbook a world is played with: the one its file names, or the naive checklist."""

OURS = "linux-time.yaml"
CHECKLIST = "naive-checklist.yaml"

BEFORE = ("naive.ping", "naive.date")
"""What is looked at up to the move: the target's agent cannot run yet, and nobody asks who keeps the time."""

AFTER = ("naive.ping", "naive.time-service", "naive.timedatectl", "naive.date", "naive.agent")
"""What is looked at after it: the whole list at every step, which is more than most checklists do."""

_NOBODY_LOOKS = frozenset({"time.jump-host"})
"""Where ours asks for nothing else, a checklist asks for nothing."""

_VERIFIER = {
    "time.provider": "naive.time-service",
    "time.offset": "naive.date",
    "time.reboot": "naive.ping",
    "agent.swap": "naive.agent",
}
"""Whose refusal points to an action: an engineer who mends (`fix`) can do so by the checklist too."""


def naive_text(spec: WorldFile, directory: Path) -> str:
    """The text of the naive checklist for a world; `directory` is where the world file lies.

    Raises:
        OSError: the world's runbook cannot be read.
        yaml.YAMLError: it is no YAML.
    """
    if spec.runbook == OURS:
        return runbook_text(msgspec.structs.replace(spec, runbook=CHECKLIST), directory)
    return disarmed(runbook_text(spec, directory))


def disarmed(text: str) -> str:
    """A runbook with naive gates where it has gates; what is no runbook is left for its loader to tell.

    Raises:
        yaml.YAMLError: it is no YAML.
    """
    book: Any = yaml.safe_load(text)
    steps = [step for phase in _dicts(book, "phases") for step in _dicts(phase, "steps")]
    moved = not any(step.get("mark") is True for step in steps)  # without a mark it begins after the move
    for step in steps:
        asked = {gate.get("check") for gate in _dicts(step, "gate")}
        if asked <= _NOBODY_LOOKS:
            step.pop("gate", None)
        else:
            step["gate"] = [{"check": check} for check in (AFTER if moved else BEFORE)]
        for action in (*_dicts(step, "actions"), *_dicts(step, "provocations")):
            if action.get("verifier") in _VERIFIER:
                action["verifier"] = _VERIFIER[action["verifier"]]
        moved = moved or step.get("mark") is True
    return yaml.safe_dump(book, sort_keys=False, allow_unicode=True)


def _dicts(within: Any, key: str) -> list[dict[str, Any]]:
    found = within.get(key) if isinstance(within, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
