"""Facts about a domain controller that is itself a guest of the wave, as its own LDAP server shows them.

Integers only; times are UTC in ns by the controller's own clock.
"""

from __future__ import annotations

import msgspec

INBOUND_OFF, OUTBOUND_OFF = 0x2, 0x4
"""NTDSDSA_OPT_DISABLE_INBOUND_REPL and _OUTBOUND_REPL of `options` ([MS-ADTS] section 6.1.1.2.2.1.2.1.1). Windows
sets both when it finds that its database went back (event 2095)."""

DS_FLAG = 0x10
"""DS_DS_FLAG of an LDAP ping: netlogon advertises the machine as a directory server ([MS-ADTS] section 6.3.1.2).
On Windows it does so only once SYSVOL is ready."""


class Inbound(msgspec.Struct, frozen=True):
    """One partner that a naming context is replicated from: REPS_FROM of [MS-DRSR]."""

    context: str
    partner: str  # DNS name below _msdcs, or the partner's objectGUID
    failures: int  # in a row, up to now
    result: int  # of the last attempt; 0 = it went well
    success_ns: int | None  # None = never


class Pool(msgspec.Struct, frozen=True):
    """A range of relative identifiers, ends included."""

    first: int
    last: int


class Policy(msgspec.Struct, frozen=True):
    """A group policy: its GUID in braces, and the version of it that somebody has."""

    guid: str
    version: int


class DcFacts(msgspec.Struct, frozen=True, tag="dc"):
    """A controller's word about itself, read from it and nobody else.

    What is not replicated (highest USN, generation id, RIDs in use, partners) no other
    controller knows. "" and None: not shown to us, or not there; LDAP does not tell these apart.
    """

    server: str
    address: str
    dsa: str  # DN of its NTDS Settings
    vendor: str  # vendorName; Windows shows none
    current_time_ns: int | None
    synchronized: bool | None  # isSynchronized
    highest_usn: int | None  # highestCommittedUSN
    invocation_id: str  # hex
    options: int | None  # of NTDS Settings
    generation_id: str  # hex of msDS-GenerationId
    controllers: int  # NTDS Settings objects of the forest, its own included
    inbound: tuple[Inbound, ...]
    rid_set: bool  # it has an object for its own pools
    pool: Pool | None  # that it will use next, or uses
    pool_used: Pool | None  # that it takes identifiers from
    next_rid: int | None  # the last that it gave out of it
    available: Pool | None  # what the RID master still has to give, as this controller knows it
    policies: tuple[Policy, ...]  # as the directory has them
    flags: int | None  # of its LDAP ping; None = it did not answer one

    @property
    def samba(self) -> bool:
        """Samba says so; it keeps no generation id."""
        return self.vendor.startswith("Samba")


class SysvolFacts(msgspec.Struct, frozen=True, tag="sysvol"):
    """The group policies in a controller's own SYSVOL, by their GPT.INI."""

    domains: tuple[str, ...]  # folders with policies
    policies: tuple[Policy, ...]  # sorted
