"""`kerberos.as`, `.tgs`, `.ap-out`: k of k fresh exchanges by the machine account, skew unmasked.

The newest series of attempts counts, whole (`kerberos_series`), and what failed before it asks for more. The
unmasked exchange is judged; the masked one beside it shows what an engineer who tries kinit
by hand would see.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from cutover_tui.core.amounts import span, time_amount
from cutover_tui.core.checks.check import Asked, Proof, Says, no_facts
from cutover_tui.core.checks.clocks.readings import STALE_NS
from cutover_tui.core.checks.kerberos.kerberos_run import Run, unsettled
from cutover_tui.core.checks.kerberos.kerberos_series import all_good
from cutover_tui.core.checks.kerberos.kerberos_skew import worst
from cutover_tui.core.checks.kerberos.kerberos_words import OF_CLOCKS, RENAMED, UNKNOWN_SERVICE, meaning
from cutover_tui.core.evidence import Attempt, Evidence
from cutover_tui.core.finding import Criterion, Finding
from probes.facts_kerberos import Exchange, ExchangeFacts, ExchangeKind
from probes.observation import Observation

PROOF = "exchange"
_ASKS: dict[ExchangeKind, str] = {
    "as": "a ticket for the machine account",
    "tgs": "a service ticket",
    "ap-out": "an authenticated answer of a service",
}
_INSTALL: dict[ExchangeKind, str] = {
    "as": "kinit (Debian: krb5-user; Red Hat: krb5-workstation)",
    "tgs": "kvno (Debian: krb5-user; Red Hat: krb5-workstation)",
    "ap-out": "ldapsearch with GSSAPI (Debian: ldap-utils libsasl2-modules-gssapi-mit; Red Hat: "
    "openldap-clients cyrus-sasl-gssapi)",
}


@dataclass(frozen=True, slots=True)
class _Made:
    """An attempt of the series and what it saw of the kind that is judged."""

    attempt: Attempt
    observation: Observation
    facts: ExchangeFacts
    plain: Exchange
    masked: Exchange | None


def run(kind: ExchangeKind, evidence: Evidence, asked: Asked, says: Says) -> Finding:
    good: list[_Made] = []

    def bad(attempt: Attempt, observation: Observation) -> Finding | None:
        if not isinstance(observation.facts, ExchangeFacts):
            return no_facts(says, PROOF, observation)
        plain = observation.facts.of(kind, masked=False)
        if plain is None:
            return says.unknown(
                "no-controller",
                "No controller of the runbook has a name, and without one no service can be asked for.",
                remedy="List controllers by name under domain.controllers, in a new session.",
                used=(observation,),
            )
        made = _Made(attempt, observation, observation.facts, plain, observation.facts.of(kind, masked=True))
        if plain.outcome != "ok":
            return _not_ok(kind, made, evidence, says)
        good.append(made)
        return None

    said = all_good(proof_of(kind), evidence, asked, says, bad)
    return said if isinstance(said, Finding) else _all_ok(kind, good[-1], *said, evidence, says)


def proof_of(kind: ExchangeKind) -> Proof:
    """What came of an attempt as far as this exchange goes."""
    return Proof(PROOF, partial(_failed, kind), partial(_went_well, kind))


def _failed(kind: ExchangeKind, observation: Observation | None) -> bool:
    if observation is None:
        return True
    facts = observation.facts
    if not isinstance(facts, ExchangeFacts):
        return unsettled(observation)
    plain = facts.of(kind, masked=False)
    if plain is not None and plain.outcome == "not-tried" and kind != "as":
        return _failed("as", observation)
    return plain is not None and plain.outcome in ("refused", "silent", "not-tried")


def _all_ok(
    kind: ExchangeKind,
    last: _Made,
    used: tuple[Observation, ...],
    run: Run,
    evidence: Evidence,
    says: Says,
) -> Finding:
    ends = last.plain.end_ns
    valid = f", good for {span(max(ends - evidence.now.utc_ns, 0))}" if ends is not None else ""
    counted, in_a_row = (run.clean, " in a row") if run.failed else (len(used), "")
    failed = f"; {run.failed} of {run.made} since the last disturbance failed" if run.failed else ""
    failed += f"; {run.explained} more failed while its clock was off" if run.explained else ""
    left = "" if last.facts.removed else "; the private directory could not be removed"
    return says.passes(
        f"{counted} of {counted} attempts{in_a_row} got {_ASKS[kind]} as {last.facts.principal}{valid}, "
        f"without the library's correction of the clock{failed}{left}",
        measured=counted,
        used=used,
    )


def _went_well(kind: ExchangeKind, observation: Observation) -> bool:
    facts = observation.facts
    found = facts.of(kind, masked=False) if isinstance(facts, ExchangeFacts) else None
    return found is not None and found.outcome == "ok"


def _not_ok(kind: ExchangeKind, made: _Made, evidence: Evidence, says: Says) -> Finding:
    plain, which = made.plain, f"Attempt {made.attempt.number} of {made.attempt.of}"
    match plain.outcome:
        case "absent":
            return says.unknown(
                "tool-absent",
                f"{which}: {plain.text or 'the tool is not installed'}.",
                remedy=f"Install {_INSTALL[kind]}.",
                used=(made.observation,),
            )
        case "not-tried":
            return says.unknown(
                "not-tried",
                f"{which}: without a ticket for the machine account nothing further could be asked for.",
                remedy="See kerberos.as.",
                used=(made.observation,),
            )
        case "silent":
            return says.unknown(
                "timeout",
                f"{which}: nobody answered {made.facts.principal} ({plain.text}).",
                remedy="Look at the path from the guest to its KDCs and controllers (port 88, 389), and which ones its krb5.conf "
                "names (`kdc =`): where net.ad-paths passes, it may be others.",
                used=(made.observation,),
            )
        case _:
            return _refused(kind, made, which, evidence, says)


def _refused(kind: ExchangeKind, made: _Made, which: str, evidence: Evidence, says: Says) -> Finding:
    plain, known = made.plain, meaning(made.plain.code, made.plain.text)
    named = made.facts.of("tgs", masked=False)
    if kind == "ap-out" and plain.code == UNKNOWN_SERVICE and named is not None and named.outcome == "ok":
        known = RENAMED
    far = worst(evidence)
    skew = far if plain.code in OF_CLOCKS else None
    number = f"error {plain.code}: " if plain.code is not None else ""
    hidden = ""
    if plain.code in OF_CLOCKS and made.masked is not None and made.masked.outcome == "ok":
        much = time_amount(abs(skew.offset_ns)) if skew is not None else "it"
        hidden = f" kinit works on this guest only because the library hides {much} (kdc_timesync)."
    used = (made.observation, *((skew.newest,) if skew is not None else ()))
    return says.fails(
        known.code,
        f"{which} for {_ASKS[kind]} as {made.facts.principal} was refused, {number}{plain.text}: {known.sentence}."
        f"{hidden}",
        remedy=known.remedy,
        measured=skew.offset_ns if skew is not None else None,
        bound=skew.bound_ns if skew is not None else None,
        used=used,
    )


def looks_back(asked: Asked) -> int:
    """The newest reading of the clock, for the skew in the sentence of a refusal."""
    return 2 * STALE_NS


def criterion_of(kind: ExchangeKind, asked: Asked) -> Criterion:
    return Criterion(
        f"{asked.attempts} of {asked.attempts} fresh attempts got {_ASKS[kind]}, skew unmasked",
        asked.attempts,
        "count",
    )
