"""What is kept of a host from before its mark, as an event: sections by family, and verdicts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping

from cutover_tui.core.checks.registry import READER_FAMILY
from cutover_tui.core.finding import Finding, Verdict, Window, before
from cutover_tui.core.gate import judge
from cutover_tui.core.runbook import GateCheck, Runbook
from cutover_tui.record.asking import Logs, question
from cutover_tui.record.events import BaselineCaptured, Section
from cutover_tui.record.state import State
from probes.facts_identity import BootFacts
from probes.observation import Family, Instant, Observation

FRESH_NS = 10 * 60 * 1_000_000_000
"""A baseline rests on what was seen in the last ten minutes before it is taken."""

FAMILIES = (Family.TIME, Family.IDENTITY, Family.DIRECTORY, Family.NETWORK)
"""The families this version reads; the others say so instead of looking empty."""


def capture(
    runbook: Runbook, state: State, logs: Logs, host: str, now: Instant, seals: Mapping[str, Window]
) -> BaselineCaptured:
    """The baseline of a host from its newest sealed observations: the audit derives the same one again.

    A family is `captured` when every reader of it that spoke has facts, or failed only
    because its tool is absent; else `not-visible` with the reasons.
    """
    log = logs.of(host)
    upto = bisect_right(log.observation_lines, seals[host].last) if host in seals else 0
    newest: dict[str, Observation] = {}
    for o in log.observations[:upto]:
        age = o.ended.age_ns(now)
        if age is not None and 0 <= age <= FRESH_NS:
            newest[o.reader] = o
    boot = newest.get("boot")
    return BaselineCaptured(
        host=host,
        sections=tuple(_section(family, newest) for family in Family),
        boot_id=boot.facts.boot_id if boot is not None and isinstance(boot.facts, BootFacts) else None,
        findings=tuple(
            before(f)
            for f in _findings(runbook, state, logs, host, now, seals)
            if f.verdict in (Verdict.PASS, Verdict.FAIL, Verdict.NA)
        ),
        facts=tuple((reader, o.facts) for reader, o in sorted(newest.items()) if o.facts is not None),
    )


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
    for check in sorted({g.check for g in gates}):
        found = judge(GateCheck(check=check), subject, ask)
        stricter = (judge(g, subject, ask) for g in gates if g.check == check)
        if found.verdict is not Verdict.FAIL:
            found = next((f for f in stricter if f.verdict is Verdict.FAIL), found)
        yield found


def _section(family: Family, newest: dict[str, Observation]) -> Section:
    if family not in FAMILIES:
        return Section(family, "not-visible", reason="this version has no reader for it")
    mine = [o for reader, o in newest.items() if READER_FAMILY.get(reader) is family]
    if not mine:
        return Section(family, "not-visible", reason="nothing was read before the mark")
    failed = [
        f"{o.reader}: {o.failure.detail}"
        for o in mine
        if o.failure is not None and o.failure.kind != "tool-absent"
    ]
    ids = tuple(o.id for o in mine)
    if failed:
        return Section(family, "not-visible", ids, "; ".join(failed))
    return Section(family, "captured", ids)
