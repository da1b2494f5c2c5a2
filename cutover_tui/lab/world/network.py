"""The simulated network: who reaches whom on which port, how long a packet takes, which ones are lost.

Everything is a pure function of the parties and the moment, so that the same world drops
the same packets again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from zlib import crc32

ANYBODY = "*"
JUMP = "jump"
NTP = 123
REFERENCES_NET, GUESTS_NET = "10.20.0", "10.20.1"
"""Where whoever names no address has one: the first `.1`, in the order of the file."""


@dataclass(frozen=True, slots=True)
class Link:
    """A path: `latency_ns` each way, plus `asymmetry_ns` on the way there (negative: on the way back)."""

    latency_ns: int = 200_000
    asymmetry_ns: int = 0
    jitter_ns: int = 0  # at most so much more, different for every packet
    loss_percent: int = 0


@dataclass(frozen=True, slots=True)
class Route:
    """A link between two parties, in both directions."""

    source: str
    target: str
    link: Link

    def fits(self, source: str, target: str) -> bool:
        return self.source in (source, ANYBODY) and self.target in (target, ANYBODY)


@dataclass(frozen=True, slots=True)
class Rule:
    """Packets from one party to another that a firewall drops; None = every port, every protocol."""

    source: str = ANYBODY
    target: str = ANYBODY
    port: int | None = None
    protocol: str | None = None

    def drops(self, source: str, target: str, port: int, protocol: str) -> bool:
        return (
            self.source in (source, ANYBODY)
            and self.target in (target, ANYBODY)
            and self.port in (port, None)
            and self.protocol in (protocol, None)
        )


@dataclass(slots=True)
class Network:
    """Links and firewall rules. Parties are guests, references and `jump`, by name."""

    default: Link = Link()
    routes: list[Route] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    seed: int = 1

    def link(self, source: str, target: str) -> tuple[Link, bool]:
        """The path between two parties, and whether it was named the other way round."""
        for route in reversed(self.routes):
            if route.fits(source, target):
                return route.link, False
            if route.fits(target, source):
                return route.link, True
        return self.default, False

    def allows(self, source: str, target: str, port: int, protocol: str) -> bool:
        """Whether a first packet gets through the firewalls; answers to it do."""
        return not any(rule.drops(source, target, port, protocol) for rule in self.rules)

    def delay(self, source: str, target: str, now: int, *, back: bool = False) -> int | None:
        """How long a packet takes that leaves at `now`, None when it is lost.

        `back`: it is the answer to an exchange that `source` began.
        """
        link, reversed_ = self.link(source, target)
        chance = self._chance(source, target, now, "back" if back else "there")
        if chance % 100 < link.loss_percent:
            return None
        extra = link.asymmetry_ns if (back == reversed_) else -link.asymmetry_ns
        jitter = (chance >> 8) % (link.jitter_ns + 1) if link.jitter_ns else 0
        return link.latency_ns + max(extra, 0) + jitter

    def round_trip(
        self, source: str, target: str, port: int, now: int, protocol: str = "udp"
    ) -> tuple[int, int] | None:
        """Both ways of an exchange that begins at `now`; None when either packet does not arrive."""
        if not self.allows(source, target, port, protocol):
            return None
        there = self.delay(source, target, now)
        if there is None:
            return None
        back = self.delay(source, target, now + there, back=True)
        return None if back is None else (there, back)

    def block(self, rule: Rule) -> None:
        """Drop what the rule names from now on."""
        if rule not in self.rules:
            self.rules.append(rule)

    def unblock(self, rule: Rule) -> None:
        """Let through again what the rule names: rules it covers are taken off."""
        self.rules = [one for one in self.rules if not covers(rule, one)]

    def _chance(self, *what: object) -> int:
        return crc32(f"{self.seed} {what}".encode())


def covers(wide: Rule, narrow: Rule) -> bool:
    """Whether everything the narrow one drops is dropped by the wide one."""
    pairs = (
        (wide.source, narrow.source, ANYBODY),
        (wide.target, narrow.target, ANYBODY),
        (wide.port, narrow.port, None),
        (wide.protocol, narrow.protocol, None),
    )
    return all(w in (n, everything) for w, n, everything in pairs)
