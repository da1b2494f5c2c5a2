"""`time.reboot`: rebooted after the mark, and time held in two looks after that boot.

A guest that is right now may come up wrong (RTC, zone), and be repaired within seconds by
a provider that is not there next time: one look under 5 min and one at 20 min or later. Nobody may
have looked in those seconds, so what the guest's own log says of them counts too (`steps`).
"""

from __future__ import annotations

from bisect import bisect_right

from cutover_tui.core.amounts import span, time_amount
from cutover_tui.core.checks.check import Asked, Says, no_facts
from cutover_tui.core.checks.clocks.quarter_hours import REMEDY as QUARTER_HOURS_REMEDY
from cutover_tui.core.checks.clocks.quarter_hours import in_words, whole_quarters
from cutover_tui.core.checks.clocks.readings import Reading, backwards
from cutover_tui.core.checks.clocks.standing_line import answers, standing_line, standing_now
from cutover_tui.core.checks.clocks.standing_words import caution
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding, Soak
from cutover_tui.core.runbook import HOUR, MINUTE
from probes.facts_identity import BootFacts
from probes.facts_writers import StepsFacts
from probes.observation import Family, Observation, Sample

_BEFORE_NS = 10 * MINUTE
"""How long before a look an answer may have been given that speaks in it (what people read, Dates)."""

LIMIT_NS = 5_000_000_000
HARM_NS = 60_000_000_000
"""Beyond this less than the 240 s of `kerberos.margin` is left of Kerberos' 300: services that start at
boot may be refused, and stay so."""


def run(evidence: Evidence, asked: Asked, says: Says) -> Finding:
    boot_at = evidence.latest("boot")
    boot = evidence.facts("boot", BootFacts)
    if boot is None or boot_at is None:
        return no_facts(says, "boot", boot_at)
    used = (boot_at,)
    if evidence.mark is None:
        return says.unknown(
            "no-mark",
            "This host has no mark yet, so no boot after it.",
            remedy="Do the step with `mark: true` first.",
            used=used,
        )
    if evidence.baseline is None or evidence.baseline.boot_id is None:
        return says.unknown(
            "no-baseline",
            "The boot id from before the mark was not captured.",
            remedy="It cannot be made up for after the mark; show two boots in a new session instead.",
            used=used,
        )
    if boot.boot_id == evidence.baseline.boot_id:
        return says.fails(
            "not-rebooted",
            "The guest still runs the boot from before the mark.",
            remedy="Power it off and on (a cold boot: the RTC counts).",
            used=used,
        )
    first_ns, second_ns = asked.ns("first"), asked.ns("second")
    booted_ns = boot_at.ended.boottime_ns - boot.uptime_ns
    now_ns = evidence.now.boottime_ns
    early = _looks(evidence, booted_ns, booted_ns + first_ns)
    late = _looks(evidence, max(booted_ns + second_ns, now_ns - MINUTE), now_ns)
    agree = evidence.domain.tolerances.references_agree
    but = caution(standing_now(evidence, agree, asked.max_age_ns), agree)
    wrong = _wrong(early, late, first_look_over=now_ns - booted_ns > first_ns)
    if wrong is not None:
        after, shown = span(wrong.mono_ns - booted_ns), time_amount(wrong.offset_ns, sign=True)
        if whole_quarters(wrong.offset_ns) is not None:
            return says.fails(
                "whole-quarter-hours",
                f"At an uptime of {after} the guest was {shown} off{in_words(wrong.offset_ns)}{but}.",
                remedy=QUARTER_HOURS_REMEDY + " Then boot again.",
                measured=wrong.offset_ns,
                bound=wrong.bound_ns,
                used=used,
            )
        return says.fails(
            "offset-after-boot",
            f"At an uptime of {after} the guest was {shown} off{but}.",
            remedy="Find out what it started from (hardware clock, restored snapshot) and why its provider "
            "did not put that right, then boot again.",
            measured=wrong.offset_ns,
            bound=wrong.bound_ns,
            used=used,
        )
    stepped = _stepped(evidence, booted_ns, first_ns, says, used)
    if stepped is not None:
        return stepped
    up = now_ns - booted_ns
    if not _settled(early):
        if up <= first_ns:
            return says.unknown(
                "waiting",
                f"Booted {span(up)} ago; the first look needs a right reading against clocks that agree.",
                remedy="It comes by itself.",
                used=used,
            )
        return says.unknown(
            "first-look-missed",
            f"Nothing that was measured within {span(first_ns)} of its boot counts"
            f"{_voided(evidence, booted_ns)}.",
            remedy="Boot it again while this session runs, and leave its clock alone for that long.",
            used=used,
        )
    if not _sure(late):
        return says.unknown(
            "waiting",
            f"First look passed; the second is due {span(second_ns)} after boot, now {span(up)}{but}.",
            remedy="It comes by itself; work on another host meanwhile.",
            used=used,
            soak=Soak(min(up, second_ns), second_ns),
        )
    last, came_up = late[-1], early[0]
    corrected = any(_off(r) for r in early)
    return says.passes(
        f"rebooted after the mark; {time_amount(came_up.offset_ns, sign=True)} at "
        f"{span(came_up.mono_ns - booted_ns)}{', put right since,' if corrected else ''} and "
        f"{time_amount(last.offset_ns, sign=True)} at {span(last.mono_ns - booted_ns)} after boot{but}",
        code="corrected-after-boot" if corrected else "ok",
        measured=last.offset_ns,
        bound=last.bound_ns,
        used=used,
    )


