"""What a check may look at: selected deterministically, never picked.

`select` takes *all* observations of the readers a check names, for that host, since the
last void of their family and within `max_age`. Leaving one out would be cherry-picking.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from msgspec import structs

from cutover_tui.core.finding import Before
from cutover_tui.core.people import PeopleRead
from cutover_tui.core.reader_column import ReaderColumn
from cutover_tui.core.runbook import HOUR, MINUTE, Domain, Host
from cutover_tui.core.sample_columns import SampleColumns
from probes.observation import JUMP, Facts, Family, Instant, Observation, Sample

F = TypeVar("F", bound=Facts)

PROOF_SPEAKS_NS = 50 * MINUTE
"""How long an attempt says something beside other evidence: as long as any gate may let one stand."""


LATE_NS = 20_000_000_000
"""What was seen goes onto a tape when it has ended, never this much after what ended later."""

NAMED_BY_COMMAND = frozenset({"kdc"})
"""Readers of a guest that ask one server after the other: a failure names its server by its command alone."""


@dataclass(slots=True)
class HostLog:
    """Everything a tape holds of one host, in the order of its lines (numbered from 1).

    The live engine appends; the audit fills it from a tape. Both give the same evidence
    for the same last line. Holds one boot of the jump host only: evidence from before is stale.
    """

    observations: list[Observation] = field(default_factory=list)
    observation_lines: list[int] = field(default_factory=list)
    samples: SampleColumns = field(default_factory=SampleColumns)
    by_reader: dict[str, ReaderColumn] = field(default_factory=dict)
    """The same observations, each reader's by themselves."""

    def add_observation(self, line: int, observation: Observation) -> None:
        """Take an observation. What a guest printed stays on the tape: checks look at facts only, and a
        night of a wave's outputs, or of one hostile guest's, is more than memory.
        """
        if observation.host != JUMP:
            asked = observation.raw if observation.reader in NAMED_BY_COMMAND else ()
            bare = tuple(structs.replace(raw, out="", err="") for raw in asked)
            observation = structs.replace(observation, raw=bare)
        self.observations.append(observation)
        self.observation_lines.append(line)
        self.by_reader.setdefault(observation.reader, ReaderColumn()).add(line, observation)

    def add_sample(self, line: int, sample: Sample) -> None:
        self.samples.add(line, sample)

    def cut_after(self, line: int) -> None:
        """Forget what a failed disk lost: everything after that line of the tape."""
        keep = bisect_right(self.observation_lines, line)
        del self.observations[keep:]
        del self.observation_lines[keep:]
        for column in self.by_reader.values():
            column.cut_after(line)
        self.samples.cut_after(line)

    def forget(
        self, observations_before_ns: int, samples_before_ns: int, lasting: frozenset[str] = frozenset()
    ) -> None:
        """Drop what is older from memory; the tape keeps it.

        Args:
            lasting: readers that checks look back at as far as at samples.
        """
        old = bisect_right(self.observations, observations_before_ns, key=lambda o: o.ended.boottime_ns)
        kept = [
            n
            for n in range(old)
            if self.observations[n].reader in lasting
            and self.observations[n].ended.boottime_ns > samples_before_ns
        ]
        self.observations[:old] = [self.observations[n] for n in kept]
        self.observation_lines[:old] = [self.observation_lines[n] for n in kept]
        for reader, column in self.by_reader.items():
            column.forget(
                min(observations_before_ns, samples_before_ns)
                if reader in lasting
                else observations_before_ns
            )
        self.samples.forget(samples_before_ns)


@dataclass(frozen=True, slots=True)
class MarkPoint:
    """Where before ends and after begins for a host."""

    seq: int
    at: Instant


@dataclass(frozen=True, slots=True)
class Attempt:
    """One journaled attempt of a proof: when it was about to begin, and what it saw, once it has ended."""

    seq: int
    at: Instant
    proof: str
    number: int
    of: int
    ended: bool
    observation: str | None  # id on the host's tape; None after the end = it has no result


