"""`kerberos.caches`: is no credential cache left that was made while the clock was off?

The library writes the clock's offset of the moment into a cache's header and goes on adding
it: such a cache fails once the clock is *right* (measured: made at 305 s, every use at 0 s is
refused with 37 or 33; made at 200 s it passes). Repairing the clock therefore breaks what runs
on it, until somebody renews it. A new kinit, or a restart of the service, does.

So the limit is the tolerance of 300 s less a minute for what the clock itself may still be
off: a cache below it goes on working until it is renewed, and one above it need not.

A cache whose tickets have ended is of no use to anybody: ended by the time guests are judged by, less its bound,
and no longer within the tolerance of those who are shown it. The jump host's own clock is no witness for that.

What is judged is the offset in the header, not when the tickets were taken: their times are
the KDC's, so a cache without an offset is good whenever it was made. Kinds of cache that
leave no file cannot be read, and other places than the usual are not; where the guest's clock was measured for a
whole hour and right all the time, those made in it hold no offset, and otherwise nobody knows. What was measured before a
disturbance counts for that: the repair is one, and does not take the offset out of a cache.
"""

from __future__ import annotations

from dataclasses import dataclass

from cutover_tui.core.amounts import span, time_amount
from cutover_tui.core.checks.check import Asked, Says, no_facts
from cutover_tui.core.checks.clocks.readings import backwards
from cutover_tui.core.checks.clocks.references import carried
from cutover_tui.core.checks.clocks.standing_line import line_of
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding
from cutover_tui.core.runbook import HOUR, SECOND
from probes.facts_kerberos import CacheFile, CachesFacts

LOOKS_BACK_NS = HOUR

UNSEEN_NS = 20 * SECOND
"""A lost link is back within 15 s. In what is longer a guest boots, and takes tickets by whatever its clock shows."""

LITTLE_NS = 5_000_000_000
"""From here on an offset is worth a word: `time.offset` would have failed then."""


def run(evidence: Evidence, asked: Asked, says: Says) -> Finding:
    limit = asked.ns("off")
    if evidence.domain.realm is None:
        return says.unknown(
            "no-realm",
            "The runbook names no realm, so nobody has looked for caches.",
            remedy="Name domain.realm and domain.controllers in a new session.",
        )
    newest, facts = evidence.latest("caches"), evidence.facts("caches", CachesFacts)
    if newest is None or facts is None:
        return no_facts(says, "caches", newest)
    earliest_ns = _earliest(evidence)
    ended_ns = earliest_ns - int(evidence.domain.tolerances.kerberos_skew) if earliest_ns is not None else 0
    alive = [f for f in facts.files if f.end_ns is None or f.end_ns > ended_ns]
    off = [f for f in alive if f.offset_ns is not None and abs(f.offset_ns) > limit]
    if off and earliest_ns is None and all(f.end_ns is not None for f in off):
        return says.unknown(
            "not-measured",
            f"{_listed(off)}: made while the clock was off; whether their tickets have ended nobody can tell, "
            "because no clock to go by was measured.",
            remedy=f"{_remedy(off)} Or wait for references that agree (time.jump-host).",
            used=(newest,),
        )
    if off:
        worst = max(off, key=lambda f: (abs(f.offset_ns or 0), f.path))
        return says.fails(
            "made-while-off",
            f"{_listed(off)}: made while the clock was off, and the offset goes on being added whenever they are used.",
            remedy=_remedy(off),
            measured=worst.offset_ns,
            used=(newest,),
        )
    then = _clock_then(evidence, limit) if facts.elsewhere else None
    if then is not None and then.off:
        return says.unknown(
            "not-visible",
            f"The clock was more than {span(limit)} off within the last hour, and caches in "
            f"{', '.join(facts.elsewhere)} are not read from outside.",
            remedy="Restart the services that keep them, and let people run kdestroy -A and kinit, or log in anew; it passes an "
            "hour after the repair.",
            used=(newest,),
        )
    if then is not None and then.right_ns < LOOKS_BACK_NS - UNSEEN_NS:
        return says.unknown(
            "not-measured",
            f"Caches in {', '.join(facts.elsewhere)} are not read from outside, and the clock of this "
            f"guest was measured, and right, without a gap for {span(then.right_ns)} of the {span(LOOKS_BACK_NS)} "
            "in which they may have been made.",
            remedy="The rest comes by itself, as long as its clock is read and references agree (time.jump-host).",
            measured=then.right_ns,
            used=(newest,),
        )
    beside = (
        f"; caches in {', '.join(facts.elsewhere)} are not read, and the clock was right"
        if facts.elsewhere
        else ""
    )
    carried = [f for f in alive if f.offset_ns]
    worst_ns = max((f.offset_ns or 0 for f in carried), key=abs, default=0)
    most = (
        f"; {_shown(max(carried, key=lambda f: abs(f.offset_ns or 0)))} until it is renewed"
        if worst_ns
        else ""
    )
    return says.passes(
        f"{len(alive)} caches in files, none with an offset of more than {span(limit)}{most}{beside}",
        code="made-while-off-a-little" if abs(worst_ns) > LITTLE_NS else "ok",
        measured=worst_ns,
        used=(newest,),
    )


