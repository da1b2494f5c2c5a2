"""`time.jump-host`: can this jump host measure what is asked? Checked before anyone is blamed.

It needs true time (`references`): independents that agree, or one that the domain confirms.
Where no independent answers at all, controllers that agree are enough to measure against;
where one contradicts them, they are not. Controllers that are wrong as one are the domain's
problem (`time.reference`), not ours.

A segmented site is decidable all the same: what the guest itself can ask counts for this guest, the
`Date` of an HTTPS server and what two people read confirm (`witness`).
"""

from __future__ import annotations

from cutover_tui.core.amounts import time_amount
from cutover_tui.core.checks.check import Asked, Says
from cutover_tui.core.checks.clocks.quarter_hours import in_words
from cutover_tui.core.checks.clocks.standing_line import LOOKS_BACK_NS, answers, standing_now
from cutover_tui.core.checks.clocks.standing_words import caution, confirmed, left_out, name, names, spread
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding

OWN_LIMIT_NS = 1_000_000_000
"""Beyond this our own UTC is wrong enough to confuse a ticket's readers and our own Kerberos."""


def run(evidence: Evidence, asked: Asked, says: Says) -> Finding:
    agree = asked.ns("agree")
    standing = standing_now(evidence, agree, asked.max_age_ns)
    every = (*standing.independents, *standing.controllers)
    if not every:
        return silent(says, evidence)
    used = standing.used
    if len(every) == 1:
        return says.unknown(
            "one-witness",
            f"Only {name(every[0])} answers; one clock proves nothing about itself.",
            remedy=f"Add a second reference to domain.references, or open UDP 123 to it{_OTHER_WAYS}",
            used=used,
        )
    at = standing.truth
    if at is None and not standing.independents and len(standing.controllers) > 1:
        at = standing.domain
    if at is None:
        return says.unknown(
            "witnesses-disagree",
            f"No majority of references agrees within {time_amount(agree)}: {spread(every, every[0].offset_ns)}.",
            remedy="Find out which reference is wrong; add an independent one to domain.references.",
            used=used,
        )
    newest = max(at.agreeing, key=lambda w: w.mono_ns)
    own, bound = newest.own_offset_ns, newest.bound_ns
    if abs(own) - bound > OWN_LIMIT_NS:
        return says.fails(
            "own-clock-wrong",
            f"This jump host's own clock is {time_amount(own, sign=True)} off {name(newest)}{in_words(own)}.",
            remedy="Correct the jump host's clock; guests are measured against the references meanwhile.",
            measured=own,
            bound=bound,
            used=used,
        )
    # A clock read by people leaves two seconds open: a segmented site is decided by it, and the finding says so.
    if abs(own) + (0 if at.coarse else bound) > OWN_LIMIT_NS:
        return says.unknown(
            "own-clock-not-known",
            f"This jump host's own clock is {time_amount(own, sign=True)} ± {time_amount(bound)} off {name(newest)}: "
            f"that it is within {time_amount(OWN_LIMIT_NS)} is not shown.",
            remedy="Correct the jump host's clock, or name a reference on a shorter path in domain.references.",
            measured=own,
            bound=bound,
            used=used,
        )
    by_domain = standing.domain if len(at.agreeing) == 1 and not at.confirming else None
    agreeing = (*at.agreeing, *(by_domain.agreeing if by_domain is not None else ()))
    offsets = [w.offset_ns for w in agreeing]
    apart = f" agree within {time_amount(max(offsets) - min(offsets))}" if len(agreeing) > 1 else ""
    return says.passes(
        f"{names(agreeing)}{apart}{confirmed(at)}{left_out(at.dissenting)}{caution(standing, agree)}",
        code="coarse" if at.coarse else "ok",
        measured=own,
        bound=bound,
        used=used,
    )


def looks_back(_asked: Asked) -> int:
    """What the witnesses need of the guest's samples."""
    return LOOKS_BACK_NS


def criterion(asked: Asked) -> Criterion:
    agree = asked.ns("agree")
    return Criterion(
        f"at least 2 references agree within {time_amount(agree)}, our own clock within 1 s",
        agree,
        "ns",
    )


_OTHER_WAYS = (
    "; where no firewall allows that: let a guest ask (`vantage`), name an https:// reference, or read a "
    "clock by two people (key u on the clock screen)."
)


_UNRESOLVED = ("Name or service not known", "Temporary failure in name resolution", "No address associated")
"""How the resolvers of glibc and musl say that a name has no address (gai_strerror)."""


def silent(says: Says, evidence: Evidence) -> Finding:
    """The finding of a check that nobody's answer has reached."""
    names = (*evidence.domain.controllers, *evidence.domain.references)
    if not names:
        return says.unknown(
            "no-references",
            "The runbook names no reference to compare clocks with.",
            remedy="List NTP servers under domain.references and domain.controllers.",
        )
    failures = {
        f"{' '.join(o.raw[0].argv[1:2])}{'' if o.vantage == 'jump' else ' from the guest'}": o.failure.detail
        for o in answers(evidence)
        if o.failure is not None and o.raw
    }
    detail = "; ".join(f"{server}: {why}" for server, why in sorted(failures.items()))
    if failures and all(any(words in why for words in _UNRESOLVED) for why in failures.values()):
        return says.unknown(
            "no-witness",
            f"No reference's name leads to an address ({detail}).",
            remedy="Mend name resolution there, or name the references by their addresses.",
        )
    return says.unknown(
        "no-witness",
        f"No reference answers ({detail or 'none has been asked yet'}).",
        remedy=f"Open UDP 123 from this jump host to the references, or name others{_OTHER_WAYS}",
    )
