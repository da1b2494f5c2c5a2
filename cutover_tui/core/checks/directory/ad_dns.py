"""`ad.dns`: the guest's records lead to where it is now, and its site has domain controllers.

Judged is what the name servers of the guest's site say, as far as an LDAP ping told which those
are and they answer with authority; else the first that does; else what the jump host's resolver
says, and then that is said. What other servers say is named and fails nobody: records replicate.
"""

from __future__ import annotations

import ipaddress
import re

from cutover_tui.core.checks.check import Asked, Says, no_facts
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding
from probes.facts_directory import Address, AddressesFacts, Answer, CldapFacts, DnsFacts, RecordKind
from probes.observation import Observation

_MEANT = {
    "timeout": "does not answer",
    "refused": "refuses to answer",
    "unreachable": "cannot be reached",
    "not-understood": "answers what is no DNS",
}
_INSIDE = re.compile(r"docker\d|podman\d|virbr\d|lxcbr\d|lxdbr\d|cni\d|flannel|veth|br-[0-9a-f]{12}\Z")
"""Interfaces that container engines and libvirt make for what runs inside the guest: nobody else reaches them."""

SHOWN = 4


def run(evidence: Evidence, asked: Asked, says: Says) -> Finding:
    newest = evidence.latest("dns")
    facts = evidence.facts("dns", DnsFacts)
    if facts is None or newest is None:
        return no_facts(says, "dns", newest)
    used: tuple[Observation, ...] = (newest,)
    current = _current(evidence, facts)
    if not current:
        return says.unknown(
            "address-not-known",
            "Which address the guest has now was not read, and the runbook names it by name.",
            remedy="Wait for the guest's next reading.",
            used=used,
        )
    if (addresses := evidence.latest("addresses")) is not None:
        used = (newest, addresses)
    near = _of_site(evidence, facts)
    record = _worst(facts, "A", facts.fqdn, near, current)
    if record is None or record.outcome not in ("found", "absent"):
        return says.unknown(
            "no-answer",
            f"{_server(record)} {_MEANT.get(record.outcome, '') if record else 'was not asked'}: "
            f"A of {facts.fqdn} is not known.",
            remedy="Bring the domain's name servers up, or name a controller that serves DNS.",
            used=used,
        )
    if record.outcome == "absent":
        return says.fails(
            "no-address-record",
            f"{_server(record)} has no A record for {facts.fqdn}.",
            remedy="Register it again (nsupdate -g, or the guest's own dynamic update).",
            measured=0,
            used=used,
        )
    foreign = [v for v in record.values if v not in current]
    whole = evidence.facts("addresses", AddressesFacts) is not None
    if foreign and len(foreign) < len(record.values) and not whole:
        return says.unknown(
            "address-not-known",
            f"{facts.fqdn} leads to {_some(record.values)} by {_server(record)}; which of them the guest has was not read.",
            remedy="Wait for the guest's next reading.",
            used=used,
        )
    if foreign and len(record.values) > 1:
        return says.fails(
            "several-addresses",
            f"{facts.fqdn} has {len(record.values)} A records by {_server(record)}, and {_some(foreign)} "
            f"{'is none' if len(foreign) == 1 else 'are none'} that others reach it by.",
            remedy="Remove the ones that are not its addresses.",
            measured=len(record.values),
            used=used,
        )
    if foreign:
        return says.fails(
            "wrong-address",
            f"{facts.fqdn} leads to {foreign[0]} by {_server(record)}; the guest has {_some(sorted(current))}.",
            remedy="Correct the record; clients keep the old one for its time to live.",
            used=used,
        )
    six = _worst(facts, "AAAA", facts.fqdn, near, current)
    stale = [v for v in six.values if v not in current] if six is not None else []
    if stale and whole:
        return says.fails(
            "wrong-address",
            f"{facts.fqdn} also leads to {stale[0]}, which the guest does not have.",
            remedy="Remove the AAAA record, or give the guest its address back.",
            used=used,
        )
    if asked.params["ptr"]:
        finding = _reverse(facts, record.values, near, says, used)
        if finding is not None:
            return finding
    kdcs = _site(facts, near)
    if kdcs is None or kdcs.outcome not in ("found", "absent"):
        return says.unknown(
            "no-answer",
            f"{_server(kdcs)} does not say which domain controllers the guest's site has.",
            remedy="Bring the domain's name servers up, or name a controller that serves DNS.",
            used=used,
        )
    where = f"site {facts.site}" if facts.site else f"domain {facts.domain}"
    if kdcs.outcome == "absent":
        return says.fails(
            "no-controllers",
            f"No domain controller is registered for {where}.",
            remedy="Check the site's name and the controllers' netlogon registration.",
            measured=0,
            used=used,
        )
    back = " and back" if asked.params["ptr"] else ""
    return says.passes(
        f"{facts.fqdn} leads to {_some(record.values)}{back}; {where} has {len(kdcs.values)} "
        f"domain controller{'s' if len(kdcs.values) != 1 else ''}{_asked_whom(record, kdcs)}"
        f"{_others(facts, record.values)}",
        code="ok" if record.server else "by-resolver",
        measured=len(record.values),
        used=used,
    )


