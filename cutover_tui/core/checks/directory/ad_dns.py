"""`ad.dns`: the guest's records lead to where it is now, and its site has domain controllers.

Judged is what the domain's own name servers say (those that answer with authority), else what
the jump host's resolver says. What other servers say is named and fails nobody: records
replicate.
"""

from __future__ import annotations

import ipaddress

from cutover_tui.core.checks.check import Asked, Says, no_facts
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding
from probes.facts_directory import AddressesFacts, Answer, DnsFacts, RecordKind
from probes.observation import Observation

_MEANT = {
    "timeout": "does not answer",
    "refused": "refuses to answer",
    "unreachable": "cannot be reached",
    "not-understood": "answers what is no DNS",
}


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
    record = _of(facts, "A", facts.fqdn)
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
    if len(record.values) > 1:
        return says.fails(
            "several-addresses",
            f"{facts.fqdn} has {len(record.values)} A records ({', '.join(record.values[:4])}).",
            remedy="Remove the ones that are not its current address.",
            measured=len(record.values),
            used=used,
        )
    address = record.values[0]
    if address not in current:
        return says.fails(
            "wrong-address",
            f"{facts.fqdn} leads to {address}; the guest has {', '.join(sorted(current)[:4])}.",
            remedy="Correct the record; clients keep the old one for its time to live.",
            used=used,
        )
    six = _of(facts, "AAAA", facts.fqdn)
    stale = [v for v in six.values if v not in current] if six is not None else []
    if stale and evidence.facts("addresses", AddressesFacts) is not None:
        return says.fails(
            "wrong-address",
            f"{facts.fqdn} also leads to {stale[0]}, which the guest does not have.",
            remedy="Remove the AAAA record, or give the guest its address back.",
            used=used,
        )
    if asked.params["ptr"]:
        finding = _reverse(facts, address, says, used)
        if finding is not None:
            return finding
    kdcs = _site(facts)
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
    others = _others(facts, address)
    return says.passes(
        f"{facts.fqdn} leads to {address} and back; {where} has {len(kdcs.values)} "
        f"domain controller{'s' if len(kdcs.values) != 1 else ''}{others}",
        used=used,
    )


def criterion(asked: Asked) -> Criterion:
    back = ", and its PTR back to the name" if asked.params["ptr"] else ""
    return Criterion(
        f"exactly one A record, the guest's current address{back}; SRV records of its site", 1, "count"
    )


def _reverse(facts: DnsFacts, address: str, says: Says, used: tuple[Observation, ...]) -> Finding | None:
    name = ipaddress.ip_address(address).reverse_pointer
    record = _of(facts, "PTR", name)
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
        return {a.address for a in read.addresses if a.scope == "global"}
    return {facts.address} if facts.address else set()


def _of(facts: DnsFacts, kind: RecordKind, name: str) -> Answer | None:
    """The answer that counts: with authority first, then of whoever knows, then of anybody."""
    asked = [a for a in facts.answers if a.kind == kind and a.name.casefold() == name.casefold()]

    def rank(answer: Answer) -> int:
        known = answer.outcome in ("found", "absent")
        return (
            0 if known and answer.authoritative else 1 if known and not answer.server else 2 if known else 3
        )

    return min(asked, key=rank, default=None)


def _site(facts: DnsFacts) -> Answer | None:
    within = f"{facts.site}._sites." if facts.site else ""
    return _of(facts, "SRV", f"_kerberos._tcp.{within}dc._msdcs.{facts.domain}")


def _others(facts: DnsFacts, address: str) -> str:
    """Name servers that say something else of the address."""
    other = [
        a for a in facts.answers
        if a.kind == "A" and a.name == facts.fqdn and (a.outcome == "absent" or (a.values and a.values != (address,)))
    ]  # fmt: skip
    if not other:
        return ""
    first = other[0]
    said = ", ".join(first.values) if first.values else "nothing"
    return f" (advisory: {_server(first)} says {said})"


def _server(answer: Answer | None) -> str:
    if answer is None or not answer.server:
        return "the jump host's resolver"
    return answer.server
