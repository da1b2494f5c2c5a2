"""`kerberos.as`, `.tgs`, `.ap-out`: k of k fresh exchanges by the machine account, skew unmasked.

The newest series of attempts counts, whole: every attempt the journal says was intended
must have its result, and it began after the last disturbance of the directory and of time. The
unmasked exchange is judged; the masked one beside it shows what an engineer who tries kinit
by hand would see.
"""

from __future__ import annotations

from dataclasses import dataclass

from cutover_tui.core.amounts import span, time_amount
from cutover_tui.core.checks.check import Asked, Says, no_facts
from cutover_tui.core.checks.kerberos_skew import worst
from cutover_tui.core.checks.kerberos_words import OF_CLOCKS, meaning
from cutover_tui.core.checks.time_offset import STALE_NS
from cutover_tui.core.evidence import Attempt, Evidence
from cutover_tui.core.finding import Criterion, Finding
from cutover_tui.core.kdc_answers import all_silent
from probes.facts_kerberos import Exchange, ExchangeFacts, ExchangeKind, KeytabFacts
from probes.observation import Family, Observation

PROOF = "exchange"
KEY = "x"
"""The key on every screen that shows and approves a proof."""

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
    if evidence.domain.realm is None:
        return says.unknown(
            "no-realm",
            "The runbook names no realm, so there are no tickets to ask for.",
            remedy="Name domain.realm and domain.controllers in a new session.",
        )
    series = evidence.proofs.series(PROOF, evidence.now.boot_id)
    if not series:
        return _never(evidence, says)
    void = evidence.voided((Family.DIRECTORY, Family.TIME))
    if void is not None and series[0].at.boottime_ns <= void.boottime_ns:
        return says.unknown(
            "void",
            "The last proof is from before a disturbance of time or of the directory.",
            remedy=f"It is repeated by itself, 5 min after the last one began; {KEY} repeats it now.",
        )
    age = evidence.now.boottime_ns - series[0].at.boottime_ns
    if age > asked.max_age_ns:
        return says.unknown(
            "old",
            f"The last proof began {span(age)} ago; {span(asked.max_age_ns)} is the most.",
            remedy=f"It is repeated by itself while the step is under way; {KEY} repeats it now.",
        )
    seen = {o.id: o for o in evidence.observations.get(PROOF, ())}
    good: list[_Made] = []
    for attempt in series:
        if not attempt.ended:
            return says.unknown(
                "proving",
                f"Attempt {attempt.number} of {attempt.of} is under way.",
                remedy="Wait for its end.",
                used=tuple(m.observation for m in good),
            )
        observation = seen.get(attempt.observation or "")
        if observation is None:
            return says.fails(
                "no-result",
                f"Attempt {attempt.number} of {attempt.of} has no result, and counts as failed.",
                remedy=f"Make a new series: {KEY}",
                used=tuple(m.observation for m in good),
            )
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
    return _all_ok(kind, good, evidence, asked, says)


def _all_ok(kind: ExchangeKind, good: list[_Made], evidence: Evidence, asked: Asked, says: Says) -> Finding:
    used = tuple(m.observation for m in good)
    if len(good) < asked.attempts:
        return says.unknown(
            "few-attempts",
            f"{len(good)} attempts succeeded, {asked.attempts} in a row must.",
            remedy=f"Make a new series: {KEY}",
            measured=len(good),
            used=used,
        )
    last = good[-1]
    ends = last.plain.end_ns
    valid = f", good for {span(max(ends - evidence.now.utc_ns, 0))}" if ends is not None else ""
    before = sum(1 for o in evidence.observations.get(PROOF, ()) if o not in used and not _went_well(kind, o))
    failed = f"; {before} attempts before this series failed" if before else ""
    left = "" if last.facts.removed else "; the private directory could not be removed"
    return says.passes(
        f"{len(good)} of {len(good)} attempts got {_ASKS[kind]} as {last.facts.principal}{valid}, "
        f"without the library's correction of the clock{failed}{left}",
        measured=len(good),
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
                remedy="Look at the path from the guest to its KDCs and controllers (port 88, 389).",
                used=(made.observation,),
            )
        case _:
            return _refused(kind, made, which, evidence, says)


def _refused(kind: ExchangeKind, made: _Made, which: str, evidence: Evidence, says: Says) -> Finding:
    plain, known = made.plain, meaning(made.plain.code)
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


def _never(evidence: Evidence, says: Says) -> Finding:
    """No attempt was made yet: is there anything to prove, and may we?"""
    newest, keytab = evidence.latest("keytab"), evidence.facts("keytab", KeytabFacts)
    used = (newest,) if newest is not None else ()
    if keytab is not None and not keytab.present:
        before = evidence.baseline.facts.get("keytab") if evidence.baseline is not None else None
        if not isinstance(before, KeytabFacts):
            return says.unknown(
                "no-keytab",
                f"There is no keytab {keytab.name}, and no baseline that says whether there was one.",
                remedy="Join the guest to its domain; where it never was in one, the baseline will say so.",
                used=used,
            )
        if not before.present:
            return says.na(
                "no-keytab-before",
                "There was no keytab before the mark, and there is none now.",
                used=used,
            )
        return says.fails(
            "keytab-gone",
            f"There is no keytab {keytab.name}, and before the mark there was one.",
            remedy="Bring the keytab back from the source, or join the guest again.",
            used=used,
        )
    silent = all_silent(evidence.domain, evidence.jump.get("kdc", ()), evidence.now)
    if silent is not None:
        return says.unknown(
            "kdc-silent",
            f"No KDC answers, so nothing is tried: {silent}.",
            remedy="Bring a controller back, or open port 88 (UDP and TCP) to it.",
            used=used,
        )
    if PROOF not in evidence.proofs.approved:
        return says.unknown(
            "not-approved",
            "Whether tickets can be had is only shown by getting some, and nobody has approved that here yet.",
            remedy=f"Look at the commands and approve them, once for this guest: {KEY}",
            used=used,
        )
    return says.unknown(
        "not-tried-yet",
        "Approved, and not tried since this jump host was started.",
        remedy=f"It is made by itself while the step is under way; {KEY} makes it now.",
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
