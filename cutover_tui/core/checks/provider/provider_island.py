"""A source that nobody's time stands behind: it keeps its own, says a stratum for it, and vouches for it to the microsecond.

chronyd's `local` and ntpd's local clock driver announce stratum 10 unless told otherwise (chrony.conf(5), ntp.conf(5)), so
that whoever has a better source takes that; two guests with `local stratum 10 orphan` follow each other and are in
perfect order. No server that has its time from a radio is ten servers away from it. Where a site has no other time, its
server is listed among the references, and `time.reference` judges it.
"""

from __future__ import annotations

from collections.abc import Iterable

from cutover_tui.core.addresses import parse_host_port
from cutover_tui.core.checks.check import Says
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Finding
from probes.facts_time import NtpFacts
from probes.observation import Observation

STRATUM = 10


def judged(
    who: str,
    names: Iterable[str],
    stratum: int | None,
    used: tuple[Observation, ...],
    evidence: Evidence,
    says: Says,
) -> Finding | None:
    """Unknown where the source is such a one and none of the references; None = it is not.

    Args:
        names: of the source, and addresses.
    """
    names = tuple(names)
    if stratum is None or stratum < STRATUM or _measured(evidence) & {n.casefold() for n in names}:
        return None
    return says.unknown(
        "own-clock",
        f"{who} follows {names[0]} at stratum {stratum}: a server that keeps its own time announces so much, and whether "
        "that is right nobody measures.",
        remedy="Give the guest this site's time servers. If that is the site's own, list it in domain.references of a new "
        "session, so that it is measured (time.reference).",
        used=used,
    )


def _measured(evidence: Evidence) -> frozenset[str]:
    """Names and addresses of what the runbook has judged."""
    domain = evidence.domain
    named = {parse_host_port(text)[0] for text in (*domain.references, *domain.controllers)}
    asked = (o.facts for o in evidence.jump.get("ntp", ()))
    seen = {name for facts in asked if isinstance(facts, NtpFacts) for name in (facts.server, facts.address)}
    return frozenset(name.casefold() for name in named | seen)
