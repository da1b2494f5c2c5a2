"""The words of a world's runbook: what its steps, actions and checks are called.

Read leniently, because a runbook may leave out what the world fills in, and is loaded in
earnest when the world is played: what is wrong in it is said then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class StepWords:
    """One step."""

    id: str
    actions: tuple[str, ...]
    provocations: tuple[str, ...]
    checks: tuple[str, ...]

    @property
    def runs(self) -> tuple[str, ...]:
        """Everything an engineer can run there."""
        return (*self.actions, *self.provocations)


@lru_cache(maxsize=16)
def book_words(text: str) -> Mapping[str, StepWords]:
    """The steps by id in the runbook's order; empty where the text is no runbook at all."""
    try:
        book: Any = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    found = (_words(step) for phase in _dicts(book, "phases") for step in _dicts(phase, "steps"))
    return {step.id: step for step in found if step.id}


def step_table(text: str) -> str:
    """Markdown: the steps of a runbook with what can be run there and what their gates ask."""
    lines = ["| step | actions | provocations | gate |", "| --- | --- | --- | --- |"]
    for step in book_words(text).values():
        cells = [[step.id], step.actions, step.provocations, step.checks]
        lines.append("| " + " | ".join(", ".join(f"`{w}`" for w in words) or "-" for words in cells) + " |")
    return "\n".join(lines) + "\n"


def _words(step: dict[str, Any]) -> StepWords:
    return StepWords(
        id=_text(step, "id"),
        actions=tuple(_text(one, "id") for one in _dicts(step, "actions")),
        provocations=tuple(_text(one, "id") for one in _dicts(step, "provocations")),
        checks=tuple(_text(one, "check") for one in _dicts(step, "gate")),
    )


def _text(within: dict[str, Any], key: str) -> str:
    found = within.get(key)
    return found if isinstance(found, str) else ""


def _dicts(within: object, key: str) -> Iterator[dict[str, Any]]:
    found = within.get(key) if isinstance(within, dict) else None
    yield from (one for one in found if isinstance(one, dict)) if isinstance(found, list) else ()
