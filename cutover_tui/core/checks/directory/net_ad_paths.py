"""`net.ad-paths`: the guest reaches the controller ports it reached before the mark.

Before the mark there is nothing to compare with: then one controller must be reached on all
the ports a member needs. So it is after it where none was reached before, unless the baseline
shows that the guest was in no domain: neither by a keytab, which is all that some services need,
nor by a service of the directory.

Who tells the guest where its controllers are belongs to the path: a name server of the old network that answers no
more is hidden as long as all that is asked for stands in /etc/hosts, krb5.conf or a cache. One that did not answer for
the domain before the mark either is advice.
"""

from __future__ import annotations

from cutover_tui.core.checks.check import Asked, Says, no_facts
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding
from probes.facts_directory import NameServer, Path, PathsFacts, TrustFacts
from probes.facts_kerberos import KeytabFacts
from probes.observation import Observation

NEEDED = (("tcp", 88), ("tcp", 389), ("tcp", 445), ("tcp", 464))
"""Kerberos, LDAP (StartTLS or signed), SMB for policies, and changing the machine's password."""

SHOWN = 4


def run(evidence: Evidence, _asked: Asked, says: Says) -> Finding:
    newest = evidence.latest("ad-paths")
    facts = evidence.facts("ad-paths", PathsFacts)
    if not evidence.domain.controllers or (facts is not None and not facts.paths):
        return says.unknown(
            "no-controllers",
            "The runbook names no domain controller, so no path was tried.",
            remedy="List the site's controllers in `domain.controllers`, also where DNS would name them.",
            used=(newest,) if newest is not None else (),
        )
    if facts is None or newest is None:
        return no_facts(says, "ad-paths", newest)
    used = (newest,)
    closed = {p.key: p for p in facts.paths if p.outcome != "open"}
    whole = sorted(
        {p.controller for p in facts.paths}
        - {p.controller for p in closed.values() if (p.proto, p.port) in NEEDED}
    )
    if evidence.mark is None:
        if not whole:
            return says.fails(
                "no-whole-controller",
                f"No controller is reached on all ports a member needs: {_named(list(closed.values()))}.",
                remedy="Look up the controllers on the guest: files and name servers lead to none of them."
                if all(p.outcome == "unresolved" for p in closed.values())
                else "Have the firewall opened before the move.",
                measured=len(closed),
                used=used,
            )
        return says.passes(
            f"{', '.join(whole[:SHOWN])}: every port a member needs{_advice(list(closed.values()))}{_unnamed(facts)}",
            used=used,
        )
    before = evidence.baseline.facts.get("ad-paths") if evidence.baseline is not None else None
    if not isinstance(before, PathsFacts):
        return says.unknown(
            "no-baseline",
            "Which ports the guest reached before the mark was not captured.",
            remedy="Compare with a guest of the same role that was not moved.",
            used=used,
        )
    reached = [p for p in before.paths if p.outcome == "open"]
    if not reached:
        return _none_before(evidence, whole, list(closed.values()), says, used)
    tried = {p.key for p in facts.paths}
    lost = [closed[p.key] for p in reached if p.key in closed]
    if all(p.outcome == "unresolved" for p in lost):
        nobody = _names_lost(facts, before, says, used)
        if nobody is not None:
            return nobody
    if lost:
        return says.fails(
            "paths-lost",
            f"Reached before the mark and no longer: {_named(lost)}{_where(facts, before, lost)}{_unnamed(facts)}.",
            remedy="Compare the firewall rules of the guest's new network with those of the old one.",
            measured=len(lost),
            used=used,
        )
    if not all(p.key in tried for p in reached):
        return says.unknown(
            "other-controllers",
            "Not every port of the baseline was tried: the runbook's controllers are others now.",
            remedy="List the same controllers as before the mark.",
            used=used,
        )
    advisory = [p for p in closed.values() if p.key not in {r.key for r in reached}]
    return says.passes(
        f"all {len(reached)} ports reached before the mark are reached{_advice(advisory)}{_unnamed(facts)}",
        measured=len(reached),
        used=used,
    )


