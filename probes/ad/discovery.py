"""Where DNS says a domain's controllers are, for a runbook that lists none: of the guests' site, and the PDC emulator.

A member looks for its controllers the same way ([MS-ADTS] section 6.3.6): `_kerberos._tcp.SITE._sites.dc._msdcs`
first, the whole domain's where no site is named or it names none, and what other realms register (RFC 4120
section 7.2.3.2) where there is no Active Directory.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from probes.ad.kept import keep, recall
from probes.ad.records import Asked, kdcs, pdc
from probes.facts_directory import Answer, DiscoveryFacts
from probes.observation import Facts, Failure, Family, Raw
from probes.reader import Reader

Ask = Callable[[Sequence[Asked]], Awaitable[Sequence[Answer]]]
"""Asks the jump host's own resolver; never raises for what the network does."""


class _Exchange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    domain: str
    site: str
    answers: tuple[Answer, ...]


def argv(domain: str, site: str) -> tuple[str, ...]:
    """How a search names itself."""
    return ("discovery", domain, site)


async def discover(ask: Ask, domain: str, site: str) -> Raw:
    """Ask until one question names KDCs, and for the PDC emulator."""
    names = [kdcs(domain, ""), f"_kerberos._tcp.{domain}"]
    if site:
        names.insert(0, kdcs(domain, site))
    asked: list[Asked] = [("", names[0], "SRV"), ("", pdc(domain), "SRV")]
    answers = list(await ask(asked))
    for name in names[1:]:
        if any(a.values for a in (answers[0], *answers[2:])):
            break
        answers += await ask([("", name, "SRV")])
    return keep(argv(domain, site), _Exchange(domain, site, tuple(answers)))


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from what was kept; that nobody is named is a fact too."""
    (raw,) = raws
    kept = recall(raw, _Exchange)
    if isinstance(kept, Failure):
        return kept
    return DiscoveryFacts(domain=kept.domain, site=kept.site, answers=kept.answers)


READER = Reader(
    name="discovery", version=1, family=Family.DIRECTORY, commands=(), parse=parse, interval_s=300.0
)
