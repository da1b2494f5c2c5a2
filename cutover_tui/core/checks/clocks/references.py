"""What the clocks we ask say together: true time, the domain's time, and what guests are judged by.

The jump host's own UTC plays no part: a reference's offset and a guest's offset are both
taken on the session timescale, so their difference is guest minus reference.

`domain.references` are *independent*: they do not share the domain's failure.
`domain.controllers` are the domain. However many controllers there are, they share one
failure (the PDC emulator's source) and so are one witness, not many.

**True time** (`Standing.truth`) is what independents say:

- the largest group of independents that agree, if it is at least two and more than half
  of the independents that answer;
- else the domain has one vote: a group of independents and the domain with at least two
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

"Agree" is: no two of them farther apart than `tolerances.references_agree`, to which what a coarse one
leaves open is added. So an agreeing witness more never makes a known answer unknown, and where
more than two fine clocks answer, a lone liar moves no answer by more than that tolerance.

**Kinds of witnesses.** An NTP server the jump host asks itself, or that a guest asks for it; the `Date`
of an HTTPS server; a clock two people read. One clock is one witness however often and from wherever it
is asked (the jump host's own answer goes before a guest's), and all that people read is one.

A witness is *fine*, or *coarse* where it is of a coarse kind (HTTPS, people) or leaves open more than
COARSE_NS either way; what leaves open more than COARSEST_NS is none. Coarse witnesses confirm where fine
ones cannot decide among themselves. For true time these are tried in turn, each time the largest agreeing
group if it is at least two and more than half of those asked (a coarse one that agrees with two fine ones who
contradict each other decides nothing):

1. fine independents
2. all independents
3. fine independents and the domain
4. all independents and the domain

for the domain's time: fine controllers, then all. In the group found only the fine ones speak: middle
and bound are theirs. Where it has none, its tightest one speaks alone. Therefore

- what two fine independents decide does not change at all by any number of coarse ones;
- one fine independent that somebody confirms is not moved, and its bound not widened, by a coarse one;
  two that agree against it outvote it, as two fine ones would: independents go before the domain;
- coarse ones alone answer with the bound of the one that speaks, a lone liar among them moves them no
  farther than the others can tell.

What rests on what people read ends with their reading (`Standing.until_ns`), not with the next answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from cutover_tui.core.checks.clocks.witness import COARSEST_NS, HOLD_NS, Witness, wander
from cutover_tui.core.runbook import SECOND
from probes.observation import Observation

LONE_NS = 60 * SECOND
"""How far a controller that answers alone may be off true time and still stand for the domain: within
it a guest that follows it keeps 240 s of Kerberos' 300 (the limit of `kerberos.margin`)."""

_PEOPLE = "@people"
"""What people read is one witness, whoever they are; no server has such a name."""

_DOMAIN = "@domain"
"""The domain as a voter."""


@dataclass(frozen=True, slots=True)
class Consensus:
    """Clocks of one kind that agree, their middle and what it leaves open; the others of that kind."""

    mono_ns: int
    offset_ns: int
    bound_ns: int
    agreeing: tuple[Witness, ...]  # those that speak
    dissenting: tuple[Witness, ...]
    confirming: tuple[Witness, ...] = ()  # coarse ones that do not contradict them

    @property
    def coarse(self) -> bool:
        """Whether no fine clock speaks."""
        return any(w.coarse for w in self.agreeing)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the newest answers that still speak say at `mono_ns`; see the module for the rules."""

    mono_ns: int
    independents: tuple[Witness, ...]
    controllers: tuple[Witness, ...]
    truth: Consensus | None
    domain: Consensus | None
    judge: Literal["domain", "references"] | None  # by whose time guests are judged
    guests: Consensus | None  # that time
    until_ns: int | None = None  # when `guests` ends because it rests on what people read

    @property
    def domain_off(self) -> tuple[int, int] | None:
        """The domain's time minus true time and the bound of that, in ns; None where one is not known."""
        return _apart(self.domain, self.truth)

    @property
    def dissenting(self) -> tuple[str, ...]:
        """Who is not believed among their own kind."""
        return tuple(w.server for c in (self.truth, self.domain) if c is not None for w in c.dissenting)

    @property
    def used(self) -> tuple[Observation, ...]:
        """The observations behind every witness."""
        every = (*self.independents, *self.controllers)
        return tuple(w.observation for w in every if w.observation is not None)

    def off_truth(self, w: Witness) -> tuple[int, int]:
        """One clock minus true time, which must be known, and the bound of that, in ns."""
        assert self.truth is not None  # noqa: S101 - callers look first
        return w.offset_ns - self.truth.offset_ns, w.bound_at(self.mono_ns) + self.truth.bound_ns


