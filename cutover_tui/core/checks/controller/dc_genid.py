"""`dc.genid`: the controller knows whether it is the virtual machine it was.

A hypervisor shows a generation id that changes when a machine is copied or its snapshot restored. A
controller keeps the last one in msDS-GenerationId of its own computer object ([MS-ADA2]), which is not
replicated. Where it finds another it takes a new invocation id and throws its RIDs away, and copies do no harm. A target that shows no id, or a copied one,
takes that protection away without a word.
"""

from __future__ import annotations

from cutover_tui.core.checks.check import Asked, Says, no_facts
from cutover_tui.core.checks.controller.before import before_mark, same_database
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding
from probes.facts_controller import DcFacts


def run(evidence: Evidence, _asked: Asked, says: Says) -> Finding:
    newest = evidence.latest("dc")
    facts = evidence.facts("dc", DcFacts)
    if facts is None or newest is None:
        return no_facts(says, "dc", newest)
    used = (newest,)
    before = before_mark(evidence)
    if not facts.generation_id and facts.samba and (before is None or not before.generation_id):
        return says.na(
            "samba",
            "Samba keeps no generation id: that the database went back is for dc.replication to see.",
            used=used,
        )
    if evidence.mark is None:
        if facts.generation_id:
            return says.passes("it has a generation id; what becomes of it is seen after the mark", used=used)
        return says.unknown(
            "not-visible",
            f"{facts.server} shows no msDS-GenerationId: there is none, or our account may not read it.",
            remedy="Look at the attribute on the controller itself; without one nothing protects a copy of it.",
            used=used,
        )
    if before is None:
        return says.unknown(
            "no-baseline",
            "Which generation id it had before the mark was not captured.",
            remedy="Look for event 2170 or 1109 in its directory log: they say that it saw a new one.",
            used=used,
        )
    if not facts.generation_id:
        gone = (
            "It had one before the mark."
            if before.generation_id
            else "It showed none before the mark either."
        )
        return says.unknown(
            "not-visible",
            f"{facts.server} shows no msDS-GenerationId. {gone}",
            remedy="Look at the attribute on the controller itself, and whether the target gives the guest a "
            "generation id device.",
            used=used,
        )
    if facts.generation_id == before.generation_id:
        return says.passes("its generation id is the one of before the mark", used=used)
    if before.invocation_id and facts.invocation_id and not same_database(before, facts):
        return says.passes(
            "it saw a new generation id and took a new invocation id, as it should",
            code="answered",
            used=used,
        )
    return says.fails(
        "not-answered",
        f"{facts.server} has another generation id than before the mark and still the same invocation id.",
        remedy="Look for events 2170 and 1109 in its directory log; do not let it replicate before that is clear.",
        used=used,
    )


def criterion(_asked: Asked) -> Criterion:
    return Criterion("msDS-GenerationId as in the baseline, or the invocation id changed with it")
