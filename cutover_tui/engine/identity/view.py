"""Who can authenticate to whom: what the identity screen draws of one guest. Plain structs.

Offsets are in ns and never against the jump host's own clock: a clock minus the time that guests
are judged by, or the guest minus a KDC, which is what Kerberos itself compares.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from cutover_tui.core.finding import Finding
from probes.observation import Instant

ClockKind = Literal["guest", "kdc", "controller", "reference"]


class Skew(msgspec.Struct, frozen=True):
    """The guest minus one KDC, true within `bound_ns`."""

    kdc: str
    offset_ns: int
    bound_ns: int


class ClockRow(msgspec.Struct, frozen=True):
    """One clock minus what guests are judged by, in [`low_ns`, `high_ns`]; None: `why` says why not.

    A controller is asked twice and stands in two rows: as a KDC, and by NTP.
    """

    name: str
    kind: ClockKind
    low_ns: int | None = None
    high_ns: int | None = None
    age_ns: int | None = None  # of what it rests on, or of the failure that `why` tells of
    why: str = ""
    believed: bool = True  # False: it disagrees with the others of its kind
    microseconds: bool | None = None  # a KDC's: whether they are a clock; None = not shown yet
    jumped: bool = False  # a KDC's: its clock was set within the last minutes
    skew: Skew | None = None  # a KDC's: the guest minus it


Shown = Literal["ok", "refused", "silent", "absent", "not-tried", "no-result", "under-way", "not-made"]
"""How one exchange of one attempt went. `no-result`: the attempt ended without an observation, and counts
as failed. `not-made`: the series ended before this attempt."""


class Tried(msgspec.Struct, frozen=True):
    """One exchange of one attempt.

    `counts`: it is of the newest series, after the last disturbance and not too old. For a refusal of the newest
    series that clocks explain, `skew` is the guest minus the KDC it was farthest from at that moment.
    """

    series: int  # ascending; the same for the attempts of one series
    shown: Shown
    counts: bool
    code: int | None = None  # protocol error number of a refusal
    text: str = ""
    skew: Skew | None = None


class ExchangeRow(msgspec.Struct, frozen=True):
    """One kind of exchange, attempt by attempt, oldest first; `masked` is as long as `plain`, or empty."""

    check: str
    plain: tuple[Tried, ...] = ()  # without the library's correction of the clock
    masked: tuple[Tried, ...] = ()  # with it, as programs have it


class ProofState(msgspec.Struct, frozen=True):
    """What the key for proofs would do now."""

    approved: bool = False
    running: bool = False
    attempts: int = 0  # how many a series has
    tools: tuple[str, ...] = ()  # that ask: kinit, kvno, ldapsearch, ssh
    commands: int = 0
    last: Instant | None = None  # when the newest series began
    refused: str = ""  # why it cannot be run now
    remedy: str = ""


class KeytabRow(msgspec.Struct, frozen=True):
    """The keytab, without keys. `why`: it could not be read, or not yet."""

    name: str = ""
    present: bool = False
    principals: int = 0
    machine: str = ""  # the machine account's principal
    kvno: int | None = None  # its highest key version
    directory_kvno: int | None = None  # that the directory shows; None = not asked or not shown
    enctypes: tuple[str, ...] = ()  # of the machine account's newest keys
    age_ns: int | None = None
    why: str = ""


class MadeOff(msgspec.Struct, frozen=True):
    """A cache that was made while the clock was off, and whose it is."""

    path: str
    owner: str
    offset_ns: int


class CachesRow(msgspec.Struct, frozen=True):
    """Credential caches with tickets that are still valid.

    `before_mark` and `after_mark` are by the start of the newest ticket; None without a mark. Those whose
    tickets could not be listed are in neither.
    """

    alive: int = 0
    expired: int = 0
    tickets: int = 0
    before_mark: int | None = None
    after_mark: int | None = None
    made_off: tuple[MadeOff, ...] = ()  # the farthest off first
    elsewhere: tuple[str, ...] = ()  # kinds and places of caches that nobody looks at
    age_ns: int | None = None
    why: str = ""


class IdentityView(msgspec.Struct, frozen=True):
    """One guest at one moment. `findings` are not on the record.

    `findings` holds every check this version has of those the screen shows. `unasked` are those of
    them whose readers look only where a runbook names the check, and this one names none.
    """

    host: str
    now: Instant
    realm: str | None
    tolerance_ns: int
    judged_by: Literal["domain", "references"] | None
    judges: tuple[str, ...]
    clocks: tuple[ClockRow, ...]
    worst: Skew | None  # the KDC the guest is farthest from now
    exchanges: tuple[ExchangeRow, ...]
    proof: ProofState
    keytab: KeytabRow
    caches: CachesRow
    findings: tuple[Finding, ...]
    unasked: tuple[str, ...] = ()

    def finding(self, check: str) -> Finding | None:
        """What that check says, None where this version does not have it or nobody asked for it."""
        return next((f for f in self.findings if f.check == check), None)

    @property
    def left_ns(self) -> int | None:
        """What is left of Kerberos' tolerance at worst; below zero beyond it, None where nobody can tell."""
        if self.worst is None:
            return None
        return self.tolerance_ns - abs(self.worst.offset_ns) - self.worst.bound_ns
