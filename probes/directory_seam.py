"""The seam of the directory and its names, as `probes.seam` is that of guests and the network.

Sockets and ldap3 stand behind it in `probes.ad.directory` and `probes.ad.dns`; a simulated world may as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

from probes.facts_directory import Answer, RecordKind
from probes.observation import Failure

T = TypeVar("T")


class DirectoryError(Exception):
    """The directory could not be asked; carries the typed failure, and the Kerberos error number if there was one.

    `of_the_login`: the server looked at our user and password and refused them, which counts towards a lockout.
    """

    def __init__(self, failure: Failure, kerberos: int | None = None, *, of_the_login: bool = False) -> None:
        super().__init__(failure.detail)
        self.failure, self.kerberos, self.of_the_login = failure, kerberos, of_the_login


@dataclass(frozen=True, slots=True)
class Controller:
    """A domain controller to ask. `name` must be in its certificate; `address` is where to connect."""

    name: str
    address: str
    ca_file: str | None = None
    """PEM file of the CAs that are trusted; None = the jump host's own."""
    tls: Literal["ldaps", "starttls"] = "ldaps"
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Anonymous:
    """No credentials: rootDSE only, in Active Directory."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The engineer's own ticket. `ccache` None = where the environment says."""

    ccache: str | None = None


@dataclass(frozen=True, slots=True)
class Simple:
    """A user and a password that is in memory only."""

    user: str
    password: str = field(repr=False)


Bind = Anonymous | Ticket | Simple


@dataclass(frozen=True, slots=True)
class Entry:
    """An object as the server sent it: attribute names in small letters, values as bytes."""

    dn: str
    attributes: dict[str, tuple[bytes, ...]]

    def names(self) -> tuple[str, ...]:
        """The attributes that came, options such as `;range=0-1499` included."""
        return tuple(self.attributes)

    def all(self, name: str) -> tuple[bytes, ...]:
        """Every value; empty when the attribute is absent."""
        return self.attributes.get(name.lower(), ())


class DirectorySession(Protocol):
    """A bound connection, for the length of one piece of work."""

    @property
    def address(self) -> str: ...

    def read(self, dn: str, attributes: Sequence[str]) -> Entry:
        """One object by its name ("" = rootDSE).

        Raises:
            DirectoryError: not there, not allowed, or no good answer.
        """
        ...

    def search(self, base: str, query: str, attributes: Sequence[str], *, limit: int) -> Sequence[Entry]:
        """Up to `limit` objects below `base`.

        Raises:
            DirectoryError: as `read`; a referral too: it is never followed.
        """
        ...


class Directories(Protocol):
    """Controllers that are asked."""

    async def ask(self, controller: Controller, bind: Bind, work: Callable[[DirectorySession], T]) -> T:
        """Connect, bind, do the work, unbind.

        Raises:
            DirectoryError: whatever went wrong, with a sentence for people.
        """
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Question:
    """A record to ask for, and whom: "" is the jump host's own resolver."""

    server: str
    name: str
    kind: RecordKind


class NameServers(Protocol):
    """Name servers, each asked by itself."""

    async def ask(self, questions: Sequence[Question]) -> tuple[Answer, ...]:
        """Every answer, in the order of the questions. Never raises for what the network does."""
        ...

    async def address(self, host: str) -> str | None:
        """The address a name server is asked at; None where its name does not resolve."""
        ...
