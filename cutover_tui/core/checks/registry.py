"""Every check this version knows, by id. A new check is one file and one entry here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial

from cutover_tui.core.checks import agent, naive
from cutover_tui.core.checks.check import Asked, Check, Says
from cutover_tui.core.checks.clocks import jump_host
from cutover_tui.core.checks.clocks.standing_line import GUEST_READERS, JUMP_READERS
from cutover_tui.core.checks.directory import ad_dns, ad_object, ad_trust, net_ad_paths
from cutover_tui.core.checks.kerberos import (
    kdc_clock,
    kerberos_ap_in,
    kerberos_caches,
    kerberos_exchange,
    kerberos_margin,
)
from cutover_tui.core.checks.provider import time_provider
from cutover_tui.core.checks.spec import Bound, CheckSpec, Param
from cutover_tui.core.checks.timekeeping import (
    time_master,
    time_offset,
    time_projection,
    time_reboot,
    time_reference,
    time_rtc,
)
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Finding
from cutover_tui.core.runbook import HOUR, MINUTE, SECOND, GateCheck
from probes.facts_kerberos import ExchangeKind
from probes.observation import Family

# How old an observation may be at `mark_done`: the cheap readers run every 15 s.
_FRESH = Bound(default=2 * MINUTE, lowest=30 * SECOND, highest=10 * MINUTE)

# Directories are asked every 5 min, and when somebody asks to look.
_SLOW = Bound(default=10 * MINUTE, lowest=1 * MINUTE, highest=30 * MINUTE)

NAIVE = "naive."
"""How the ids of checks begin that play a usual checklist and are believed by nobody."""

ON_DEMAND = (NAIVE, "ad.", "net.ad-", "kerberos.")
"""Checks whose readers look only where a runbook names the check."""

IN_THE_DIRECTORY = frozenset({"account", "dns"})
"""Readers that look for a guest in the directory and its names."""

FROM_THE_JUMP_HOST = IN_THE_DIRECTORY | {"ap-in"}
"""Readers that look at a guest, and for it, from the jump host: their observations are the guest's."""


def _naive(
    name: str,
    family: Family,
    judge: Callable[[Evidence, Asked, Says], Finding],
    *,
    readers: tuple[str, ...] = (),
    samples: bool = False,
) -> Check:
    return Check(
        spec=CheckSpec(
            id=name, version=1, family=family, soak=None, attempts=None, max_age=_FRESH, params={}
        ),
        judge=judge,
        criterion=lambda _asked: naive.CRITERIA[name],
        readers=readers,
        looks_back=naive.looks_back if samples else None,
    )


_TRIES = Bound(default=3, lowest=3, highest=20)
_PROVEN = Bound(default=20 * MINUTE, lowest=5 * MINUTE, highest=50 * MINUTE)


def _exchange(kind: ExchangeKind, *, naive_words: str) -> Check:
    return Check(
        spec=CheckSpec(
            id=f"kerberos.{kind}",
            version=1,
            family=Family.DIRECTORY,
            soak=None,
            attempts=_TRIES,
            max_age=_PROVEN,
            params={},
            voided_by=(Family.TIME,),
        ),
        judge=partial(kerberos_exchange.run, kind),
        criterion=partial(kerberos_exchange.criterion_of, kind),
        readers=("exchange", "keytab"),
        jump_readers=("kdc",),
        looks_back=kerberos_exchange.looks_back,
        naive=naive_words,
    )


