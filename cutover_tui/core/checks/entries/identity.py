"""The checks of what a guest is."""

from __future__ import annotations

from cutover_tui.core.checks import agent
from cutover_tui.core.checks.check import Check
from cutover_tui.core.checks.entries.bounds import FRESH
from cutover_tui.core.checks.spec import CheckSpec, Param
from probes.observation import Family

CHECKS = (
    Check(
        spec=CheckSpec(
            id="agent.swap",
            version=2,
            family=Family.IDENTITY,
            max_age=FRESH,
            params={
                "old": Param(
                    "str", agent.AUTO, doc="package that must be gone; auto = the source platform's"
                ),
                "new": Param("str", agent.AUTO, doc="agent that must run; auto = the target platform's"),
            },
        ),
        judge=agent.run,
        criterion=agent.criterion,
        readers=("agents",),
        naive="the new agent is connected",
    ),
)
