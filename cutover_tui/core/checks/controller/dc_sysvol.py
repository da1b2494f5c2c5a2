"""`dc.sysvol`: the controller is advertised, and its SYSVOL holds the policies that the directory names.

SYSVOL is replicated by other means than the directory (by DFS-R, by nothing at all in Samba), so that a
controller answers every LDAP query and still hands out old policies or none. LDAP shows what
should be there; what is there is read on the guest itself.
"""

from __future__ import annotations

from cutover_tui.core.checks.check import Asked, Says, no_facts
from cutover_tui.core.checks.controller.before import before_mark
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding
from probes.facts_controller import DS_FLAG, DcFacts, Policy, SysvolFacts

SHOWN = 3


def run(evidence: Evidence, _asked: Asked, says: Says) -> Finding:
    newest = evidence.latest("dc")
    facts = evidence.facts("dc", DcFacts)
    if facts is None or newest is None:
        return no_facts(says, "dc", newest)
    if facts.flags is None:
        return says.unknown(
            "no-answer",
            f"{facts.server} answers no LDAP ping, so whether it is advertised is not known.",
            remedy="Open UDP 389 to it from this jump host, or look at its netlogon service.",
            used=(newest,),
        )
    if not facts.flags & DS_FLAG:
        return says.fails(
            "not-advertised",
            f"{facts.server} does not advertise itself as a domain controller: on Windows SYSVOL is not ready then.",
            remedy="Look at DFS Replication's log (events 4612, 4614) and at SysvolReady; members go elsewhere meanwhile.",
            measured=facts.flags,
            used=(newest,),
        )
    if evidence.host.os != "linux":
        return says.unknown(
            "share-not-visible",
            f"{facts.server} is advertised; this version does not read the SYSVOL of a Windows controller.",
            remedy="dcdiag /test:sysvolcheck /test:dfsrevent on the controller, by a second person.",
            used=(newest,),
        )
    looked = evidence.latest("sysvol")
    share = evidence.facts("sysvol", SysvolFacts)
    if share is None or looked is None:
        return no_facts(says, "sysvol", looked)
    used = (newest, looked)
    if not facts.policies:
        return says.unknown(
            "policies-not-visible",
            f"{facts.server} shows no group policy in the directory; a domain has two from its first day.",
            remedy="Give the account that asks the right to read CN=Policies,CN=System.",
            used=used,
        )
    there = {p.guid: p.version for p in share.policies}
    missing = [p for p in facts.policies if p.guid not in there]
    if missing:
        return says.fails(
            "policies-missing",
            f"SYSVOL of {facts.server} lacks {_guids(missing)}, which the directory names.",
            remedy="Copy or replicate SYSVOL from a controller that has it.",
            measured=len(missing),
            used=used,
        )
    other = [p for p in facts.policies if there[p.guid] != p.version]
    if other:
        first = other[0]
        return says.fails(
            "versions-differ",
            f"{_guids(other)}: version {there[first.guid]} in SYSVOL, {first.version} in the directory.",
            remedy="Whichever is lower has not replicated, or went back: compare with another controller.",
            measured=there[first.guid] - first.version,
            used=used,
        )
    if evidence.mark is None:
        return says.passes(f"advertised; {len(facts.policies)} policies as in the directory", used=used)
    was = evidence.baseline.facts.get("sysvol") if evidence.baseline is not None else None
    before = before_mark(evidence)
    if not isinstance(was, SysvolFacts) or before is None:
        return says.unknown(
            "no-baseline",
            "Which policies SYSVOL held before the mark was not captured.",
            remedy="Compare SYSVOL with another controller's by hand.",
            used=used,
        )
    older = [p for p in was.policies if there.get(p.guid, p.version) < p.version]
    if older:
        first = older[0]
        return says.fails(
            "policies-older",
            f"{_guids(older)}: version {there[first.guid]}, before the mark it was {first.version}; the directory went "
            "back with it.",
            remedy="See dc.replication: the disk is older than the mark.",
            measured=there[first.guid] - first.version,
            used=used,
        )
    return says.passes(
        f"advertised; {len(facts.policies)} policies as in the directory, none older than before the mark",
        used=used,
    )


def criterion(_asked: Asked) -> Criterion:
    return Criterion(
        "advertised by its LDAP ping; each policy of the directory in its SYSVOL, in the same version, none older "
        "than in the baseline"
    )


def _guids(policies: list[Policy]) -> str:
    more = f" and {len(policies) - SHOWN} more" if len(policies) > SHOWN else ""
    return ", ".join(p.guid for p in policies[:SHOWN]) + more
