"""Proofs: fresh exchanges on a guest and towards it, approved once by a person, repeated when a gate needs them."""

from __future__ import annotations

import asyncio
import ipaddress
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cutover_tui.core.checks.clocks.second_interval import USED_NS
from cutover_tui.core.checks.kerberos.kdc_answers import SPEAKS_NS, all_silent, answering, kdcs
from cutover_tui.core.checks.registry import CHECKS
from cutover_tui.core.finding import Verdict
from cutover_tui.core.gate import decide, hosts_of
from cutover_tui.core.machine_account import machine_principal
from cutover_tui.core.runbook import MINUTE, Runbook, Step
from cutover_tui.engine.port import ProofView, Refused
from cutover_tui.engine.proofs import ap_in
from cutover_tui.engine.proofs.wanted import wanted
from cutover_tui.engine.recording.recorder import Recorder
from cutover_tui.engine.recording.under_way import NOT_KNOWN, under_way
from cutover_tui.engine.recording.unrecorded import unrecorded
from cutover_tui.engine.watches.probes_port import Probes
from cutover_tui.record.asking import guests, question
from cutover_tui.record.events import AttemptEnded, AttemptIntended, ProofApproved
from cutover_tui.record.files import RecordError
from cutover_tui.record.regression import can_regress
from probes.exchange import NAME as AP_IN
from probes.facts_kerberos import ApInFacts, ExchangeFacts, KeytabFacts
from probes.linux.domain import exchange
from probes.observation import JUMP, Failure, FailureKind, Instant, Observation
from probes.reader import Reader
from probes.seam import LinkError

PROOF = exchange.NAME
"""What a person sees and approves goes by this name, whatever stands beside it."""

PROOFS = frozenset({exchange.NAME, AP_IN})
APART_NS = 5 * MINUTE
"""A proof is never repeated by itself sooner than this after the last one began."""

LOOK_EVERY_S = 5.0

CROSSES_S = 30.0
"""What was seen is taken within milliseconds; where it was thrown away the attempt has no result."""

NOTHING_CAME = Failure(FailureKind.LOST, "what it saw never arrived")

UNDER_WAY = ("started", "refused")
"""Steps that somebody works on."""

NOT_AGAIN = frozenset({6, 18, 23, 24})
"""Refusals of the account itself: each repetition is one more refused login, which a person must want."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One proof as it would be made now. `ends`: how the command ends that an approval of it has."""

    reader: Reader
    ends: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.reader.name

    @property
    def commands(self) -> tuple[tuple[str, ...], ...]:
        return tuple(c.argv for c in self.reader.commands)


Plans = tuple[Planned, ...]