def looks_back(asked: Asked) -> int:
    """How long a clock that was off is held against caches nobody can read."""
    return LOOKS_BACK_NS


def criterion(asked: Asked) -> Criterion:
    limit = asked.ns("off")
    return Criterion(
        f"no cache with valid tickets carries a clock offset of more than {span(limit)}", limit, "ns"
    )


def _shown(file: CacheFile) -> str:
    return f"{file.path} of {file.owner} ({time_amount(file.offset_ns or 0, sign=True)})"


def _listed(off: list[CacheFile]) -> str:
    return "; ".join(_shown(f) for f in off[:4]) + (f" and {len(off) - 4} more" if len(off) > 4 else "")


def _earliest(evidence: Evidence) -> int | None:
    """UTC in ns that it is at least, by the time guests are judged by; None = nobody knows."""
    line = line_of(evidence)
    now_ns = evidence.now.boottime_ns
    right = carried(line[-1], now_ns) if line else None
    return evidence.anchor.on_timescale(now_ns) + right[0] - right[1] if right is not None else None


def _remedy(off: list[CacheFile]) -> str:
    """Who has to renew it: sssd and winbind by a restart, a person by kinit."""
    places = {f.path.rpartition("/")[0] for f in off}
    if places == {"/var/lib/sss/db"}:
        return "Remove the file and restart sssd: `systemctl restart sssd`."
    if any(place.startswith(("/var/lib/", "/var/cache/")) or _of_a_service(place) for place in places):
        return "Restart the services that own them, and let people log in anew or kinit."
    return "Let their owner log in anew or kinit; for a service's own cache, restart the service."


def _of_a_service(place: str) -> bool:
    """Whether that is below /run and nobody's login made it."""
    return place.startswith("/run/") and not place.startswith("/run/user/")


@dataclass(frozen=True, slots=True)
class _Then:
    """How the clock was while unread caches may have been made."""

    off: bool  # some reading was surely off
    right_ns: int  # until now, without a gap


def _clock_then(evidence: Evidence, limit: int) -> _Then:
    off, unbroken, since_ns = False, True, evidence.now.boottime_ns
    for r in backwards(evidence.samples, line_of(evidence)):
        if r is None:
            continue
        off = off or abs(r.offset_ns) - r.bound_ns > limit
        unbroken = unbroken and r.worst_ns <= limit and since_ns - r.mono_ns <= UNSEEN_NS
        since_ns = r.mono_ns if unbroken else since_ns
    return _Then(off, evidence.now.boottime_ns - since_ns)
