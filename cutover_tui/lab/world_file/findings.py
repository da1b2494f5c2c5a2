"""What can close a gate, by the names `expect.findings` uses: checks, and the rules of the gate beside them."""

from __future__ import annotations

from collections.abc import Mapping

from cutover_tui.core.checks.codes import closing_codes
from cutover_tui.core.checks.registry import CHECKS

STEP = "step "
"""Begins the name of an earlier step that is missing: `step provider`."""

NOT_DONE, REGRESSED = "not-done", "regressed"

STEP_CODES: Mapping[str, str] = {
    NOT_DONE: "that step is not done yet",
    REGRESSED: "it was done, and one of its checks fails now; that check is among the findings too",
}

RULES: Mapping[str, Mapping[str, str]] = {
    "platform": {
        "fail": "another platform answers than the one the guest was moved to: the VM left behind, for instance",
        "unknown": "on which platform the guest runs has not been seen since the mark",
    },
    "mark": {"fail": "the guest was moved and no step has set the mark"},
    "start": {"refused": "the step cannot even be started: a mark without a baseline"},
    "two-person": {"unknown": "nobody confirmed as the second person"},
    "link": {"unknown": "a guest that was judged cannot be measured when the last step is to be closed"},
    "fresh": {"unknown": "a guest was not read again after somebody asked to mark the step done"},
    "action": {"unknown": "an action still runs whose end is not known"},
}
"""What a gate asks besides its checks and steps, with the reasons and what they mean."""


def names() -> tuple[str, ...]:
    """Everything `check` can be, steps left out."""
    return (*CHECKS, *RULES)


def codes(name: str) -> tuple[str, ...]:
    """The reasons of a check, rule or `step X`; none for a name that is none of them."""
    if name.startswith(STEP):
        return tuple(STEP_CODES)
    return tuple(RULES[name]) if name in RULES else closing_codes(name)


def table() -> str:
    """Markdown: what is no check, with its reasons, as docs/worlds.md holds it."""
    rows = [(f"{STEP}…", code, said) for code, said in STEP_CODES.items()]
    rows += [(name, code, said) for name, known in RULES.items() for code, said in known.items()]
    lines = ["| `check` | `reason` | when |", "| --- | --- | --- |"]
    return "\n".join([*lines, *(f"| `{name}` | `{code}` | {said} |" for name, code, said in rows)]) + "\n"
