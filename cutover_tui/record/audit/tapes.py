"""The audit of one tape: facts parsed again, order, ownership, and machines that changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cutover_tui.core.checks.registry import FROM_THE_JUMP_HOST
from cutover_tui.record.audit.remark import Remark, foreign, wrong
from cutover_tui.record.events import Disturbed, Event, Sealed, SessionResumed, SessionStarted
from cutover_tui.record.machine import Machine
from cutover_tui.record.reels import Reel, samples_of
from cutover_tui.record.state import ALL_FAMILIES
from probes.facts_identity import BootFacts, PlatformFacts
from probes.observation import JUMP, Facts, Failure, Identity, Instant, Observation, Raw

Parsers = Mapping[tuple[str, int], Callable[[tuple[Raw, ...]], Facts | Failure]]
"""The readers this version has: (name, version) → parse."""


def tape_remarks(reel: Reel, events: Sequence[Event], parsers: Parsers, *, ours: bool) -> Iterator[Remark]:
    """Everything on a tape that does not follow.

    Args:
        ours: this very version wrote it, so that it has every reader the tape names.
    """
    yield from _ownership(reel, events)
    yield from _facts(reel, parsers, ours=ours)
    yield from _order(reel)
    yield from _identity(reel)
    yield from _after_seal(reel, events)
    yield from _changes(reel, events)


def _ownership(reel: Reel, events: Sequence[Event]) -> Iterator[Remark]:
    """Every stretch with evidence begins with an anchor of this session.

    An anchor with nothing under it is a process that could not begin (its disk was full).
    """
    anchors = {e.body.anchor for e in events if isinstance(e.body, SessionStarted | SessionResumed)}
    evidence = sorted(
        [line for line, _ in reel.contents.observations] + [line for line, _ in reel.contents.samples]
    )
    starts = [line for line, _ in reel.contents.anchors]
    if evidence and (not starts or evidence[0] < starts[0]):
        yield wrong(f"{reel.path}:{evidence[0]}", "evidence before any process said that it writes here")
    for (line, opened), end in zip(
        reel.contents.anchors, [*starts[1:], reel.contents.lines + 1], strict=True
    ):
        if opened.anchor not in anchors and any(line < at < end for at in evidence):
            yield wrong(f"{reel.path}:{line}", "this stretch of the tape was recorded by another session")


def _facts(reel: Reel, parsers: Parsers, *, ours: bool) -> Iterator[Remark]:
    """Every observation's facts again, from its raw outputs."""
    lacking: dict[tuple[str, int], int] = {}
    seen: set[str] = set()
    for line, o in reel.contents.observations:
        where = f"{reel.path}:{line}"
        if o.host != reel.name:
            yield wrong(where, f"an observation of {o.host} on the tape of {reel.name}")
        if o.id in seen:
            yield wrong(where, f"a second observation {o.id}")
        seen.add(o.id)
        if (o.vantage == "jump") != (o.host == JUMP or o.reader in FROM_THE_JUMP_HOST):
            yield wrong(where, f"{o.reader} of {o.host} cannot be seen from {o.vantage}")
        parse = parsers.get((o.reader, o.version))
        if parse is None:
            lacking.setdefault((o.reader, o.version), line)
        elif _parsed(parse, o.raw) != (o.facts if o.facts is not None else o.failure):
            yield wrong(where, f"the facts of {o.reader} are not what its raw output says")
    for (reader, version), line in lacking.items():
        what = f"reader {reader} version {version} is not in this program"
        if ours:
            yield wrong(f"{reel.path}:{line}", f"{what}, which yet wrote this tape")
        else:
            yield foreign(f"{reel.path}:{line}", what)


def _parsed(
    parse: Callable[[tuple[Raw, ...]], Facts | Failure], raws: tuple[Raw, ...]
) -> Facts | Failure | None:
    """What the reader makes of them; None where they are not even as many as it reads."""
    try:
        return parse(raws)
    except (ValueError, LookupError, ArithmeticError, RecursionError):
        return None


