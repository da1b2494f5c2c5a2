"""One look at who can authenticate: what is known of a guest now, put together for the screen.

It runs on the main loop twice a second while the screen is seen. What an ended attempt saw does not change,
so it is kept. A check that reads an hour of samples is asked in a thread, when something new was read, or after
a minute.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from functools import partial

from cutover_tui.core.checks.clocks.references import Standing
from cutover_tui.core.checks.clocks.second_interval import USED_NS
from cutover_tui.core.checks.clocks.standing_line import (
    GUEST_READERS,
    JUMP_READERS,
    LOOKS_BACK_NS,
    standing_now,
)
from cutover_tui.core.checks.kerberos import kdc_answers
from cutover_tui.core.checks.kerberos.kerberos_ap_in import PROOF as AP_IN
from cutover_tui.core.checks.kerberos.kerberos_exchange import PROOF
from cutover_tui.core.checks.kerberos.kerberos_words import OF_CLOCKS
from cutover_tui.core.checks.registry import CHECKS, READER_FAMILY, asked
from cutover_tui.core.evidence import Attempt, Evidence, Wanted, last_void, select
from cutover_tui.core.finding import Finding
from cutover_tui.core.gate import Question, Subject, evidence_of, judge, judged
from cutover_tui.core.runbook import HOUR, MINUTE, GateCheck, Runbook
from cutover_tui.engine.identity.clocks import clock_rows, farthest
from cutover_tui.engine.identity.exchanges import KINDS, Made, ap_in_row, exchange_row, newest_series
from cutover_tui.engine.identity.held import caches_row, keytab_row
from cutover_tui.engine.identity.view import IdentityView, ProofState
from cutover_tui.engine.port import ProofView
from cutover_tui.engine.readers import left_out
from cutover_tui.record.asking import Logs, question
from cutover_tui.record.state import State
from probes.facts_kerberos import ApInFacts, ExchangeFacts
from probes.observation import Failure, FailureKind, Family, Instant, Observation

SHOWN = (
    "kdc.clock",
    "kerberos.margin",
    "kerberos.as",
    "kerberos.tgs",
    "kerberos.ap-out",
    "kerberos.ap-in",
    "kerberos.caches",
    "ad.trust",
    "ad.object",
    "ad.dns",
    "net.ad-paths",
)
"""The checks this view shows, as far as this version has them."""

_AGAIN_NS = MINUTE
"""How long a finding that rests on an hour of samples is shown before it is asked for again."""

LOOKED_NS = HOUR
"""What was read longer ago than this is not shown at all."""

_TOOLS = ("kinit", "kvno", "ldapsearch", "ssh")


@dataclass(frozen=True, slots=True)
class _Kept:
    """A finding that rests on much, on what it rests, and when it was asked for."""

    rests_on: tuple[object, ...]
    at_ns: int
    finding: Finding | None = None


@dataclass(slots=True)
class Looks:
    """Makes the views of one session. Use from the main loop only."""

    runbook: Runbook
    state: State
    logs: Logs
    _unread: frozenset[str] = field(init=False)
    _made: dict[int, Made] = field(default_factory=dict)  # by the sequence of the attempt's intent
    _kept: dict[tuple[str, str], _Kept] = field(default_factory=dict)  # by host and check
    _asking: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._unread = left_out(self.runbook)

    def look(self, host: str, now: Instant, proof: ProofView) -> IdentityView:
        """The view of one guest.

        Raises:
            KeyError: the runbook has no such host.
        """
        step = next(self.runbook.steps())
        ask = question(self.runbook, self.state, self.logs, step, host, now, upto=self.state.seq, seals=None)
        subject = next((s for s in ask.subjects if s.host.name == host), None)
        if subject is None:
            raise KeyError(host)
        evidence = _clocks(ask, subject, now)
        agree = self.runbook.domain.tolerances.references_agree
        standing = standing_now(evidence, agree, USED_NS)
        checks = [name for name in SHOWN if name in CHECKS]
        unasked = tuple(n for n in checks if not self._unread.isdisjoint(CHECKS[n].readers))
        domain, samples = self.runbook.domain, subject.log.samples
        series = newest_series(subject.proofs.attempts, PROOF, now)
        came = newest_series(subject.proofs.attempts, AP_IN, now)

        last = {a.seq for newest in (*series[-1:], *came[-1:]) for a in newest}

        def saw(attempt: Attempt) -> Made | None:
            return self._saw(attempt, ask, subject, last=attempt.seq in last)

        return IdentityView(
            host=host,
            now=now,
            realm=domain.realm,
            tolerance_ns=int(domain.tolerances.kerberos_skew),
            judged_by=standing.judge,
            judges=tuple(w.server for w in standing.guests.agreeing) if standing.guests is not None else (),
            clocks=clock_rows(evidence, standing, samples.mono[-1] if len(samples) else None),
            worst=farthest(evidence),
            exchanges=(
                *(
                    exchange_row(kind, series, saw, self._since(f"kerberos.{kind}", subject, now))
                    for kind in KINDS
                ),
                ap_in_row(came, saw, self._since("kerberos.ap-in", subject, now)),
            ),
            proof=_proof_state(proof, series[-1][0].at if series else None),
            keytab=keytab_row(
                self._newest(subject, "keytab", now), self._newest(subject, "account", now), domain.realm, now
            ),
            caches=caches_row(
                self._newest(subject, "caches", now),
                asked(self._gate("kerberos.caches")).ns("off"),
                _mark_ns(subject, standing, ask.anchor),
                now,
            ),
            findings=tuple(
                found
                for n in checks
                if n not in unasked and (found := self._finding(n, subject, ask)) is not None
            ),
            unasked=unasked,
        )

    def _newest(self, subject: Subject, reader: str, now: Instant) -> Observation | None:
        return None if reader in self._unread else _newest(subject, reader, now)

    def _gate(self, check: str) -> GateCheck:
        """With the numbers of the first gate that asks for it, else the check's own."""
        gates = (g for step in self.runbook.steps() for g in step.gate if g.check == check)
        return next(gates, GateCheck(check=check))

    def _finding(self, name: str, subject: Subject, ask: Question) -> Finding | None:
        """The finding as a gate would have it. One that rests on an hour of samples comes a moment later."""
        check, gate_check = CHECKS[name], self._gate(name)
        looks_back = check.looks_back(asked(gate_check)) if check.looks_back is not None else 0
        if looks_back <= LOOKS_BACK_NS:
            return judge(gate_check, subject, ask)
        newest = (self._newest(subject, reader, ask.now) for reader in check.readers)
        rests_on = (*(o.id if o is not None else None for o in newest), *subject.voids.values())
        key, now_ns = (subject.host.name, name), ask.now.boottime_ns
        kept = self._kept.get(key)
        if kept is None or kept.rests_on != rests_on or now_ns - kept.at_ns > _AGAIN_NS:
            self._ask_beside(key, _Kept(rests_on, now_ns), gate_check, subject, ask)
        known = self._kept.get(key)
        return known.finding if known is not None else None

    def _ask_beside(
        self, key: tuple[str, str], fresh: _Kept, gate_check: GateCheck, subject: Subject, ask: Question
    ) -> None:
        """In a thread, once at a time; where there is no loop, at once."""
        if key in self._asking:
            return
        work = partial(judged, gate_check, evidence_of(gate_check, subject, ask), subject, ask)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._kept[key] = replace(fresh, finding=work())
            return

        def came(future: asyncio.Future[Finding]) -> None:
            self._asking.discard(key)
            if not future.cancelled():
                self._kept[key] = replace(fresh, finding=future.result())

        self._asking.add(key)
        loop.run_in_executor(None, work).add_done_callback(came)

    def _since(self, check: str, subject: Subject, now: Instant) -> int:
        """After which moment a series must have begun to count, as the check of it has it (CLOCK_BOOTTIME)."""
        void = last_void(subject.voids, (Family.DIRECTORY, Family.TIME), now)
        since = void.boottime_ns if void is not None else -1
        return max(since, now.boottime_ns - asked(self._gate(check)).max_age_ns - 1)

    def _saw(self, attempt: Attempt, ask: Question, subject: Subject, *, last: bool) -> Made | None:
        known = self._made.get(attempt.seq)
        if known is not None:
            return known
        log = subject.log.observations
        first = bisect_left(log, attempt.at.boottime_ns, key=lambda o: o.ended.boottime_ns)
        found = (o for o in log[first:] if o.id == attempt.observation)
        seen = next(found, None) if attempt.observation is not None else None
        if seen is None:
            return None
        outcome = seen.facts if isinstance(seen.facts, ExchangeFacts | ApInFacts) else seen.failure
        made = Made(
            outcome or Failure(FailureKind.NOT_UNDERSTOOD, "facts of another kind"),
            farthest(_clocks(ask, subject, seen.began)) if last and _of_clocks(outcome) else None,
        )
        self._made[attempt.seq] = made
        return made


