"""What the clocks we ask say together: true time, the domain's time, and what guests are judged by.

The jump host's own UTC plays no part: a reference's offset and a guest's offset are both
taken on the session timescale, so their difference is guest minus reference.

`domain.references` are *independent*: they do not share the domain's failure.
`domain.controllers` are the domain. However many controllers there are, they share one
failure (the PDC emulator's source) and so are one witness, not many.

**True time** (`Standing.truth`) is what independents say:

1. the largest group of independents that agree, if it is at least two and more than half
   of the independents that answer;
2. else the domain has one vote: a group of independents and the domain with at least two
   votes and more than half of all. So one independent and a domain that agree are two
   witnesses that share no failure, and a domain may break a tie between independents.

The domain votes and never moves the answer: middle and bound are those of the independents.

**The domain's time** (`Standing.domain`) is the largest group of controllers that agree, if
it is more than half of those that answer. Where they are halves, there is none.

**What guests are judged by** (`Standing.guests`): the domain's time, because that is what
Kerberos compares with; a guest that follows a wrong domain is not to blame for it, and
`time.reference` names the domain.

| true time | controllers | guests are judged by |
| --- | --- | --- |
| known | two or more agree | the domain |
| known | one answers, within LONE_NS of true time | that controller |
| known | one answers, farther off | true time: one clock cannot speak for a domain |
| known | none answers, or they form halves | true time |
| not known | two or more agree | the domain |
| not known | one answers, none, or they form halves | nobody: no guest is judged |

"Agree" is always: no two of them farther apart than `tolerances.references_agree`. So an
agreeing witness more never makes a known answer unknown, and where more than two clocks
answer, a lone liar moves no answer by more than that tolerance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from cutover_tui.core.addresses import parse_host_port
from cutover_tui.core.runbook import Domain
from probes.facts_time import NtpFacts
from probes.observation import Instant, Observation

HOLD_NS = 90_000_000_000
"""How long one answer of a reference speaks for it (five polls of 16 s and some)."""

LONE_NS = 60_000_000_000
"""How far a controller that answers alone may be off true time and still stand for the domain: within
it a guest that follows it keeps 240 s of Kerberos' 300 (the limit of `kerberos.margin`)."""

WANDER_PPM = 100
"""How far the jump host's BOOTTIME may run from true time between two answers; a free-running
PC clock stays below 100 ppm (chrony FAQ), a disciplined one far below."""

NTP_PORT = 123


@dataclass(frozen=True, slots=True)
class Witness:
    """One reference's newest answer: its offset on the session timescale, true within `bound_ns`."""

    server: str
    mono_ns: int
    offset_ns: int
    bound_ns: int
    own_offset_ns: int  # the jump host's UTC minus this reference
    observation: Observation


