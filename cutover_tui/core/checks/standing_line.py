"""What the clocks said together over time: one `Standing` at each answer, oldest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cutover_tui.core.checks.references import HOLD_NS, Standing, Witness, independent, standing_at, witness
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.runbook import Domain
from probes.observation import Instant, Observation


@dataclass(slots=True)
class StandingLine:
    """A standing at each answer; what lies between belongs to the one before.

    Grows with the answers, so that a live view never computes an old one again.
    """

    anchor: Instant
    agree_ns: int
    references: frozenset[str]
    points: list[Standing] = field(default_factory=list)
    _recent: list[Witness] = field(default_factory=list)

    @classmethod
    def over(cls, domain: Domain, anchor: Instant) -> StandingLine:
        """An empty line by a runbook's references and tolerance."""
        return cls(anchor, domain.tolerances.references_agree, independent(domain))

    def extend(self, observations: Iterable[Observation]) -> None:
        """Take newer answers, in their order."""
        for o in observations:
            w = witness(o, self.anchor)
            if w is None:
                continue
            self._recent = [x for x in (*self._recent, w) if w.mono_ns - x.mono_ns <= HOLD_NS]
            self.points.append(standing_at(w.mono_ns, self._recent, self.agree_ns, self.references))


def standing_line(
    observations: Sequence[Observation], anchor: Instant, domain: Domain
) -> tuple[Standing, ...]:
    """The whole line of these answers. Remembered: every check on every host asks for the same few."""
    line = StandingLine.over(domain, anchor)
    key = (anchor, line.agree_ns, line.references, tuple(map(id, observations)))
    found = _lines.get(key)
    if found is None:
        line.extend(observations)
        if len(_lines) >= _KEPT:
            _lines.clear()
        found = _lines[key] = tuple(observations), tuple(line.points)
    return found[1]


def standing_now(evidence: Evidence, agree_ns: int) -> Standing:
    """What the clocks say together at the moment of the evidence."""
    answers = evidence.jump.get("ntp", ())
    witnesses = [w for o in answers if (w := witness(o, evidence.anchor)) is not None]
    return standing_at(evidence.now.boottime_ns, witnesses, agree_ns, independent(evidence.domain))


_KEPT = 64
_lines: dict[
    tuple[Instant, int, frozenset[str], tuple[int, ...]],
    tuple[tuple[Observation, ...], tuple[Standing, ...]],
] = {}
"""By the identity of the observations, which are kept beside the line so that none is used twice."""