def _order(reel: Reel) -> Iterator[Remark]:
    """Observations and samples stand in the order of time, or `select` would pass some over."""
    newest: dict[str, int] = {}
    for line, o in reel.contents.observations:
        if o.began.boot_id != o.ended.boot_id or o.began.boottime_ns > o.ended.boottime_ns:
            yield wrong(f"{reel.path}:{line}", "this observation ended before it began")
        if o.ended.boottime_ns < newest.get(o.ended.boot_id, 0):
            yield wrong(f"{reel.path}:{line}", "this observation is older than the one before it")
        newest[o.ended.boot_id] = o.ended.boottime_ns
    last: dict[str, int] = {}
    for boot, line, sample in samples_of(reel.contents):
        if sample.mono_ns < last.get(boot, 0):
            yield wrong(f"{reel.path}:{line}", "this sample is older than the one before it")
        last[boot] = sample.mono_ns


def _identity(reel: Reel) -> Iterator[Remark]:
    """Which machine answered is what it said of itself, and one in all answers of a turn."""
    before: Observation | None = None
    for line, o in reel.contents.observations:
        if o.vantage == "jump":
            continue
        facts, identity = o.facts, o.identity
        if (isinstance(facts, BootFacts) and identity.boot_id != facts.boot_id) or (
            isinstance(facts, PlatformFacts) and _of_platform(identity) != _said(facts)
        ):
            yield wrong(f"{reel.path}:{line}", f"the identity is not the one that {o.reader} read")
        if (
            before is not None
            and (before.began, before.ended) == (o.began, o.ended)
            and before.identity != identity
        ):
            yield wrong(f"{reel.path}:{line}", "two machines answered in one turn")
        before = o


def _of_platform(identity: Identity) -> tuple[str | None, str | None, str | None]:
    return identity.machine_id, identity.dmi_vendor, identity.platform


def _said(facts: PlatformFacts) -> tuple[str | None, str | None, str | None]:
    return facts.machine_id, facts.dmi_vendor, facts.platform


@dataclass(frozen=True, slots=True)
class _Seal:
    seq: int
    last: int
    at: Instant


def _seals(reel: Reel, events: Sequence[Event]) -> list[_Seal]:
    return [
        _Seal(e.seq, w.last, e.at)
        for e in events
        if isinstance(e.body, Sealed)
        for w in e.body.windows
        if w.tape == reel.name
    ]


def _after_seal(reel: Reel, events: Sequence[Event]) -> Iterator[Remark]:
    """Nothing can be sealed before it was seen."""
    seals = iter(_seals(reel, events))
    seal = next(seals, None)
    for line, o in reel.sealed_observations():
        while seal is not None and seal.last < line:
            seal = next(seals, None)
        age = o.ended.age_ns(seal.at) if seal is not None else None
        if age is not None and age < 0:
            yield wrong(f"{reel.path}:{line}", "this observation is younger than the seal that covers it")


def _changes(reel: Reel, events: Sequence[Event]) -> Iterator[Remark]:
    """A machine that shows another boot, id, key or platform was disturbed; the journal says so.

    The disturbance is journaled before the observation that shows it is sealed, and voids
    what is older than the change: not less.
    """
    told = [e for e in events if isinstance(e.body, Disturbed) and e.body.host == reel.name]
    seals = iter(_seals(reel, events))
    seal = next(seals, None)
    machine = Machine()
    for line, o in reel.sealed_observations():
        while seal is not None and seal.last < line:
            seal = next(seals, None)
        last = machine.seen_before(o.began)
        for change in machine.see(o):
            found = next(
                (
                    e
                    for e in told
                    if isinstance(e.body, Disturbed)
                    and e.body.kind == change.kind
                    and _into(e.body.cause) == _into(change.cause)
                    and e.body.families == ALL_FAMILIES
                    and (seal is None or e.seq < seal.seq)
                    and _between(last, e.body.since, o.began)
                ),
                None,
            )
            if found is None:
                yield wrong(
                    f"{reel.path}:{line}",
                    f"{reel.name}: {change.cause}, and the journal has no such disturbance",
                )
            else:
                told.remove(found)


def _into(cause: str) -> str:
    """What it changed to. Older versions took a platform in doubt for one it could change to, and back from."""
    return cause.rpartition(" to ")[2]


def _between(last: Instant | None, since: Instant, began: Instant) -> bool:
    """Whether a void ends after the old machine was last seen and before the new one was."""
    if since.boot_id != began.boot_id or since.boottime_ns >= began.boottime_ns:
        return False
    return last is None or last.boot_id != since.boot_id or last.boottime_ns <= since.boottime_ns