@dataclass(frozen=True, slots=True)
class Proofs:
    """What a person approved on a host, and every attempt that was made of it, oldest first."""

    approved: frozenset[str] = frozenset()
    attempts: tuple[Attempt, ...] = ()

    def series(self, proof: str, boot_id: str) -> tuple[Attempt, ...]:
        """The newest attempts in a row that began with a first one, in this boot of the jump host."""
        found: list[Attempt] = []
        for attempt in reversed(self.attempts):
            if attempt.proof != proof:
                continue
            if attempt.at.boot_id != boot_id:
                break
            found.append(attempt)
            if attempt.number == 1:
                return tuple(reversed(found))
        return ()

    def since(self, proof: str, void: Instant | None, now: Instant) -> tuple[Attempt, ...]:
        """Every attempt that was begun after the last disturbance, as far back as attempts count; oldest first."""
        return tuple(
            a
            for a in self.attempts
            if a.proof == proof
            and (age := a.at.age_ns(now)) is not None
            and age <= PROOF_LASTS_NS
            and (void is None or a.at.boottime_ns > void.boottime_ns)
        )


NO_PROOFS = Proofs()

PROOF_LASTS_NS = 11 * HOUR
"""How far back attempts count at all; what they saw is in memory for longer, so that an audit knows no more."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was captured before the mark, as far as checks compare with it."""

    seq: int
    at: Instant
    boot_id: str | None
    findings: Mapping[str, Before]  # by check
    facts: Mapping[str, Facts] = field(default_factory=dict)  # by reader; absent = not captured


@dataclass(frozen=True, slots=True)
class Evidence:
    """All one check sees of one host at `now`."""

    host: Host
    now: Instant
    anchor: Instant
    domain: Domain
    source: str
    target: str
    observations: Mapping[str, tuple[Observation, ...]]  # by reader, oldest first
    jump: Mapping[str, tuple[Observation, ...]]
    samples: tuple[Sample, ...]
    mark: MarkPoint | None
    baseline: Baseline | None
    voids: Mapping[Family, Instant]  # last disturbance of each family of this host
    proofs: Proofs = NO_PROOFS
    proven: Mapping[str, Observation] = field(default_factory=dict)
    """What the newest attempt of a proof saw, by proof; none that is older than PROOF_SPEAKS_NS or from before a
    disturbance."""
    witnessed: Mapping[str, tuple[Observation, ...]] = field(
        default_factory=dict
    )  # of this guest, for its line
    read: tuple[PeopleRead, ...] = ()
    then: Mapping[int, Evidence] = field(default_factory=dict)
    """What was known of the clocks when an attempt that failed began, by the sequence of its intent."""

    def voided(self, families: Iterable[Family]) -> Instant | None:
        """The last disturbance of any of these families in this boot of the jump host."""
        return last_void(self.voids, families, self.now)

    def latest(self, reader: str) -> Observation | None:
        """The newest observation of that reader, a failed one included; None when there is none."""
        seen = self.observations.get(reader, ())
        return seen[-1] if seen else None

    def facts(self, reader: str, kind: type[F]) -> F | None:
        """The newest facts of that reader when its newest observation has them."""
        newest = self.latest(reader)
        return newest.facts if newest is not None and isinstance(newest.facts, kind) else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a check asks for: readers of the guest and of the jump host, samples, and how far back.

    `witnesses` are readers of the guest that look back as far as those of the jump host.
    """

    readers: tuple[str, ...]
    jump_readers: tuple[str, ...]
    max_age_ns: int
    sample_age_ns: int | None  # None: no samples
    voided_by: tuple[Family, ...] = ()
    """Families whose disturbances void every reader's observations, besides the reader's own family's."""
    witnesses: tuple[str, ...] = ()
    proofs: tuple[str, ...] = ()
    """Proofs whose newest attempt is looked at beside what a guest's services say; nobody has to make one for it."""
    through_voids: bool = False
    """Samples and witnesses from before a disturbance count: what is asked is what the clock *was*."""
    proof: str | None = None
    """The reader of attempts: what they saw counts as far back as attempts do, whatever `max_age_ns` says."""


