"""What the journal says: one struct an event, at human rate. The session *is* this list.

A body never changes its meaning; new facts get new bodies. Raw outputs live on the tapes
and are cited by digest. Structs of text and numbers form no cycles, and a million of them
cost the garbage collector seconds: hence `gc=False`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from cutover_tui.core.finding import Before, Decision, Finding, Verdict, Window
from probes.observation import Facts, Family, Instant

GENESIS = "0" * 64
"""`prev` of the first event."""


class SessionStarted(msgspec.Struct, frozen=True, gc=False, tag="session-started"):
    """The runbook is pinned (its text travels with the session) and the timescale anchored."""

    session: str
    tool: str  # version of this program
    runbook_name: str
    runbook_sha256: str
    runbook_text: str
    anchor: Instant
    rules: tuple[tuple[str, int], ...]  # check id, version
    operator: str
    jump_host: str
    runbook_dir: str = ""  # what files named in the runbook are relative to; "" = as they are written


class SessionResumed(msgspec.Struct, frozen=True, gc=False, tag="session-resumed"):
    """Another process took the session up again. A new anchor means: the jump host was rebooted."""

    tool: str
    anchor: Instant
    operator: str
    notice: str | None = None  # what was cut off or found unfinished


class SessionClosed(msgspec.Struct, frozen=True, gc=False, tag="session-closed"):
    """The program left the session in order; it may be resumed."""


class StepStarted(msgspec.Struct, frozen=True, gc=False, tag="step-started"):
    """An engineer began a step on a host (`*` for scope wave)."""

    step: str
    host: str


class ActionIntended(msgspec.Struct, frozen=True, gc=False, tag="action-intended"):
    """Written and fsynced before the command runs: a resume never repeats it by itself."""

    step: str
    host: str
    action: str
    argv: tuple[str, ...]
    disturbs: tuple[Family, ...]
    breaks_rollback: bool
    elevate: bool = False


NEVER_RAN = "it was not run: it could not be recorded"
"""The failure of an action of which it is certain that its command never began."""


class ActionEnded(msgspec.Struct, frozen=True, gc=False, tag="action-ended"):
    """What came back. An exit code proves nothing; the step's checks do."""

    intent: int  # sequence of the ActionIntended
    rc: int | None
    out_tail: str  # last lines, bounded
    failure: str | None = None


class ProofApproved(msgspec.Struct, frozen=True, gc=False, tag="proof-approved"):
    """A person allowed a proof on a host, having been shown its commands; once for the whole session."""

    host: str
    proof: str  # name of the reader that keeps what its attempts saw
    commands: tuple[tuple[str, ...], ...]


class AttemptIntended(msgspec.Struct, frozen=True, gc=False, tag="attempt-intended"):
    """Written before an attempt begins. Attempts `1..of` in a row are one series."""

    host: str
    proof: str
    attempt: int
    of: int


class AttemptEnded(msgspec.Struct, frozen=True, gc=False, tag="attempt-ended"):
    """What the attempt saw is on the tape under `observation`; None = it has no result and has failed."""

    intent: int  # sequence of the AttemptIntended
    observation: str | None
    failure: str | None = None
    account: Literal["accepted", "refused"] | None = None  # what came of its login; None = not known


class Disturbed(msgspec.Struct, frozen=True, gc=False, tag="disturbed"):
    """Voids observations of these families of this host that began at `since` or before."""

    host: str
    families: tuple[Family, ...]
    kind: Literal["reboot", "host-key", "machine", "platform", "restored", "action"]
    cause: str
    since: Instant


class Marked(msgspec.Struct, frozen=True, gc=False, tag="marked"):
    """Separates before from after for a host; voids every family."""

    host: str
    step: str


class Section(msgspec.Struct, frozen=True, gc=False):
    """One family of a baseline and the observations it rests on."""

    family: Family
    state: Literal["captured", "empty-and-complete", "not-visible"]
    observations: tuple[str, ...] = ()
    reason: str | None = None


