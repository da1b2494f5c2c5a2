"""The audit of proofs: whatever an attempt saw stands on the tape, so no attempt can be taken out of the journal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cutover_tui.core.checks.kerberos import kerberos_ap_in, kerberos_exchange
from cutover_tui.record.audit.remark import Remark, wrong
from cutover_tui.record.events import AttemptEnded, AttemptIntended, Event, ProofApproved
from cutover_tui.record.reels import Reel
from probes.observation import Instant, Observation

PROOFS = frozenset({kerberos_exchange.PROOF, kerberos_ap_in.PROOF})
"""Readers that look in attempts only."""


def proof_remarks(reel: Reel, events: Sequence[Event]) -> Iterator[Remark]:
    """Every observation of a proof was seen between an attempt's intent and its end, one in each, and was approved."""
    approved = {
        argv[-_WORDS:]
        for e in events
        if isinstance(e.body, ProofApproved) and e.body.host == reel.name
        for argv in e.body.commands
    }
    stretches = _stretches(reel.name, events)
    for line, o in reel.sealed_observations():
        if o.reader not in PROOFS:
            continue
        if not _ends(o) <= approved:
            yield wrong(
                f"{reel.path}:{line}", f"attempt {o.attempt} of {o.reader} is not what a person approved"
            )
        mine = next((s for s in stretches if _within(o, *s)), None)
        if mine is None:
            yield wrong(
                f"{reel.path}:{line}",
                f"attempt {o.attempt} of {o.reader} was made, and no journaled one is it",
            )
        else:
            stretches.remove(mine)


_WORDS = 3
"""An approval is for the words at the end: `kinit -k PRINCIPAL`, `ap-in OVER SERVICE`; the controller may be another."""


def _ends(o: Observation) -> set[tuple[str, ...]]:
    ends = {raw.argv[-_WORDS:] for raw in o.raw}
    return {end for end in ends if end[:1] in (("kinit",), ("ap-in",))}


_Stretch = tuple[AttemptIntended, Instant, Instant | None]


def _stretches(host: str, events: Sequence[Event]) -> list[_Stretch]:
    ends = {e.body.intent: e.at for e in events if isinstance(e.body, AttemptEnded)}
    return [
        (e.body, e.at, ends.get(e.seq))
        for e in events
        if isinstance(e.body, AttemptIntended) and e.body.host == host
    ]


def _within(o: Observation, intent: AttemptIntended, began: Instant, ended: Instant | None) -> bool:
    """An end in another boot of the jump host, or none, leaves the attempt open to the end of its boot."""
    if (intent.proof, intent.attempt) != (o.reader, o.attempt):
        return False
    since = began.age_ns(o.began)
    left = o.ended.age_ns(ended) if ended is not None else None
    return since is not None and since >= 0 and (left is None or left >= 0)
