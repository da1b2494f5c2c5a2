"""Whether a guest runs on the declared target, and whether it got there without a mark. Pure."""

from __future__ import annotations

from bisect import bisect_right

from cutover_tui.core.evidence import HostLog
from cutover_tui.core.runbook import MINUTE, Runbook
from probes.facts_identity import PlatformFacts
from probes.observation import Instant

SEEN_NS = 10 * MINUTE
"""How long a look at a guest's platform says where it runs."""


def on_target(observed: str, target: str, source: str) -> bool:
    """Whether a guest that shows `observed` may run on the declared target.

    Azure shows a guest what Hyper-V shows; only a move from one to the other cannot be told apart.
    """
    return observed == target or (target == "azure" and observed == "hyperv" and source != "hyperv")


def arrived(runbook: Runbook, log: HostLog, upto_line: int | None, now: Instant) -> str | None:
    """The platform a guest without a mark is seen on, where that is the target's and not the source's.

    Such a guest was moved before anybody said so: nothing that is measured of it is from before the move.
    None where no step of the runbook sets a mark, and where nothing recent says so.

    Args:
        upto_line: the last sealed line of its tape; None = all that is known.
    """
    source, target = runbook.source.platform, runbook.target.platform
    if not any(step.mark for step in runbook.steps()):
        return None
    end = len(log.observations) if upto_line is None else bisect_right(log.observation_lines, upto_line)
    for n in range(end - 1, -1, -1):
        o = log.observations[n]
        age = o.ended.age_ns(now)
        if age is None or age > SEEN_NS:
            return None
        if isinstance(o.facts, PlatformFacts):
            shown = o.facts.platform
            return shown if shown != source and on_target(shown, target, source) else None
    return None