@dataclass(slots=True)
class Proving:
    """Runs beside the intents of a session, on the main loop."""

    runbook: Runbook
    recorder: Recorder
    probes: Probes
    now: Callable[[], Instant]
    tell: Callable[[], None]
    _running: set[str] = field(default_factory=set)
    _seen: dict[tuple[str, str], asyncio.Future[Observation]] = field(default_factory=dict)

    def view(self, host: str) -> ProofView:
        """What would be run on this guest and towards it, or why nothing can be."""
        plans = self._plans(host)
        if isinstance(plans, Refused):
            return ProofView(host, PROOF, (), 0, False, host in self._running, plans)
        of, running = max(self._wanted(host, p.name) for p in plans), host in self._running
        approved = all(self._approved(host, p) for p in plans)
        return ProofView(host, PROOF, _commands(plans), of, approved, running, None)

    async def prove(self, host: str, shown: tuple[tuple[str, ...], ...]) -> Refused | None:
        """Approve what was shown, and make one series of attempts of each proof.

        Args:
            shown: the commands as the view had them; others are not run.
        """
        plans = self._plans(host)
        if isinstance(plans, Refused):
            return plans
        if host in self._running:
            return Refused("A proof is under way on this guest.", "Wait for its end.")
        if shown != _commands(plans):
            return Refused(
                "What would be run is no longer what was shown.", "Look at it again, then approve it."
            )
        self._running.add(host)
        try:
            for plan in plans:
                if not self._approved(host, plan):
                    await self.recorder.record(ProofApproved(host, plan.name, plan.commands))
            for plan in plans:
                await self._series(host, plan)
        except RecordError as error:
            return unrecorded(error)
        finally:
            self._running.discard(host)
            self.tell()
        return None

    async def run(self) -> None:
        """Repeat what was approved where a started step needs it; until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(LOOK_EVERY_S)
                for host in self.runbook.hosts:
                    if plans := self._due(host.name):
                        self._running.add(host.name)
                        group.create_task(self._again(host.name, plans), name=f"proof {host.name}")

    def seen(self, observation: Observation) -> None:
        """An observation has been taped; the attempt it belongs to has its result."""
        if observation.reader in PROOFS:
            waiting = self._seen.pop((observation.host, observation.reader), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(observation)

    # Inside

    async def _again(self, host: str, plans: Plans) -> None:
        try:
            for plan in plans:
                await self._series(host, plan)
        except RecordError:
            pass  # shown as `recording`; it is due again once something can be recorded
        finally:
            self._running.discard(host)
            self.tell()

    async def _series(self, host: str, plan: Planned) -> None:
        """Attempts until one is refused or all are made; each is on the record before it begins."""
        of = self._wanted(host, plan.name)
        for number in range(1, of + 1):
            intent = AttemptIntended(host, plan.name, number, of)
            async with under_way(self.recorder, intent, _not_known) as attempt:
                seen = await self._attempt(host, plan, number)
                if isinstance(seen, Failure):
                    await attempt.ended(AttemptEnded(attempt.seq, None, seen.detail))
                else:
                    await attempt.ended(AttemptEnded(attempt.seq, seen.id, account=account(seen)))
            self.tell()
            if isinstance(seen, Failure) or not _good(seen):
                return

    async def _attempt(self, host: str, plan: Planned, number: int) -> Observation | Failure:
        """What one attempt saw, once that is on the tape."""
        waiting = self._seen[host, plan.name] = asyncio.get_running_loop().create_future()
        try:
            await self.probes.attempt(host, plan.reader, number)
            # Whoever made it has told by now what it saw; it only has to cross over.
            await asyncio.wait((waiting,), timeout=CROSSES_S)
            return waiting.result() if waiting.done() else NOTHING_CAME
        except LinkError as error:
            return error.failure
        finally:
            self._seen.pop((host, plan.name), None)

    def _plans(self, host: str) -> Plans | Refused:
        """What can be proven on this guest and towards it, from what is known now; never nothing."""
        realm = self.runbook.domain.realm
        target = self.runbook.host(host)
        if target is None:
            return Refused(f"The runbook has no host {host}.", "Choose one of its hosts.")
        if realm is None:
            return Refused(
                "The runbook names no realm, so there are no tickets to ask for.",
                "Name domain.realm and domain.controllers in a new session.",
            )
        if target.os != "linux":
            return Refused(f"This version proves nothing on {target.os} guests.")
        silent = all_silent(self.runbook.domain, self._heard(host), self.now())
        if silent is not None:
            return Refused(
                f"No KDC answers, so nothing is tried: {silent}.", "See kdc.clock; bring one back."
            )
        own = self._exchange(host, realm)
        mine = () if isinstance(own, Refused) else (own,)
        if all_silent(self.runbook.domain, self._heard(JUMP), self.now()) is not None:
            return own if isinstance(own, Refused) else mine  # libkrb5 here would wait for what is silent
        if not any(_rests_on(g.check, AP_IN) for step in self.runbook.steps() for g in step.gate):
            return own if isinstance(own, Refused) else mine
        reader = ap_in.reader(target, realm)
        return (*mine, Planned(reader, reader.commands[0].argv))

    def _exchange(self, host: str, realm: str) -> Planned | Refused:
        """Who asks whom on this guest."""
        log = self.recorder.logs.of(host)
        newest = next((o for o in reversed(log.observations) if o.reader == "keytab"), None)
        if newest is None:
            return Refused(f"The keytab of {host} has not been read yet.", "Wait for the next reading.")
        if not isinstance(newest.facts, KeytabFacts):
            why = newest.failure.detail if newest.failure is not None else "it was not understood"
            return Refused(
                f"The keytab of {host} cannot be read: {why}.",
                "Give the host `escalation: sudo` or `doas`, and install klist (krb5-user, krb5-workstation).",
            )
        principal = machine_principal(newest.facts, realm)
        if principal is None:
            return Refused(
                f"The keytab of {host} holds no machine account of {realm}.",
                "Join the guest to its domain, or correct domain.realm.",
            )
        try:
            plan = exchange.Plan(principal, self._controller(host), self.runbook.change.id)
        except ValueError as error:
            return Refused(f"No exchange can be tried on {host}: {error}.", "Look at its keytab.")
        return Planned(exchange.reader(plan), ("kinit", "-k", principal))

    def _heard(self, host: str) -> tuple[Observation, ...]:
        """What the jump host and this guest heard of KDCs as long ago as an answer speaks; a screen asks twice a second."""
        jump = tuple(self._since(JUMP, USED_NS if not self.runbook.domain.controllers else SPEAKS_NS["jump"]))
        return jump if host == JUMP else (*jump, *self._since(host, SPEAKS_NS["guest"]))

    def _since(self, host: str, age_ns: int) -> Sequence[Observation]:
        seen, since = self.recorder.logs.of(host).observations, self.now().boottime_ns - age_ns
        return seen[bisect_left(seen, since, key=lambda o: o.ended.boottime_ns) :]

    def _controller(self, host: str) -> str:
        """The first controller that is named, one that answers before others; empty where none has a name."""
        heard = self._heard(host)
        named = [c for c in kdcs(self.runbook.domain, heard) if not _is_address(c)]
        known = answering(heard, self.now())
        ready = [c for c in named if c not in known or known[c].newest.failure is None]
        return next(iter((*ready, *named)), "")

    def _approved(self, host: str, plan: Planned) -> bool:
        """Whether a person allowed this account's proof on this guest; the controller may be another."""
        given = self.recorder.state.approved.get(host, {}).get(plan.name)
        return given is not None and any(argv[-len(plan.ends) :] == plan.ends for argv in given.commands)

    def _wanted(self, host: str, proof: str) -> int:
        recorder = self.recorder
        return wanted(self.runbook, recorder.state, recorder.logs, host, proof, self.now())

    def _due(self, host: str) -> Plans:
        """What is to be repeated now."""
        state = self.recorder.state
        link = state.links.get(host)
        if host in self._running or link is None or not link.up or self.recorder.problem is not None:
            return ()
        if not state.approved.get(host, {}):
            return ()
        plans = self._plans(host)
        return () if isinstance(plans, Refused) else tuple(p for p in plans if self._is_due(host, p))

    def _is_due(self, host: str, plan: Planned) -> bool:
        state = self.recorder.state
        if not self._approved(host, plan):
            return False
        last = next((a for a in reversed(state.attempts.get(host, ())) if a.proof == plan.name), None)
        age = last.at.age_ns(self.now()) if last is not None else None
        if age is not None and age < APART_NS:
            return False
        if (host, plan.name) in state.refused:
            return False
        return any(
            self._lacks(step, column, host, plan.name)
            for step in self.runbook.steps()
            for column in hosts_of(step, self.runbook.hosts)
            if self._counts(step, column) and host in {g.name for g in guests(self.runbook, step, column)}
        )

    def _counts(self, step: Step, column: str) -> bool:
        """Whether a proof that this step lacks is wanted now: it is under way, or done and about to be closed over."""
        state, last = self.recorder.state, self.runbook.phases[-1].steps[-1]
        if state.status(step.id, column) != "done":
            return state.status(step.id, column) in UNDER_WAY
        closing = any(state.status(last.id, c) in UNDER_WAY for c in hosts_of(last, self.runbook.hosts))
        return closing and bool(can_regress(self.runbook, state, step, column))

    def _lacks(self, step: Step, column: str, host: str, proof: str) -> bool:
        """Whether a check of the step wants a proof on this host that it does not have now."""
        if not any(_rests_on(g.check, proof) for g in step.gate):
            return False
        state = self.recorder.state
        decision = decide(
            question(
                self.runbook, state, self.recorder.logs, step, column, self.now(), upto=state.seq, seals=None
            )
        )
        done = state.status(step.id, column) == "done"
        return any(
            f.host == host
            and _rests_on(f.check, proof)
            and f.verdict not in (Verdict.PASS, Verdict.NA)
            and not (done and f.reason_code == "old")  # to close over it its age is not asked again
            for f in decision.findings
        )


