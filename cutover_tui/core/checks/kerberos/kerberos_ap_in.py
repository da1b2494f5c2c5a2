"""`kerberos.ap-in`: does the guest accept peers that come with a fresh ticket?

Here the guest's own clock decides, and nothing corrects it: a guest whose `kinit` works refuses everybody
who comes. With a ticket some seconds old, 37 says that the guest is ahead, 33 that it is behind and the
ticket begins in its future, 32 that it is ahead by more than a ticket lives. Beside the number stands
what the guest's clock shows, which a Kerberos error carries. An SMB server says it to everybody; one that
refuses without a number while its clock is beyond the tolerance refuses for that.

A refusal before the guest was asked is told apart: because of skew it is a `fail` as well, of this
jump host's clock or the KDC's; of our own account it says nothing about the guest.
"""

from __future__ import annotations

from typing import NamedTuple

from cutover_tui.core.amounts import time_amount
from cutover_tui.core.checks.check import Asked, Proof, Says, no_facts
from cutover_tui.core.checks.kerberos.kerberos_run import unsettled
from cutover_tui.core.checks.kerberos.kerberos_series import all_good
from cutover_tui.core.checks.kerberos.kerberos_words import OF_CLOCKS, SKEW, meaning
from cutover_tui.core.evidence import Attempt, Evidence
from cutover_tui.core.finding import Criterion, Finding
from cutover_tui.core.runbook import SECOND
from probes.facts_kerberos import ApInFacts
from probes.observation import Observation

PROOF = "ap-in"

EXPIRED = 32
"""KRB_AP_ERR_TKT_EXPIRED."""

_OURS = frozenset({1, 6, 18, 23, 24, EXPIRED})
"""What a KDC says to the account that asks, not about the service it asks for."""


def run(evidence: Evidence, asked: Asked, says: Says) -> Finding:
    tolerance = int(evidence.domain.tolerances.kerberos_skew)

    def bad(attempt: Attempt, observation: Observation) -> Finding | None:
        facts = observation.facts
        if not isinstance(facts, ApInFacts):
            return no_facts(says, PROOF, observation)
        which = f"Attempt {attempt.number} of {attempt.of}"
        match facts.stage:
            case "done":
                return None
            case "service":
                return _refused_by_guest(which, facts, observation, says, tolerance)
            case _:
                return _refused_by_kdc(which, facts, observation, says)

    said = all_good(ATTEMPTS, evidence, asked, says, bad, by_us=True)
    if isinstance(said, Finding):
        return said
    used, run = said
    last = used[-1].facts
    assert isinstance(last, ApInFacts)  # noqa: S101 - nothing was bad
    counted, in_a_row = (run.clean, " in a row") if run.failed else (len(used), "")
    failed = f"; {run.failed} of {run.made} since the last disturbance were not" if run.failed else ""
    outside = "" if last.admitted else "; the account may not log in there, which is no matter of Kerberos"
    return says.passes(
        f"{counted} of {counted} fresh tickets{in_a_row} of {last.principal} were accepted by {last.service} "
        f"over {last.over}{failed}{outside}",
        measured=counted,
        used=used,
    )


def _failed(observation: Observation | None) -> bool:
    """Whether an attempt says that peers do not get in; what is about our own account says nothing of that."""
    if observation is None:
        return True
    facts = observation.facts
    if not isinstance(facts, ApInFacts):
        return unsettled(observation)
    if facts.stage in ("login", "ticket"):
        return facts.code in OF_CLOCKS or _about_the_service(facts)
    return facts.stage != "done"


def _went_well(observation: Observation) -> bool:
    return isinstance(observation.facts, ApInFacts) and observation.facts.stage == "done"


def _about_the_service(facts: ApInFacts) -> bool:
    return facts.stage == "ticket" and facts.code is not None and facts.code not in _OURS


ATTEMPTS = Proof(PROOF, _failed, _went_well)


