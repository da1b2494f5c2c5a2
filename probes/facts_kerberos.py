"""Facts about Kerberos: what a KDC says, and which clock it says it by. Integers only."""

from __future__ import annotations

from typing import Literal

import msgspec


class KdcFacts(msgspec.Struct, frozen=True, tag="kdc"):
    """One AS-REQ for a name nobody has, without credentials, and the KDC's answer (RFC 4120 section 3.1).

    The answer was given between `sent_ns` and `received_ns` (CLOCK_BOOTTIME of the jump
    host), and the KDC's clock then showed at least `stime_ns` + `susec` microseconds and
    less than the next second: the microseconds of MIT 1.16 to 1.21 are a counter within
    the second and no clock, so they are only a lower limit.
    """

    server: str  # as the runbook names it
    address: str
    transport: Literal["udp", "tcp"]
    realm: str  # that was asked for
    sent_ns: int
    received_ns: int
    own_utc_ns: int  # the jump host's CLOCK_REALTIME at the middle
    code: int | None  # error number of the KRB-ERROR; None = a ticket, which shows no clock
    stime_ns: int | None  # UTC in whole seconds, as ns
    susec: int | None
    answered_realm: str
    text: str  # e-text, cleaned


ExchangeKind = Literal["as", "tgs", "ap-out"]
Outcome = Literal["ok", "refused", "silent", "absent", "not-tried"]


class Exchange(msgspec.Struct, frozen=True):
    """One exchange of the machine account, made fresh on the guest.

    `ok` means that what it should have produced was there afterwards: a ticket in the
    private cache, an authenticated answer. `silent`: nobody answered in time. `absent`: the
    tool is not installed. `not-tried`: what it needs was not to be had before it.
    """

    kind: ExchangeKind
    masked: bool  # with the library's own correction of the clock (kdc_timesync), as programs have it
    outcome: Outcome
    service: str  # the principal a ticket was asked for
    code: int | None = None  # protocol error number (RFC 4120 section 7.5.9) of a refusal
    text: str = ""  # what the tool said, in the words that were recognised
    start_ns: int | None = None  # UTC, by the KDC's clock
    end_ns: int | None = None


class ExchangeFacts(msgspec.Struct, frozen=True, tag="exchange"):
    """One attempt: AS, TGS and AP exchanges, unmasked and masked side by side."""

    principal: str
    exchanges: tuple[Exchange, ...]
    removed: bool  # the private directory with the tickets is gone again

    def of(self, kind: ExchangeKind, *, masked: bool) -> Exchange | None:
        """That exchange, or None where it was not part of the attempt."""
        return next((e for e in self.exchanges if (e.kind, e.masked) == (kind, masked)), None)


class KeytabEntry(msgspec.Struct, frozen=True):
    """One key, without the key."""

    kvno: int
    principal: str
    enctype: str
    stamp_ns: int  # UTC, when it was written


class KeytabFacts(msgspec.Struct, frozen=True, tag="keytab"):
    """The guest's default keytab. `present` False: there is no such file, which root has looked for."""

    name: str  # TYPE:path
    present: bool
    entries: tuple[KeytabEntry, ...]


class CacheFile(msgspec.Struct, frozen=True):
    """A credential cache in a file.

    `offset_ns` is the difference of the KDC's clock to the guest's when the cache was made, as
    the library wrote it into the header (tag 1 of a version 4 file) and will go on adding to
    the guest's clock whenever it uses this cache; None = it holds none.
    """

    path: str
    owner: str
    written_ns: int  # UTC by the guest's clock: the file's mtime
    offset_ns: int | None
    principal: str | None  # None = klist could not read it
    tickets: int
    newest_ns: int | None  # UTC by the KDC's clock: start of the newest ticket
    end_ns: int | None  # when the last ticket ends


class CachesFacts(msgspec.Struct, frozen=True, tag="caches"):
    """Credential caches in the places where files are kept.

    `elsewhere` is what programs are configured to use and nobody looks at: kinds of cache that leave no
    file (KCM, KEYRING, MEMORY …), files in other places, and what configuration that may not be read names.
    """

    files: tuple[CacheFile, ...]
    elsewhere: tuple[str, ...]


ApInStage = Literal["login", "ticket", "service", "done"]


class ApInFacts(msgspec.Struct, frozen=True, tag="ap-in"):
    """One attempt to use a service of the guest from the jump host, with a fresh ticket of the engineer.

    `stage` is where it ended: `login` (our own ticket), `ticket` (the KDC, about one for the
    service), `service` (the guest refused it), `done` (the guest accepted it *and* proved that it
    has the service's key).

    A guest that refuses says what its own clock shows: `shown_ns` + `shown_us` microseconds,
    between `sent_ns` and `received_ns` (CLOCK_BOOTTIME of the jump host): in the Kerberos error, or, where an
    SMB server keeps that to itself, as it agreed upon a dialect a moment before.
    """

    service: str
    over: str  # ssh, http, ldap, smb
    principal: str  # ours
    stage: ApInStage
    code: int | None  # protocol error number of a refusal (RFC 4120 section 7.5.9)
    text: str  # the library's words for it
    start_ns: int | None  # of the service ticket: UTC by the KDC's clock
    end_ns: int | None
    shown_ns: int | None  # UTC in whole seconds, as ns
    shown_us: int | None
    sent_ns: int | None
    received_ns: int | None
    own_utc_ns: int | None  # the jump host's CLOCK_REALTIME at the middle
    admitted: bool | None  # whether our account may log in there; says nothing about Kerberos
