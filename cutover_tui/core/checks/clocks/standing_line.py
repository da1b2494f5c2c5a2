"""What the clocks said together over time: one `Standing` at each answer, oldest first.

The jump host's own answers are every guest's; what a guest saw of a reference counts for that guest only.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from cutover_tui.core.checks.clocks.references import Standing, standing_at
from cutover_tui.core.checks.clocks.second_interval import USED_NS
from cutover_tui.core.checks.clocks.witness import (
    BRACKET_NS,
    COARSEST_NS,
    Witness,
    https_date,
    independent,
    people,
    seen_from_guest,
    witness,
)
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.people import PeopleRead
from cutover_tui.core.runbook import MINUTE, Domain
from probes.facts_time import HttpDateFacts
from probes.observation import Instant, Observation, Sample

JUMP_READERS = ("ntp", "http-date")
"""Readers of the jump host whose answers are witnesses."""

GUEST_READERS = ("ntp-guest",)
"""Readers of a guest whose answers are witnesses for that guest."""

Samples = Callable[[int, int], Sequence[Sample]]
"""A guest's samples after one BOOTTIME and up to another."""


def no_samples(_after_ns: int, _until_ns: int) -> Sequence[Sample]:
    """Where no guest is looked at."""
    return ()


@dataclass(slots=True)
class StandingLine:
    """A standing at each answer; what lies between belongs to the one before.

    Grows with the answers, so that a live view never computes an old one again.
    """

    anchor: Instant
    agree_ns: int
    references: frozenset[str]
    samples: Samples = no_samples
    points: list[Standing] = field(default_factory=list)
    _recent: list[Witness] = field(default_factory=list)
    _dates: dict[str, list[Observation]] = field(default_factory=dict)
    _unbracketed: list[Observation] = field(default_factory=list)
    """What a guest saw and has not been sampled after yet."""

    @classmethod
    def over(cls, domain: Domain, anchor: Instant, samples: Samples = no_samples) -> StandingLine:
        """An empty line by a runbook's references and tolerance."""
        return cls(anchor, domain.tolerances.references_agree, independent(domain), samples)

    def extend(self, observations: Iterable[Observation], read: Iterable[PeopleRead] = ()) -> None:
        """Take newer answers."""
        for w in self._found(observations, read):
            at_ns = max(w.mono_ns, self.points[-1].mono_ns if self.points else 0)
            self._recent = _still_counting(self._recent, w, at_ns)
            self.points.append(_remembered(at_ns, self._recent, self.agree_ns, self.references))

    def hear(self, observations: Iterable[Observation], read: Iterable[PeopleRead] = ()) -> None:
        """Take newer answers for `at` alone: no standing is made of what lies between."""
        for w in self._found(observations, read):
            self._recent = _still_counting(self._recent, w, w.mono_ns)

    def _found(self, observations: Iterable[Observation], read: Iterable[PeopleRead]) -> list[Witness]:
        waiting, self._unbracketed = self._unbracketed, []
        found = [w for o in (*waiting, *observations) if (w := self._witness(o)) is not None]
        found += [people(r, self.anchor) for r in read]
        return sorted(found, key=lambda w: (w.mono_ns, w.server))

    def at(self, mono_ns: int, since_ns: int) -> Standing:
        """The standing at a moment after the last answer, by answers since then and what people read."""
        fresh = [w for w in self._recent if w.kind == "people" or w.mono_ns >= since_ns]
        return standing_at(mono_ns, fresh, self.agree_ns, self.references)

    def _witness(self, o: Observation) -> Witness | None:
        if o.reader in GUEST_READERS:
            return self._from_guest(o)
        if isinstance(o.facts, HttpDateFacts):
            kept = self._dates.setdefault(o.facts.server, [])
            oldest_ns = o.facts.received_ns - USED_NS
            kept[:] = [x for x in kept if x.ended.boottime_ns >= oldest_ns] + [o]
            return https_date(kept, self.anchor)
        return witness(o, self.anchor)

    def _from_guest(self, o: Observation) -> Witness | None:
        after_ns, until_ns = o.began.boottime_ns - BRACKET_NS, o.ended.boottime_ns + BRACKET_NS
        near = self.samples(after_ns, until_ns)
        found = seen_from_guest(o, near, self.anchor)
        newest_ns = near[-1].mono_ns if near else 0
        if found is None and o.failure is None and newest_ns < o.ended.boottime_ns:
            self._unbracketed = [*self._unbracketed, o][-_WAITING:]
        return found