def criterion(asked: Asked) -> Criterion:
    back = ", and the PTR of each back to the name" if asked.params["ptr"] else ""
    return Criterion(
        f"every A record an address the guest has now, one at least{back}; SRV records of its site",
        1,
        "count",
    )


def _reverse(
    facts: DnsFacts,
    addresses: tuple[str, ...],
    near: frozenset[str],
    says: Says,
    used: tuple[Observation, ...],
) -> Finding | None:
    """What is wrong with the pointer of one of the addresses; None where each leads back."""
    for address in addresses:
        name = ipaddress.ip_address(address).reverse_pointer
        record = _worst(facts, "PTR", name, near, {facts.fqdn.casefold()})
        if record is None or record.outcome not in ("found", "absent"):
            return says.unknown(
                "no-answer",
                f"{_server(record)} {_MEANT.get(record.outcome, '') if record else 'was not asked'}: "
                f"the name of {address} is not known.",
                remedy="Bring the name server of the reverse zone up, or set `ptr: false` where there is none.",
                used=used,
            )
        if record.outcome == "absent":
            return says.fails(
                "no-pointer",
                f"{address} has no PTR record.",
                remedy="Register it, or set `ptr: false` in the runbook where the site has no reverse zone.",
                measured=0,
                used=used,
            )
        if [v.casefold() for v in record.values] != [facts.fqdn.casefold()]:
            return says.fails(
                "wrong-pointer",
                f"{address} leads back to {', '.join(record.values[:3])}, not to {facts.fqdn}.",
                remedy="Correct the PTR record.",
                used=used,
            )
    return None


def _current(evidence: Evidence, facts: DnsFacts) -> set[str]:
    """The guest's own word, else the address in the runbook; both without what leads nowhere."""
    read = evidence.facts("addresses", AddressesFacts)
    if read is not None:
        return {a.address for a in read.addresses if _reached(a)}
    return {facts.address} if facts.address else set()


def _reached(address: Address) -> bool:
    return address.scope == "global" and not _INSIDE.match(address.interface)


def _of_site(evidence: Evidence, facts: DnsFacts) -> frozenset[str]:
    """Addresses of the controllers that are in the guest's site by their own word."""
    if not facts.site:
        return frozenset()
    site = facts.site.casefold()
    pings = [o.facts for o in evidence.jump.get("cldap", ()) if isinstance(o.facts, CldapFacts)]
    return frozenset(p.address for p in pings if p.server_site.casefold() == site)


def _worst(
    facts: DnsFacts, kind: RecordKind, name: str, near: frozenset[str], right: set[str]
) -> Answer | None:
    """Of the servers whose word counts, one that is wrong if there is one; None where nobody was asked.

    Of several in the guest's own site every one counts: half of its clients ask each. Of servers elsewhere
    only one does.
    """
    asked = [a for a in facts.answers if a.kind == kind and a.name.casefold() == name.casefold()]
    of_site = [a for a in asked if a.server in near and a.authoritative and a.outcome in ("found", "absent")]
    wrong = [a for a in of_site if not a.values or {v.casefold() for v in a.values} - right]
    return next(iter(wrong or of_site), None) or min(asked, key=_rank, default=None)


def _rank(answer: Answer) -> int:
    """With authority first, then the jump host's resolver, then whoever knows, then anybody."""
    known = answer.outcome in ("found", "absent")
    return 0 if known and answer.authoritative else 1 if known and not answer.server else 2 if known else 3


def _site(facts: DnsFacts, near: frozenset[str]) -> Answer | None:
    within = f"{facts.site}._sites." if facts.site else ""
    name = f"_kerberos._tcp.{within}dc._msdcs.{facts.domain}"
    asked = [a for a in facts.answers if a.kind == "SRV" and a.name.casefold() == name.casefold()]
    return min(asked, key=lambda a: (_rank(a), a.server not in near), default=None)


def _asked_whom(record: Answer, kdcs: Answer) -> str:
    """That nobody of the domain answered: a resolver has a cache, and may be of another view."""
    if record.server and kdcs.server:
        return ""
    return " (by the jump host's own resolver only: no controller answers for the domain)"


def _others(facts: DnsFacts, values: tuple[str, ...]) -> str:
    """Name servers that say something else of the addresses."""
    other = [
        a for a in facts.answers
        if a.kind == "A" and a.name == facts.fqdn and (a.outcome == "absent" or (a.values and a.values != values))
    ]  # fmt: skip
    if not other:
        return ""
    first = other[0]
    said = _some(first.values) if first.values else "nothing"
    return f" (advisory: {_server(first)} says {said})"


def _some(values: tuple[str, ...] | list[str]) -> str:
    more = f" and {len(values) - SHOWN} more" if len(values) > SHOWN else ""
    return ", ".join(values[:SHOWN]) + more


def _server(answer: Answer | None) -> str:
    if answer is None or not answer.server:
        return "the jump host's resolver"
    return answer.server
