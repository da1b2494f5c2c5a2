"""Verifying a session by someone who trusts nobody: hashes, structure, and every decision again.

Three answers for each thing: it *follows*, it *does not follow* (or was altered), or it is
*not re-derivable here* (another version of the rules, or a reader this version lacks).
Consistent is not authentic: whoever recomputes every hash is caught where a decision no
longer follows, and everywhere else by the chain head that stands on the change ticket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Literal

import msgspec

from cutover_tui.core.checks.registry import versions
from cutover_tui.core.evidence import HostLog
from cutover_tui.core.finding import Decision, Window
from cutover_tui.core.gate import decide
from cutover_tui.core.loading import BadRunbook, load_text
from cutover_tui.core.runbook import Runbook
from cutover_tui.record.asking import Logs, question
from cutover_tui.record.events import (
    BaselineCaptured,
    Decided,
    Disturbed,
    Event,
    Marked,
    Sealed,
    SessionResumed,
    SessionStarted,
)
from cutover_tui.record.files import Damaged, RecordError
from cutover_tui.record.journal import Loaded
from cutover_tui.record.state import Contradiction, State
from cutover_tui.record.tape import TapeContents, read_tape, tape_path
from probes.facts_identity import BootFacts
from probes.observation import Facts, Failure, Identity, Instant, Observation, Raw

Answer = Literal["follows", "does-not-follow", "not-rederivable"]
Parsers = Mapping[tuple[str, int], Callable[[tuple[Raw, ...]], Facts | Failure]]
"""The readers this version has: (name, version) → parse."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that does not follow, or cannot be told here."""

    where: str  # file:line
    answer: Answer
    what: str


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


@dataclass(slots=True)
class _Reel:
    """One tape, split by the boots of the jump host: evidence never crosses one."""

    contents: TapeContents
    by_boot: dict[str, HostLog] = field(default_factory=dict)


def audit(loaded: Loaded[Event], journal: Path, tapes: Path, parsers: Parsers) -> Audit:
    """Look at a whole session again. Blocks; never raises for what a session holds."""
    result = Audit(head=loaded.head, events=len(loaded.events))
    if loaded.notice is not None:
        result.notices.append(loaded.notice)
    if not loaded.events:
        result.remarks.append(Remark(f"{journal}:1", "does-not-follow", "the journal is empty"))
        return result
    reels = _reels(loaded.events, tapes, result)
    for name, reel in reels.items():
        _facts(name, reel, tapes, parsers, result)
    _decisions(loaded.events, journal, reels, result)
    _disturbances(loaded.events, reels, tapes, result)
    return result


def seals_by_tape(events: Sequence[Event]) -> dict[str, list[Window]]:
    """The seals of every tape, in the order of the journal."""
    seals: dict[str, list[Window]] = {}
    for event in events:
        if isinstance(event.body, Sealed):
            for window in event.body.windows:
                seals.setdefault(window.tape, []).append(window)
    return seals


def logs_of(contents: TapeContents) -> dict[str, HostLog]:
    """What a tape holds, by boot of the jump host."""
    boots: dict[str, HostLog] = {}
    starts = [(line, opened.anchor.boot_id) for line, opened in contents.anchors]
    for line, observation in contents.observations:
        boots.setdefault(observation.began.boot_id, HostLog()).add_observation(line, observation)
    at = 0
    for line, sample in contents.samples:
        while at + 1 < len(starts) and starts[at + 1][0] < line:
            at += 1
        boot = starts[at][1] if starts else ""
        boots.setdefault(boot, HostLog()).add_sample(line, sample)
    return boots


