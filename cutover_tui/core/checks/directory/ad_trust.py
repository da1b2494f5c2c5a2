"""`ad.trust`: the guest's own service is connected to a domain controller it can name.

What passes elsewhere proves nothing here: sssd answers from its cache while it is offline, and
`net ads testjoin` says "Join is OK" at any skew. A service's "online" is what it thinks since it last asked somebody,
with the library's correction of the clock. So where fresh exchanges were made on the guest (`kerberos.as`), what the
newest of them saw without that correction stands beside the service's word: refused, the word does not
pass. Where none was made, the passing sentence says on whose word it rests.
"""

from __future__ import annotations

from cutover_tui.core.amounts import span
from cutover_tui.core.checks.check import Asked, Says, no_facts
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding
from probes.facts_directory import TrustFacts
from probes.facts_kerberos import ExchangeFacts
from probes.observation import Observation


def run(evidence: Evidence, _asked: Asked, says: Says) -> Finding:
    newest = evidence.latest("trust")
    facts = evidence.facts("trust", TrustFacts)
    if facts is None or newest is None:
        return no_facts(says, "trust", newest)
    used = (newest,)
    if facts.sssd_online is False:
        return says.fails(
            "offline",
            "sssd is offline: logins come from its cache, and stop for whoever is not in it.",
            remedy="Check the clock first, then DNS and the paths to the controllers; sssd retries by itself.",
            used=used,
        )
    if facts.winbind_ping is False:
        return says.fails(
            "offline",
            f"winbind does not reach {facts.winbind_server or 'any controller'} over the secure channel.",
            remedy="Check the clock first, then DNS and the paths to the controllers.",
            used=used,
        )
    if facts.winbind_secret is False:
        return says.fails(
            "secret-refused",
            "A controller does not accept the machine's password (wbinfo -t).",
            remedy="Compare with ad.object: a snapshot restored with an older password needs a rejoin.",
            used=used,
        )
    refused = [(tool, said) for tool, ok, said in facts.testjoins if not ok]
    if refused:
        return says.fails(
            "join-refused",
            f"{refused[0][0]} testjoin: {refused[0][1]}",
            remedy="Read its sentence: a clock that is off is no broken join.",
            used=used,
        )
    hangs = next((u for u in facts.unseen if u.startswith("wbinfo:")), None)
    if hangs is not None or (facts.winbind_ping and facts.winbind_secret is None):
        return says.unknown(
            "not-asked",
            f"Whether a controller accepts the machine's password was not answered ({hangs or 'wbinfo -t'}).",
            remedy="winbind hangs while it looks for a controller: check the paths to them, then look again.",
            used=used,
        )
    servers = [s for s in (facts.sssd_server, facts.winbind_server) if s is not None]
    if facts.sssd_online is None and facts.winbind_ping is None:
        return _no_service(evidence, facts, says, used)
    if facts.sssd_online is True and facts.sssd_server is None:
        return says.unknown(
            "no-controller-named",
            "sssd says that it is online, and names no controller it is connected to.",
            remedy="Have it look somebody up who is not in its cache (id USER), then look again.",
            used=used,
        )
    if not servers:
        return says.unknown(
            "no-controller-named",
            "winbind answers, and names no controller.",
            remedy="Look again; wbinfo -P should name one.",
            used=used,
        )
    return _beside_an_exchange(f"connected to {' and '.join(dict.fromkeys(servers))}", evidence, says, used)


def _beside_an_exchange(word: str, evidence: Evidence, says: Says, used: tuple[Observation, ...]) -> Finding:
    """The service's own word, against what the newest fresh exchange of the machine account saw unmasked."""
    seen = evidence.proven.get("exchange")
    facts = seen.facts if seen is not None else None
    if seen is None or not isinstance(facts, ExchangeFacts):
        return says.passes(
            f"{word}, by its service's own word: no fresh exchange stands beside it (kerberos.as)", used=used
        )
    used = (*used, seen)
    plain = [e for e in facts.exchanges if not e.masked]
    refused = next((e for e in plain if e.outcome == "refused"), None)
    ago = span(evidence.now.boottime_ns - seen.ended.boottime_ns)
    if refused is not None:
        number = f"error {refused.code}: " if refused.code is not None else ""
        return says.fails(
            "exchange-refused",
            f"The guest's service says {word}, and {ago} ago {facts.principal} was refused ({refused.kind}), "
            f"{number}{refused.text}.",
            remedy=f"See kerberos.{refused.kind} for why; what the service says hides it until its tickets end. "
            "Then prove it anew (x).",
            used=used,
        )
    if any(e.outcome == "silent" for e in plain):
        return says.unknown(
            "exchange-silent",
            f"The guest's service says {word}, and {ago} ago nobody answered {facts.principal}.",
            remedy="Look at the paths to the controllers (net.ad-paths); then prove it anew (x).",
            used=used,
        )
    if any(e.outcome == "ok" for e in plain):
        return says.passes(
            f"{word}; {ago} ago {facts.principal} got fresh tickets without the library's correction of the clock",
            used=used,
        )
    why = plain[0].text or plain[0].outcome if plain else "no tool for it"
    return says.passes(
        f"{word}, by its service's own word: {ago} ago no fresh exchange could be tried ({why})", used=used
    )


def criterion(_asked: Asked) -> Criterion:
    return Criterion(
        "the guest's directory service is online with a controller it names, not from its cache, "
        "and no fresh exchange of the guest says otherwise"
    )


def _no_service(evidence: Evidence, facts: TrustFacts, says: Says, used: tuple[Observation, ...]) -> Finding:
    """Neither sssd nor winbind answers: never joined, or no longer?"""
    before = evidence.baseline.facts.get("trust") if evidence.baseline is not None else None
    if isinstance(before, TrustFacts):
        if (before.sssd_online is not None or before.winbind_ping is not None) and not facts.unseen:
            return says.fails(
                "service-gone",
                "Before the mark a directory service ran here, now none answers.",
                remedy="Start sssd or winbind and look at why it stopped.",
                used=used,
            )
        if before.empty and facts.empty:
            return says.na("not-joined", "No domain was configured before the mark, and none is.", used=used)
    why = f" ({'; '.join(facts.unseen[:2])})" if facts.unseen else ""
    return says.unknown(
        "no-service-seen",
        f"Neither sssd nor winbind could be asked{why}.",
        remedy="Start the service, or let the account ask it (sssctl needs root and the package sssd-tools).",
        used=used,
    )
