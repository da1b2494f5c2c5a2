"""Whether somebody besides the one writer that was found sets the clock, by the guest's log and by its samples.

A job that sets the clock and ends within a second is no process that anybody sees. Its work is:
a program says in the journal that it stepped the clock, or systemd saw it set while the writer says nothing
of a step of its own; or the clock jumps away from the time it is judged by, and somebody brings it back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from cutover_tui.core.amounts import span, time_amount
from cutover_tui.core.checks.check import SECOND
from cutover_tui.core.checks.clocks.readings import reading
from cutover_tui.core.checks.clocks.references import Standing
from cutover_tui.core.checks.clocks.standing_line import line_of
from cutover_tui.core.estimate.bucket import SLEW_PPB
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.runbook import HOUR, MINUTE
from probes.facts_writers import ClockSet, StepsFacts
from probes.observation import Family, Observation, Sample

LOOKS_BACK_NS = 31 * MINUTE
"""As `time.projection`: its half hour, in which a second step shows."""

PROGRAM_NS = 24 * HOUR
"""So long a step counts whose author named itself and is no daemon: such a program is run again, by a job."""

START_NS = 2 * MINUTE
"""What sets the clock while the guest starts has its place there (ntpdate before ntpd, an initial step)."""

TOGETHER_NS = 5 * SECOND
"""A step and its witnesses are logged within moments."""

LOGS_ITS_STEPS = frozenset({"chronyd", "ntpd", "openntpd"})
"""Writers whose silence about a step says that they did not make it."""

BY_HAND = frozenset({"timedatectl set-time"})


@dataclass(frozen=True, slots=True)
class Foreign:
    """Somebody else's step, in words, and what it was seen by."""

    words: str
    used: tuple[Observation, ...] = ()


def foreign(evidence: Evidence, writer: str) -> Foreign | None:
    """The newest sign that somebody else than `writer` sets the clock since the last disturbance."""
    return _logged(evidence, writer) or _sampled(evidence)


def _logged(evidence: Evidence, writer: str) -> Foreign | None:
    facts, newest = evidence.facts("steps", StepsFacts), evidence.latest("steps")
    if facts is None or newest is None or facts.sets is None or facts.up_ns is None:
        return None
    void = evidence.voids.get(Family.TIME)
    for n, one in enumerate(facts.sets):
        at = newest.began.boottime_ns - (facts.up_ns - one.mono_ns)
        ago = evidence.now.boottime_ns - at
        if void is not None and void.boot_id == newest.began.boot_id and at - SECOND <= void.boottime_ns:
            break  # the newest are first
        if one.mono_ns < START_NS:
            break
        programs = one.by is not None and one.by not in BY_HAND
        if ago > (PROGRAM_NS if programs else LOOKS_BACK_NS):
            continue
        if one.by is not None and one.by != writer:
            by = f" by {time_amount(one.amount_ns, sign=True)}" if one.amount_ns is not None else ""
            return Foreign(f"{one.by} set the clock{by} {span(ago)} ago, says the guest's log", (newest,))
        last_of_cut = facts.more and n == len(facts.sets) - 1
        silent = (
            writer in LOGS_ITS_STEPS and not facts.skipped
        )  # what was skipped may be its word for this step
        if one.by is None and silent and not last_of_cut and not _said(one, facts.sets):
            return Foreign(f"the clock was set {span(ago)} ago and {writer} says nothing of it", (newest,))
    return None


def _said(witness: ClockSet, sets: Sequence[ClockSet]) -> bool:
    return any(s.by is not None and abs(s.mono_ns - witness.mono_ns) <= TOGETHER_NS for s in sets)


def _sampled(evidence: Evidence) -> Foreign | None:
    line = line_of(evidence)
    newest: tuple[Sample, int] | None = None
    for index, amount_ns in jumps(evidence.samples):
        after = evidence.samples[index]
        if _away(evidence.samples[index - 1], after, line) and _undone(evidence.samples, index, amount_ns):
            newest = after, amount_ns
    if newest is None:
        return None
    ago = span(evidence.now.boottime_ns - newest[0].mono_ns)
    amount = time_amount(newest[1], sign=True)
    return Foreign(f"somebody set the clock off by {amount} {ago} ago, and it was brought back")


def jumps(samples: Sequence[Sample]) -> Iterator[tuple[int, int]]:
    """Index of the sample after each jump, and its amount: more than any slewing and no pause explains it.

    A guest that stands still falls behind by no more than the time in which it was not read.
    """
    for index, (before, after) in enumerate(pairwise(samples), 1):
        gap = after.mono_ns - before.mono_ns
        moved = after.offset_ns - before.offset_ns
        bounds = before.bound_ns + after.bound_ns
        if abs(moved) <= bounds + gap * SLEW_PPB // 1_000_000_000:
            continue
        if moved < 0 and -moved <= gap + bounds:
            continue
        yield index, moved


def _away(before: Sample, after: Sample, line: Sequence[Standing]) -> bool:
    """Whether it was nearer to the time it is judged by before than after, bounds included."""
    was, now = reading(before, line), reading(after, line)
    if was is None or now is None:
        return False
    return abs(now.offset_ns) - now.bound_ns > was.worst_ns


def _undone(samples: Sequence[Sample], index: int, amount_ns: int) -> bool:
    """Whether the clock has gone back at least half of the way since."""
    start = samples[index]
    for later in islice(samples, index + 1, None):
        back = start.offset_ns - later.offset_ns if amount_ns > 0 else later.offset_ns - start.offset_ns
        if back - start.bound_ns - later.bound_ns >= abs(amount_ns) // 2:
            return True
    return False
