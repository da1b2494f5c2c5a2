"""Whether the guests of a step were read again after somebody asked to mark it done, from the record alone.

Every turn of a guest's readers ends with its boot id; a turn that began after the key press shows
that the guest answers, and that it is still the machine the evidence is about.
"""

from __future__ import annotations

from collections.abc import Iterator

from cutover_tui.core.checks.registry import CHECKS
from cutover_tui.core.evidence import HostLog
from cutover_tui.core.finding import Missing, Verdict
from cutover_tui.core.runbook import Step
from cutover_tui.record.state import Link
from probes.observation import Instant, Observation

LAST_OF_A_TURN = "boot"


def looks_at_guests(step: Step) -> bool:
    """Whether any check of the step is about the guests; otherwise none of them has to answer."""
    return any(not CHECKS[g.check].of_no_guest for g in step.gate)


def is_fresh(observation: Observation, asked: Instant) -> bool:
    """Whether it closes a turn that began after `asked`."""
    age = asked.age_ns(observation.began)
    return observation.reader == LAST_OF_A_TURN and age is not None and age >= 0


def not_read_again(
    host: str, link: Link | None, log: HostLog, upto_line: int | None, asked: Instant
) -> Iterator[Missing]:
    """What is missing where the guest was not read after `asked`, up to a line of its tape."""
    why = "it did not answer in time"
    for line, seen in zip(reversed(log.observation_lines), reversed(log.observations), strict=True):
        if upto_line is not None and line > upto_line:
            continue
        before = seen.ended.age_ns(asked)
        if before is None or before > 0:
            break  # what ended before `asked` began before it too, and so did all that is older
        if not is_fresh(seen, asked):
            continue
        if seen.failure is None:
            return
        why = seen.failure.detail
        break
    if link is None or not link.up:
        why = f"it is not connected{f' ({link.detail})' if link is not None and link.detail else ''}"
    yield Missing(
        "fresh",
        Verdict.UNKNOWN,
        f"{host} was not read again after you asked: {why}.",
        "See that it answers, then mark the step done again.",
    )