def select(
    wanted: Wanted,
    *,
    host: Host,
    log: HostLog,
    jump_log: HostLog,
    upto_line: int | None,
    jump_upto_line: int | None,
    families: Mapping[str, Family],
    voids: Mapping[Family, Instant],
    now: Instant,
    anchor: Instant,
    domain: Domain,
    source: str,
    target: str,
    mark: MarkPoint | None,
    baseline: Baseline | None,
    proofs: Proofs = NO_PROOFS,
    read: tuple[PeopleRead, ...] = (),
) -> Evidence:
    """All that counts for one check, and nothing else.

    Args:
        families: the family of each reader, so that a disturbance voids only its own.
        voids: last disturbance of each family of this host.
        upto_line: last sealed tape line that may be used; None = all.
    """
    age = max(wanted.max_age_ns, wanted.sample_age_ns or 0)
    now_ns = now.boottime_ns
    read_here = _by_reader(log, wanted.readers, upto_line, now_ns - wanted.max_age_ns, now_ns)
    if wanted.proof is not None:
        read_here |= _by_reader(log, (wanted.proof,), upto_line, now_ns - PROOF_LASTS_NS, now_ns)
    observations = {
        reader: tuple(_usable(found, last_void(voids, (families[reader], *wanted.voided_by), now), now))
        for reader, found in read_here.items()
    }
    read_at_jump = _by_reader(jump_log, wanted.jump_readers, jump_upto_line, now_ns - age, now_ns)
    jump = {reader: tuple(_usable(found, None, now)) for reader, found in read_at_jump.items()}
    seen_here = _by_reader(log, wanted.witnesses, upto_line, now_ns - age, now_ns)
    witnessed = {
        reader: tuple(_usable(found, None if wanted.through_voids else voids.get(families[reader]), now))
        for reader, found in seen_here.items()
    }
    samples: tuple[Sample, ...] = ()
    if wanted.sample_age_ns is not None:
        void = None if wanted.through_voids else voids.get(Family.TIME)
        since = now.boottime_ns - wanted.sample_age_ns
        if void is not None and void.boot_id == now.boot_id:
            since = max(since, void.boottime_ns)
        samples = log.samples.between(since, now.boottime_ns, upto_line)
    return Evidence(
        host=host,
        now=now,
        anchor=anchor,
        domain=domain,
        source=source,
        target=target,
        observations=observations,
        jump=jump,
        samples=samples,
        mark=mark,
        baseline=baseline,
        voids=voids,
        proofs=proofs,
        proven={
            name: seen
            for name in wanted.proofs
            if (seen := _proven(log, proofs.series(name, now.boot_id), upto_line, now)) is not None
            and not _before(seen, last_void(voids, (families[name], Family.TIME), now))
        },
        witnessed=witnessed,
        read=tuple(r for r in read if _counts(r, now)),
    )


def last_void(voids: Mapping[Family, Instant], families: Iterable[Family], now: Instant) -> Instant | None:
    """The last disturbance of any of these families that is of this boot of the jump host."""
    of_this_boot = [v for f in families if (v := voids.get(f)) is not None and v.boot_id == now.boot_id]
    return max(of_this_boot, key=lambda v: v.boottime_ns, default=None)


def _proven(
    log: HostLog, series: tuple[Attempt, ...], upto_line: int | None, now: Instant
) -> Observation | None:
    """What the last attempt of a series saw, as far as it may be looked at."""
    last = series[-1] if series else None
    if last is None or last.observation is None or now.boottime_ns - last.at.boottime_ns > PROOF_SPEAKS_NS:
        return None
    end = len(log.observations) if upto_line is None else bisect_right(log.observation_lines, upto_line)
    first = bisect_right(log.observations, last.at.boottime_ns, key=lambda o: o.ended.boottime_ns)
    return next((o for o in log.observations[first:end] if o.id == last.observation), None)


def _before(observation: Observation, void: Instant | None) -> bool:
    return void is not None and observation.began.boottime_ns <= void.boottime_ns


def _counts(read: PeopleRead, now: Instant) -> bool:
    return read.at.boot_id == now.boot_id and read.at.boottime_ns <= now.boottime_ns


def _by_reader(
    log: HostLog, readers: Iterable[str], upto_line: int | None, since_ns: int, until_ns: int
) -> dict[str, list[Observation]]:
    """What each of these readers saw in that stretch; what crossed late stands among what ended after it."""
    nothing = ReaderColumn()
    return {
        reader: log.by_reader.get(reader, nothing).between(since_ns, until_ns + LATE_NS, upto_line)
        for reader in readers
    }


def _usable(observations: Iterable[Observation], void: Instant | None, now: Instant) -> Iterable[Observation]:
    """Only this boot of the jump host, only what *began* after the void, nothing from the future."""
    for o in observations:
        if o.began.boot_id != now.boot_id or o.ended.boottime_ns > now.boottime_ns:
            continue
        if void is not None and void.boot_id == now.boot_id and o.began.boottime_ns <= void.boottime_ns:
            continue
        yield o
