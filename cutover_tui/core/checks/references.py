"""What the references say together: which agree, and the offset of true time on the timescale.

The jump host's own UTC plays no part: a reference's offset and a guest's offset are both
taken on the session timescale, so their difference is guest minus reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from probes.facts_time import NtpFacts
from probes.observation import Instant, Observation

HOLD_NS = 90_000_000_000
"""How long one answer of a reference speaks for it (five polls of 16 s and some)."""

WANDER_PPM = 100
"""How far the jump host's BOOTTIME may run from true time between two answers; a free-running
PC clock stays below 100 ppm (chrony FAQ), a disciplined one far below."""


@dataclass(frozen=True, slots=True)
class Witness:
    """One reference's newest answer: its offset on the session timescale, true within `bound_ns`."""

    server: str
    mono_ns: int
    offset_ns: int
    bound_ns: int
    own_offset_ns: int  # the jump host's UTC minus this reference
    observation: Observation


@dataclass(frozen=True, slots=True)
class Consensus:
    """The largest group of references that agree, its middle and what it leaves open."""

    mono_ns: int
    offset_ns: int
    bound_ns: int
    agreeing: tuple[Witness, ...]
    dissenting: tuple[Witness, ...]


def witness(observation: Observation, anchor: Instant) -> Witness | None:
    """The witness in an NTP observation; None where the server says it has no time itself."""
    facts = observation.facts
    if not isinstance(facts, NtpFacts) or facts.leap == "unsynchronised" or not 1 <= facts.stratum <= 15:
        return None
    return Witness(
        server=facts.server,
        mono_ns=facts.mono_ns,
        offset_ns=facts.server_ns - anchor.on_timescale(facts.mono_ns),
        bound_ns=(facts.rtt_ns + 1) // 2,
        own_offset_ns=facts.own_utc_ns - facts.server_ns,
        observation=observation,
    )


def consensus_at(
    mono_ns: int, witnesses: Iterable[Witness], agree_ns: int, independent: frozenset[str] = frozenset()
) -> Consensus | None:
    """What the newest answers not older than HOLD_NS say at `mono_ns`; None without any.

    Among groups of equal size the one with more independent references counts, then the
    tighter one: a domain that is wrong as one must not outvote the world by a tie.
    """
    newest: dict[str, Witness] = {}
    for w in witnesses:
        if mono_ns - HOLD_NS <= w.mono_ns <= mono_ns:
            newest[w.server] = w
    if not newest:
        return None
    ordered = sorted(newest.values(), key=lambda w: (w.offset_ns, w.server))
    best: tuple[int, int, int] | None = None
    chosen: tuple[Witness, ...] = ()
    for i, low in enumerate(ordered):
        group = tuple(w for w in ordered[i:] if w.offset_ns - low.offset_ns <= agree_ns)
        rank = (
            len(group),
            sum(w.server in independent for w in group),
            low.offset_ns - group[-1].offset_ns,
        )
        if best is None or rank > best:
            best, chosen = rank, group
    middle = (chosen[0].offset_ns + chosen[-1].offset_ns) // 2
    bound = max(abs(w.offset_ns - middle) + w.bound_ns + _wander(mono_ns - w.mono_ns) for w in chosen)
    inside = {w.server for w in chosen}
    return Consensus(
        mono_ns=mono_ns,
        offset_ns=middle,
        bound_ns=bound,
        agreeing=chosen,
        dissenting=tuple(w for w in ordered if w.server not in inside),
    )


@dataclass(slots=True)
class ConsensusLine:
    """A consensus at each answer, oldest first; what lies between belongs to the one before.

    Grows with the answers, so that a live view never computes an old one again.
    """

    anchor: Instant
    agree_ns: int
    independent: frozenset[str]
    points: list[Consensus] = field(default_factory=list)
    _recent: list[Witness] = field(default_factory=list)

    def extend(self, observations: Iterable[Observation]) -> None:
        """Take newer answers, in their order."""
        for o in observations:
            w = witness(o, self.anchor)
            if w is None:
                continue
            self._recent = [x for x in (*self._recent, w) if w.mono_ns - x.mono_ns <= HOLD_NS]
            at = consensus_at(w.mono_ns, self._recent, self.agree_ns, self.independent)
            if at is not None:
                self.points.append(at)


def consensus_line(
    observations: Sequence[Observation], anchor: Instant, agree_ns: int, independent: frozenset[str]
) -> tuple[Consensus, ...]:
    """The whole line of these answers. Remembered: every check on every host asks for the same few."""
    key = (anchor, agree_ns, independent, tuple(map(id, observations)))
    found = _lines.get(key)
    if found is None:
        line = ConsensusLine(anchor, agree_ns, independent)
        line.extend(observations)
        if len(_lines) >= _KEPT:
            _lines.clear()
        found = _lines[key] = tuple(observations), tuple(line.points)
    return found[1]


_KEPT = 64
_lines: dict[
    tuple[Instant, int, frozenset[str], tuple[int, ...]],
    tuple[tuple[Observation, ...], tuple[Consensus, ...]],
] = {}
"""By the identity of the observations, which are kept beside the line so that none is used twice."""


def carried(consensus: Consensus, mono_ns: int) -> tuple[int, int] | None:
    """Offset and bound of true time at `mono_ns`, or None when the consensus is too old for it."""
    apart = abs(mono_ns - consensus.mono_ns)
    if apart > HOLD_NS:
        return None
    return consensus.offset_ns, consensus.bound_ns + _wander(apart)


def _wander(elapsed_ns: int) -> int:
    return abs(elapsed_ns) * WANDER_PPM // 1_000_000
