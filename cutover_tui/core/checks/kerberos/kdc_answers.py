"""Which KDCs there are, and which answer now: to the jump host, or where that hears nothing, to the guest. Pure.

A runbook lists its controllers, or leaves them to DNS: then those of the newest discovery that found any
are meant (`discovery` on the jump host's tape), so that an audit knows the same ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cutover_tui.core.addresses import parse_host_port
from cutover_tui.core.runbook import SECOND, Domain
from probes.facts_directory import DiscoveryFacts, GuestRootDseFacts
from probes.observation import Instant, Observation, Vantage

JUMP_READERS = ("kdc", "discovery")
"""Readers of the jump host that say which KDCs there are and what their clocks show."""

GUEST_READERS = ("kdc", "rootdse-guest")
"""Readers of a guest that show KDCs' clocks from there, for that guest only."""

SPEAKS_NS: Mapping[Vantage, int] = {"jump": 100 * SECOND, "guest": 150 * SECOND}
"""How long one answer, or silence, says how a KDC is: three questions and some, two where guests ask."""


@dataclass(frozen=True, slots=True)
class Answering:
    """What is known of one KDC now, by whoever hears it."""

    newest: Observation
    answers: Sequence[Observation]
    """All that are put together with the newest: of the same reader, from the same place."""


def kdcs(domain: Domain, jump: Iterable[Observation] = ()) -> tuple[str, ...]:
    """The KDCs of a runbook: its controllers by host, or those DNS names where it lists none.

    A port beside a controller is that of its clock.

    Args:
        jump: what the jump host saw, oldest first; only its discoveries are looked at.
    """
    if domain.controllers:
        return tuple(dict.fromkeys(parse_host_port(c)[0] for c in domain.controllers))
    found: tuple[str, ...] = ()
    for o in jump:
        if isinstance(o.facts, DiscoveryFacts) and o.facts.controllers:
            found = o.facts.controllers
    return found


def answering(observations: Sequence[Observation], now: Instant) -> Mapping[str, Answering]:
    """What each KDC was last heard or not heard to say, by its name; answers and failures alike.

    The jump host's own answers go before a guest's, a guest's by Kerberos before its by LDAP, and any answer
    before silence.

    Args:
        observations: of the jump host and of one guest, each of them oldest first.
    """
    newest: dict[str, dict[tuple[Vantage, str], Observation]] = {}
    for o in observations:
        age = o.ended.age_ns(now)
        if (
            o.reader in GUEST_READERS
            and asked_kdc(o)
            and age is not None
            and 0 <= age <= SPEAKS_NS[o.vantage]
        ):
            newest.setdefault(asked_kdc(o), {})[o.vantage, o.reader] = o
    found: dict[str, Answering] = {}
    for name, ways in newest.items():
        ordered = [ways[way] for way in _WAYS if way in ways]
        chosen = next((o for o in ordered if o.failure is None), ordered[0])
        if chosen.failure is not None and chosen.reader != "kdc":
            continue  # that a tool is not there says nothing about a KDC nobody has asked
        same = [
            o
            for o in observations
            if (o.reader, o.vantage) == (chosen.reader, chosen.vantage) and asked_kdc(o) == name
        ]
        found[name] = Answering(chosen, same)
    return found


_WAYS: tuple[tuple[Vantage, str], ...] = (("jump", "kdc"), ("guest", "kdc"), ("guest", "rootdse-guest"))


def silences(observations: Sequence[Observation], now: Instant) -> Mapping[str, tuple[Observation, ...]]:
    """Of each KDC that answers nobody: what the jump host and the guest last met with, in that order."""
    silent = {name for name, a in answering(observations, now).items() if a.newest.failure is not None}
    met: dict[str, dict[Vantage, Observation]] = {name: {} for name in silent}
    for o in observations:
        age = o.ended.age_ns(now)
        if (
            o.reader == "kdc"
            and asked_kdc(o) in silent
            and age is not None
            and 0 <= age <= SPEAKS_NS[o.vantage]
        ):
            met[asked_kdc(o)][o.vantage] = o
    return {
        name: tuple(ways[vantage] for vantage in ("jump", "guest") if vantage in ways)
        for name, ways in sorted(met.items())
    }


def met_with(silence: Iterable[Observation]) -> str:
    """What was met with, in words."""
    return "; ".join(o.failure.detail for o in silence if o.failure is not None)


def asked_kdc(observation: Observation) -> str:
    """The KDC an exchange was with, as the runbook names it; empty where nobody was asked."""
    if isinstance(observation.facts, GuestRootDseFacts):
        return observation.facts.server
    if observation.reader != "kdc" or not observation.raw:
        return ""
    return ":".join(observation.raw[0].argv[2:])


def all_silent(domain: Domain, observations: Sequence[Observation], now: Instant) -> str | None:
    """What is said of every KDC when not one of them answers; None while one does or has not been asked."""
    names = kdcs(domain, observations)
    silent = silences(observations, now)
    if not names or any(name not in silent for name in names):
        return None
    return "; ".join(f"{name}: {met_with(silent[name])}" for name in names)


def not_discovered(domain: Domain, jump: Iterable[Observation]) -> str | None:
    """Why no KDC is known although DNS was to name them; None where some are, or nobody has looked yet."""
    if domain.controllers or domain.realm is None:
        return None
    newest: Observation | None = None
    for o in jump:
        if o.reader == "discovery":
            newest = o
            if isinstance(o.facts, DiscoveryFacts) and o.facts.controllers:
                return None
    if newest is None:
        return None
    if isinstance(newest.facts, DiscoveryFacts):
        return "; ".join(f"{a.name}: {a.outcome}" for a in newest.facts.answers)
    return newest.failure.detail if newest.failure is not None else None
