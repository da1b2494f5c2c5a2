"""Verifying a session by someone who trusts nobody: hashes, structure, and every decision again.

Three answers for each thing: it *follows*, it *does not follow* (or was altered), or it is
*not re-derivable here* (another version of the rules, or a reader this version lacks).
Consistent is not authentic: whoever recomputes every hash is caught where something no
longer follows, and everywhere else by the chain head that stands on the change ticket.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import msgspec

from cutover_tui.record.audit.events import EventAudit
from cutover_tui.record.audit.proofs import proof_remarks
from cutover_tui.record.audit.remark import Answer, Remark, wrong
from cutover_tui.record.audit.tapes import Parsers, tape_remarks
from cutover_tui.record.events import Event, SessionResumed, SessionStarted
from cutover_tui.record.files import Damaged
from cutover_tui.record.journal import Loaded
from cutover_tui.record.reels import Reel, read_reels


@dataclass(frozen=True, slots=True)
class Session:
    """A session as read: its journal and those of its tapes that are what was sealed."""

    loaded: Loaded[Event]
    journal: Path
    reels: Mapping[str, Reel]


@dataclass(slots=True)
class Audit:
    """The outcome: how much was looked at, and what did not follow."""

    head: str
    events: int = 0
    observations: int = 0
    samples: int = 0
    decisions: int = 0
    remarks: list[Remark] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    @property
    def answer(self) -> Answer:
        """The worst of all answers."""
        answers = {r.answer for r in self.remarks}
        if "does-not-follow" in answers:
            return "does-not-follow"
        return "not-rederivable" if "not-rederivable" in answers else "follows"


def audit(
    loaded: Loaded[Event], journal: Path, tapes: Path, parsers: Parsers, tool: str
) -> tuple[Audit, Session]:
    """Look at a whole session again. Blocks; never raises for what a session holds.

    Args:
        tool: this program's version. What this very version wrote it must also understand.
    """
    result = Audit(head=loaded.head, events=len(loaded.events))
    if loaded.notice is not None:
        result.notices.append(loaded.notice)
    if not loaded.events:
        result.head = ""
        result.remarks.append(wrong(f"{journal}:1", "the journal is empty"))
        return result, Session(loaded, journal, {})
    reels, errors = read_reels(loaded.events, tapes)
    for path, error in errors:
        where = f"{error.path}:{error.line}" if isinstance(error, Damaged) else str(path)
        result.remarks.append(wrong(where, error.why if isinstance(error, Damaged) else str(error)))
    ours = _tools(loaded) == {tool}
    for reel in reels.values():
        result.observations += len(reel.contents.observations)
        result.samples += len(reel.contents.samples)
        if reel.contents.notice is not None:
            result.notices.append(reel.contents.notice)
        if reel.contents.unsealed_lines:
            result.notices.append(
                f"{reel.path.name}: {reel.contents.unsealed_lines} lines after the last seal are no evidence yet"
            )
        result.remarks.extend(tape_remarks(reel, loaded.events, parsers, ours=ours))
        result.remarks.extend(proof_remarks(reel, loaded.events))
    events = EventAudit(journal, reels, ours=ours)
    result.remarks.extend(events.remarks(loaded.events))
    result.decisions = events.decisions
    return result, Session(loaded, journal, reels)


def match_head(loaded: Loaded[Event], journal: Path, head: str) -> Remark | None:
    """Whether this is the record whose head stands on the ticket; None when it is. Blocks."""
    if loaded.head == head:
        return None
    for number, line in enumerate(journal.read_bytes().split(b"\n")[: len(loaded.events)], 1):
        if sha256(line).hexdigest() == head:
            return wrong(
                f"{journal}:{number + 1}",
                f"the ticket's head is event {number}; "
                f"nothing vouches for the {len(loaded.events) - number} events after it",
            )
    return wrong(
        f"{journal}:{len(loaded.events)}", f"the chain head is {loaded.head}, the ticket says {head}"
    )


def _tools(loaded: Loaded[Event]) -> set[str]:
    return {e.body.tool for e in loaded.events if isinstance(e.body, SessionStarted | SessionResumed)}


def encode(result: Audit) -> bytes:
    """The audit as JSON, for scripts."""
    return msgspec.json.encode(
        {
            "answer": result.answer,
            "head": result.head,
            "events": result.events,
            "observations": result.observations,
            "samples": result.samples,
            "decisions": result.decisions,
            "remarks": [{"where": r.where, "answer": r.answer, "what": r.what} for r in result.remarks],
            "notices": result.notices,
        }
    )


def unreadable(error: Damaged, journal: Path) -> Audit:
    """The audit of a journal whose chain does not hold: nothing behind that line can be trusted."""
    return Audit(head="", remarks=[wrong(f"{journal}:{error.line}", error.why)])