def account(observation: Observation) -> Literal["accepted", "refused"] | None:
    """What came of the login an attempt made; None where it did not get as far as that."""
    match observation.facts:
        case ExchangeFacts(exchanges=exchanges):
            if any(e.code in NOT_AGAIN for e in exchanges):
                return "refused"
            return "accepted" if any(e.outcome == "ok" for e in exchanges) else None
        case ApInFacts(stage="login", code=code):
            return "refused" if code in NOT_AGAIN else None
        case ApInFacts():
            return "accepted"
        case _:
            return None


def _commands(plans: Plans) -> tuple[tuple[str, ...], ...]:
    return tuple(argv for plan in plans for argv in plan.commands)


def _not_known(seq: int) -> tuple[AttemptEnded]:
    return (AttemptEnded(seq, None, NOT_KNOWN),)


def _rests_on(check: str, proof: str) -> bool:
    return check in CHECKS and proof in CHECKS[check].readers


def _good(observation: Observation) -> bool:
    """Whether every exchange that could be tried was, with success."""
    match observation.facts:
        case ExchangeFacts(exchanges=exchanges):
            return all(e.outcome in ("ok", "absent") for e in exchanges if not e.masked)
        case ApInFacts(stage=stage):
            return stage == "done"
        case _:
            return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
