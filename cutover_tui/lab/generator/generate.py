"""From a seed to a world and its truth."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from cutover_tui.lab.generator.drawing.dice import Dice
from cutover_tui.lab.generator.drawing.world import draw
from cutover_tui.lab.generator.oracle.judge import truth_of
from cutover_tui.lab.generator.oracle.truth import Borderline, Fault, Truth
from cutover_tui.lab.generator.runbook import ORDER
from cutover_tui.lab.generator.yaml_text import world_text
from cutover_tui.lab.world_file.model import WorldFile
from cutover_tui.lab.world_file.play import Expect


@dataclass(frozen=True, slots=True)
class Drawn:
    """A world, what is wrong with it, and which of that must be met first (none: it must be allowed)."""

    seed: int
    spec: WorldFile
    truth: Truth
    first: tuple[Fault, ...]

    @property
    def text(self) -> str:
        """The world's file; its `expect` is the truth, without findings: those are the checks' words."""
        return world_text(self.spec)

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(sorted({fault.kind for fault in self.first}))


def generate(seed: int) -> Drawn:
    """The world of that seed; the same on every machine."""
    attempt = 0
    while True:
        spec = draw(Dice(seed, attempt))
        try:
            truth = truth_of(spec)
        except Borderline:
            attempt += 1
            continue
        return _drawn(seed, spec, truth)


def _drawn(seed: int, spec: WorldFile, truth: Truth) -> Drawn:
    first = met_first(spec, truth)
    title = ", ".join(sorted({fault.kind for fault in first})) or "nothing is wrong"
    expect = Expect(outcome="allowed")
    if first:
        expect = Expect(outcome="refused", step=first[0].step, host=first[0].host)
    named = msgspec.structs.replace(spec, title=f"seed {seed}: {title}", expect=expect)
    return Drawn(seed, named, truth, first)


def met_first(spec: WorldFile, truth: Truth) -> tuple[Fault, ...]:
    """The faults of the step and guest at which the engineer must be stopped; none where nothing is wrong."""
    if truth.healthy:
        return ()
    hosts = [None, *(guest.name for guest in spec.guests)]
    ranked = sorted(truth.faults, key=lambda f: (ORDER.index(f.step), hosts.index(f.host)))
    step, host = ranked[0].step, ranked[0].host
    return tuple(f for f in ranked if (f.step, f.host) == (step, host))
