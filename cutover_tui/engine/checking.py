"""Looking without a screen and without a record: the same watches, the same gate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from cutover_tui import __version__
from cutover_tui.core.checks.kerberos.kdc_answers import Answering, answering, kdcs, not_discovered, silences
from cutover_tui.core.checks.registry import CHECKS, asked, versions
from cutover_tui.core.finding import Decision, Verdict
from cutover_tui.core.gate import decide, hosts_of
from cutover_tui.core.loading import Loaded
from cutover_tui.core.runbook import SECOND, Domain, Host, Runbook, Step
from cutover_tui.core.visibility import not_visible
from cutover_tui.engine.assembly import Surroundings, watches
from cutover_tui.engine.messages import Broken, Crossing, LinkChanged, Message, Sampled, SecretAsked, Seen
from cutover_tui.engine.recording.recognising import Recognising
from cutover_tui.engine.watches.probe_loop import ProbeLoop
from cutover_tui.record.asking import Logs, guests, question
from cutover_tui.record.events import GENESIS, Disturbed, Event, SessionResumed, SessionStarted
from cutover_tui.record.state import State
from probes.facts_time import GuestNtpFacts, HttpDateFacts, NtpFacts
from probes.net import SystemClock
from probes.observation import JUMP, FailureKind, Instant, Observation

SETTLE_NS = 20 * SECOND
"""How long a look may take before what is missing is called unknown: connect, four NTP exchanges, one turn."""


LASTING = frozenset({FailureKind.HOST_KEY, FailureKind.DENIED})
"""Failures to connect that waiting does not mend."""


@dataclass(slots=True)
class Look:
    """Evidence in memory, for as long as a headless check runs."""

    logs: Logs = field(default_factory=Logs)
    answered: set[str] = field(default_factory=set)  # hosts whose readers have spoken, or that are lost
    unreachable: set[str] = field(default_factory=set)  # of those, hosts that waiting does not mend
    asked: list[SecretAsked] = field(default_factory=list)
    recognising: Recognising = field(default_factory=Recognising)
    disturbed: list[Disturbed] = field(default_factory=list)
    """What was noticed of the machines and no state knows yet."""
    broken: list[str] = field(default_factory=list)
    """Defects of this program, not said yet."""

    def heard(self, hosts: set[str]) -> set[str]:
        """Which references have shown their clock to the jump host or to one of these guests."""
        seen = (o.facts for name in (JUMP, *hosts) for o in self.logs.of(name).observations)
        return {f.server for f in seen if isinstance(f, NtpFacts | GuestNtpFacts | HttpDateFacts)}

    def asked_guests(self) -> bool:
        """Whether a guest was asked for a KDC."""
        logs = (log for name, log in self.logs.by_host.items() if name != JUMP)
        return any(o.reader == "kdc" for log in logs for o in log.observations)

    def kdcs_told(self, domain: Domain, hosts: Iterable[Host], now: Instant) -> bool:
        """Whether each KDC has shown itself or been silent to the jump host and to each of these guests that may ask."""
        jump = self.logs.of(JUMP).observations
        names = kdcs(domain, jump)
        if not names:
            return not_discovered(domain, jump) is not None
        return all(
            name in found
            and (found[name].newest.failure is None or _met_by(silent[name]) >= set(host.vantage))
            for host in hosts
            for found, silent in (self._kdcs(host.name, now),)
            for name in names
        )

    def _kdcs(
        self, host: str, now: Instant
    ) -> tuple[Mapping[str, Answering], Mapping[str, tuple[Observation, ...]]]:
        seen = (*self.logs.of(JUMP).observations, *self.logs.of(host).observations)
        return answering(seen, now), silences(seen, now)

    def take(self, messages: list[Message], _lost: int) -> None:
        """What the watches saw."""
        for message in messages:
            match message:
                case Sampled():
                    log = self.logs.of(message.host)
                    log.add_sample(len(log.samples) + 1, message.sample)
                case Seen(observation=o):
                    log = self.logs.of(o.host)
                    log.add_observation(len(log.observations) + 1, o)
                    if o.reader == "boot" and o.failure is None:
                        self.answered.add(o.host)
                    self.disturbed.extend(self.recognising.see(o))
                case LinkChanged(failure=None):
                    self.recognising.connected[message.host] = message.at
                case Broken(part=part, detail=detail):
                    self.broken.append(f"a defect of this program in {part}: {detail}")
                case LinkChanged(failure=failure) if failure is not None and failure.kind in LASTING:
                    self.answered.add(message.host)
                    self.unreachable.add(message.host)
                case SecretAsked():
                    self.asked.append(message)
                case _:
                    pass


def _met_by(silence: Iterable[Observation]) -> set[str]:
    return {o.vantage for o in silence}


def _asks_kdcs(runbook: Runbook, steps: Iterable[Step]) -> bool:
    gates = (g for step in steps for g in step.gate if g.check in CHECKS)
    return runbook.domain.realm is not None and any("kdc" in CHECKS[g.check].jump_readers for g in gates)


@dataclass(frozen=True, slots=True)
class Looked:
    """What a headless look decided, and what of each guest it could not see."""

    decisions: tuple[Decision, ...]
    not_visible: tuple[tuple[str, tuple[str, ...]], ...]  # guest and words, where there are any


async def check(
    loaded: Loaded,
    steps: tuple[Step, ...],
    hosts: tuple[str, ...],
    around: Surroundings,
    *,
    soak: bool,
    state: State | None,
    progress: Callable[[str], None],
    secret: Callable[[str, bool], str | None],
) -> Looked:
    """Decide every step in every column asked for, on evidence gathered now.

    Args:
        secret: asks a person (words, echo); blocks, so it runs in a thread. None = nobody said.
        soak: wait until the longest soak can be complete; otherwise one look of seconds.
        state: a session's state, for its marks and baselines; None = before any.
    """
    clock = SystemClock()
    anchor = clock.now()
    look = Look()
    crossing = Crossing(asyncio.get_running_loop(), look.take)
    probes = ProbeLoop(lambda: watches(loaded.runbook, clock, anchor, crossing.put, around))
    await probes.start()
    try:
        wanted = {g.name for step in steps for host in hosts for g in guests(loaded.runbook, step, host)}
        domain = loaded.runbook.domain
        clocks = len({*domain.controllers, *domain.references})
        members = (
            [h for h in loaded.runbook.hosts if h.name in wanted] if _asks_kdcs(loaded.runbook, steps) else []
        )

        def told() -> bool:
            reached = [h for h in members if h.name not in look.unreachable]
            return not reached or look.kdcs_told(domain, reached, clock.now())

        await _settled(look, wanted, clock, anchor, probes, clocks, told, secret)
        if soak:
            await _soaked(loaded, look, steps, hosts, clock, anchor, state, progress)
        decisions = _decisions(loaded, look, steps, hosts, clock.now(), anchor, state)
        for words in look.broken:
            progress(words)
        seen = ((host, not_visible(look.logs.of(host).observations)) for host in sorted(wanted))
        return Looked(decisions, tuple((host, words) for host, words in seen if words))
    finally:
        await probes.stop()
        crossing.close()


async def _settled(
    look: Look,
    wanted: set[str],
    clock: SystemClock,
    anchor: Instant,
    probes: ProbeLoop,
    clocks: int,
    told: Callable[[], bool],
    secret: Callable[[str, bool], str | None],
) -> None:
    """Until every guest has spoken or is lost, two references have shown their clock to us or to one of them, and
    `told` is true of the KDCs.

    The time a person takes to answer is not counted.
    """
    until = anchor.boottime_ns + SETTLE_NS
    while clock.mono_ns() < until:
        while look.asked:
            request = look.asked.pop(0)
            value = await asyncio.to_thread(secret, request.prompt, request.echo)
            probes.answer(request.id, value)
            until = clock.mono_ns() + SETTLE_NS
        heard = look.heard(wanted)
        sampled = all(len(look.logs.of(h).samples) for h in wanted - look.unreachable)
        if (
            wanted <= look.answered
            and len(heard) >= min(2, clocks)
            and sampled
            and told()
            and clock.mono_ns() > anchor.boottime_ns + 3 * SECOND
        ):
            # A guest's answer counts once its clock was read after it; where a KDC refused it, LDAP is asked.
            if heard - look.heard(set()) or look.asked_guests():
                await clock.sleep_until(clock.mono_ns() + 2 * SECOND)
            return
        await clock.sleep_until(clock.mono_ns() + SECOND // 5)


async def _soaked(
    loaded: Loaded,
    look: Look,
    steps: tuple[Step, ...],
    hosts: tuple[str, ...],
    clock: SystemClock,
    anchor: Instant,
    state: State | None,
    progress: Callable[[str], None],
) -> None:
    """Until nothing is missing only for want of time, or as long as the longest soak takes."""
    longest = max((asked(g).soak_ns for step in steps for g in step.gate if g.check in CHECKS), default=0)
    until = clock.mono_ns() + longest + SETTLE_NS
    while clock.mono_ns() < until:
        decisions = _decisions(loaded, look, steps, hosts, clock.now(), anchor, state)
        waiting = [
            f for d in decisions for f in d.findings if f.verdict is Verdict.UNKNOWN and f.soak is not None
        ]
        if not waiting:
            return
        soak = waiting[0].soak
        assert soak is not None  # noqa: S101 - filtered above
        progress(f"{waiting[0].host} {waiting[0].check}: {waiting[0].reason}")
        await clock.sleep_until(clock.mono_ns() + 5 * SECOND)


def _decisions(
    loaded: Loaded,
    look: Look,
    steps: tuple[Step, ...],
    hosts: tuple[str, ...],
    now: Instant,
    anchor: Instant,
    state: State | None,
) -> tuple[Decision, ...]:
    base = state if state is not None else _fresh_state(loaded, anchor)
    if base.anchor != anchor:
        resumed = SessionResumed(__version__, anchor, "")
        base.apply(Event(base.seq + 1, "", anchor, "check", resumed))
    for void in look.disturbed:
        base.apply(Event(base.seq + 1, "", now, "check", void))
    look.disturbed.clear()
    decisions: list[Decision] = []
    for step in steps:
        columns = hosts_of(step, loaded.runbook.hosts)
        chosen = (
            columns if len(columns) == 1 and columns[0] == "*" else tuple(h for h in columns if h in hosts)
        )
        decisions.extend(
            decide(
                question(
                    loaded.runbook,
                    base,
                    look.logs,
                    step,
                    column,
                    now,
                    upto=base.seq,
                    seals=None,
                    steps_count=state is not None,
                )
            )
            for column in chosen
        )
    return tuple(decisions)


def _fresh_state(loaded: Loaded, anchor: Instant) -> State:
    state = State()
    state.apply(
        Event(
            1,
            GENESIS,
            anchor,
            "check",
            SessionStarted(
                session="",
                tool=__version__,
                runbook_name=loaded.name,
                runbook_sha256=loaded.digest,
                runbook_text="",
                anchor=anchor,
                rules=versions(),
                operator="",
                jump_host="",
            ),
        )
    )
    return state
