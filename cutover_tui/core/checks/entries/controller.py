"""The checks of a guest that is a domain controller."""

from __future__ import annotations

from cutover_tui.core.checks.check import Check
from cutover_tui.core.checks.controller import dc_genid, dc_replication, dc_rid, dc_sysvol
from cutover_tui.core.checks.entries.bounds import SLOW
from cutover_tui.core.checks.spec import CheckSpec
from probes.observation import Family


def _spec(name: str) -> CheckSpec:
    return CheckSpec(id=name, version=2, family=Family.DIRECTORY, max_age=SLOW, role="dc")


CHECKS = (
    Check(
        spec=_spec("dc.replication"),
        judge=dc_replication.run,
        criterion=dc_replication.criterion,
        readers=("dc",),
        compares=("dc",),
        naive="the controller boots and answers LDAP; `repadmin /replsummary` shows no failure",
    ),
    Check(
        spec=_spec("dc.genid"),
        judge=dc_genid.run,
        criterion=dc_genid.criterion,
        readers=("dc",),
        compares=("dc",),
        naive="it is the same disk",
    ),
    Check(
        spec=_spec("dc.sysvol"),
        judge=dc_sysvol.run,
        criterion=dc_sysvol.criterion,
        readers=("dc", "sysvol"),
        compares=("sysvol",),
        naive="the shares are there",
    ),
    Check(
        spec=_spec("dc.rid"),
        judge=dc_rid.run,
        criterion=dc_rid.criterion,
        readers=("dc",),
        compares=("dc",),
        naive="a test account could be created",
    ),
)
