"""`kerberos.margin`: how much of Kerberos' tolerance is left between this guest and each KDC.

A guest 290 s off passes every exchange and fails after the next hour of drift; a guest 600 s
off passes a fresh kinit, because the library corrects itself by the KDC's error. Both are
measured here without a ticket.
"""

from __future__ import annotations

from collections.abc import Iterable

from cutover_tui.core.amounts import span, time_amount
from cutover_tui.core.checks.check import Asked, Says
from cutover_tui.core.checks.clocks.second_interval import USED_NS
from cutover_tui.core.checks.kerberos.kdc_answers import kdcs, met_with, not_discovered, silences
from cutover_tui.core.checks.kerberos.kerberos_skew import heard, newest_sample, skews, told
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding
from probes.observation import FailureKind, Observation


def run(evidence: Evidence, asked: Asked, says: Says) -> Finding:
    least = asked.ns("least")
    tolerance = int(evidence.domain.tolerances.kerberos_skew)
    clocks = told(evidence)
    if not clocks:
        return no_kdc(evidence, says)
    sample = newest_sample(evidence)
    if sample is None:
        return says.unknown(
            "no-samples",
            "The guest's clock has not been read just now.",
            remedy="Wait for the link; samples come once a second.",
        )
    found = skews(sample, clocks)
    far = max(found, key=lambda s: (s.worst_ns, s.kdc))
    used = tuple(s.newest for s in found)
    shown = f"{time_amount(far.offset_ns, sign=True)} ± {time_amount(far.bound_ns)}"
    near = [s.kdc for s in found if s.worst_ns <= tolerance - least]
    apart = f"; {', '.join(near)} agree with it, so see kdc.clock for {far.kdc}" if near else ""
    margin = tolerance - far.worst_ns
    if abs(far.offset_ns) - far.bound_ns > tolerance:
        return says.fails(
            "beyond-tolerance",
            f"The guest is {shown} off {far.kdc}, beyond the {span(tolerance)} that Kerberos tolerates. A fresh "
            f"kinit still works, because the library hides it (kdc_timesync); old tickets and services fail{apart}.",
            remedy="Give the guest a time provider and let that correct the clock, then renew old tickets.",
            measured=far.offset_ns,
            bound=far.bound_ns,
            used=used,
        )
    if tolerance - abs(far.offset_ns) + far.bound_ns < least:
        return says.fails(
            "margin",
            f"The guest is {shown} off {far.kdc}: {time_amount(max(margin, 0))} of {span(tolerance)} are left, "
            f"{span(least)} must be{apart}.",
            remedy="Give the guest a time provider and let that correct the clock.",
            measured=far.offset_ns,
            bound=far.bound_ns,
            used=used,
        )
    if margin < least:
        return says.unknown(
            "bound-too-wide",
            f"The guest is {shown} off {far.kdc}: nobody can tell whether {span(least)} are left.",
            remedy="Wait for further answers of the KDC; measure from nearer if it stays.",
            measured=far.offset_ns,
            bound=far.bound_ns,
            used=used,
        )
    return says.passes(
        f"{shown} off {far.kdc}: {time_amount(margin)} of {span(tolerance)} are left",
        measured=far.offset_ns,
        bound=far.bound_ns,
        used=used,
    )


def no_kdc(evidence: Evidence, says: Says) -> Finding:
    """The finding of a check that no KDC's answer has reached."""
    if evidence.domain.realm is None:
        return says.unknown(
            "no-realm",
            "The runbook does not say whose KDCs this guest uses.",
            remedy="Name domain.realm, and domain.controllers where DNS does not name them, in a new session.",
        )
    seen = heard(evidence)
    names = kdcs(evidence.domain, seen)
    if not names:
        why = not_discovered(evidence.domain, seen)
        looked = tuple(o for o in seen if o.reader == "discovery")[-1:]
        return says.unknown(
            "no-kdc-found",
            f"The runbook lists no controllers, and DNS names none of {evidence.domain.realm} "
            f"({why or 'it has not been asked yet'}).",
            remedy="Let this jump host's resolver answer for the domain, correct domain.realm or domain.site, "
            "or list domain.controllers in a new session.",
            used=looked,
        )
    silent = silences(seen, evidence.now)
    failures = [f"{n}: {met_with(o)}" for n, o in silent.items()]
    return says.unknown(
        "kdc-silent",
        f"No KDC of {', '.join(names)} answers ({'; '.join(failures) or 'none has been asked yet'}).",
        remedy=how_to_hear(o for met in silent.values() for o in met),
        used=tuple(o for met in silent.values() for o in met),
    )


def how_to_hear(met: Iterable[Observation]) -> str:
    """What to do about KDCs nobody hears, by what was met with."""
    kinds = {(o.vantage, o.failure.kind) for o in met if o.failure is not None}
    if any(kind is FailureKind.LOST for _, kind in kinds):
        # krb5kdc 1.20.1 with several realms drops such a datagram and closes such a connection.
        return (
            "One was reached and hung up, as MIT's KDC does on a realm it does not serve: see whether domain.realm is "
            "right, then its log, then what stands between."
        )
    refused = ("guest", FailureKind.DENIED) in kinds
    by_guest = (
        ", or let the guest ask: `AllowTcpForwarding local` for our account in its sshd (`PermitOpen` may limit it "
        "to port 88 of the controllers), or ldapsearch (ldap-utils, openldap-clients) on it"
    )
    return (
        "Bring a controller back, or open port 88 (UDP and TCP) to it from this jump host"
        f"{by_guest if refused else ''}."
    )


def looks_back(asked: Asked) -> int:
    """As far as a KDC's answers are put together."""
    return USED_NS


def criterion(asked: Asked) -> Criterion:
    least = asked.ns("least")
    return Criterion(
        f"Kerberos' tolerance − |guest − KDC| − bound ≥ {span(least)}, for every KDC that answers",
        least,
        "ns",
    )