def looks_back(_asked: Asked) -> int:
    """The first look of a boot counts as long as that boot runs; a window is shorter than this."""
    return 12 * HOUR


def criterion(asked: Asked) -> Criterion:
    return Criterion(
        f"booted after the mark; never more than {time_amount(HARM_NS)} off, ≤ {time_amount(LIMIT_NS)} within "
        f"{span(asked.ns('first'))} and again at {span(asked.ns('second'))} after boot",
        LIMIT_NS,
        "ns",
    )


def _looks(evidence: Evidence, after_ns: int, until_ns: int) -> list[Reading]:
    """Readings in a stretch, against the clocks of that stretch."""
    near = [
        o for o in answers(evidence) if after_ns - _BEFORE_NS <= o.ended.boottime_ns <= until_ns + _BEFORE_NS
    ]
    line = standing_line(near, evidence.anchor, evidence.domain, samples=evidence.samples, read=evidence.read)
    first = bisect_right(evidence.samples, after_ns, key=_when)
    last = bisect_right(evidence.samples, until_ns, key=_when)
    found = [r for r in backwards(evidence.samples[first:last], line) if r is not None]
    found.reverse()
    return found


def _when(sample: Sample) -> int:
    return sample.mono_ns


def _off(r: Reading) -> bool:
    return abs(r.offset_ns) - r.bound_ns > LIMIT_NS


def _wrong(early: list[Reading], late: list[Reading], *, first_look_over: bool) -> Reading | None:
    """The reading that decides against this boot.

    A guest that comes up some seconds off and is put right by its provider did what it should;
    whether anybody sees those seconds is luck. One that comes up so far off that what starts at
    boot cannot authenticate did not.
    """
    far = next((r for r in early if abs(r.offset_ns) - r.bound_ns > HARM_NS), None)
    if far is not None:
        return far
    end = _end(early)
    if first_look_over and end is not None and _off(end):
        return end
    return next((r for r in late if _off(r)), None)


def _stepped(
    evidence: Evidence, booted_ns: int, first_ns: int, says: Says, used: tuple[Observation, ...]
) -> Finding | None:
    """What the guest's log says of a clock that had come up farther off than what starts at boot bears."""
    facts, logged = evidence.facts("steps", StepsFacts), evidence.latest("steps")
    if facts is None or logged is None or logged.began.boottime_ns < booted_ns:
        return None
    for one in facts.sets or ():
        amount = one.amount_ns or 0
        if one.by is None or abs(amount) <= HARM_NS or one.mono_ns > first_ns:
            continue
        by, after = time_amount(amount, sign=True), span(one.mono_ns)
        if whole_quarters(amount) is not None:
            return says.fails(
                "whole-quarter-hours",
                f"{one.by} set the clock by {by} at an uptime of {after}, says the guest's log: it came up "
                f"that far off{in_words(amount)}.",
                remedy=QUARTER_HOURS_REMEDY + " Then boot again.",
                measured=-amount,
                used=(*used, logged),
            )
        return says.fails(
            "offset-after-boot",
            f"{one.by} set the clock by {by} at an uptime of {after}, says the guest's log: it came up that far off.",
            remedy="Find out what it started from (hardware clock, restored snapshot), then boot again.",
            measured=-amount,
            used=(*used, logged),
        )
    return None


def _settled(early: list[Reading]) -> bool:
    """Whether the first look ended inside the limit, the bound included."""
    end = _end(early)
    return end is not None and not _off(end)


def _end(early: list[Reading]) -> Reading | None:
    """The newest reading that tells anything: surely inside the limit, or surely not."""
    return next((r for r in reversed(early) if _off(r) or r.worst_ns <= LIMIT_NS), None)


def _voided(evidence: Evidence, booted_ns: int) -> str:
    """Why readings that were taken do not count, where a disturbance came after the boot."""
    void = evidence.voids.get(Family.TIME)
    if void is None or void.boot_id != evidence.now.boot_id or void.boottime_ns <= booted_ns:
        return ": nobody looked"
    return f": time was disturbed {span(void.boottime_ns - booted_ns)} after it"


def _sure(readings: list[Reading]) -> bool:
    """At least one reading that is inside the limit with its bound."""
    return any(r.worst_ns <= LIMIT_NS for r in readings)
