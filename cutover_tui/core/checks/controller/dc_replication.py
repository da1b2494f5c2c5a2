"""`dc.replication`: the moved controller's database did not go back, and its partners' changes reach it.

A controller whose disk is older than what its partners saw of it (a restored snapshot, the copy
of an early replication pass that was started) goes on counting USNs from there: partners take
its new changes for old ones, and both sides say that all is well. What no partner sees is
seen here: highestCommittedUSN below the baseline's, under the same invocation id
(Microsoft's "USN rollback").
"""

from __future__ import annotations

from cutover_tui.core.amounts import span
from cutover_tui.core.checks.check import Asked, Says, no_facts
from cutover_tui.core.checks.controller.before import (
    answered_new_vm,
    before_mark,
    same_database,
    since_mark_ns,
)
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding
from cutover_tui.core.runbook import HOUR, SECOND
from probes.facts_controller import INBOUND_OFF, OUTBOUND_OFF, DcFacts, Inbound
from probes.observation import Observation

LATELY_NS = 24 * HOUR
"""Between sites it is every 3 h unless somebody set another schedule."""

SHOWN = 3


def run(evidence: Evidence, _asked: Asked, says: Says) -> Finding:
    newest = evidence.latest("dc")
    facts = evidence.facts("dc", DcFacts)
    if facts is None or newest is None:
        return no_facts(says, "dc", newest)
    used = (newest,)
    if facts.synchronized is False:
        return says.fails(
            "not-synchronized",
            f"{facts.server} has not replicated since it started (isSynchronized is FALSE).",
            remedy="Look at its partners and DNS; it serves nobody until it has replicated once.",
            used=used,
        )
    if not facts.invocation_id or facts.highest_usn is None or facts.synchronized is None:
        return says.unknown(
            "not-visible",
            f"{facts.server} does not show us its invocation id and highest USN.",
            remedy="Give the account that asks the right to read NTDS Settings.",
            used=used,
        )
    if off := (facts.options or 0) & (INBOUND_OFF | OUTBOUND_OFF):
        which = {INBOUND_OFF: "inbound", OUTBOUND_OFF: "outbound"}.get(off, "inbound and outbound")
        return says.fails(
            "replication-disabled",
            f"Replication of {facts.server} is switched off, {which}: Windows does that when its database went back.",
            remedy="Look for event 2095 in its directory log. If it is there, demote it and promote it again; "
            "switching replication on again spreads the damage.",
            measured=off,
            used=used,
        )
    if evidence.mark is not None:
        before = before_mark(evidence)
        if before is None or before.highest_usn is None or not before.invocation_id:
            return says.unknown(
                "no-baseline",
                "How far this controller's USNs were before the mark was not captured.",
                remedy="Ask a partner what it has seen of it (repadmin /showutdvec, samba-tool drs uptodateness).",
                used=used,
            )
        if same_database(before, facts) and facts.highest_usn < before.highest_usn:
            return says.fails(
                "usn-rollback",
                f"The highest USN of {facts.server} is {facts.highest_usn}, before the mark it was {before.highest_usn}, "
                "under the same invocation id: its disk is older than what its partners know, and they will take "
                "what it changes now for old.",
                remedy="Take it off the network now. Move it again from a disk of after its last shutdown, or demote it.",
                measured=facts.highest_usn - before.highest_usn,
                used=used,
            )
        if not same_database(before, facts) and not answered_new_vm(before, facts):
            return says.fails(
                "invocation-changed",
                f"{facts.server} has another invocation id than before the mark, and no new generation id explains it.",
                remedy="Find out whether it was restored from a backup or promoted again, and by whom.",
                used=used,
            )
    return _partners(evidence, facts, newest, says)


def criterion(_asked: Asked) -> Criterion:
    return Criterion(
        "highestCommittedUSN not below the baseline's under the same invocation id (or that changed with the "
        "generation id); replication on; each naming context replicated from a partner since the mark"
    )


def _partners(evidence: Evidence, facts: DcFacts, newest: Observation, says: Says) -> Finding:
    used = (newest,)
    kept = "" if evidence.mark is None else "; its USNs go on from the baseline's"
    if facts.controllers == 1:
        return says.passes(
            f"{facts.server} is the only controller of its forest: nobody to replicate with{kept}",
            code="alone",
            measured=facts.highest_usn,
            used=used,
        )
    if not facts.inbound:
        return says.unknown(
            "no-partners",
            f"{facts.server} shows no partner it replicates from; its forest has {facts.controllers} controllers.",
            remedy="Wait for its first topology run (15 min after a join); else look with repadmin /showrepl or "
            "samba-tool drs showrepl.",
            used=used,
        )
    contexts = sorted({p.context for p in facts.inbound})
    for context in contexts:
        mine = [p for p in facts.inbound if p.context == context]
        if all(p.failures for p in mine):
            return says.fails(
                "partners-failing",
                f"{facts.server} gets {context} from nobody: {_named(mine)}.",
                remedy="Look at DNS, time and the ports of the partners (135 and dynamic RPC) from the new network.",
                measured=max(p.failures for p in mine),
                used=used,
            )
    age, context = max((_age_ns(facts, c), c) for c in contexts)
    limit = LATELY_NS if evidence.mark is None else since_mark_ns(evidence.mark, newest) - SECOND
    if age > limit:
        when = "since the mark" if evidence.mark is not None else f"in {span(LATELY_NS)}"
        return says.unknown(
            "not-lately",
            f"{facts.server} has not replicated {context} {when}, and nothing says that it tried.",
            remedy="Ask it to (repadmin /syncall, samba-tool drs replicate), then look again.",
            used=used,
        )
    failing = [p for p in facts.inbound if p.failures]
    beside = f" (advisory, failing: {_named(failing)})" if failing else ""
    return says.passes(
        f"{facts.server} replicated each of {len(contexts)} naming contexts within {span(max(age, SECOND))}{kept}{beside}",
        measured=facts.highest_usn,
        used=used,
    )


def _age_ns(facts: DcFacts, context: str) -> int:
    """How long ago the context was replicated last, by the controller's own clock; never is longer than anything.

    So is a moment that is still to come: the clock was set since.
    """
    successes = [p.success_ns for p in facts.inbound if p.context == context and p.success_ns is not None]
    if not successes or facts.current_time_ns is None or max(successes) > facts.current_time_ns + SECOND:
        return 1 << 62
    return max(facts.current_time_ns - max(successes), 0)


def _named(partners: list[Inbound]) -> str:
    more = f" and {len(partners) - SHOWN} more" if len(partners) > SHOWN else ""
    return (
        ", ".join(
            f"{p.partner} failed {p.failures} times in a row (error {p.result})" for p in partners[:SHOWN]
        )
        + more
    )