def criterion(_asked: Asked) -> Criterion:
    return Criterion(
        "every controller port the guest reached before the mark, and each name server it asks knows the domain",
        0,
        "count",
    )


def _silent(facts: PathsFacts) -> list[NameServer]:
    return [s for s in facts.name_servers if s.outcome != "open"]


def _names_lost(
    facts: PathsFacts, before: PathsFacts, says: Says, used: tuple[Observation, ...]
) -> Finding | None:
    """Whether looking a name up fails, or waits, where it did not before the mark."""
    known = {s.address for s in _silent(before)}
    lost = [s for s in _silent(facts) if s.address not in known]
    none = bool(before.name_servers) and not facts.name_servers
    if not lost and not none:
        return None
    answers = len(facts.name_servers) - len(_silent(facts))
    meant = (
        f"{answers} of {len(facts.name_servers)} do, and lookups wait or fail when the others are asked"
        if answers
        else "controllers are found by files and caches, if at all, and nothing else is"
    )
    who = (
        "The guest has no name server any more"
        if none
        else f"Asked for the domain's controllers, {_servers(lost)}"
    )
    return says.fails(
        "name-server-lost",
        f"{who}: {meant}.",
        remedy="Give the guest the name servers of its new network (/etc/resolv.conf and what writes it), or open 53 to them.",
        measured=len(lost),
        used=used,
    )


def _servers(servers: list[NameServer]) -> str:
    words = {"timeout": "does not answer", "wrong-answer": "does not know them", "refused": "refuses"}
    return ", ".join(f"{s.address} {words.get(s.outcome, s.outcome)}" for s in servers)


def _unnamed(facts: PathsFacts) -> str:
    silent = _silent(facts)
    return f" (advisory, of its name servers: {_servers(silent)})" if silent else ""


def _where(facts: PathsFacts, before: PathsFacts, lost: list[Path]) -> str:
    """Where the guest looks for them now, if that is elsewhere: a line in /etc/hosts is no firewall."""
    then, now = dict(before.addresses), dict(facts.addresses)
    moved = [
        f"{c} is {now[c]} to it, and was {then[c]}"
        for c in dict.fromkeys(p.controller for p in lost)
        if c in then and c in now and then[c] != now[c]
    ]
    return f" ({'; '.join(moved[:SHOWN])})" if moved else ""


def _none_before(
    evidence: Evidence, whole: list[str], closed: list[Path], says: Says, used: tuple[Observation, ...]
) -> Finding:
    """A controller that was down looks like one that nobody uses; only who is no member needs none."""
    before = evidence.baseline.facts if evidence.baseline is not None else {}
    trust, keytab = before.get("trust"), before.get("keytab")
    no_keytab = isinstance(keytab, KeytabFacts) and not keytab.present
    if no_keytab and isinstance(trust, TrustFacts) and trust.empty:
        return says.na(
            "no-path-before",
            "No controller was reached before the mark, and the guest had neither a keytab nor a service of a directory.",
            used=used,
        )
    if whole:
        return says.passes(
            f"no controller was reached before the mark; now {', '.join(whole[:SHOWN])} on every port a member needs",
            code="none-before",
            used=used,
        )
    return says.unknown(
        "none-before",
        f"No controller was reached before the mark, so nothing says which ports the guest needs: {_named(closed)}.",
        remedy="Open the ports to one controller, or leave this check out for guests that are in no domain.",
        used=used,
    )


def _named(paths: list[Path]) -> str:
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return ", ".join(f"{p.controller} {p.port}/{p.proto} ({p.outcome})" for p in paths[:SHOWN]) + more


def _advice(paths: list[Path]) -> str:
    return f" (advisory, not reached: {_named(paths)})" if paths else ""
