"""`time.jump-host`: can this jump host measure what is asked? Checked before anyone is blamed."""

from __future__ import annotations

from cutover_tui.core.amounts import time_amount
from cutover_tui.core.checks.check import Asked, Says
from cutover_tui.core.checks.references import Consensus, Witness, consensus_at, witness
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding

OWN_LIMIT_NS = 1_000_000_000
"""Beyond this our own UTC is wrong enough to confuse a ticket's readers and our own Kerberos."""


def independent_references(evidence: Evidence) -> frozenset[str]:
    """The references that do not share the domain's failure."""
    return frozenset(evidence.domain.references)


def run(evidence: Evidence, asked: Asked, says: Says) -> Finding:
    agree = asked.ns("agree")
    observations = evidence.jump.get("ntp", ())
    witnesses = [w for o in observations if (w := witness(o, evidence.anchor)) is not None]
    at = consensus_at(evidence.now.boottime_ns, witnesses, agree, independent_references(evidence))
    if at is None:
        return _silent(says, evidence)
    used = tuple(w.observation for w in (*at.agreeing, *at.dissenting))
    if len(at.agreeing) < 2:
        if at.dissenting:
            return says.unknown(
                "witnesses-disagree",
                f"No two references agree within {time_amount(agree)}: {_spread(at)}.",
                remedy="Find out which reference is wrong; add an independent one to domain.references.",
                used=used,
            )
        return says.unknown(
            "one-witness",
            f"Only {at.agreeing[0].server} answers; one clock proves nothing about itself.",
            remedy="Add a second reference to domain.references, or open UDP 123 to it.",
            used=used,
        )
    if at.dissenting and len(at.dissenting) >= len(at.agreeing):
        return says.unknown(
            "witnesses-disagree",
            f"The references form camps: {_spread(at)}.",
            remedy="Find out which camp is wrong before any guest is judged.",
            used=used,
        )
    own = at.agreeing[-1].own_offset_ns
    newest = max(at.agreeing, key=lambda w: w.mono_ns)
    own, bound = newest.own_offset_ns, newest.bound_ns
    if abs(own) - bound > OWN_LIMIT_NS:
        return says.fails(
            "own-clock-wrong",
            f"This jump host's own clock is {time_amount(own, sign=True)} off {newest.server}.",
            remedy="Correct the jump host's clock; guests are measured against the references meanwhile.",
            measured=own,
            bound=bound,
            used=used,
        )
    names = ", ".join(w.server for w in at.agreeing)
    apart = at.agreeing[-1].offset_ns - at.agreeing[0].offset_ns
    odd = f"; {', '.join(w.server for w in at.dissenting)} disagrees and is left out" if at.dissenting else ""
    return says.passes(
        f"{names} agree within {time_amount(apart)}{odd}", measured=own, bound=bound, used=used
    )


def criterion(asked: Asked) -> Criterion:
    agree = asked.ns("agree")
    return Criterion(
        f"at least 2 references agree within {time_amount(agree)}, our own clock within 1 s",
        agree,
        "ns",
    )


def _spread(at: Consensus) -> str:
    def one(w: Witness) -> str:
        return f"{w.server} {time_amount(w.offset_ns - at.offset_ns, sign=True)}"

    return ", ".join(one(w) for w in (*at.agreeing, *at.dissenting))


def _silent(says: Says, evidence: Evidence) -> Finding:
    names = (*evidence.domain.controllers, *evidence.domain.references)
    if not names:
        return says.unknown(
            "no-references",
            "The runbook names no reference to compare clocks with.",
            remedy="List NTP servers under domain.references and domain.controllers.",
        )
    failures = {
        o.raw[0].argv[1]: o.failure.detail
        for o in evidence.jump.get("ntp", ())
        if o.failure is not None and o.raw and len(o.raw[0].argv) > 1
    }
    detail = "; ".join(f"{server}: {why}" for server, why in sorted(failures.items()))
    return says.unknown(
        "no-witness",
        f"No reference answers ({detail or 'none has been asked yet'}).",
        remedy="Open UDP 123 from this jump host to the references, or name others.",
    )
