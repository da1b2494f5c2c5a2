"""Plays generated worlds and says where the outcome is not the truth."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

import msgspec

from cutover_tui.lab.drill.drill import Played, drill
from cutover_tui.lab.drill.piece import piece_of
from cutover_tui.lab.generator.generate import Drawn, generate
from cutover_tui.lab.generator.oracle.truth import SECOND
from cutover_tui.lab.world_file.loading import load_world_text

OFF_NS = 5 * SECOND
Wrong = Literal["miss", "false refusal", "refused elsewhere", "oracle wrong"]


class Outcome(msgspec.Struct, frozen=True):
    """One seed: what was wrong with its world, what the session said, and where that does not fit."""

    seed: int
    kinds: tuple[str, ...]  # empty: nothing is wrong
    played: Played
    cpu_ns: int
    wrong: Wrong | None

    def __str__(self) -> str:
        truth = ", ".join(self.kinds) or "healthy"
        at = (
            f" at {self.played.step} on {self.played.host} {self.played.findings}" if self.played.step else ""
        )
        return f"seed {self.seed} ({truth}): {self.played.outcome}{at}" + (
            f" — {self.wrong.upper()}" if self.wrong else ""
        )


def play(seed: int, root: Path) -> Outcome:
    """Generate and play one seed; its session is kept under `root`."""
    began = time.process_time_ns()
    drawn = generate(seed)
    loaded = load_world_text(drawn.text, f"seed-{seed}.yaml", root)
    played = drill(piece_of(loaded), root)
    return Outcome(seed, drawn.kinds, played, time.process_time_ns() - began, wrong(drawn, played))


def wrong(drawn: Drawn, played: Played) -> Wrong | None:
    """Where the outcome is not the truth; a broken world must be refused where and for what is wrong with it."""
    if drawn.truth.healthy:
        if played.outcome == "refused":
            return "false refusal"
        return "oracle wrong" if any(t.worst_ns > OFF_NS for t in played.truth) else None
    if played.outcome == "allowed":
        return "miss"
    where = drawn.first[0]
    said = {check for check, _ in played.findings}
    blamed = frozenset[str]().union(*(fault.checks for fault in drawn.first))
    at_step = played.step == where.step and (where.host is None or played.host == where.host)
    return None if at_step and said & blamed else "refused elsewhere"
