"""The demo's incident as a piece to drill: its world and runbook, and hands that mend or do not."""

from __future__ import annotations

from importlib import resources
from string import Template

from cutover_tui.core.runbook import HOUR
from cutover_tui.lab.demo.incident import build_world
from cutover_tui.lab.drill.drill import Piece
from cutover_tui.lab.world import clockwork
from cutover_tui.lab.world.world import World
from cutover_tui.lab.world_file.model import Trigger
from cutover_tui.lab.world_file.play import Play, PlayedAction


class Unscripted:
    """A world that only goes on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.told: list[tuple[str, str | None, str | None, str]] = []

    def happened(
        self,
        on: Trigger,
        now: int,
        *,
        id: str | None = None,  # noqa: A002 - the word of world files
        host: str | None = None,
        when: str = "done",
    ) -> None:
        self.told.append((on, id, host, when))

    def next_at(self) -> int | None:
        return None

    def advance(self, now: int) -> object:
        return clockwork.advance(self._world, now)


def runbook() -> str:
    text = resources.files("cutover_tui.lab.demo").joinpath("incident.yaml").read_text(encoding="utf-8")
    names = "".join(f"\n    - ntp{n}.lab.example" for n in (1, 2, 3))
    return Template(text).substitute(
        start='"2026-11-22T00:00:00Z"',
        end='"2026-11-22T04:00:00Z"',
        rollback='"2026-11-22T03:00:00Z"',
        references=names,
        address="nowhere",
        key="nowhere",
        bad_port=22,
        good_port=22,
    )


def until(text: str, step: str) -> str:
    """The runbook without what comes after the step `step` of its phase (a short play)."""
    head, found, _ = text.partition(f"      - id: {step}\n")
    assert found
    return head


def piece(*, fix: bool, text: str | None = None, aftermath_ns: int = 72 * HOUR) -> Piece:
    def build(now: int) -> tuple[World, Unscripted]:
        world = build_world(now)
        return world, Unscripted(world)

    actions = (
        PlayedAction(step="cutover", action="power-off"),
        PlayedAction(step="cold-boot", action="reboot"),
        PlayedAction(step="tools-removed", action="remove-tools"),
    )
    return Piece(
        name="incident",
        build=build,
        runbook=text if text is not None else runbook(),
        play=Play(actions=actions, fix=fix),
        aftermath_ns=aftermath_ns,
    )
