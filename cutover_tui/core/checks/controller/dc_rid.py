"""`dc.rid`: the controller gives out no security identifier a second time.

Each controller takes the identifiers of new accounts from a pool of its own, which no partner knows. After
a disk went back it gives the same ones again, and two accounts have one SID: each then
opens what the other may.
"""

from __future__ import annotations

from cutover_tui.core.checks.check import Asked, Says, no_facts
from cutover_tui.core.checks.controller.before import before_mark
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding
from probes.facts_controller import DcFacts, Pool


def run(evidence: Evidence, _asked: Asked, says: Says) -> Finding:
    newest = evidence.latest("dc")
    facts = evidence.facts("dc", DcFacts)
    if facts is None or newest is None:
        return no_facts(says, "dc", newest)
    used = (newest,)
    if not facts.rid_set or facts.available is None:
        return says.unknown(
            "not-visible",
            f"{facts.server} does not show its RID Set or the domain's RID Manager$ (a read-only controller has none).",
            remedy="Give the account that asks the right to read them, or leave this check out for a read-only one.",
            used=used,
        )
    if facts.pool is None:
        return says.fails(
            "no-pool",
            f"{facts.server} has no RIDs to give: it threw its pool away and got no new one.",
            remedy="Let it reach the RID master (samba-tool fsmo show, netdom query fsmo), then look again.",
            used=used,
        )
    if facts.available.first >= facts.available.last:
        return says.fails(
            "exhausted",
            "The domain has no RIDs left to give to its controllers.",
            remedy="This was so before the move: see Microsoft's words on the RID ceiling.",
            used=used,
        )
    if evidence.mark is None:
        return says.passes(
            f"its pool is {_range(facts.pool)}; that it goes on from there is seen after the mark", used=used
        )
    before = before_mark(evidence)
    if before is None or before.pool is None or before.available is None:
        return says.unknown(
            "no-baseline",
            "Which RIDs it had given out before the mark was not captured.",
            remedy="Compare the highest SID in the domain with its RID Set by hand.",
            used=used,
        )
    if facts.available.first < before.available.first:
        return says.fails(
            "domain-pool-back",
            f"The domain gives out RIDs from {facts.available.first} on, before the mark it was from "
            f"{before.available.first}: controllers will get pools that others use already.",
            remedy="The RID master's directory went back, or this one knows an old state of it: compare all controllers.",
            measured=facts.available.first - before.available.first,
            used=used,
        )
    was, now = _next(before), _next(facts)
    if now < was:
        return says.fails(
            "rids-again",
            f"{facts.server} gives out RIDs from {now} on, before the mark it was at {was}: accounts made now get "
            "SIDs that others have.",
            remedy="Take it off the network, and let nobody create accounts on it; then see dc.replication.",
            measured=now - was,
            used=used,
        )
    return says.passes(f"it gives out RIDs from {now} on, not below the {was} of before the mark", used=used)


def criterion(_asked: Asked) -> Criterion:
    return Criterion("the next RID of its RID Set, and the RID master's next pool, not below the baseline's")


def _next(facts: DcFacts) -> int:
    """The lowest identifier that it may give out next.

    rIDNextRID is the last that was given of rIDPreviousAllocationPool; where that is not in it, as
    before the first one, it starts at the beginning of a pool.
    """
    pool = facts.pool_used or facts.pool
    if pool is None:
        return 0
    last = facts.next_rid
    return last + 1 if last is not None and pool.first <= last <= pool.last else pool.first


def _range(pool: Pool) -> str:
    return f"{pool.first} to {pool.last}"
