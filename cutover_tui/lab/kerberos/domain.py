"""The simulated domain: its realm, its accounts and their keys, as every controller has them (replication is instant).

A key is derived from account, key version and encryption type. It encrypts nothing: whoever
presents the same bytes for the same version has the right password.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Literal

AES256, AES128, RC4 = 18, 17, 23
ETYPES = (AES256, AES128, RC4)
_SIZES = {AES256: 32, AES128: 16, RC4: 16}

AccountState = Literal["enabled", "disabled"]

AES_AND_RC4 = 28
"""msDS-SupportedEncryptionTypes of a member as it joins ([MS-KILE] section 2.2.7)."""

LONG_AGO = 1_700_000_000_000_000_000
"""When passwords were set of which nobody says when."""


def key(realm: str, account: str, kvno: int, etype: int) -> bytes:
    """The key an account has at that version."""
    return sha256(f"{realm} {account} {kvno} {etype}".encode()).digest()[: _SIZES[etype]]


@dataclass(frozen=True, slots=True)
class Account:
    """A machine account: its name ends with `$`, its service principals lead to it."""

    name: str
    kvno: int
    state: AccountState = "enabled"
    services: tuple[str, ...] = ()
    host: str = ""  # its DNS name
    upn: str | None = None
    password_set: int = LONG_AGO  # UTC, ns
    enctypes: int = AES_AND_RC4


@dataclass(slots=True)
class Domain:
    """Everything the directory knows."""

    realm: str
    dns: str
    site: str
    accounts: dict[str, Account] = field(default_factory=dict)  # by name in small letters
    addresses: dict[str, tuple[str, ...]] = field(default_factory=dict)  # A records by full name
    pointers: dict[str, tuple[str, ...]] = field(default_factory=dict)  # PTR records by address

    def register(self, name: str, address: str) -> None:
        """The records a machine makes for itself."""
        self.addresses[name.lower()] = (address,)
        self.pointers[address] = (name.lower(),)

    def join(self, computer: str, kvno: int, state: AccountState, *, controller: bool = False) -> Account:
        """Make a machine's account."""
        name, host = f"{computer.upper()}$", f"{computer}.{self.dns}"
        kinds = ("ldap", "host", "GC", "cifs") if controller else ("host", "restrictedkrbhost")
        services = tuple(f"{kind}/{who}" for kind in kinds for who in (host, computer.upper()))
        account = Account(name, kvno, state, services, host, f"host/{host}@{self.realm}")
        self.put(account)
        return account

    def account(self, principal: str) -> Account | None:
        """Whose name that is; with or without a realm, which must be this one."""
        name = self._local(principal)
        return None if name is None else self.accounts.get(name.lower())

    def serving(self, service: str) -> Account | None:
        """Whose service principal that is; nobody's where two accounts have it, as a real KDC takes it.

        Who has `host/NAME` has `cifs/NAME` with it (the forest's sPNMappings), unless somebody has that one.
        """
        name = self._local(service)
        if name is None:
            return None
        kind, _, host = name.lower().partition("/")
        for wanted in (name.lower(), *((f"host/{host}",) if kind == "cifs" else ())):
            owners = [a for a in self.accounts.values() if wanted in map(str.lower, a.services)]
            if owners:
                return owners[0] if len(owners) == 1 else None
        return self.accounts.get(name.lower())

    def client(self, principal: str) -> Account | None:
        """Whom a client's name stands for: the account's name or a user principal name; never a service's."""
        found = self.account(principal)
        full = principal if "@" in principal else f"{principal}@{self.realm}"
        return found or next((a for a in self.accounts.values() if a.upn == full), None)

    def change(self, name: str, *, kvno: int | None = None, state: AccountState | None = None) -> None:
        """Another password (a higher key version), or another state."""
        before = self.accounts[name.lower()]
        self.put(
            replace(
                before,
                kvno=before.kvno if kvno is None else kvno,
                state=before.state if state is None else state,
            )
        )

    def put(self, account: Account) -> None:
        """Make that account, or make it another."""
        self.accounts[account.name.lower()] = account

    def delete(self, name: str) -> None:
        """The account is gone."""
        self.accounts.pop(name.lower(), None)

    def principals(self, account: Account) -> Iterator[str]:
        """The names a member's key table has keys for."""
        yield from (f"{name}@{self.realm}" for name in (*account.services, account.name))

    def _local(self, principal: str) -> str | None:
        name, at, realm = principal.rpartition("@")
        return principal if not at else name if realm == self.realm else None
