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
from cutover_tui.core.checks.clocks.second_interval import USED_NS
from cutover_tui.core.checks.clocks.standing_line import standing_now
from cutover_tui.core.checks.clocks.standing_words import caution, compared_with
from cutover_tui.core.checks.kerberos.controllers import ControllerClock, advisory, clocks, pings
from cutover_tui.core.checks.kerberos.kdc_answers import kdcs
from cutover_tui.core.checks.kerberos.kerberos_margin import no_kdc
from cutover_tui.core.checks.kerberos.kerberos_skew import heard
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding


def run(evidence: Evidence, asked: Asked, says: Says) -> Finding:
    limit = asked.ns("apart")
    agree = evidence.domain.tolerances.references_agree
    found = clocks(evidence)
    if not found:
        return no_kdc(evidence, says)
    if two := next((c for c in found if c.apart is not None), None):
        return _two_clocks(two, says)
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
        *(o for c in found for o in c.used),
        *standing.used,
    )
    elsewhere = advisory(evidence)
    all_off = [(c.name, c.middle_ns - right[0], c.bound_ns + right[1]) for c in found]
    off = [o for o in all_off if o[0] not in elsewhere] or all_off
    apart = [(name, value, bound) for name, value, bound in off if abs(value) - bound > limit]
    name, value, bound = max(apart or off, key=lambda o: (abs(o[1]) + o[2], o[0]))
    shown = f"{time_amount(value, sign=True)} ± {time_amount(bound)}"
    beside = _elsewhere([o for o in all_off if o not in off], limit)
    if apart:
        others = [n for n, _, _ in off if n not in {n for n, _, _ in apart}]
        words = ", ".join(
            f"{_called(evidence, n)} {time_amount(v, sign=True)} ± {time_amount(b)}" for n, v, b in apart
        )
        fine = f"; {', '.join(others)} {'is' if len(others) == 1 else 'are'} right" if others else ""
        return says.fails(
            "kdc-apart",
            f"{words} off {whom}{fine}: a guest gets tickets from one and not from another{but}{beside}.",
            remedy=f"Look at the time source of {', '.join(n for n, _, _ in apart)}; guests are not to blame.",
            measured=value,
            bound=bound,
            used=used,
        )
    if abs(value) + bound > limit:
        return says.unknown(
            "bound-too-wide",
            f"{name} is {shown} off {whom}: nobody can tell whether that is within {span(limit)}{but}{beside}.",
            remedy="Wait for further answers of the KDC; measure from nearer if it stays.",
            measured=value,
            bound=bound,
            used=used,
        )
    silent = [k for k in kdcs(evidence.domain, heard(evidence)) if k not in {c.name for c in found}]
    right_by_ntp = {parse_host_port(w.server)[0] for w in standing.domain.agreeing} if standing.domain else ()
    judged = ", ".join(_called(evidence, n) for n, _, _ in off)
    if unknown := [k for k in silent if k not in right_by_ntp and k not in elsewhere]:
        return says.unknown(
            "some-silent",
            f"{', '.join(unknown)} {'does' if len(unknown) == 1 else 'do'} not answer, so the clock there is not "
            f"known; {judged} within {span(limit)} of {whom}{but}{beside}.",
            remedy=_bring_back(evidence),
            measured=value,
            bound=bound,
            used=used,
        )
    closed = [c.name for c in found if not c.by_kdc]
    by_others = (
        _closed([k for k in silent if k in right_by_ntp], "NTP")
        + _closed(closed, "its rootDSE")
        + _advisory_silent([k for k in silent if k not in right_by_ntp])
    )
    return says.passes(
        f"{judged} within {time_amount(abs(value) + bound)} of {whom}{by_others}{but}{beside}",
        code="some-silent" if silent or closed else "ok",
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


def _two_clocks(clock: ControllerClock, says: Says) -> Finding:
    """A machine has one clock: what shows two is two machines, unless it was set between the looks."""
    assert clock.apart is not None  # noqa: S101 - the caller's
    between = clock.apart.middle_ns - clock.middle_ns
    words = (
        f"The rootDSE of {clock.name} shows a clock {time_amount(between, sign=True)} off its KDC's, more than both "
        "leave open"
    )
    bound = clock.apart.bound_ns + clock.bound_ns
    if not clock.settled:
        return says.unknown(
            "two-clocks",
            f"{words}: it was set just now, or two machines answer.",
            remedy="Wait for its next answers, a minute at most.",
            measured=between,
            bound=bound,
            used=clock.used,
        )
    return says.fails(
        "two-clocks",
        f"{words}: two machines answer to that name, as behind a load balancer or an old address.",
        remedy="Name each controller by its own name in domain.controllers, and look at the name's addresses.",
        measured=between,
        bound=bound,
        used=clock.used,
    )


def _called(evidence: Evidence, name: str) -> str:
    ping = pings(evidence).get(name)
    return f"{name} (PDC emulator)" if ping is not None and ping.pdc and evidence.domain.site else name


def _closed(names: list[str], by: str) -> str:
    if not names:
        return ""
    return f"; the KDC of {', '.join(names)} is silent, and its clock is right by {by}"


def _advisory_silent(names: list[str]) -> str:
    return f" (advisory, of other sites and silent: {', '.join(names)})" if names else ""


def _elsewhere(off: list[tuple[str, int, int]], limit: int) -> str:
    """Controllers of other sites that are off: their own guests' trouble, and ours when ours are down."""
    apart = [f"{n} {time_amount(v, sign=True)} ± {time_amount(b)}" for n, v, b in off if abs(v) - b > limit]
    return f" (advisory, of other sites: {', '.join(apart)})" if apart else ""


def looks_back(asked: Asked) -> int:
    """As far as a KDC's answers are put together."""
    return USED_NS


def criterion(asked: Asked) -> Criterion:
    limit = asked.ns("apart")
    return Criterion(
        f"every KDC of the guest's site (of the runbook, or of DNS) and the PDC emulator within {span(limit)} of the "
        "time guests are judged by",
        limit,
        "ns",
    )