def _of_clocks(outcome: ExchangeFacts | ApInFacts | Failure | None) -> bool:
    """Whether clocks explain a refusal in it."""
    match outcome:
        case ExchangeFacts(exchanges=exchanges):
            return any(e.code in OF_CLOCKS for e in exchanges)
        case ApInFacts(code=code):
            return code in OF_CLOCKS
        case _:
            return False


def _clocks(ask: Question, subject: Subject, now: Instant) -> Evidence:
    """What clocks said, up to a moment; also before the last disturbance, when that was before it."""
    return select(
        Wanted(
            readers=(),
            jump_readers=(*kdc_answers.JUMP_READERS, *JUMP_READERS),
            max_age_ns=USED_NS,
            sample_age_ns=LOOKS_BACK_NS,
            witnesses=(*kdc_answers.GUEST_READERS, *GUEST_READERS),
        ),
        host=subject.host,
        log=subject.log,
        jump_log=ask.jump_log,
        upto_line=None,
        jump_upto_line=None,
        families=READER_FAMILY,
        voids={f: v for f, v in subject.voids.items() if v.boottime_ns <= now.boottime_ns},
        now=now,
        anchor=ask.anchor,
        domain=ask.runbook.domain,
        source=ask.runbook.source.platform,
        target=ask.runbook.target.platform,
        mark=subject.mark,
        baseline=subject.baseline,
        read=ask.read,
    )


