"""`kdc.clock`: does each KDC show the time that guests are judged by?

A controller's NTP server and its KDC are one clock, yet only the KDC's word decides about
tickets, and it is had where NTP is closed. What guests are judged by is the `guests` column of
the table in `references`: the domain's time where its controllers agree, else true time. So
a domain that is wrong as one is `time.reference`'s finding and not this one's; one
controller apart from it is named here, and explains logins that fail now and then.
"""

from __future__ import annotations

from cutover_tui.core.addresses import parse_host_port
from cutover_tui.core.amounts import span, time_amount
from cutover_tui.core.checks.check import Asked, Says
from cutover_tui.core.checks.clocks.references import carried
from cutover_tui.core.checks.clocks.standing_line import standing_now
from cutover_tui.core.checks.clocks.standing_words import caution, compared_with
from cutover_tui.core.checks.kerberos.kerberos_margin import no_kdc
from cutover_tui.core.checks.kerberos.kerberos_skew import heard, told
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding
from cutover_tui.core.kdc_answers import kdcs
from cutover_tui.core.second_interval import USED_NS


def run(evidence: Evidence, asked: Asked, says: Says) -> Finding:
    limit = asked.ns("apart")
    agree = evidence.domain.tolerances.references_agree
    clocks = told(evidence)
    if not clocks:
        return no_kdc(evidence, says)
    standing = standing_now(evidence, agree, asked.max_age_ns)
    right = carried(standing, evidence.now.boottime_ns)
    if right is None:
        return says.unknown(
            "own-clock",
            "No two clocks that share no failure agree, so no KDC can be judged.",
            remedy="See time.jump-host.",
        )
    whom, but = compared_with(standing), caution(standing, agree)
    used = (
        *(t.newest for t in clocks),
        *standing.used,
    )
    off = [(t.kdc, t.clock.middle_ns - right[0], t.clock.bound_ns + right[1]) for t in clocks]
    apart = [(name, value, bound) for name, value, bound in off if abs(value) - bound > limit]
    name, value, bound = max(apart or off, key=lambda o: (abs(o[1]) + o[2], o[0]))
    shown = f"{time_amount(value, sign=True)} ± {time_amount(bound)}"
    if apart:
        others = [n for n, _, _ in off if n not in {n for n, _, _ in apart}]
        words = ", ".join(f"{n} {time_amount(v, sign=True)} ± {time_amount(b)}" for n, v, b in apart)
        fine = f"; {', '.join(others)} {'is' if len(others) == 1 else 'are'} right" if others else ""
        return says.fails(
            "kdc-apart",
            f"{words} off {whom}{fine}: a guest gets tickets from one and not from another{but}.",
            remedy=f"Look at the time source of {', '.join(n for n, _, _ in apart)}; guests are not to blame.",
            measured=value,
            bound=bound,
            used=used,
        )
    if abs(value) + bound > limit:
        return says.unknown(
            "bound-too-wide",
            f"{name} is {shown} off {whom}: nobody can tell whether that is within {span(limit)}{but}.",
            remedy="Wait for further answers of the KDC; measure from nearer if it stays.",
            measured=value,
            bound=bound,
            used=used,
        )
    silent = [k for k in kdcs(evidence.domain, heard(evidence)) if k not in {t.kdc for t in clocks}]
    right_by_ntp = {parse_host_port(w.server)[0] for w in standing.domain.agreeing} if standing.domain else ()
    if unknown := [k for k in silent if k not in right_by_ntp]:
        return says.unknown(
            "some-silent",
            f"{', '.join(unknown)} {'does' if len(unknown) == 1 else 'do'} not answer, so the clock there is not "
            f"known; {', '.join(t.kdc for t in clocks)} within {span(limit)} of {whom}{but}.",
            remedy=_bring_back(evidence),
            measured=value,
            bound=bound,
            used=used,
        )
    beside = f"; the KDC of {', '.join(silent)} is silent, and its clock is right by NTP" if silent else ""
    return says.passes(
        f"{', '.join(t.kdc for t in clocks)} within {time_amount(abs(value) + bound)} of {whom}{beside}{but}",
        code="some-silent" if silent else "ok",
        measured=value,
        bound=bound,
        used=used,
    )


def _bring_back(evidence: Evidence) -> str:
    if evidence.domain.controllers:
        return "Bring it back, open port 88 (UDP and TCP) to it, or leave it out of domain.controllers."
    where = "name" if not evidence.domain.site else "correct"
    return (
        f"Bring it back, or open port 88 (UDP and TCP) to it; where the guests do not use it, {where} domain.site, "
        "or list domain.controllers."
    )


def looks_back(asked: Asked) -> int:
    """As far as a KDC's answers are put together."""
    return USED_NS


def criterion(asked: Asked) -> Criterion:
    limit = asked.ns("apart")
    return Criterion(
        f"every KDC of the runbook or of its site in DNS within {span(limit)} of the time guests are judged by",
        limit,
        "ns",
    )