@dataclass(frozen=True, slots=True)
class Consensus:
    """Clocks of one kind that agree, their middle and what it leaves open; the others of that kind."""

    mono_ns: int
    offset_ns: int
    bound_ns: int
    agreeing: tuple[Witness, ...]
    dissenting: tuple[Witness, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the newest answers not older than HOLD_NS say at `mono_ns`; see the module for the rules."""

    mono_ns: int
    independents: tuple[Witness, ...]
    controllers: tuple[Witness, ...]
    truth: Consensus | None
    domain: Consensus | None
    judge: Literal["domain", "references"] | None  # by whose time guests are judged
    guests: Consensus | None  # that time

    @property
    def domain_off(self) -> tuple[int, int] | None:
        """The domain's time minus true time and the bound of that, in ns; None where one is not known."""
        return _apart(self.domain, self.truth)

    @property
    def dissenting(self) -> tuple[str, ...]:
        """Who is not believed among their own kind."""
        return tuple(w.server for c in (self.truth, self.domain) if c is not None for w in c.dissenting)

    def off_truth(self, w: Witness) -> tuple[int, int]:
        """One clock minus true time, which must be known, and the bound of that, in ns."""
        assert self.truth is not None  # noqa: S101 - callers look first
        bound = w.bound_ns + wander(self.mono_ns - w.mono_ns) + self.truth.bound_ns
        return w.offset_ns - self.truth.offset_ns, bound


def independent(domain: Domain) -> frozenset[str]:
    """The runbook's independent references by the names their answers carry."""
    return frozenset(asked_as(server) for server in domain.references)


def asked_as(server: str) -> str:
    """How the answers of a server are named: the host, and the port where it is not NTP's own."""
    host, port = parse_host_port(server)
    return host if port in (None, NTP_PORT) else f"{host}:{port}"


def witness(observation: Observation, anchor: Instant) -> Witness | None:
    """The witness in an NTP observation; None where the server says it has no time itself."""
    facts = observation.facts
    if not isinstance(facts, NtpFacts) or facts.leap == "unsynchronised" or not 1 <= facts.stratum <= 15:
        return None
    return Witness(
        server=facts.server,
        mono_ns=facts.mono_ns,
        offset_ns=facts.server_ns - anchor.on_timescale(facts.mono_ns),
        bound_ns=(facts.rtt_ns + 1) // 2,
        own_offset_ns=facts.own_utc_ns - facts.server_ns,
        observation=observation,
    )


def standing_at(
    mono_ns: int, witnesses: Iterable[Witness], agree_ns: int, references: frozenset[str]
) -> Standing:
    """What the witnesses say at `mono_ns`, in whatever order they come.

    Args:
        references: names of the independent ones; every other witness is a controller.
    """
    newest: dict[str, Witness] = {}
    for w in witnesses:
        if not mono_ns - HOLD_NS <= w.mono_ns <= mono_ns:
            continue
        before = newest.get(w.server)
        if before is None or (w.mono_ns, w.offset_ns) > (before.mono_ns, before.offset_ns):
            newest[w.server] = w
    ordered = sorted(newest.values(), key=lambda w: (w.offset_ns, w.server))
    independents = tuple(w for w in ordered if w.server in references)
    controllers = tuple(w for w in ordered if w.server not in references)
    clocks = {w.server: w.offset_ns for w in controllers}
    domain = _consensus(mono_ns, _most(clocks, agree_ns, at_least=1), controllers)
    truth = _truth(mono_ns, independents, domain, agree_ns)
    by_domain = domain is not None and _speaks(domain, truth)
    return Standing(
        mono_ns=mono_ns,
        independents=independents,
        controllers=controllers,
        truth=truth,
        domain=domain,
        judge="domain" if by_domain else "references" if truth is not None else None,
        guests=domain if by_domain else truth,
    )


def _speaks(domain: Consensus, truth: Consensus | None) -> bool:
    """Whether these controllers can stand for their domain: several, or one that is not far off."""
    if len(domain.agreeing) > 1:
        return True
    off = _apart(domain, truth)
    return off is not None and abs(off[0]) + off[1] <= LONE_NS


def _apart(one: Consensus | None, other: Consensus | None) -> tuple[int, int] | None:
    if one is None or other is None:
        return None
    return one.offset_ns - other.offset_ns, one.bound_ns + other.bound_ns


def carried(consensus: Consensus, mono_ns: int) -> tuple[int, int] | None:
    """Offset and bound of that time at `mono_ns`, or None when the consensus is too old for it."""
    apart = abs(mono_ns - consensus.mono_ns)
    if apart > HOLD_NS:
        return None
    return consensus.offset_ns, consensus.bound_ns + wander(apart)


def wander(elapsed_ns: int) -> int:
    """How far the timescale may have run from true time in so long."""
    return abs(elapsed_ns) * WANDER_PPM // 1_000_000


def _truth(
    mono_ns: int, independents: tuple[Witness, ...], domain: Consensus | None, agree_ns: int
) -> Consensus | None:
    votes = {w.server: w.offset_ns for w in independents}
    chosen = _most(votes, agree_ns, at_least=2)
    if not chosen and domain is not None:
        chosen = _most({**votes, _DOMAIN: domain.offset_ns}, agree_ns, at_least=2)
    return _consensus(mono_ns, chosen, independents)


_DOMAIN = ""
"""The domain as a voter; no server has an empty name."""


def _most(offsets: Mapping[str, int], agree_ns: int, at_least: int) -> frozenset[str]:
    """The largest agreeing group if it is more than half; among equals the tighter one. Else nobody."""
    ordered = sorted((offset, name) for name, offset in offsets.items())
    best: tuple[int, int] | None = None
    chosen: frozenset[str] = frozenset()
    for i, (low, _) in enumerate(ordered):
        group = [(offset, name) for offset, name in ordered[i:] if offset - low <= agree_ns]
        rank = len(group), low - group[-1][0]
        if best is None or rank > best:
            best, chosen = rank, frozenset(name for _, name in group)
    return chosen if len(chosen) >= at_least and 2 * len(chosen) > len(ordered) else frozenset()


def _consensus(mono_ns: int, names: frozenset[str], among: tuple[Witness, ...]) -> Consensus | None:
    """What those named say, out of `among`, which is in order of offsets."""
    agreeing = tuple(w for w in among if w.server in names)
    if not agreeing:
        return None
    middle = (agreeing[0].offset_ns + agreeing[-1].offset_ns) // 2
    return Consensus(
        mono_ns=mono_ns,
        offset_ns=middle,
        bound_ns=max(abs(w.offset_ns - middle) + w.bound_ns + wander(mono_ns - w.mono_ns) for w in agreeing),
        agreeing=agreeing,
        dissenting=tuple(w for w in among if w.server not in names),
    )
