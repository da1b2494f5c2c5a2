"""A witness of time: what one clock we may ask showed, and how well that is known.

Each kind has an honest bound: half of an exchange's round trip, where a guest asked for us also what
its own samples leave open, the second that an HTTPS server's `Date` does not show, two seconds for
what people read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cutover_tui.core.addresses import parse_host_port
from cutover_tui.core.checks.clocks.second_interval import SecondInterval, Shown, intersect
from cutover_tui.core.people import READ_BOUND_NS, PeopleRead
from cutover_tui.core.runbook import MINUTE, SECOND, Domain
from probes.facts_time import GuestNtpFacts, HttpDateFacts, NtpFacts
from probes.observation import Instant, Observation, Sample

HOLD_NS = 90 * SECOND
"""How long one answer of a reference speaks for it (five polls of 16 s and some)."""

Kind = Literal["ntp", "guest", "http", "people"]
HOLDS: dict[Kind, int] = {
    "ntp": HOLD_NS,
    "guest": 150 * SECOND,  # asked once a minute: two lost ones and some
    "http": 150 * SECOND,
    "people": 10 * MINUTE,
}
"""How long an answer of each kind speaks."""

COARSE_NS = SECOND // 2
"""A witness that leaves open more than this either way cannot say by itself whether two clocks agree within 1 s."""

COARSEST_NS = 3 * SECOND
"""What leaves open more is no witness: at 5 s guests fail."""

WANDER_PPM = 100
"""How far the jump host's BOOTTIME may run from true time between two answers; a free-running
PC clock stays below 100 ppm (chrony FAQ), a disciplined one far below."""

NTP_PORT = 123
HTTPS = "https://"


@dataclass(frozen=True, slots=True)
class Witness:
    """One reference's answer: its offset on the session timescale, true within `bound_ns`."""

    server: str
    mono_ns: int
    offset_ns: int
    bound_ns: int
    own_offset_ns: int  # the jump host's UTC minus this reference
    observation: Observation | None  # None: people read it, which the journal says
    kind: Kind = "ntp"

    @property
    def coarse(self) -> bool:
        """Whether it may confirm only; see the module."""
        return self.kind in ("http", "people") or self.bound_ns > COARSE_NS

    @property
    def until_ns(self) -> int:
        """Until when it speaks."""
        return self.mono_ns + HOLDS[self.kind]

    def bound_at(self, mono_ns: int) -> int:
        """Its bound with the wander of the timescale since."""
        return self.bound_ns + wander(mono_ns - self.mono_ns)


def independent(domain: Domain) -> frozenset[str]:
    """The runbook's independent references by the names their answers carry."""
    return frozenset(asked_as(server) for server in domain.references)


def asked_as(server: str) -> str:
    """How the answers of a server are named: the host, and the port where it is not NTP's own."""
    if server.startswith(HTTPS):
        return server
    host, port = parse_host_port(server)
    return host if port in (None, NTP_PORT) else f"{host}:{port}"


def wander(elapsed_ns: int) -> int:
    """How far the timescale may have run from true time in so long."""
    return abs(elapsed_ns) * WANDER_PPM // 1_000_000


def witness(observation: Observation, anchor: Instant) -> Witness | None:
    """The witness in an NTP observation of the jump host; None where the server says it has no time itself."""
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


DATE_LAG_NS = SECOND // 10
"""How late a new second may show: servers write their Date once a second, by a timer (Node, nginx under load)."""

BRACKET_NS = 3 * SECOND
"""How far around a guest's exchange its clock's samples are looked at; they come once a second."""


def seen_from_guest(observation: Observation, samples: Sequence[Sample], anchor: Instant) -> Witness | None:
    """The witness in a guest's own exchange: what its clock was then, less what it found it off the server.

    Somewhere between the observation's beginning and end the exchange took place. A sample before and
    one after that bracket it; whatever the clock did in between, a step included, all of them leave open.

    Args:
        samples: of that guest, in order of time.

    Returns:
        None where the exchange gave no facts, or its clock was not read before and after it.
    """
    facts = observation.facts
    began_ns, ended_ns = observation.began.boottime_ns, observation.ended.boottime_ns
    near = [s for s in samples if began_ns - BRACKET_NS <= s.mono_ns <= ended_ns + BRACKET_NS]
    if not isinstance(facts, GuestNtpFacts) or not near:
        return None
    if near[0].mono_ns > began_ns or near[-1].mono_ns < ended_ns:
        return None
    low = min(s.offset_ns - s.bound_ns for s in near)
    high = max(s.offset_ns + s.bound_ns for s in near)
    bound = (high - low + 1) // 2 + facts.bound_ns + wander(ended_ns - began_ns)
    offset = (low + high) // 2 - facts.apart_ns
    own = _own(observation.ended, anchor) - offset
    return Witness(facts.server, ended_ns, offset, bound, own, observation, "guest")


def https_date(observations: Sequence[Observation], anchor: Instant) -> Witness | None:
    """The witness in the answers of *one* HTTPS server, oldest first, as of the newest of them.

    None where they contradict one another: a clock that was set, or an answer out of somebody's cache.
    """
    answers = [(o, o.facts) for o in observations if isinstance(o.facts, HttpDateFacts)]
    if not answers:
        return None
    newest, facts = answers[-1]
    found = date_interval([f for _, f in answers], anchor, facts.received_ns)
    if found is None or found.jumped:
        return None
    own = _own(newest.ended, anchor) - found.middle_ns
    return Witness(facts.server, facts.received_ns, found.middle_ns, found.bound_ns, own, newest, "http")


def date_interval(answers: Sequence[HttpDateFacts], anchor: Instant, now_ns: int) -> SecondInterval | None:
    """What the Dates of one server allow its clock to be: each names a second that had begun."""
    latest_ns = SECOND + DATE_LAG_NS
    shown = [Shown(f.sent_ns, f.received_ns, f.date_ns, f.date_ns + latest_ns) for f in answers]
    return intersect(shown, anchor, now_ns)


def people(read: PeopleRead, anchor: Instant) -> Witness:
    """The witness of two people."""
    offset = read.utc_ns - anchor.on_timescale(read.at.boottime_ns)
    own = read.at.utc_ns - read.utc_ns
    return Witness(read.who, read.at.boottime_ns, offset, READ_BOUND_NS, own, None, "people")


def _own(at: Instant, anchor: Instant) -> int:
    """The jump host's UTC minus the session timescale at that moment."""
    return at.utc_ns - anchor.on_timescale(at.boottime_ns)