def _refused_by_guest(
    which: str, facts: ApInFacts, observation: Observation, says: Says, tolerance: int
) -> Finding:
    words = f"{which}: {facts.service} refused a fresh ticket, {_number(facts)}"
    skew = _skew(facts)
    clock = f" Its clock shows {skew.words}." if skew is not None else ""
    beyond = skew.offset_ns if skew is not None and abs(skew.offset_ns) - skew.bound_ns > tolerance else 0
    unnamed = beyond if facts.code is None else 0
    if facts.code == SKEW or (facts.code == EXPIRED and skew and skew.offset_ns > SECOND) or unnamed > 0:
        return says.fails(
            "guest-ahead",
            f"{words}: the guest's clock is ahead of who comes to it.{clock} Its own kinit may work all the same.",
            remedy="Correct the guest's clock (time.offset, time.provider); where those pass, see time.jump-host.",
            used=(observation,),
        )
    if facts.code in OF_CLOCKS or unnamed < 0:
        return says.fails(
            "guest-behind",
            f"{words}: the guest's clock is behind, the ticket begins in its future.{clock} "
            "Its own kinit may work all the same.",
            remedy="Correct the guest's clock (time.offset, time.provider); where those pass, see kdc.clock.",
            used=(observation,),
        )
    if facts.code is None:
        return says.fails(
            "refused",
            f"{words}: the service keeps the error's number to itself.{clock}",
            remedy="See whether the guest's clock is right (kerberos.margin, time.offset), then its keytab (klist -kte "
            "against ad.object), and over smb whether Samba has a user for our account (wbinfo -i); the service's own "
            "log names the error.",
            used=(observation,),
        )
    known = meaning(facts.code)
    return says.fails(known.code, f"{words}: {known.sentence}.", remedy=known.remedy, used=(observation,))


def _refused_by_kdc(which: str, facts: ApInFacts, observation: Observation, says: Says) -> Finding:
    what = "a ticket of our own" if facts.stage == "login" else f"a ticket for {facts.service}"
    words = f"{which}: the KDC refused {facts.principal} {what}, {_number(facts)}"
    if facts.code in OF_CLOCKS:
        return says.fails(
            "own-skew",
            f"{words}: this jump host and the KDC are farther apart than Kerberos tolerates. The guest was not asked.",
            remedy="See time.jump-host and kdc.clock for which of both is wrong; then kinit anew.",
            used=(observation,),
        )
    if _about_the_service(facts):
        known = meaning(facts.code)
        return says.fails(known.code, f"{words}: {known.sentence}.", remedy=known.remedy, used=(observation,))
    return says.unknown(
        "own-login",
        f"{words}. That is about our own account; the guest was not asked.",
        remedy="Run kinit anew; look whether the account is locked or its password has expired.",
        used=(observation,),
    )


def _number(facts: ApInFacts) -> str:
    return f"error {facts.code}: {facts.text}" if facts.code is not None else facts.text


class _Skew(NamedTuple):
    """The guest's clock minus the jump host's, ± a bound."""

    offset_ns: int
    bound_ns: int

    @property
    def words(self) -> str:
        offset, bound = time_amount(self.offset_ns, sign=True), time_amount(self.bound_ns)
        return f"{offset} ± {bound} compared with this jump host's"


def _skew(facts: ApInFacts) -> _Skew | None:
    """In the middle of what the guest's refusal allows; None where it shows no clock."""
    shown, shown_us, own = facts.shown_ns, facts.shown_us, facts.own_utc_ns
    if shown is None or shown_us is None or own is None or facts.sent_ns is None or facts.received_ns is None:
        return None
    # Microseconds of some acceptors are a counter and no clock: the second they stand in is what is certain.
    low, high = shown + shown_us * 1000, shown + SECOND
    return _Skew((low + high) // 2 - own, (high - low + facts.received_ns - facts.sent_ns + 1) // 2)


def criterion(asked: Asked) -> Criterion:
    return Criterion(
        f"{asked.attempts} of {asked.attempts} fresh tickets of the engineer were accepted by the guest's service",
        asked.attempts,
        "count",
    )
