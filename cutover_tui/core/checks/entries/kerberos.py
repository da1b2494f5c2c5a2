"""The checks of KDCs, exchanges and what holds tickets."""

from __future__ import annotations

from functools import partial

from cutover_tui.core.checks.check import Check
from cutover_tui.core.checks.clocks.standing_line import GUEST_READERS, JUMP_READERS
from cutover_tui.core.checks.entries.bounds import FRESH, PROVEN, TRIES
from cutover_tui.core.checks.kerberos import (
    kdc_answers,
    kdc_clock,
    kerberos_ap_in,
    kerberos_caches,
    kerberos_exchange,
    kerberos_margin,
)
from cutover_tui.core.checks.spec import Bound, CheckSpec, Param
from cutover_tui.core.runbook import MINUTE, SECOND
from probes.facts_kerberos import ExchangeKind
from probes.observation import Family


def _exchange(kind: ExchangeKind, *, naive_words: str) -> Check:
    return Check(
        spec=CheckSpec(
            id=f"kerberos.{kind}",
            version=5,
            family=Family.DIRECTORY,
            attempts=TRIES,
            max_age=PROVEN,
            voided_by=(Family.TIME,),
        ),
        judge=partial(kerberos_exchange.run, kind),
        criterion=partial(kerberos_exchange.criterion_of, kind),
        readers=("exchange", "keytab"),
        judges=kerberos_exchange.proof_of(kind),
        jump_readers=kdc_answers.JUMP_READERS,
        witnesses=kdc_answers.GUEST_READERS,
        looks_back=kerberos_exchange.looks_back,
        naive=naive_words,
    )


CHECKS = (
    Check(
        spec=CheckSpec(
            id="kdc.clock",
            version=6,
            family=Family.DIRECTORY,
            max_age=FRESH,
            params={
                "apart": Param("duration", 5 * SECOND, 1, 5 * SECOND, doc="how far a KDC's clock may be off")
            },
        ),
        judge=kdc_clock.run,
        criterion=kdc_clock.criterion,
        jump_readers=(*kdc_answers.JUMP_READERS, "rootdse", "cldap", *JUMP_READERS),
        witnesses=(*kdc_answers.GUEST_READERS, *GUEST_READERS),
        looks_back=kdc_clock.looks_back,
        of_no_guest=True,
        naive="logins work; the one that failed worked when tried again (by another controller)",
    ),
    Check(
        spec=CheckSpec(
            id="kerberos.margin",
            version=3,
            family=Family.DIRECTORY,
            max_age=FRESH,
            params={
                "least": Param(
                    "duration",
                    240 * SECOND,
                    240 * SECOND,
                    299 * SECOND,
                    doc="how much of the tolerance must be left",
                )
            },
            voided_by=(Family.TIME,),
        ),
        judge=kerberos_margin.run,
        criterion=kerberos_margin.criterion,
        jump_readers=kdc_answers.JUMP_READERS,
        witnesses=kdc_answers.GUEST_READERS,
        looks_back=kerberos_margin.looks_back,
        naive="`kinit` works",
    ),
    _exchange("as", naive_words="`kinit` works, `net ads testjoin` says Join is OK (both do at 600 s off)"),
    _exchange("tgs", naive_words="`kvno` shows a key version (from the cache it asks no KDC at all)"),
    _exchange("ap-out", naive_words="`id user` and `ldapsearch` answer (after a kinit that hid the skew)"),
    Check(
        spec=CheckSpec(
            id="kerberos.ap-in",
            version=5,
            family=Family.DIRECTORY,
            attempts=TRIES,
            max_age=PROVEN,
            voided_by=(Family.TIME,),
        ),
        judge=kerberos_ap_in.run,
        criterion=kerberos_ap_in.criterion,
        readers=("ap-in", "keytab"),
        judges=kerberos_ap_in.ATTEMPTS,
        jump_readers=kdc_answers.JUMP_READERS,
        witnesses=kdc_answers.GUEST_READERS,
        naive="`kinit` works on the guest (it does at 600 s off), and an administrator's open session goes on",
    ),
    Check(
        spec=CheckSpec(
            id="kerberos.caches",
            version=7,
            family=Family.DIRECTORY,
            max_age=Bound(default=3 * MINUTE, lowest=2 * MINUTE, highest=10 * MINUTE),
            params={
                "off": Param(
                    "duration", 4 * MINUTE, 1 * SECOND, 4 * MINUTE, doc="clock offset a cache may carry"
                )
            },
            voided_by=(Family.TIME,),
        ),
        judge=kerberos_caches.run,
        criterion=kerberos_caches.criterion,
        readers=("caches",),
        jump_readers=JUMP_READERS,
        witnesses=GUEST_READERS,
        looks_back=kerberos_caches.looks_back,
        through_voids=True,
        naive="the clock is right again",
    ),
)
