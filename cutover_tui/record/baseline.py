"""What is kept of a host from before its mark, as an event: sections by family, and verdicts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping

from cutover_tui.core.arrival import arrived
from cutover_tui.core.checks.registry import CHECKS, READER_FAMILY
from cutover_tui.core.evidence import last_void
from cutover_tui.core.finding import Finding, Verdict, Window, before
from cutover_tui.core.gate import judge
from cutover_tui.core.runbook import GateCheck, Runbook
from cutover_tui.record.asking import Logs, question
from cutover_tui.record.events import BaselineCaptured, Section
from cutover_tui.record.state import State
from probes.facts_identity import BootFacts
from probes.observation import FailureKind, Family, Instant, Observation

FRESH_NS = 10 * 60 * 1_000_000_000
"""A baseline rests on what was seen in the last ten minutes before it is taken."""

LATE = "the guest was already moved"
"""Why there is nothing to compare with: what is measured on the target is not what was before it."""

FAMILIES = (Family.TIME, Family.IDENTITY, Family.DIRECTORY, Family.NETWORK)
"""The families this version reads; the others say so instead of looking empty."""


def capture(
    runbook: Runbook, state: State, logs: Logs, host: str, now: Instant, seals: Mapping[str, Window]
) -> BaselineCaptured:
    """The baseline of a host from its newest sealed observations: the audit derives the same one again.

    A family is `captured` when every reader of it that spoke, and every one that a check of the runbook will
    compare with, has facts, or failed only because its tool is absent; else `not-visible` with the reasons.
    Of a guest that is seen on the target already nothing is captured but the boot it runs in.
    """
    upto = seals[host].last if host in seals else 0
    newest = _newest(state, logs, host, now, upto)
    boot = newest.get("boot")
    boot_id = boot.facts.boot_id if boot is not None and isinstance(boot.facts, BootFacts) else None
    if arrived(runbook, logs.of(host), upto, now) is not None:
        late = tuple(Section(family, "not-visible", reason=LATE) for family in Family)
        return BaselineCaptured(host, late, boot_id)
    unseen = [reader for check in _used(runbook) for reader in CHECKS[check].compares if reader not in newest]
    return BaselineCaptured(
        host=host,
        sections=tuple(_section(family, newest, unseen) for family in Family),
        boot_id=boot_id,
        findings=tuple(
            before(f)
            for f in _findings(runbook, state, logs, host, now, seals)
            if f.verdict in (Verdict.PASS, Verdict.FAIL, Verdict.NA)
        ),
        facts=tuple((reader, o.facts) for reader, o in sorted(newest.items()) if o.facts is not None),
    )


def lacking(runbook: Runbook, state: State, logs: Logs, host: str, now: Instant) -> tuple[str, ...]:
    """What checks of the runbook would miss in a baseline taken now, in words: it can never be had after the mark."""
    newest = _newest(state, logs, host, now, None)
    return tuple(
        f"{check} will have nothing to compare with: {reader} {_why(newest.get(reader))}"
        for check in _used(runbook)
        for reader in CHECKS[check].compares
        if reader not in newest or newest[reader].facts is None
    )


def _why(observation: Observation | None) -> str:
    if observation is None:
        return "was not read since the last disturbance"
    return f"was not read ({observation.failure.detail if observation.failure is not None else 'no facts'})"


def _used(runbook: Runbook) -> list[str]:
    return sorted({g.check for step in runbook.steps() for g in step.gate})


def _newest(
    state: State, logs: Logs, host: str, now: Instant, upto_line: int | None
) -> dict[str, Observation]:
    """The newest observation of each reader that says how the guest is: with facts, or that a tool is absent.

    Nothing from before the last disturbance of its family, which may be of another machine. A failure of the
    moment takes no good reading away: what is not in the baseline can never be had again. Where there
    are failures only, the newest of them says why.
    """
    log, voids = logs.of(host), state.last_voids(host)
    upto = len(log.observations) if upto_line is None else bisect_right(log.observation_lines, upto_line)
    newest: dict[str, Observation] = {}
    for o in log.observations[:upto]:
        age, family = o.ended.age_ns(now), READER_FAMILY.get(o.reader)
        if age is None or not 0 <= age <= FRESH_NS:
            continue
        void = last_void(voids, Family if family is None else (family,), now)
        if void is not None and o.began.boottime_ns <= void.boottime_ns:
            continue
        if _tells(o) or o.reader not in newest or not _tells(newest[o.reader]):
            newest[o.reader] = o
    return newest


def _tells(observation: Observation) -> bool:
    failure = observation.failure
    return failure is None or failure.kind is FailureKind.TOOL_ABSENT


def _findings(
    runbook: Runbook, state: State, logs: Logs, host: str, now: Instant, seals: Mapping[str, Window]
) -> Iterator[Finding]:
    """Every check the runbook uses anywhere, on this host, now.

    Asked with its defaults; what passes those and fails a gate of this runbook, which may ask for more, was
    there before the mark too.
    """
    first = next(runbook.steps())
    ask = question(runbook, state, logs, first, host, now, upto=state.seq, seals=seals)
    subject = next(s for s in ask.subjects if s.host.name == host)
    gates = [g for step in runbook.steps() for g in step.gate]
    for check in _used(runbook):
        found = judge(GateCheck(check=check), subject, ask)
        stricter = (judge(g, subject, ask) for g in gates if g.check == check)
        if found.verdict is not Verdict.FAIL:
            found = next((f for f in stricter if f.verdict is Verdict.FAIL), found)
        yield found


def _section(family: Family, newest: Mapping[str, Observation], unseen: Iterable[str]) -> Section:
    if family not in FAMILIES:
        return Section(family, "not-visible", reason="this version has no reader for it")
    mine = [o for reader, o in newest.items() if READER_FAMILY.get(reader) is family]
    if not mine:
        return Section(family, "not-visible", reason="nothing was read before the mark")
    missing = [f"{o.reader}: {o.failure.detail}" for o in mine if not _tells(o) and o.failure is not None]
    missing += [f"{reader}: not read" for reader in unseen if READER_FAMILY.get(reader) is family]
    ids = tuple(o.id for o in mine)
    if missing:
        return Section(family, "not-visible", ids, "; ".join(missing))
    return Section(family, "captured", ids)