def standing_at(
    mono_ns: int, witnesses: Iterable[Witness], agree_ns: int, references: frozenset[str]
) -> Standing:
    """What the witnesses say at `mono_ns`, in whatever order they come.

    Args:
        references: names of the independent ones; other NTP servers are controllers.
    """
    newest: dict[str, Witness] = {}
    for w in witnesses:
        if not w.mono_ns <= mono_ns <= w.until_ns or w.bound_at(mono_ns) > COARSEST_NS:
            continue
        name = _PEOPLE if w.kind == "people" else w.server
        before = newest.get(name)
        if before is None or _rank(w) > _rank(before):
            newest[name] = w
    found = _standing(mono_ns, tuple(newest.values()), agree_ns, references)
    read = newest.pop(_PEOPLE, None)
    if read is None or found.guests is None:
        return found
    without = _standing(mono_ns, tuple(newest.values()), agree_ns, references)
    return found if without.guests is not None else replace(found, until_ns=read.until_ns)


def _rank(w: Witness) -> tuple[object, ...]:
    """Which of two answers of one clock counts: the jump host's own, the newest."""
    return w.kind != "guest", w.mono_ns, w.offset_ns, -w.bound_ns, w.server


def _standing(
    mono_ns: int, witnesses: tuple[Witness, ...], agree_ns: int, references: frozenset[str]
) -> Standing:
    ordered = sorted(witnesses, key=lambda w: (w.offset_ns, w.server))
    independents = tuple(w for w in ordered if w.kind == "people" or w.server in references)
    controllers = tuple(w for w in ordered if w not in independents)
    domain = _domain(mono_ns, controllers, agree_ns)
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
    if len(domain.agreeing) + len(domain.confirming) > 1:
        return True
    off = _apart(domain, truth)
    return off is not None and abs(off[0]) + off[1] <= LONE_NS


def _apart(one: Consensus | None, other: Consensus | None) -> tuple[int, int] | None:
    if one is None or other is None:
        return None
    return one.offset_ns - other.offset_ns, one.bound_ns + other.bound_ns


def carried(standing: Standing, mono_ns: int) -> tuple[int, int] | None:
    """Offset and bound of the time guests are judged by at `mono_ns`; None where it is not known or too old."""
    guests, apart = standing.guests, abs(mono_ns - standing.mono_ns)
    if guests is None or apart > HOLD_NS:
        return None
    if standing.until_ns is not None and mono_ns > standing.until_ns:
        return None
    return guests.offset_ns, guests.bound_ns + wander(apart)


class _Vote(NamedTuple):
    """What one voter allows the time to be, and whether it is a fine clock."""

    high_ns: int
    low_ns: int
    name: str
    fine: bool


def _vote(name: str, offset_ns: int, bound_ns: int, *, coarse: bool) -> _Vote:
    slack = bound_ns if coarse else 0
    return _Vote(offset_ns + slack, offset_ns - slack, name, not coarse)


def _votes(mono_ns: int, witnesses: Iterable[Witness]) -> tuple[_Vote, ...]:
    return tuple(_vote(_name(w), w.offset_ns, w.bound_at(mono_ns), coarse=w.coarse) for w in witnesses)


