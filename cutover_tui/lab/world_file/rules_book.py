"""The rules between a world and its runbook: steps, actions, checks and reasons that must exist.

A name that nothing has would change nothing when the world is played, and a drill that tests
nothing looks like one that went well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cutover_tui.core.checks.registry import CHECKS
from cutover_tui.core.yaml_model.part import Part
from cutover_tui.core.yaml_model.problem import Problems, did_you_mean, one_of, place, shown
from cutover_tui.lab.world_file.book import StepWords
from cutover_tui.lab.world_file.findings import STEP, codes, names

_KINDS = ("action", "provocation", "step")


def check_against_book(world: Part, steps: Mapping[str, StepWords], problems: Problems) -> None:
    """Report every name that the runbook or the checks do not have."""
    _Rules(steps, problems).check(world)


class _Rules:
    def __init__(self, steps: Mapping[str, StepWords], problems: Problems) -> None:
        self._steps, self._problems = steps, problems
        self._known = {
            "action": [name for step in steps.values() for name in step.actions],
            "provocation": [name for step in steps.values() for name in step.provocations],
            "step": list(steps),
        }

    def check(self, world: Part) -> None:
        for event in world.each("events"):
            self._event(event)
        play = world.get("play")
        for played in play.each("actions") if play is not None else ():
            self._played(played)
        for pause in play.each("pauses") if play is not None else ():
            self._one_of(pause, "step", self._known["step"])
        for accepted in play.each("acknowledge") if play is not None else ():
            self._one_of(accepted, "check", self._asked_until(None))
        for key in ("expect", "naive"):
            expect = world.get(key)
            if expect is not None:
                # What is pending may wait for a gate that asks more.
                self._expect(expect, asked_now=key == "expect" and not world.has("pending"))

    def _event(self, event: Part) -> None:
        on, name = event.text("on"), event.text("id")
        if name is None or on not in _KINDS or name in self._known[on]:
            return
        others = [kind for kind in _KINDS if name in self._known[kind]]
        expected = f"`on: {others[0]}` for that" if others else did_you_mean(name, self._known[on])
        self._wrong(event, "id", name, expected)

    def _played(self, played: Part) -> None:
        self._one_of(played, "step", self._known["step"])
        step, action = self._steps.get(played.text("step") or ""), played.text("action")
        if step is None or action is None or action in step.runs:
            return
        others = [other.id for other in self._steps.values() if action in other.runs]
        expected = f"`step: {others[0]}` for that" if others else did_you_mean(action, step.runs)
        self._wrong(played, "action", action, expected)

    def _expect(self, expect: Part, *, asked_now: bool) -> None:
        self._one_of(expect, "step", self._known["step"])
        for finding in expect.each("findings"):
            name, reason = finding.text("check"), finding.text("reason")
            if name is None:
                continue
            if not self._named(finding, name):
                continue
            asked = self._asked_until(expect.text("step"))
            if asked_now and name in CHECKS and name not in asked:
                expected = f"a check of that gate or an earlier one: {one_of(asked)}"
                self._wrong(finding, "check", name, expected)
            elif reason is not None and reason not in codes(name):
                self._wrong(finding, "reason", reason, did_you_mean(reason, codes(name)))

    def _named(self, finding: Part, name: str) -> bool:
        """Whether it is a check, a rule of the gate, or a step."""
        earlier = [f"{STEP}{step}" for step in self._steps]
        known = [*names(), *earlier]
        if name not in known:
            self._wrong(
                finding, "check", name, did_you_mean(name, earlier if name.startswith(STEP) else known)
            )
        return name in known

    def _asked_until(self, last: str | None) -> list[str]:
        """The checks of the gates up to that step; of all where it is none."""
        found: dict[str, None] = {}
        for step in self._steps.values():
            found |= dict.fromkeys(step.checks)
            if step.id == last:
                break
        return list(found)

    def _one_of(self, part: Part, key: str, known: Iterable[str]) -> None:
        name = part.text(key)
        if name is not None and name not in (words := list(known)):
            self._wrong(part, key, name, did_you_mean(name, words))

    def _wrong(self, part: Part, key: str, word: str, expected: str) -> None:
        where = place(f"{part.path}.{key}", "world")
        self._problems.error(part.line_of(key), f"{where} is {shown(word)}", expected)
