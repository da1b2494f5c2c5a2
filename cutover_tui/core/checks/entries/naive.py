"""What a usual checklist asks: played beside ours, and believed by nobody."""

from __future__ import annotations

from collections.abc import Callable

from cutover_tui.core.checks import naive
from cutover_tui.core.checks.check import Asked, Check, Says
from cutover_tui.core.checks.entries.bounds import FRESH
from cutover_tui.core.checks.spec import CheckSpec
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Finding
from probes.observation import Family

NAIVE = "naive."
"""How the ids of these checks begin."""


def _naive(
    name: str,
    family: Family,
    judge: Callable[[Evidence, Asked, Says], Finding],
    *,
    readers: tuple[str, ...] = (),
    samples: bool = False,
) -> Check:
    return Check(
        spec=CheckSpec(id=name, version=1, family=family, max_age=FRESH),
        judge=judge,
        criterion=lambda _asked: naive.CRITERIA[name],
        readers=readers,
        looks_back=naive.looks_back if samples else None,
    )


CHECKS = (
    _naive("naive.time-service", Family.TIME, naive.time_service, readers=("services",)),
    _naive("naive.timedatectl", Family.TIME, naive.timedatectl, readers=("timedatectl", "services")),
    _naive("naive.date", Family.TIME, naive.date, samples=True),
    _naive("naive.agent", Family.IDENTITY, naive.agent, readers=("agents",)),
    _naive("naive.ping", Family.NETWORK, naive.ping, samples=True),
)