_ALL = (
    Check(
        spec=CheckSpec(
            id="time.jump-host",
            version=3,
            family=Family.TIME,
            soak=None,
            attempts=None,
            max_age=_FRESH,
            params={
                "agree": Param("duration", 1 * SECOND, 1, 1 * SECOND, doc="how far two witnesses may differ")
            },
        ),
        judge=jump_host.run,
        criterion=jump_host.criterion,
        jump_readers=JUMP_READERS,
        witnesses=GUEST_READERS,
        looks_back=jump_host.looks_back,
        of_no_guest=True,
        naive="`date` on the jump host looks right",
    ),
    Check(
        spec=CheckSpec(
            id="time.provider",
            version=9,
            family=Family.TIME,
            soak=None,
            attempts=None,
            max_age=_FRESH,
            params={},
        ),
        judge=time_provider.run,
        criterion=time_provider.criterion,
        readers=("chrony", "timesyncd", "ntpq", "services", "time-config", "ptp"),
        naive="the time service is active; `timedatectl` says synchronized: yes (for 8.9 h after the last update)",
    ),
    Check(
        spec=CheckSpec(
            id="time.single-master",
            version=3,
            family=Family.TIME,
            soak=None,
            attempts=None,
            max_age=_FRESH,
            params={},
        ),
        judge=time_master.run,
        criterion=time_master.criterion,
        readers=("services", "platform", "vmtools", "time-config", "cron", "steps"),
        jump_readers=JUMP_READERS,
        witnesses=GUEST_READERS,
        looks_back=time_master.looks_back,
        naive="`vmware-toolbox-cmd timesync status` says Disabled, while Tools sets the clock at every resume",
    ),
    Check(
        spec=CheckSpec(
            id="time.offset",
            version=4,
            family=Family.TIME,
            soak=Bound(default=10 * MINUTE, lowest=1 * MINUTE, highest=None),
            attempts=None,
            max_age=_FRESH,
            params={
                "warn": Param(
                    "duration", 1 * SECOND, 1, 30 * SECOND, doc="pass, but say so above this", at_most="fail"
                ),
                "fail": Param("duration", 5 * SECOND, 1, 30 * SECOND, doc="never farther off than this"),
            },
        ),
        judge=time_offset.run,
        criterion=time_offset.criterion,
        jump_readers=JUMP_READERS,
        witnesses=GUEST_READERS,
        looks_back=time_offset.looks_back,
        naive="`date` agrees with the wall clock to the second, now",
    ),
    Check(
        spec=CheckSpec(
            id="time.projection",
            version=3,
            family=Family.TIME,
            soak=Bound(default=10 * MINUTE, lowest=1 * MINUTE, highest=None),
            attempts=None,
            max_age=_FRESH,
            params={
                "horizon": Param(
                    "duration", 72 * HOUR, 24 * HOUR, 720 * HOUR, doc="how far ahead the clock must be right"
                ),
                "within": Param(
                    "duration", 5 * SECOND, 1, 30 * SECOND, doc="a kept clock is never farther off than this"
                ),
            },
        ),
        judge=time_projection.run,
        criterion=time_projection.criterion,
        readers=("chrony", "timesyncd", "ntpq", "services"),
        jump_readers=JUMP_READERS,
        witnesses=GUEST_READERS,
        looks_back=time_projection.looks_back,
        naive="the offset is small now, so it will be small next week",
    ),
    Check(
        spec=CheckSpec(
            id="time.reboot",
            version=4,
            family=Family.TIME,
            soak=None,
            attempts=None,
            max_age=_FRESH,
            params={
                "first": Param("duration", 5 * MINUTE, 10 * SECOND, 5 * MINUTE, doc="first look until"),
                "second": Param("duration", 20 * MINUTE, 20 * MINUTE, None, doc="second look from"),
            },
            needs_mark=True,
        ),
        judge=time_reboot.run,
        criterion=time_reboot.criterion,
        readers=("boot",),
        jump_readers=JUMP_READERS,
        witnesses=GUEST_READERS,
        looks_back=time_reboot.looks_back,
        naive="it rebooted and came back",
    ),
    Check(
        spec=CheckSpec(
            id="time.reference",
            version=3,
            family=Family.TIME,
            soak=None,
            attempts=None,
            max_age=_FRESH,
            params={
                "domain": Param(
                    "duration",
                    1 * SECOND,
                    1,
                    1 * SECOND,
                    doc="how far a controller may be off the independent references",
                )
            },
            acknowledge=60 * SECOND,
        ),
        judge=time_reference.run,
        criterion=time_reference.criterion,
        jump_readers=JUMP_READERS,
        witnesses=GUEST_READERS,
        looks_back=time_reference.looks_back,
        of_no_guest=True,
        naive="every guest agrees with its domain controller; `w32tm /monitor` is all within milliseconds",
    ),
    Check(
        spec=CheckSpec(
            id="time.rtc",
            version=1,
            family=Family.TIME,
            soak=None,
            attempts=None,
            max_age=_FRESH,
            params={
                "off": Param(
                    "duration", 1 * MINUTE, 5 * SECOND, 5 * MINUTE, doc="how far beside the guest's clock"
                )
            },
            needs_mark=True,
        ),
        judge=time_rtc.run,
        criterion=time_rtc.criterion,
        readers=("rtc",),
        naive="`date` is right after the move, so the hour is right",
    ),
    Check(
        spec=CheckSpec(
            id="agent.swap",
            version=1,
            family=Family.IDENTITY,
            soak=None,
            attempts=None,
            max_age=_FRESH,
            params={
                "old": Param(
                    "str", agent.AUTO, doc="package that must be gone; auto = the source platform's"
                ),
                "new": Param("str", agent.AUTO, doc="agent that must run; auto = the target platform's"),
            },
        ),
        judge=agent.run,
        criterion=agent.criterion,
        readers=("agents",),
        naive="the new agent is connected",
    ),
    Check(
        spec=CheckSpec(
            id="ad.trust",
            version=2,
            family=Family.DIRECTORY,
            soak=None,
            attempts=None,
            max_age=_FRESH,
            params={},
        ),
        judge=ad_trust.run,
        criterion=ad_trust.criterion,
        readers=("trust",),
        naive='`net ads testjoin` says "Join is OK"; a domain user can log in (from the cache)',
    ),
    Check(
        spec=CheckSpec(
            id="ad.object",
            version=1,
            family=Family.DIRECTORY,
            soak=None,
            attempts=None,
            max_age=_SLOW,
            params={
                "password": Param(
                    "choice",
                    ad_object.NOT_OLDER,
                    choices=(ad_object.NOT_OLDER, ad_object.UNCHANGED),
                    doc="what the machine's password may have become since the mark; `unchanged` while the "
                    "source VM may have to come back",
                ),
            },
        ),
        judge=ad_object.run,
        criterion=ad_object.criterion,
        readers=("account", "addresses"),
        naive="the computer account is there",
    ),
    Check(
        spec=CheckSpec(
            id="ad.dns",
            version=1,
            family=Family.DIRECTORY,
            soak=None,
            attempts=None,
            max_age=_SLOW,
            params={"ptr": Param("bool", True, doc="ask for the PTR record too")},
        ),
        judge=ad_dns.run,
        criterion=ad_dns.criterion,
        readers=("dns", "addresses"),
        naive="`ping NAME` works, from the guest itself",
    ),
    Check(
        spec=CheckSpec(
            id="net.ad-paths",
            version=2,
            family=Family.NETWORK,
            soak=None,
            attempts=None,
            max_age=_SLOW,
            params={},
        ),
        judge=net_ad_paths.run,
        criterion=net_ad_paths.criterion,
        readers=("ad-paths",),
        naive="a controller answers a ping",
    ),
    Check(
        spec=CheckSpec(
            id="kdc.clock",
            version=3,
            family=Family.DIRECTORY,
            soak=None,
            attempts=None,
            max_age=_FRESH,
            params={
                "apart": Param("duration", 5 * SECOND, 1, 5 * SECOND, doc="how far a KDC's clock may be off")
            },
        ),
        judge=kdc_clock.run,
        criterion=kdc_clock.criterion,
        jump_readers=("kdc", *JUMP_READERS),
        witnesses=GUEST_READERS,
        looks_back=kdc_clock.looks_back,
        of_no_guest=True,
        naive="logins work; the one that failed worked when tried again (by another controller)",
    ),
    Check(
        spec=CheckSpec(
            id="kerberos.margin",
            version=1,
            family=Family.DIRECTORY,
            soak=None,
            attempts=None,
            max_age=_FRESH,
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
        jump_readers=("kdc",),
        looks_back=kerberos_margin.looks_back,
        naive="`kinit` works",
    ),
    _exchange("as", naive_words="`kinit` works, `net ads testjoin` says Join is OK (both do at 600 s off)"),
    _exchange("tgs", naive_words="`kvno` shows a key version (from the cache it asks no KDC at all)"),
    _exchange("ap-out", naive_words="`id user` and `ldapsearch` answer (after a kinit that hid the skew)"),
    Check(
        spec=CheckSpec(
            id="kerberos.ap-in",
            version=1,
            family=Family.DIRECTORY,
            soak=None,
            attempts=_TRIES,
            max_age=_PROVEN,
            params={},
            voided_by=(Family.TIME,),
        ),
        judge=kerberos_ap_in.run,
        criterion=kerberos_ap_in.criterion,
        readers=("ap-in", "keytab"),
        jump_readers=("kdc",),
        naive="`kinit` works on the guest (it does at 600 s off), and an administrator's open session goes on",
    ),
    Check(
        spec=CheckSpec(
            id="kerberos.caches",
            version=4,
            family=Family.DIRECTORY,
            soak=None,
            attempts=None,
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
    _naive("naive.time-service", Family.TIME, naive.time_service, readers=("services",)),
    _naive("naive.timedatectl", Family.TIME, naive.timedatectl, readers=("timedatectl", "services")),
    _naive("naive.date", Family.TIME, naive.date, samples=True),
    _naive("naive.agent", Family.IDENTITY, naive.agent, readers=("agents",)),
    _naive("naive.ping", Family.NETWORK, naive.ping, samples=True),
)

CHECKS: Mapping[str, Check] = {check.spec.id: check for check in _ALL}

READER_FAMILY: Mapping[str, Family] = {
    "chrony": Family.TIME,
    "timesyncd": Family.TIME,
    "services": Family.TIME,
    "timedatectl": Family.TIME,
    "rtc": Family.TIME,
    "ntpq": Family.TIME,
    "kernel-clock": Family.TIME,
    "steps": Family.TIME,
    "time-config": Family.TIME,
    "cron": Family.TIME,
    "ptp": Family.TIME,
    "vmtools": Family.TIME,
    "ntp": Family.TIME,
    "ntp-guest": Family.TIME,
    "http-date": Family.TIME,
    "platform": Family.IDENTITY,
    "boot": Family.IDENTITY,
    "agents": Family.IDENTITY,
    "kdc": Family.DIRECTORY,
    "keytab": Family.DIRECTORY,
    "caches": Family.DIRECTORY,
    "exchange": Family.DIRECTORY,
    "ap-in": Family.DIRECTORY,
    "rootdse": Family.DIRECTORY,
    "cldap": Family.DIRECTORY,
    "account": Family.DIRECTORY,
    "dns": Family.DIRECTORY,
    "trust": Family.DIRECTORY,
    "addresses": Family.NETWORK,
    "ad-paths": Family.NETWORK,
}
"""The family of each reader's facts; a test holds this against the readers themselves."""


def unneeded(used: Collection[str]) -> frozenset[str]:
    """The readers that only checks of ON_DEMAND name, where none of the checks `used` is one of those."""
    believed = {r for c in _ALL if not c.spec.id.startswith(ON_DEMAND) for r in c.readers}
    asked_for = {r for name in used for r in CHECKS[name].readers}
    return frozenset(r for c in _ALL for r in c.readers) - believed - asked_for


def asked(gate_check: GateCheck) -> Asked:
    """The runbook's numbers over the check's defaults. The runbook was validated when loaded."""
    spec = CHECKS[gate_check.check].spec
    return Asked(
        soak_ns=_or(gate_check.soak, spec.soak),
        attempts=_or(gate_check.attempts, spec.attempts),
        max_age_ns=_or(gate_check.max_age, spec.max_age),
        params={name: gate_check.params.get(name, param.default) for name, param in spec.params.items()},
    )


def versions() -> tuple[tuple[str, int], ...]:
    """Check ids and versions, sorted: the rules a decision was made by."""
    return tuple(sorted((c.spec.id, c.spec.version) for c in CHECKS.values()))


def _plain(value: int | bool | str) -> int | bool | str:
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _or(value: int | None, bound: Bound | None) -> int:
    if value is not None:
        return int(value)  # a Duration from the runbook; records hold plain integers
    return bound.default if bound is not None else 0