def _name(w: Witness) -> str:
    return _PEOPLE if w.kind == "people" else w.server


def _truth(
    mono_ns: int, independents: tuple[Witness, ...], domain: Consensus | None, agree_ns: int
) -> Consensus | None:
    votes = _votes(mono_ns, independents)
    fine = tuple(v for v in votes if v.fine)
    rounds = [fine, votes]
    if domain is not None:
        with_it = _vote(_DOMAIN, domain.offset_ns, domain.bound_ns, coarse=domain.coarse)
        rounds += [(*fine, with_it)] if with_it.fine else []
        rounds += [(*votes, with_it)]
    chosen = next((found for voters in rounds if (found := _most(voters, agree_ns, at_least=2))), frozenset())
    return _consensus(mono_ns, chosen, independents, agree_ns)


def _domain(mono_ns: int, controllers: tuple[Witness, ...], agree_ns: int) -> Consensus | None:
    votes = _votes(mono_ns, controllers)
    fine = tuple(v for v in votes if v.fine)
    chosen = _most(fine, agree_ns, at_least=1) or _most(votes, agree_ns, at_least=1)
    return _consensus(mono_ns, chosen, controllers, agree_ns)


def _most(votes: Sequence[_Vote], agree_ns: int, at_least: int) -> frozenset[str]:
    """The largest agreeing group if it is more than half. Among equals the one with more fine clocks, then the tighter.

    No two of a group are farther apart than `agree_ns`: the highest of their low ends less the lowest of
    their high ends. Coarse ones cannot choose between fine clocks that contradict each other by tightness.
    """
    groups: dict[frozenset[_Vote], tuple[int, int, int]] = {}
    for lowest in sorted(votes):
        group = [v for v in votes if v.high_ns >= lowest.high_ns and v.low_ns - lowest.high_ns <= agree_ns]
        tightness = lowest.high_ns - max(v.low_ns for v in group)
        groups.setdefault(frozenset(group), (len(group), sum(v.fine for v in group), tightness))
    if not groups:
        return frozenset()
    chosen = max(groups, key=lambda group: groups[group])  # of equals the first: the lowest
    if not all(v.fine for v in votes):
        equals = (group for group, rank in groups.items() if rank[:2] == groups[chosen][:2])
        if len({frozenset(v for v in group if v.fine) for group in equals}) > 1:
            return frozenset()
    return (
        frozenset(v.name for v in chosen)
        if len(chosen) >= at_least and 2 * len(chosen) > len(votes)
        else frozenset()
    )


def _consensus(
    mono_ns: int, names: frozenset[str], among: tuple[Witness, ...], agree_ns: int
) -> Consensus | None:
    """What those named say, out of `among`, which is in order of offsets."""
    group = [w for w in among if _name(w) in names]
    if not group:
        return None
    tightest = min(group, key=lambda w: (w.bound_at(mono_ns), w.offset_ns, w.server))
    agreeing = tuple(w for w in group if not w.coarse) or (tightest,)
    middle = (agreeing[0].offset_ns + agreeing[-1].offset_ns) // 2
    bound = max(abs(w.offset_ns - middle) + w.bound_at(mono_ns) for w in agreeing)
    others = [w for w in among if w not in agreeing]

    def confirms(w: Witness) -> bool:
        """A coarse one that is no farther from any of those that speak than it can tell."""
        open_ns = agree_ns + w.bound_at(mono_ns)
        return w.coarse and all(
            abs(w.offset_ns - a.offset_ns) <= open_ns + (a.bound_at(mono_ns) if a.coarse else 0)
            for a in agreeing
        )

    return Consensus(
        mono_ns=mono_ns,
        offset_ns=middle,
        bound_ns=bound,
        agreeing=agreeing,
        dissenting=tuple(w for w in others if not confirms(w)),
        confirming=tuple(w for w in others if confirms(w)),
    )