class BaselineCaptured(msgspec.Struct, frozen=True, gc=False, tag="baseline-captured"):
    """Observations from before the mark that later checks compare with.

    `findings` are the verdicts and values of that moment: what failed the same way before is
    pre-existing. A journal from before values were kept has none in them, so that no fault can be
    shown not to have grown since.
    `facts` is the newest of each reader that had any.
    """

    host: str
    sections: tuple[Section, ...]
    boot_id: str | None
    findings: tuple[Before, ...] = ()
    facts: tuple[tuple[str, Facts], ...] = ()


class Acknowledged(msgspec.Struct, frozen=True, gc=False, tag="acknowledged"):
    """A fault that was there before the mark is accepted, once for its cause, with a problem ticket.

    `host` `*`: on every host with this cause. `findings` are the failures as they were then, one a host
    that showed it.
    """

    check: str
    reason_code: str
    host: str
    ticket: str
    findings: tuple[Finding, ...]


class Sealed(msgspec.Struct, frozen=True, gc=False, tag="sealed"):
    """The tapes up to here are on disk, with these hashes."""

    windows: tuple[Window, ...]


class Decided(msgspec.Struct, frozen=True, gc=False, tag="decided"):
    """The gate was asked by an engineer; refusals are kept like openings."""

    decision: Decision
    second: str | None = None  # who else confirmed, where two people are needed
    asked: Instant | None = None  # when; the guests were to be read again after it. None: by an older version


class Done(msgspec.Struct, frozen=True, gc=False, tag="done"):
    """The step is done on this host, by an open decision with nothing of its families between."""

    step: str
    host: str
    decision: int  # sequence of the Decided(open)


class VerdictChanged(msgspec.Struct, frozen=True, gc=False, tag="verdict-changed"):
    """A check of a started or done step changed its verdict or reason, or is accepted (or no longer)."""

    step: str
    host: str
    check: str
    verdict: Verdict
    reason_code: str
    reason: str
    acknowledged: str | None = None


class Regressed(msgspec.Struct, frozen=True, gc=False, tag="regressed"):
    """A done step whose check fails now."""

    step: str
    host: str
    check: str
    reason: str


class Noted(msgspec.Struct, frozen=True, gc=False, tag="noted"):
    """A person's words."""

    text: str
    step: str | None = None
    host: str | None = None


class ClockRead(msgspec.Struct, frozen=True, gc=False, tag="clock-read"):
    """Two people read a clock they trust: it showed `utc_ns` when they confirmed that, `at`.

    The time of this event is when it came onto the record, little later.
    """

    at: Instant
    utc_ns: int
    first: str
    second: str


class LinkLost(msgspec.Struct, frozen=True, gc=False, tag="link-lost"):
    """A guest cannot be measured from here on."""

    host: str
    kind: str
    detail: str


class LinkUp(msgspec.Struct, frozen=True, gc=False, tag="link-up"):
    """A guest is connected, and which machine answered."""

    host: str
    host_key: str | None
    boot_id: str | None


class Defect(msgspec.Struct, frozen=True, gc=False, tag="defect"):
    """Something of this program failed as it never should; it was begun again, or what it did is missing."""

    part: str  # which watch or task
    detail: str


Body = (
    SessionStarted
    | SessionResumed
    | SessionClosed
    | StepStarted
    | ActionIntended
    | ActionEnded
    | ProofApproved
    | AttemptIntended
    | AttemptEnded
    | Disturbed
    | Marked
    | BaselineCaptured
    | Acknowledged
    | Sealed
    | Decided
    | Done
    | VerdictChanged
    | Regressed
    | Noted
    | ClockRead
    | LinkLost
    | LinkUp
    | Defect
)


class Event(msgspec.Struct, frozen=True, gc=False):
    """One line of the journal. `prev` is the SHA-256 of the line before, as written."""

    seq: int
    prev: str
    at: Instant
    by: str
    body: Body
