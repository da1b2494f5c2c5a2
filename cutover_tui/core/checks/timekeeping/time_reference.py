"""`time.reference`: is the time the guests follow the right one? The domain against independents.

A domain whose PDC emulator had its time from the old platform drifts as one: every check
inside it is green and no guest is to blame. Judged host by host like every check; it
looks at the jump host's answers only, so a step of the wave may ask it too.

The words of `references` (true time, the domain's time) are used as they are defined there.
Each controller that answers is held against true time by itself. Where only coarse witnesses say what
that is (`witness`), a controller passes that they do not contradict, and the finding says how
closely they can tell: a site that has nothing better is decidable, and a domain that is off by
more is still named.
"""

from __future__ import annotations

from cutover_tui.core.amounts import time_amount
from cutover_tui.core.checks.check import Asked, Says
from cutover_tui.core.checks.clocks.jump_host import silent
from cutover_tui.core.checks.clocks.quarter_hours import in_words
from cutover_tui.core.checks.clocks.references import Standing
from cutover_tui.core.checks.clocks.smear import Mixture, mixture, smeared_by
from cutover_tui.core.checks.clocks.standing_line import LOOKS_BACK_NS, standing_now
from cutover_tui.core.checks.clocks.standing_words import confirmed, left_out, name, names, spread
from cutover_tui.core.checks.clocks.witness import Witness
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding
from probes.facts_time import GuestNtpFacts, NtpFacts

_LOOK_AT_THE_ROOT = (
    "Look at the time source of the PDC emulator: it has to be an external NTP server, not its platform. "
    "Correct it there and slowly: more than 5 min at once breaks every open session, and w32time refuses "
    "more than 48 h."
)


def run(evidence: Evidence, asked: Asked, says: Says) -> Finding:
    limit = asked.ns("domain")
    standing = standing_now(evidence, evidence.domain.tolerances.references_agree, asked.max_age_ns)
    if not standing.independents and not standing.controllers:
        return silent(says, evidence)
    if standing.truth is None:
        return _no_truth(standing, evidence, says)
    used = standing.used
    if evidence.domain.controllers and not standing.controllers:
        return says.unknown(
            "domain-silent",
            f"{names(standing.truth.agreeing)} agree; no controller of the domain answers.",
            remedy="Open UDP 123 from this jump host to the controllers.",
            used=used,
        )
    apart = {w.server: standing.off_truth(w) for w in standing.controllers}
    wrong = [w for w in standing.controllers if abs(apart[w.server][0]) - apart[w.server][1] > limit]
    if wrong:
        return _wrong(standing, wrong, limit, says)
    for w in standing.controllers:
        off, bound = apart[w.server]
        if abs(off) + bound > limit and not standing.truth.coarse:
            return says.unknown(
                "bound-too-wide",
                f"{name(w)} is {time_amount(off, sign=True)} ± {time_amount(bound)} off "
                f"{names(standing.truth.agreeing)}: nobody can tell whether that is within {time_amount(limit)}.",
                remedy="Measure from nearer, or over a quieter path.",
                measured=off,
                bound=bound,
                used=used,
            )
    return _right(standing, says)


def looks_back(_asked: Asked) -> int:
    """What the witnesses need of the guest's samples."""
    return LOOKS_BACK_NS


def criterion(asked: Asked) -> Criterion:
    limit = asked.ns("domain")
    return Criterion(
        "independent references agree (one is enough where the domain agrees with it), "
        f"and no controller is more than {time_amount(limit)} off them",
        limit,
        "ns",
    )


def _no_truth(standing: Standing, evidence: Evidence, says: Says) -> Finding:
    used = standing.used
    if not standing.independents:
        named = ", ".join(evidence.domain.references)
        why = f"none of {named} answers" if named else "the runbook names none"
        return says.unknown(
            "no-independent",
            f"{names(standing.controllers)} answer, but no independent reference does ({why}): a domain "
            "that is wrong as one looks just like this.",
            remedy="List NTP servers outside the domain under domain.references, and open UDP 123 to them.",
            used=used,
        )
    if len(standing.independents) == 1 and not standing.controllers:
        return says.unknown(
            "one-witness",
            f"Only {name(standing.independents[0])} answers; one clock proves nothing about itself.",
            remedy="Add a second reference to domain.references, or open UDP 123 to it.",
            used=used,
        )
    every = (*standing.independents, *standing.controllers)
    return says.unknown(
        "references-disagree",
        f"Nobody can tell which clock is right: {spread(every, every[0].offset_ns)}.",
        remedy="Find out which one is wrong; a further independent reference in domain.references decides.",
        used=used,
    )


