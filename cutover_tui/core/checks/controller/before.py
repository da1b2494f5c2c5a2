"""What a controller said of itself before the mark, and how long that is ago. Pure."""

from __future__ import annotations

from cutover_tui.core.evidence import Evidence, MarkPoint
from probes.facts_controller import DcFacts
from probes.observation import Observation


def before_mark(evidence: Evidence) -> DcFacts | None:
    """Its facts in the baseline; None where none were captured."""
    facts = evidence.baseline.facts.get("dc") if evidence.baseline is not None else None
    return facts if isinstance(facts, DcFacts) else None


def since_mark_ns(mark: MarkPoint, seen: Observation) -> int:
    """At least so long after the mark the observation began; the jump host may have been started in between."""
    at_ns = mark.at.boottime_ns if mark.at.boot_id == seen.began.boot_id else 0
    return seen.began.boottime_ns - at_ns


def same_database(before: DcFacts, now: DcFacts) -> bool:
    """Whether the directory's database goes by the id it had: its USNs go on counting then."""
    return before.invocation_id == now.invocation_id


def answered_new_vm(before: DcFacts, now: DcFacts) -> bool:
    """Whether it saw that it is another virtual machine, and did what it must: a new id for its database."""
    return before.generation_id != now.generation_id and not same_database(before, now)
