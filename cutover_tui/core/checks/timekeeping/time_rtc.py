"""`time.rtc`: the hardware clock is kept and read as before the move, and is right.

A guest starts from it at the next cold boot. On VMware, Tools repair a wrong hour within
seconds of every start, so that a platform that keeps the RTC in another zone shows only
once Tools are gone, and only at a boot.
"""

from __future__ import annotations

from cutover_tui.core.amounts import span, time_amount
from cutover_tui.core.checks.check import SECOND, Asked, Says, no_facts
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding
from probes.facts_clock import RtcFacts
from probes.observation import Observation

QUARTER_NS = 15 * 60 * SECOND
NEAR_NS = 60 * SECOND
"""How close to whole quarter hours an error must be to be called a matter of zones."""

FARTHEST_NS = 26 * 3600 * SECOND
"""From UTC−12 to UTC+14: no two zones are farther apart."""

_UTC = frozenset({"UTC", "UCT", "Zulu", "Universal", "Etc/UTC", "Etc/UCT", "Etc/Zulu", "Etc/Universal"})
_BASIS = {True: "local time", False: "UTC"}
_SEE = "Let the account read /sys/class/rtc and /etc/adjtime, or look on the guest."


def run(evidence: Evidence, asked: Asked, says: Says) -> Finding:
    newest = evidence.latest("rtc")
    rtc = evidence.facts("rtc", RtcFacts)
    if rtc is None or newest is None:
        return no_facts(says, "rtc", newest)
    used = (newest,)
    before = evidence.baseline.facts.get("rtc") if evidence.baseline is not None else None
    if not isinstance(before, RtcFacts):
        return says.unknown(
            "no-baseline",
            "The hardware clock from before the mark was not captured.",
            remedy="It cannot be made up for after the mark; compare with the source VM's configuration.",
            used=used,
        )
    if rtc.present is False:
        return _gone(before, says, used)
    changed = _changed(before, rtc, says, used)
    if changed is not None:
        return changed
    error = rtc.error()
    if rtc.present is None or error is None:
        return says.unknown(
            "not-visible",
            "What the hardware clock shows, or in which zone it is kept, is not visible to this account.",
            remedy=_SEE,
            used=used,
        )
    wrong = _wrong(*error, asked.ns("off"), says, used)
    if wrong is not None:
        return wrong
    same = _same(before, rtc)
    if same is None:
        return says.unknown(
            "not-comparable",
            "Whether zone and hardware clock are as before the mark could not be seen.",
            remedy=_SEE,
            used=used,
        )
    return says.passes(
        f"{same}; the RTC is {time_amount(error[0], sign=True)} ± {time_amount(error[1])} beside the clock",
        measured=error[0],
        bound=error[1],
        used=used,
    )


def criterion(asked: Asked) -> Criterion:
    return Criterion(
        f"RTC and zone kept as before the mark; RTC ≤ {time_amount(asked.ns('off'))} beside the guest's clock",
        asked.ns("off"),
        "ns",
    )


def _gone(before: RtcFacts, says: Says, used: tuple[Observation, ...]) -> Finding:
    if before.present is False:
        return says.na("no-rtc", "No RTC in the baseline, and none now.", used=used)
    if before.present is None:
        return says.unknown(
            "not-comparable",
            "This guest has no hardware clock; whether it had one before the mark could not be seen.",
            remedy="Look at the source VM.",
            used=used,
        )
    return says.fails(
        "rtc-gone",
        "This guest had a hardware clock before the mark and has none now: it boots without a time.",
        remedy="Give the VM a hardware clock on the target platform.",
        used=used,
    )


def _changed(before: RtcFacts, now: RtcFacts, says: Says, used: tuple[Observation, ...]) -> Finding | None:
    if before.present and None not in (before.local, now.local) and before.local != now.local:
        return says.fails(
            "basis-changed",
            f"The guest took its hardware clock for {_BASIS[bool(before.local)]} before the mark, "
            f"now for {_BASIS[bool(now.local)]}.",
            remedy="Set it back: timedatectl set-local-rtc, and look at the platform's setting of the VM.",
            used=used,
        )
    if before.zone is not None and now.zone is not None and not _same_zone(before.zone, now.zone):
        return says.fails(
            "zone-changed",
            f"The guest's zone was {before.zone} before the mark, now it is {now.zone}.",
            remedy=f"Set it back: timedatectl set-timezone {before.zone}",
            used=used,
        )
    return None


def _wrong(
    error_ns: int, bound_ns: int, off_ns: int, says: Says, used: tuple[Observation, ...]
) -> Finding | None:
    size = abs(error_ns)
    quarters = (size + QUARTER_NS // 2) // QUARTER_NS
    apart = f"{span(size)} {'ahead of' if error_ns > 0 else 'behind'} the guest's clock"
    if quarters and size <= FARTHEST_NS and abs(size - quarters * QUARTER_NS) <= NEAR_NS + bound_ns:
        return says.fails(
            "whole-quarter-hours",
            f"The hardware clock is {apart}, whole quarter hours: it is kept in one zone and read in another.",
            remedy="Set the VM's clock basis on the platform to what the guest expects, then boot cold.",
            measured=error_ns,
            bound=bound_ns,
            used=used,
        )
    if size - bound_ns > off_ns:
        return says.fails(
            "rtc-off",
            f"The hardware clock is {apart}: the next cold boot starts there.",
            remedy="Once the guest's clock is right, write it: hwclock --systohc (chronyd's rtcsync does).",
            measured=error_ns,
            bound=bound_ns,
            used=used,
        )
    if size + bound_ns > off_ns:
        return says.unknown(
            "not-close-enough",
            f"The hardware clock was read only to ± {time_amount(bound_ns)}.",
            remedy="Look at the guest's load and the path, then look again.",
            measured=error_ns,
            bound=bound_ns,
            used=used,
        )
    return None


def _same(before: RtcFacts, now: RtcFacts) -> str | None:
    """What is as before, in words; None = part of it was not visible on either side."""
    if before.present is None or (before.present and before.local is None) or now.local is None:
        return None
    basis = f"RTC in {_BASIS[now.local]}" + ("" if before.present else " (none before)")
    if before.zone is not None and now.zone is not None:
        return f"{basis}, zone {now.zone}"
    # Without a link to a zone's file (a copy, or none at all) the distance from UTC tells, unless it moved by season.
    if before.zone is None and now.zone is None and before.utc_offset_ns == now.utc_offset_ns is not None:
        return f"{basis}, the zone's distance from UTC as before"
    return None


def _same_zone(one: str, other: str) -> bool:
    return one == other or {one, other} <= _UTC
