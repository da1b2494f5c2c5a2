"""What a guest holds to authenticate with: its keytab and its credential caches."""

from __future__ import annotations

from cutover_tui.core.machine_account import machine_principal
from cutover_tui.engine.identity.view import CachesRow, KeytabRow, MadeOff
from probes.facts_directory import AccountFacts
from probes.facts_kerberos import CacheFile, CachesFacts, KeytabFacts
from probes.observation import Instant, Observation

NOT_READ = "not read in the last hour"


def keytab_row(
    newest: Observation | None, account: Observation | None, realm: str | None, now: Instant
) -> KeytabRow:
    """The newest reading of the keytab beside what the directory shows of the account."""
    if newest is None:
        return KeytabRow(why=NOT_READ)
    age, facts = newest.ended.age_ns(now), newest.facts
    if not isinstance(facts, KeytabFacts):
        return KeytabRow(age_ns=age, why=_why(newest))
    machine = machine_principal(facts, realm) if realm is not None else None
    mine = [e for e in facts.entries if e.principal == machine]
    kvno = max((e.kvno for e in mine or facts.entries), default=None)
    shown = account.facts if account is not None else None
    return KeytabRow(
        name=facts.name,
        present=facts.present,
        principals=len({e.principal for e in facts.entries}),
        machine=machine or "",
        kvno=kvno,
        directory_kvno=shown.kvno if isinstance(shown, AccountFacts) and shown.found == 1 else None,
        enctypes=tuple(dict.fromkeys(e.enctype for e in mine or facts.entries if e.kvno == kvno)),
        age_ns=age,
    )


def caches_row(newest: Observation | None, limit_ns: int, mark_ns: int | None, now: Instant) -> CachesRow:
    """The newest reading of the caches.

    Args:
        limit_ns: with a larger clock offset in its header, a cache was made while the clock was off.
        mark_ns: the mark in UTC, by the clock that KDCs should show.
    """
    if newest is None:
        return CachesRow(why=NOT_READ)
    age, facts = newest.ended.age_ns(now), newest.facts
    if not isinstance(facts, CachesFacts):
        return CachesRow(age_ns=age, why=_why(newest))
    alive = [f for f in facts.files if f.end_ns is None or f.end_ns > now.utc_ns]
    began = [f.newest_ns for f in alive if f.newest_ns is not None]
    off = [f for f in alive if f.offset_ns is not None and abs(f.offset_ns) > limit_ns]
    return CachesRow(
        alive=len(alive),
        expired=len(facts.files) - len(alive),
        tickets=sum(f.tickets for f in alive),
        before_mark=sum(b < mark_ns for b in began) if mark_ns is not None else None,
        after_mark=sum(b >= mark_ns for b in began) if mark_ns is not None else None,
        made_off=tuple(_made_off(f) for f in sorted(off, key=lambda f: (-abs(f.offset_ns or 0), f.path))),
        elsewhere=facts.elsewhere,
        age_ns=age,
    )


def _made_off(file: CacheFile) -> MadeOff:
    return MadeOff(file.path, file.owner, file.offset_ns or 0)


def _why(newest: Observation) -> str:
    return newest.failure.detail if newest.failure is not None else "it was not understood"