def _reels(events: Sequence[Event], tapes: Path, result: Audit) -> dict[str, _Reel]:
    anchors = {e.body.anchor for e in events if isinstance(e.body, SessionStarted | SessionResumed)}
    reels: dict[str, _Reel] = {}
    for name, seals in seals_by_tape(events).items():
        path = tape_path(tapes, name)
        try:
            contents = read_tape(path, seals)
        except Damaged as error:
            result.remarks.append(Remark(f"{error.path}:{error.line}", "does-not-follow", error.why))
            continue
        except RecordError as error:
            result.remarks.append(Remark(str(path), "does-not-follow", str(error)))
            continue
        for line, opened in contents.anchors:
            if opened.anchor not in anchors:
                result.remarks.append(
                    Remark(f"{path}:{line}", "does-not-follow", "this tape was recorded by another session")
                )
        if contents.notice is not None:
            result.notices.append(contents.notice)
        result.observations += len(contents.observations)
        result.samples += len(contents.samples)
        reels[name] = _Reel(contents, logs_of(contents))
    return reels


def _facts(name: str, reel: _Reel, tapes: Path, parsers: Parsers, result: Audit) -> None:
    """Every observation's facts again, from its raw outputs."""
    path = tape_path(tapes, name)
    foreign: set[tuple[str, int]] = set()
    for line, o in reel.contents.observations:
        if o.host != name:
            result.remarks.append(
                Remark(
                    f"{path}:{line}", "does-not-follow", f"an observation of {o.host} on the tape of {name}"
                )
            )
            continue
        parse = parsers.get((o.reader, o.version))
        if parse is None:
            foreign.add((o.reader, o.version))
            continue
        again = parse(o.raw)
        if again != (o.facts if o.facts is not None else o.failure):
            result.remarks.append(
                Remark(
                    f"{path}:{line}",
                    "does-not-follow",
                    f"the facts of {o.reader} are not what its raw output says",
                )
            )
    for reader, version in sorted(foreign):
        result.remarks.append(
            Remark(str(path), "not-rederivable", f"reader {reader} version {version} is not in this program")
        )


def _decisions(events: Sequence[Event], journal: Path, reels: Mapping[str, _Reel], result: Audit) -> None:
    state = State()
    sealed: dict[str, Window] = {}
    runbook: Runbook | None = None
    seen = {name: {o.id: (line, o) for line, o in reel.contents.observations} for name, reel in reels.items()}
    for number, event in enumerate(events, 1):
        where = f"{journal}:{number}"
        body = event.body
        if isinstance(body, SessionStarted):
            runbook = _runbook(body, where, result)
        if isinstance(body, Decided) and runbook is not None:
            result.decisions += 1
            _decision(runbook, state, sealed, event, body, reels, where, result)
        if isinstance(body, BaselineCaptured):
            _baseline(body, seen, where, result)
        if isinstance(body, Sealed):
            for window in body.windows:
                sealed[window.tape] = window
        try:
            state.apply(event)
        except Contradiction as error:
            result.remarks.append(Remark(where, "does-not-follow", error.why))
            return


def _runbook(body: SessionStarted, where: str, result: Audit) -> Runbook | None:
    text = body.runbook_text.encode()
    if sha256(text).hexdigest() != body.runbook_sha256:
        result.remarks.append(
            Remark(where, "does-not-follow", "the runbook's text is not the one its digest names")
        )
        return None
    try:
        return load_text(text, body.runbook_name).runbook
    except BadRunbook as error:
        result.remarks.append(
            Remark(where, "not-rederivable", f"this version cannot load the runbook: {error}")
        )
        return None


