"""The guests' clocks as a report draws them: offsets against the references, thinned to columns.

Only sealed samples count, and only those that the domain or the references can judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cutover_tui.core.checks.clocks.readings import GAP_NS, Reading, reading
from cutover_tui.core.checks.clocks.references import Standing
from cutover_tui.core.checks.clocks.standing_line import GUEST_READERS, standing_line
from cutover_tui.core.checks.clocks.standing_words import name
from cutover_tui.core.checks.registry import asked
from cutover_tui.core.people import PeopleRead
from cutover_tui.core.runbook import HOUR, GateCheck, Runbook
from cutover_tui.record.events import (
    ActionIntended,
    ClockRead,
    Decided,
    Disturbed,
    Done,
    Event,
    LinkLost,
    Marked,
    SessionResumed,
    SessionStarted,
)
from cutover_tui.record.reels import Reel, samples_of
from cutover_tui.record.report.text import told
from probes.observation import JUMP, Instant, Observation, Sample

COLUMNS = 720
APART_NS = HOUR
"""Stretches farther apart than this are drawn as graphs of their own."""


@dataclass(slots=True)
class Column:
    """All readings of one column: x in UTC ns of the first, extremes of the offset and of its bound."""

    at_ns: int
    low: int
    high: int
    bound_low: int
    bound_high: int
    after_gap: bool  # nothing joins it with the column before


@dataclass(frozen=True, slots=True)
class ClockMark:
    """Something that happened to this guest while its clock was read."""

    at_ns: int  # UTC
    letter: str
    words: str


@dataclass(slots=True)
class ClockGraph:
    """One stretch of one guest's clock. Times are UTC ns of the session's timescale."""

    host: str
    start_ns: int
    end_ns: int
    readings: int
    columns: list[Column]
    gaps: list[tuple[int, int]]
    marks: list[ClockMark]
    warn_ns: int
    fail_ns: int
    kerberos_ns: int
    references: tuple[str, ...]
    last: Reading


def clock_graphs(events: Sequence[Event], reels: Mapping[str, Reel], runbook: Runbook) -> list[ClockGraph]:
    """A graph for every stretch of every guest, in the runbook's order."""
    anchors = {
        e.body.anchor.boot_id: e.body.anchor
        for e in events
        if isinstance(e.body, SessionStarted | SessionResumed)
    }
    read = [
        PeopleRead(e.body.at, e.body.utc_ns, e.body.first, e.body.second)
        for e in events
        if isinstance(e.body, ClockRead)
    ]
    gate_check = next(
        (g for step in runbook.steps() for g in step.gate if g.check == "time.offset"),
        GateCheck(check="time.offset"),
    )
    numbers = asked(gate_check)
    graphs: list[ClockGraph] = []
    for host in runbook.hosts:
        reel = reels.get(host.name)
        if reel is None:
            continue
        marks = list(_marks(events, host.name, anchors))
        lines = _standings(reels.get(JUMP), reel, anchors, runbook, read)
        for anchor, readings in _stretches(reel, lines, anchors):
            start, end = (anchor.on_timescale(r.mono_ns) for r in (readings[0], readings[-1]))
            graphs.append(
                ClockGraph(
                    host=host.name,
                    start_ns=start,
                    end_ns=end,
                    readings=len(readings),
                    columns=_columns(readings, anchor),
                    gaps=[
                        (anchor.on_timescale(a.mono_ns), anchor.on_timescale(b.mono_ns))
                        for a, b in pairwise(readings)
                        if b.mono_ns - a.mono_ns > GAP_NS
                    ],
                    marks=[m for m in marks if start <= m.at_ns <= end],
                    warn_ns=numbers.ns("warn"),
                    fail_ns=numbers.ns("fail"),
                    kerberos_ns=runbook.domain.tolerances.kerberos_skew,
                    references=_references(lines.get(anchor.boot_id, ())),
                    last=readings[-1],
                )
            )
    return graphs


def _standings(
    jump: Reel | None,
    guest: Reel,
    anchors: Mapping[str, Instant],
    runbook: Runbook,
    read: Sequence[PeopleRead],
) -> dict[str, tuple[Standing, ...]]:
    """What the clocks said together in each boot of the jump host, for that guest."""
    seen: dict[str, list[Observation]] = {}
    for _, o in jump.sealed_observations() if jump is not None else ():
        seen.setdefault(o.began.boot_id, []).append(o)
    asks = [o for _, o in guest.sealed_observations() if o.reader in GUEST_READERS]
    for o in asks:
        seen.setdefault(o.began.boot_id, []).append(o)
    samples: dict[str, list[Sample]] = {}
    for boot, line, sample in samples_of(guest.contents) if asks else ():
        if line <= guest.contents.sealed:
            samples.setdefault(boot, []).append(sample)
    return {
        boot: standing_line(
            mine,
            anchors[boot],
            runbook.domain,
            samples=samples.get(boot, []),
            read=[r for r in read if r.at.boot_id == boot],
        )
        for boot, mine in seen.items()
        if boot in anchors
    }


def _references(line: Sequence[Standing]) -> tuple[str, ...]:
    judges = [judge for at in line if (judge := at.guests) is not None]
    return tuple(sorted({name(w) for judge in judges for w in judge.agreeing}))


def _stretches(
    reel: Reel, lines: Mapping[str, Sequence[Standing]], anchors: Mapping[str, Instant]
) -> Iterator[tuple[Instant, list[Reading]]]:
    boot, readings = "", list[Reading]()
    for of, line, sample in samples_of(reel.contents):
        if line > reel.contents.sealed or of not in anchors:
            continue
        r = reading(sample, lines.get(of, ()))
        if r is None:
            continue
        if readings and (of != boot or r.mono_ns - readings[-1].mono_ns > APART_NS):
            yield anchors[boot], readings
            readings = []
        boot = of
        readings.append(r)
    if readings:
        yield anchors[boot], readings


def _columns(readings: Sequence[Reading], anchor: Instant) -> list[Column]:
    start = readings[0].mono_ns
    width = max(1, (readings[-1].mono_ns - start) // COLUMNS + 1)
    columns: list[Column] = []
    place, before = -1, start
    for r in readings:
        low, high = r.offset_ns - r.bound_ns, r.offset_ns + r.bound_ns
        gap = r.mono_ns - before > GAP_NS
        if (r.mono_ns - start) // width != place or gap:
            place = (r.mono_ns - start) // width
            at = anchor.on_timescale(r.mono_ns)
            columns.append(Column(at, r.offset_ns, r.offset_ns, low, high, gap))
        else:
            last = columns[-1]
            last.low, last.high = min(last.low, r.offset_ns), max(last.high, r.offset_ns)
            last.bound_low, last.bound_high = min(last.bound_low, low), max(last.bound_high, high)
        before = r.mono_ns
    return columns


def _marks(events: Sequence[Event], host: str, anchors: Mapping[str, Instant]) -> Iterator[ClockMark]:
    for event in events:
        body = event.body
        match body:
            case Marked():
                letter = "M"
            case ActionIntended():
                letter = "A"
            case Disturbed() if body.kind != "action":
                letter = "B"
            case Done():
                letter = "D"
            case LinkLost():
                letter = "L"
            case Decided() if body.decision.outcome != "open":
                letter = "R"
            case _:
                continue
        of = body.decision.host if isinstance(body, Decided) else body.host
        when = body.since if isinstance(body, Disturbed) else event.at
        anchor = anchors.get(when.boot_id)
        if of in (host, "*") and anchor is not None:
            yield ClockMark(anchor.on_timescale(when.boottime_ns), letter, told(event) or "")