def standing_line(
    observations: Sequence[Observation],
    anchor: Instant,
    domain: Domain,
    *,
    samples: Sequence[Sample] = (),
    read: Sequence[PeopleRead] = (),
) -> tuple[Standing, ...]:
    """The whole line of these answers. Remembered: every check on every host asks for the same few.

    Args:
        samples: of the guest whose answers are among them, in order of time.
    """
    line = StandingLine.over(domain, anchor, _within(samples))
    guests = any(o.reader in GUEST_READERS for o in observations)
    stretch = (samples[0].mono_ns, samples[-1].mono_ns) if guests and samples else None
    key = (anchor, line.agree_ns, line.references, tuple(map(id, observations)), tuple(read), stretch)
    found = _lines.get(key)
    if found is None:
        line.extend(observations, read)
        if len(_lines) >= _KEPT:
            _lines.clear()
        found = _lines[key] = tuple(observations), tuple(line.points)
    return found[1]


def line_of(evidence: Evidence) -> tuple[Standing, ...]:
    """The line over all answers of the evidence."""
    return standing_line(
        answers(evidence), evidence.anchor, evidence.domain, samples=evidence.samples, read=evidence.read
    )


def standing_now(evidence: Evidence, agree_ns: int, max_age_ns: int) -> Standing:
    """What the clocks say together at the moment of the evidence, by answers not older than that.

    What people read has an age of its own.
    """
    now_ns = evidence.now.boottime_ns
    line = StandingLine(evidence.anchor, agree_ns, independent(evidence.domain), _within(evidence.samples))
    # Dates of ten minutes narrow one another; of an NTP server only what is fresh counts.
    fresh = (o for o in answers(evidence) if o.reader != "ntp" or o.ended.boottime_ns >= now_ns - max_age_ns)
    line.hear(fresh, evidence.read)
    return line.at(now_ns, now_ns - max_age_ns)


def answers(evidence: Evidence) -> tuple[Observation, ...]:
    """Every answer of a clock the evidence holds, the jump host's and the guest's, by reader."""
    jump = (o for reader in JUMP_READERS for o in evidence.jump.get(reader, ()))
    return (*jump, *(o for reader in GUEST_READERS for o in evidence.witnessed.get(reader, ())))


LOOKS_BACK_NS = USED_NS + MINUTE
"""How far back a check looks that asks for a standing now: Dates of ten minutes narrow one another."""


def _still_counting(recent: Iterable[Witness], newer: Witness, at_ns: int) -> list[Witness]:
    """Those that may still decide with `newer` among them; a fine clock's older answers never do."""
    replaces = newer.kind == "ntp" and newer.bound_at(newer.until_ns) <= COARSEST_NS

    def counts(x: Witness) -> bool:
        older = x.kind == "ntp" and x.server == newer.server and x.mono_ns < newer.mono_ns
        return x.until_ns >= at_ns and not (replaces and older)

    return [*filter(counts, recent), newer]


def _remembered(at_ns: int, recent: Sequence[Witness], agree_ns: int, references: frozenset[str]) -> Standing:
    """`standing_at`, once for the same witnesses: every evaluation asks for a window of the same line."""
    key = (at_ns, agree_ns, references, tuple(map(_what, recent)))
    found = _standings.get(key)
    if found is None:
        if len(_standings) >= _STANDINGS:
            _standings.clear()
        found = _standings[key] = tuple(recent), standing_at(at_ns, recent, agree_ns, references)
    return found[1]


def _what(w: Witness) -> _Said:
    return w.server, w.kind, w.mono_ns, w.offset_ns, w.bound_ns, w.own_offset_ns, id(w.observation)


def _within(samples: Sequence[Sample]) -> Samples:
    def between(after_ns: int, until_ns: int) -> Sequence[Sample]:
        first = bisect_left(samples, after_ns, key=_when)
        return samples[first : bisect_right(samples, until_ns, key=_when)]

    return between


def _when(sample: Sample) -> int:
    return sample.mono_ns


_WAITING = 64
"""Answers of a guest that wait for a sample: more than it has references."""

_KEPT = 64
_Key = tuple[Instant, int, frozenset[str], tuple[int, ...], tuple[PeopleRead, ...], tuple[int, int] | None]
_lines: dict[_Key, tuple[tuple[Observation, ...], tuple[Standing, ...]]] = {}
"""By the identity of the observations, which are kept beside the line so that none is used twice."""

_STANDINGS = 1 << 15
_Said = tuple[str, str, int, int, int, int, int]
_PointKey = tuple[int, int, frozenset[str], tuple[_Said, ...]]
_standings: dict[_PointKey, tuple[tuple[Witness, ...], Standing]] = {}
"""By what the witnesses said and the identity of their observations, which are kept beside the standing."""