def _wrong(standing: Standing, wrong: list[Witness], limit: int, says: Says) -> Finding:
    """Wrong as one, or some that are apart from the rest."""
    assert standing.truth is not None  # noqa: S101 - asked before
    world, used = names(standing.truth.agreeing), standing.used
    domain, off = standing.domain, standing.domain_off
    others = [w for w in standing.controllers if sum(map(abs, standing.off_truth(w))) <= limit]
    if domain is not None and off is not None and all(w in wrong for w in domain.agreeing):
        which = names(domain.agreeing)
        rest = f"; {names(domain.dissenting)} apart from it" if domain.dissenting else ""
        return says.fails(
            "domain-wrong",
            f"The domain is wrong as one: {which} {time_amount(off[0], sign=True)} ± {time_amount(off[1])} off "
            f"{world}{in_words(off[0])}{rest}. Guests that follow it are not to blame.",
            remedy=_LOOK_AT_THE_ROOT,
            measured=off[0],
            bound=off[1],
            used=used,
            about=tuple(sorted(w.server for w in wrong if w in domain.dissenting)),
        )
    worst = max(wrong, key=lambda w: (abs(standing.off_truth(w)[0]), w.server))
    measured, bound = standing.off_truth(worst)
    one = len(wrong) == 1
    right = f", {names(others)} {'is' if len(others) == 1 else 'are'} right" if others else ""
    return says.fails(
        "controller-apart",
        f"{'Controller' if one else 'Controllers'} {spread(wrong, standing.truth.offset_ns)} off "
        f"{world}{in_words(measured) if one else ''}{right}.",
        remedy=f"Look at the time source of {names(wrong)}; guests that ask it for tickets meet its clock.",
        measured=measured,
        bound=bound,
        used=used,
        about=tuple(sorted(w.server for w in wrong)),
    )


def _right(standing: Standing, says: Says) -> Finding:
    assert standing.truth is not None  # noqa: S101 - asked before
    at, used = standing.truth, standing.used
    mixed = _mixed(standing)
    if mixed is not None and _announced(standing):
        return says.fails(
            "smear-mixed",
            f"A leap second is announced and {mixed.words}: they will be up to a second apart for hours.",
            remedy="Name references of one kind only, in a new session.",
            used=used,
        )
    off = standing.domain_off
    if off is None:
        words = f"{names(at.agreeing)} agree; the runbook names no controller"
    else:
        words = f"the domain ({names(standing.controllers)}) is {time_amount(off[0], sign=True)} off {names(at.agreeing)}"
    coarsely = f", as closely as that tells (± {time_amount(at.bound_ns)})" if at.coarse else ""
    smear = f"; {mixed.words}: equal until the next leap second, do not mix them" if mixed is not None else ""
    return says.passes(
        f"{words}{coarsely}{confirmed(at)}{left_out(at.dissenting)}{smear}",
        code="smear-mixed" if mixed is not None else "coarse" if at.coarse else "ok",
        measured=off[0] if off is not None else None,
        bound=off[1] if off is not None else None,
        used=used,
    )


def _answers(standing: Standing) -> list[NtpFacts | GuestNtpFacts]:
    return [o.facts for o in standing.used if isinstance(o.facts, NtpFacts | GuestNtpFacts)]


def _mixed(standing: Standing) -> Mixture | None:
    return mixture(
        (
            f.server,
            smeared_by(f.server, f.address if isinstance(f, NtpFacts) else f.server, refid=f.refid or ""),
        )
        for f in _answers(standing)
    )


def _announced(standing: Standing) -> bool:
    """Whether somebody says that the day ends with a leap second; who smears says nothing."""
    return any(f.leap in ("insert", "delete") for f in _answers(standing))
