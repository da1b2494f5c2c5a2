"""Evidence about Kerberos for pure tests: a KDC's answers, attempts and what they saw, caches."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from cutover_tui.core.checks.registry import CHECKS, asked
from cutover_tui.core.evidence import Attempt, Proofs
from cutover_tui.core.finding import Finding
from cutover_tui.core.gate import judge
from cutover_tui.core.runbook import Domain, GateCheck
from probes.facts_kerberos import (
    CacheFile,
    CachesFacts,
    Exchange,
    ExchangeFacts,
    KdcFacts,
    KeytabEntry,
    KeytabFacts,
)
from probes.observation import JUMP, Failure, FailureKind, Observation, Raw
from tests.unit.evidence_builders import ANCHOR, UTC0, S, World, at, observed

REALM = "CORP.EXAMPLE"
MACHINE = f"APP01$@{REALM}"
DOMAIN = Domain(realm=REALM, controllers=("dc1", "dc2"), references=("ntp1", "ntp2"))
SKEWED = "kinit: Clock skew too great while getting initial credentials"


def kdc(server: str, seconds: float, offset_s: float = 0, *, silent: bool = False) -> Observation:
    """One answer of a KDC whose microseconds are a clock, exact to the microsecond."""
    mono = round(seconds * S)
    shows = UTC0 + mono + round(offset_s * S)
    facts: KdcFacts | Failure = KdcFacts(
        server=server, address=server, transport="udp", realm=REALM, sent_ns=mono - 1_000_000,
        received_ns=mono + 1_000_000, own_utc_ns=UTC0 + mono, code=6, stime_ns=shows // S * S,
        susec=shows % S // 1000, answered_realm=REALM, text="",
    )  # fmt: skip
    if silent:
        facts = Failure(FailureKind.TIMEOUT, "no answer within 2 s")
    seen = observed("kdc", seconds + 0.001, facts, host=JUMP)
    return msgspec.structs.replace(seen, raw=(Raw(("kdc", REALM, server), None, ""),))


def exchanges(
    outcome: str = "ok", code: int | None = None, text: str = "", *, masked: str = "ok"
) -> ExchangeFacts:
    """An attempt whose AS exchange ended so, and in which the rest followed from that."""

    def side(first: str, hidden: bool) -> list[Exchange]:
        end = UTC0 + 36_000 * S
        rest = "ok" if first == "ok" else "not-tried"
        refusal = (code, text) if first == "refused" else (None, "")
        return [
            Exchange("as", hidden, first, f"krbtgt/{REALM}@{REALM}", *refusal, UTC0, end),
            Exchange("tgs", hidden, rest, "ldap/dc1"),
            Exchange("ap-out", hidden, rest, "ldap/dc1"),
        ]

    return ExchangeFacts(MACHINE, (*side(outcome, False), *side(masked, True)), removed=True)


def keytab(*, present: bool = True) -> KeytabFacts:
    entry = KeytabEntry(2, MACHINE, "aes256-cts-hmac-sha1-96", UTC0)
    return KeytabFacts("FILE:/etc/krb5.keytab", present, (entry,) if present else ())


def cache(path: str = "/tmp/krb5cc_0", offset_s: float | None = 0, owner: str = "root") -> CacheFile:
    offset = round(offset_s * S) if offset_s is not None else None
    return CacheFile(path, owner, UTC0, offset, MACHINE, 1, UTC0, UTC0 + 36_000 * S)


def caches(*files: CacheFile, elsewhere: tuple[str, ...] = ()) -> CachesFacts:
    return CachesFacts(files, elsewhere)


class Realm(World):
    """A world with a domain, and a journal's attempts."""

    def __init__(self) -> None:
        super().__init__()
        self.domain = DOMAIN
        self.proofs = Proofs()

    def healthy_domain(self, first: float, last: float, dc2_s: float = 0) -> None:
        """Everything in order up to `last`; the second controller as said."""
        self.references(first, last, ntp1=0, ntp2=0, dc1=0, dc2=0)
        self.tick(first, last)
        seconds = first
        while seconds <= last:
            self.see(kdc("dc1", seconds), kdc("dc2", seconds + 0.1, dc2_s))
            seconds += 30
        self.see(kdc("dc1", last - 0.2), kdc("dc2", last - 0.1, dc2_s))

    def approve(self) -> None:
        self.proofs = replace(self.proofs, approved=frozenset({"exchange"}))

    def attempt(
        self,
        seconds: float,
        number: int,
        of: int = 3,
        facts: ExchangeFacts | Failure | None = None,
        *,
        ended: bool = True,
    ) -> None:
        """One attempt on the journal; with facts its observation is on the tape too."""
        seen = observed("exchange", seconds + 1, facts, host="app01") if facts is not None else None
        if seen is not None:
            self.see(msgspec.structs.replace(seen, began=at(seconds + 0.1), attempt=number))
        made = Attempt(
            100 + len(self.proofs.attempts),
            at(seconds),
            "exchange",
            number,
            of,
            ended,
            seen.id if seen else None,
        )
        self.proofs = replace(self.proofs, attempts=(*self.proofs.attempts, made))

    def series(self, seconds: float, of: int = 3) -> None:
        for n in range(of):
            self.attempt(seconds + 2 * n, n + 1, of, exchanges())

    def finding(self, check: str, now: float, **params: object) -> Finding:
        question = self.ask("time", now)
        subject = replace(question.subjects[0], proofs=self.proofs)
        gate_check = GateCheck(check=check, **params)
        assert asked(gate_check).max_age_ns
        assert CHECKS[check].spec.id == check
        assert question.anchor == ANCHOR
        return judge(gate_check, subject, question)