def _decision(
    runbook: Runbook,
    state: State,
    sealed: Mapping[str, Window],
    event: Event,
    body: Decided,
    reels: Mapping[str, _Reel],
    where: str,
    result: Audit,
) -> None:
    recorded = body.decision
    mine = dict(versions())
    other = [f"{check} {v}" for check, v in recorded.rules if mine.get(check) != v]
    if other:
        result.remarks.append(
            Remark(
                where, "not-rederivable", f"decided by other rules than this program's: {', '.join(other)}"
            )
        )
        return
    step = runbook.step(recorded.step)
    if step is None or state.started is None:
        result.remarks.append(Remark(where, "does-not-follow", f"the runbook has no step {recorded.step}"))
        return
    if recorded.upto != event.seq - 1:
        result.remarks.append(
            Remark(where, "does-not-follow", f"decided on event {recorded.upto}, not on the newest")
        )
    logs = Logs({name: reel.by_boot.get(recorded.at.boot_id, HostLog()) for name, reel in reels.items()})
    again = decide(
        question(
            runbook,
            state,
            logs,
            step,
            recorded.host,
            recorded.at,
            upto=recorded.upto,
            seals=sealed,
            second=body.second,
        )
    )
    if again != recorded:
        result.remarks.append(Remark(where, "does-not-follow", _difference(recorded, again)))


def _difference(recorded: Decision, again: Decision) -> str:
    what = f"the decision on {recorded.step} ({recorded.host})"
    if recorded.outcome != again.outcome:
        lacks = ", ".join(m.what for m in again.missing) or "nothing"
        return f"{what} says {recorded.outcome}; its evidence gives {again.outcome} (missing: {lacks})"
    for mine, theirs in zip(again.findings, recorded.findings, strict=False):
        if mine != theirs:
            return f"{what}: finding {theirs.check} on {theirs.host} is not what its evidence gives"
    return f"{what} is not what its evidence gives"


def _baseline(
    body: BaselineCaptured,
    seen: Mapping[str, Mapping[str, tuple[int, Observation]]],
    where: str,
    result: Audit,
) -> None:
    mine = seen.get(body.host, {})
    cited = [i for s in body.sections for i in s.observations]
    absent = [i for i in cited if i not in mine]
    if absent:
        result.remarks.append(
            Remark(where, "does-not-follow", f"the baseline rests on {absent[0]}, which is on no tape")
        )
        return
    boots = [o.facts for i in cited if isinstance((o := mine[i][1]).facts, BootFacts)]
    boot_id = boots[-1].boot_id if boots else None
    if boot_id != body.boot_id:
        result.remarks.append(
            Remark(where, "does-not-follow", "the baseline's boot id is not the one that was read")
        )


def _disturbances(events: Sequence[Event], reels: Mapping[str, _Reel], tapes: Path, result: Audit) -> None:
    """A machine that shows another boot id, id or platform was disturbed; the journal must say so."""
    said: dict[str, list[Instant]] = {}
    for event in events:
        if isinstance(event.body, Disturbed | Marked):
            said.setdefault(event.body.host, []).append(event.at)
    for name, reel in reels.items():
        for line, before, after in _changes(reel.contents):
            if not any(_between(before.ended, at, after.ended) for at in said.get(name, ())):
                result.remarks.append(
                    Remark(
                        f"{tape_path(tapes, name)}:{line}",
                        "does-not-follow",
                        f"{name} shows another boot or machine here, and the journal has no disturbance",
                    )
                )


def _changes(contents: TapeContents) -> Iterator[tuple[int, Observation, Observation]]:
    before: Observation | None = None
    for line, o in contents.observations:
        if o.vantage != "guest" or o.failure is not None:
            continue
        if before is not None and _other(before.identity, o.identity):
            yield line, before, o
        before = o


def _other(a: Identity, b: Identity) -> bool:
    return any(
        x is not None and y is not None and x != y
        for x, y in ((a.boot_id, b.boot_id), (a.machine_id, b.machine_id), (a.platform, b.platform))
    )


def _between(before: Instant, at: Instant, after: Instant) -> bool:
    """Whether `at` lies after `before` and not later than a few seconds after `after` was seen."""
    if at.boot_id != after.boot_id or before.boot_id != after.boot_id:
        return True  # across a reboot of the jump host order is the journal's
    return before.boottime_ns <= at.boottime_ns <= after.boottime_ns + 60_000_000_000


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
