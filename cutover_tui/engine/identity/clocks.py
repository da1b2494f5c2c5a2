"""The clocks that decide about tickets: the guest's, each KDC's, and those that guests are judged by."""

from __future__ import annotations

from collections.abc import Iterator

from cutover_tui.core.addresses import parse_host_port
from cutover_tui.core.checks.clocks.references import Standing, carried
from cutover_tui.core.checks.clocks.standing_line import answers
from cutover_tui.core.checks.clocks.witness import asked_as, witness
from cutover_tui.core.checks.kerberos.kdc_answers import answering, asked_kdc, kdcs
from cutover_tui.core.checks.kerberos.kerberos_skew import heard, newest_sample, skews, told
from cutover_tui.core.evidence import Evidence
from cutover_tui.engine.identity.view import ClockKind, ClockRow, Skew
from probes.facts_time import GuestNtpFacts, HttpDateFacts, NtpFacts
from probes.observation import Instant, Observation

NOT_ASKED = "not asked yet"
NO_JUDGE = "no two clocks agree, so nobody can be judged"


def clock_rows(evidence: Evidence, standing: Standing, newest_ns: int | None) -> tuple[ClockRow, ...]:
    """The guest, then KDCs, controllers and references in the runbook's order.

    Args:
        newest_ns: CLOCK_BOOTTIME of the guest's newest reading, however old.
    """
    return (
        _guest(evidence, standing, newest_ns),
        *_kdcs(evidence, standing),
        *_witnesses(evidence, standing),
    )


def farthest(evidence: Evidence) -> Skew | None:
    """The guest minus the KDC it is farthest from; None where nothing can be told."""
    sample = newest_sample(evidence)
    found = skews(sample, told(evidence)) if sample is not None else ()
    far = max(found, key=lambda s: (s.worst_ns, s.kdc), default=None)
    return Skew(far.kdc, far.offset_ns, far.bound_ns) if far is not None else None


def _guest(evidence: Evidence, standing: Standing, newest_ns: int | None) -> ClockRow:
    name, sample = evidence.host.name, newest_sample(evidence)
    age = evidence.now.boottime_ns - newest_ns if newest_ns is not None else None
    if sample is None:
        return ClockRow(name, "guest", age_ns=age, why="never read" if age is None else "not read any more")
    right = carried(standing, sample.mono_ns)
    if right is None:
        return ClockRow(name, "guest", age_ns=age, why=NO_JUDGE)
    offset, bound = sample.offset_ns - right[0], sample.bound_ns + right[1]
    return ClockRow(name, "guest", offset - bound, offset + bound, age)


def _kdcs(evidence: Evidence, standing: Standing) -> Iterator[ClockRow]:
    now = evidence.now
    right = carried(standing, now.boottime_ns)
    clocks = {t.kdc: t.clock for t in told(evidence)}
    seen_now = heard(evidence)
    newest = {name: o for o in seen_now if (name := asked_kdc(o))}
    newest |= {name: said.newest for name, said in answering(seen_now, now).items()}
    sample = newest_sample(evidence)
    apart = {s.kdc: s for s in skews(sample, told(evidence))} if sample is not None else {}
    for name in kdcs(evidence.domain, seen_now):
        seen, clock = newest.get(name), clocks.get(name)
        age = seen.ended.age_ns(now) if seen is not None else None
        if clock is None:
            yield ClockRow(name, "kdc", age_ns=age, why=_why(seen))
            continue
        skew = apart.get(name)
        yield ClockRow(
            name,
            "kdc",
            low_ns=clock.low_ns - right[0] - right[1] if right is not None else None,
            high_ns=clock.high_ns - right[0] + right[1] if right is not None else None,
            age_ns=age,
            why="" if right is not None else NO_JUDGE,
            microseconds=clock.microseconds,
            jumped=clock.jumped,
            skew=Skew(name, skew.offset_ns, skew.bound_ns) if skew is not None else None,
        )


def _witnesses(evidence: Evidence, standing: Standing) -> Iterator[ClockRow]:
    """Everybody who is asked for the time, and what people read."""
    now, domain = evidence.now, evidence.domain
    newest = {_server(o): o for o in answers(evidence)}
    known = {w.server: w for w in (*standing.controllers, *standing.independents)}
    servers: dict[str, tuple[str, ClockKind]] = {}
    for text in domain.controllers or kdcs(domain, heard(evidence)):
        servers[asked_as(text)] = parse_host_port(text)[0], "controller"
    for text in (*domain.references, *(w.server for w in known.values() if w.kind == "people")):
        servers.setdefault(asked_as(text), (asked_as(text), "reference"))
    for server, (name, kind) in servers.items():
        seen, told_by = newest.get(server), known.get(server)
        age = seen.ended.age_ns(now) if seen is not None else None
        right = carried(standing, told_by.mono_ns) if told_by is not None else None
        if told_by is None:
            yield ClockRow(name, kind, age_ns=age, why=_why(seen, evidence.anchor))
        elif right is None:
            yield ClockRow(name, kind, age_ns=age, why=NO_JUDGE)
        else:
            offset, bound = told_by.offset_ns - right[0], told_by.bound_ns + right[1]
            believed = server not in standing.dissenting
            yield ClockRow(name, kind, offset - bound, offset + bound, age, believed=believed)


def _server(observation: Observation) -> str:
    """How the answers of a clock are named, where they are, and else what was asked."""
    facts = observation.facts
    if isinstance(facts, NtpFacts | HttpDateFacts | GuestNtpFacts):
        return facts.server
    return ":".join(observation.raw[0].argv[1:]) if observation.raw else ""


def _why(newest: Observation | None, anchor: Instant | None = None) -> str:
    """Why there is no clock to be seen in the newest answer."""
    if newest is None:
        return NOT_ASKED
    if newest.failure is not None:
        return newest.failure.detail
    if anchor is not None and isinstance(newest.facts, NtpFacts) and witness(newest, anchor) is None:
        return "says itself that it does not have the time"
    return "its last answer is too old"