def _newest(subject: Subject, reader: str, now: Instant) -> Observation | None:
    """The newest observation of a reader within LOOKED_NS that began after its family was last disturbed."""
    void = last_void(subject.voids, (READER_FAMILY[reader],), now)
    since = max(void.boottime_ns if void is not None else -1, now.boottime_ns - LOOKED_NS)
    for o in reversed(subject.log.observations):
        if o.ended.boottime_ns <= since:
            return None
        if o.reader == reader and o.began.boottime_ns > since:
            return o
    return None


def _mark_ns(subject: Subject, standing: Standing, anchor: Instant) -> int | None:
    """The mark in UTC as right clocks showed it, as far as that is known."""
    if subject.mark is None:
        return None
    at = subject.mark.at
    off = standing.guests.offset_ns if standing.guests is not None else 0
    return anchor.on_timescale(at.boottime_ns) + off if at.boot_id == anchor.boot_id else at.utc_ns


def _proof_state(proof: ProofView, last: Instant | None) -> ProofState:
    words = {word for argv in proof.commands for word in argv}
    return ProofState(
        approved=proof.approved,
        running=proof.running,
        attempts=proof.attempts,
        tools=tuple(t for t in _TOOLS if t in words),
        commands=len(proof.commands),
        last=last,
        refused=proof.refused.reason if proof.refused is not None else "",
        remedy=proof.refused.remedy if proof.refused is not None else "",
    )
