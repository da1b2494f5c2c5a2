"""A check of others' time that may be acknowledged, for tests of acknowledgement itself.

It compares one server, the domain's, with another. The registry is given it, nothing else is: evidence,
gate, baseline, fold and audit treat it like any check.
"""

from __future__ import annotations

from functools import partial

from cutover_tui.core.checks.check import Asked, Check, Says
from cutover_tui.core.checks.clocks.witness import Witness, witness
from cutover_tui.core.checks.spec import Bound, CheckSpec, Param
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding
from probes.observation import Family

S = 1_000_000_000
NAME = "domain.agrees"
WRONG = "domain-wrong"
CAUSE = (NAME, WRONG)


def _judge(domain_name: str, other_name: str, evidence: Evidence, asked: Asked, says: Says) -> Finding:
    newest: dict[str, Witness] = {}
    for seen in evidence.jump["ntp"]:
        found = witness(seen, evidence.anchor)
        if found is not None:
            newest[found.server] = found
    domain, other = newest.get(domain_name), newest.get(other_name)
    if domain is None or other is None:
        return says.unknown("not-asked", "Not both have answered.", remedy="Wait.")
    used = tuple(w.observation for w in (domain, other) if w.observation is not None)
    off, bound = domain.offset_ns - other.offset_ns, domain.bound_ns + other.bound_ns
    if abs(off) + bound <= asked.ns("agree"):
        return says.passes("The domain agrees.", measured=off, bound=bound, used=used)
    return says.fails(
        WRONG,
        "The domain is wrong as one.",
        remedy="Tell those who run it.",
        measured=off,
        bound=bound,
        used=used,
    )


def _criterion(asked: Asked) -> Criterion:
    return Criterion("the domain agrees with an independent reference", asked.ns("agree"), "ns")


def check_of(domain: str, other: str) -> Check:
    return Check(
        spec=CheckSpec(
            id=NAME,
            version=1,
            family=Family.TIME,
            soak=None,
            attempts=None,
            max_age=Bound(120 * S, 30 * S, 600 * S),
            params={"agree": Param("duration", 1 * S, 1, 1 * S)},
            acknowledge=60 * S,
        ),
        judge=partial(_judge, domain, other),
        criterion=_criterion,
        jump_readers=("ntp",),
    )


CHECK = check_of("dc1", "ntp1")
