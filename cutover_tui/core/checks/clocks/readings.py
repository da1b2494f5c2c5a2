"""A guest's clock against the time it is judged by: one reading a sample, and how long they keep a limit."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cutover_tui.core.amounts import span, time_amount
from cutover_tui.core.checks.clocks.references import Standing, carried
from probes.observation import Sample

SAMPLE_INTERVAL_NS = 1_000_000_000
"""Guests are sampled once a second (DESIGN: live graph, soak)."""

GAP_NS = 2 * SAMPLE_INTERVAL_NS + SAMPLE_INTERVAL_NS // 2
"""A gap longer than two intervals restarts a soak; half an interval for the jitter of a sample's place."""

STALE_NS = 5 * SAMPLE_INTERVAL_NS
"""Without a sample for this long nothing is known about the clock now."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Guest minus reference at one sample, true within `bound_ns`."""

    mono_ns: int
    offset_ns: int
    bound_ns: int

    @property
    def worst_ns(self) -> int:
        return abs(self.offset_ns) + self.bound_ns


@dataclass(frozen=True, slots=True)
class Held:
    """How long the newest stretch has kept the limit, and what ended the one before."""

    since_ns: int
    until_ns: int
    broken_by: str | None

    @property
    def held_ns(self) -> int:
        return self.until_ns - self.since_ns


def reading(sample: Sample, line: Sequence[Standing]) -> Reading | None:
    """The sample against the time guests are judged by at its moment; None where there is none."""
    return _against(sample, standing_of(sample, line)) if line else None


def standing_of(sample: Sample, line: Sequence[Standing]) -> Standing:
    """What the clocks said together when the sample was taken; the line is not empty."""
    i = bisect_right(line, sample.mono_ns, key=lambda at: at.mono_ns)
    return line[max(i - 1, 0)]


def backwards(samples: Sequence[Sample], line: Sequence[Standing]) -> Iterator[Reading | None]:
    """`reading` of every sample, the newest first; samples are in order of time."""
    i = len(line) - 1
    for sample in reversed(samples):
        while i > 0 and line[i].mono_ns > sample.mono_ns:
            i -= 1
        yield _against(sample, line[i]) if line else None


def _against(sample: Sample, at: Standing) -> Reading | None:
    right = carried(at, sample.mono_ns)
    if right is None:
        return None
    offset, bound = right
    return Reading(sample.mono_ns, sample.offset_ns - offset, sample.bound_ns + bound)


def held(samples: Sequence[Sample], line: Sequence[Standing], limit_ns: int, enough_ns: int) -> Held:
    """The newest unbroken stretch within the limit, looked at from its end back to `enough_ns`."""
    if not samples:
        return Held(0, 0, None)
    until = samples[-1].mono_ns
    since = until
    olders, newers = reversed((None, *samples[:-1])), reversed(samples)
    for older, newer, r in zip(olders, newers, backwards(samples, line), strict=True):
        if r is None:
            return Held(min(since, until), until, "no reference for a sample")
        if r.worst_ns > limit_ns:
            return Held(since, until, f"offset {time_amount(r.offset_ns, sign=True)}")
        since = newer.mono_ns
        if until - since >= enough_ns:
            return Held(since, until, None)
        if older is not None and newer.mono_ns - older.mono_ns > GAP_NS:
            return Held(since, until, f"no data for {span(newer.mono_ns - older.mono_ns)}")
    return Held(since, until, None)
