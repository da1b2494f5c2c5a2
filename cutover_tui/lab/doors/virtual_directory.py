"""The directory and its name servers in virtual time: the seam of `probes.directory_seam` over the world's state.

What a controller shows is what it shows on loopback: both doors ask `cutover_tui.lab.ldap.view`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cutover_tui.lab.doors.ldap_server import view_of
from cutover_tui.lab.doors.virtual_loop import SECOND
from cutover_tui.lab.kerberos.library import TOLERANCE_S
from cutover_tui.lab.ldap import filter_text
from cutover_tui.lab.ldap.filters import Present
from cutover_tui.lab.ldap.view import CREDENTIALS, NO_OBJECT, OPERATIONS, Refused, Search, View
from cutover_tui.lab.world.name_records import lookup
from cutover_tui.lab.world.network import JUMP
from cutover_tui.lab.world.world import Reference, World
from probes.directory_seam import (
    Anonymous,
    Bind,
    Controller,
    DirectoryError,
    DirectorySession,
    Entry,
    Question,
    Simple,
    Ticket,
)
from probes.facts_directory import Answer, RecordOutcome
from probes.observation import Failure, FailureKind

T = TypeVar("T")
DNS, LDAP, LDAPS = 53, 389, 636
_CONNECT_NS = 4 * SECOND
_DNS_NS = 4 * SECOND
_ROUND_TRIPS = 3
"""TCP, TLS, and a login."""

_SAYS = {
    OPERATIONS: (FailureKind.DENIED, "wants a login first"),
    CREDENTIALS: (FailureKind.DENIED, "refused our login: wrong user or password"),
    NO_OBJECT: (FailureKind.NOT_UNDERSTOOD, "has no such object"),
}
_SKEW = 37


@dataclass(frozen=True, slots=True)
class _Session:
    view: View
    address: str
    bound: bool

    def read(self, dn: str, attributes: Sequence[str]) -> Entry:
        found = self._found(Search(dn, "base", Present("objectClass"), tuple(attributes)))
        if len(found) != 1:
            raise self._error(Refused(NO_OBJECT))
        return found[0]

    def search(self, base: str, query: str, attributes: Sequence[str], *, limit: int) -> list[Entry]:
        return self._found(Search(base, "sub", filter_text.read(query), tuple(attributes)))[:limit]

    def _found(self, search: Search) -> list[Entry]:
        try:
            found = self.view.search(search, bound=self.bound)
        except Refused as refused:
            raise self._error(refused) from None
        return [
            Entry(dn, {name.lower(): tuple(v.encode() for v in values) for name, values in entry.items()})
            for dn, entry in found
        ]

    def _error(self, refused: Refused) -> DirectoryError:
        kind, says = _SAYS.get(
            refused.code, (FailureKind.NOT_UNDERSTOOD, f"answered {refused.code}: {refused}")
        )
        return DirectoryError(Failure(kind, f"{self.view.controller}: {says}"))


class VirtualDirectory:
    """Implements `probes.directory_seam.Directories`."""

    def __init__(self, world: World, true: Callable[[], int]) -> None:
        self._world, self._true = world, true

    async def ask(self, controller: Controller, bind: Bind, work: Callable[[DirectorySession], T]) -> T:
        """Connect and do the work; it takes no time beyond the way there and back.

        Raises:
            DirectoryError: unreachable, no answer in time, the login or what is asked for refused.
        """
        server = self._world.reference_at(controller.address)
        if server is None:
            raise _failed(controller, FailureKind.UNREACHABLE, "Name or service not known")
        port = controller.port or (LDAPS if controller.tls == "ldaps" else LDAP)
        trip = self._world.network.round_trip(JUMP, server.name, port, self._true(), "tcp")
        if trip is None or server.silent:
            await asyncio.sleep(_CONNECT_NS / SECOND)
            raise _failed(controller, FailureKind.TIMEOUT, "no answer in time")
        view = view_of(self._world, server, self._true)
        await asyncio.sleep(sum(trip) * (1 if view is None else _ROUND_TRIPS) / SECOND)
        if view is None:
            raise _failed(controller, FailureKind.UNREACHABLE, "Connection refused")
        self._log_in(controller, server, view, bind)
        return work(_Session(view, server.address, not isinstance(bind, Anonymous)))

    def close(self) -> None:
        """Nothing is held."""

    def _log_in(self, controller: Controller, server: Reference, view: View, bind: Bind) -> None:
        match bind:
            case Ticket():
                now = self._true()
                apart = self._world.jump.read(now) // SECOND - server.clock.read(now) // SECOND
                if abs(apart) > TOLERANCE_S:
                    detail = (
                        f"{controller.name}: refused our login because clocks differ (Kerberos error {_SKEW})"
                    )
                    raise DirectoryError(Failure(FailureKind.SKEW, detail), _SKEW)
            case Simple(user, password):
                try:
                    view.login(user, password)
                except Refused:
                    raise _failed(controller, *_SAYS[CREDENTIALS]) from None
            case Anonymous():
                pass


def _failed(controller: Controller, kind: FailureKind, detail: str) -> DirectoryError:
    return DirectoryError(Failure(kind, f"{controller.name}: {detail}"))


class VirtualNames:
    """Implements `probes.directory_seam.NameServers`: each controller of a domain serves its names."""

    def __init__(self, world: World, true: Callable[[], int]) -> None:
        self._world, self._true = world, true

    async def ask(self, questions: Sequence[Question]) -> tuple[Answer, ...]:
        """Every answer, in the order of the questions."""
        return tuple(await asyncio.gather(*map(self._one, questions)))

    async def address(self, host: str) -> str | None:
        """As the jump host resolves it."""
        found = self._world.reference_at(host)
        return found.address if found is not None else None

    async def _one(self, q: Question) -> Answer:
        asked = [self._world.reference_at(q.server)] if q.server else self._servers()
        for server in asked:
            failed = await self._reached(server)
            if failed is None:
                values = tuple(sorted(lookup(self._world, q.name, q.kind)))
                return Answer(
                    q.server, q.name, q.kind, "found" if values else "absent", bool(q.server), values
                )
            if q.server:
                return Answer(q.server, q.name, q.kind, failed)
        return Answer(q.server, q.name, q.kind, "timeout" if asked else "absent")

    def _servers(self) -> list[Reference | None]:
        """Whom the jump host's own resolver asks."""
        return [r for r in self._world.references.values() if self._serves(r)]

    def _serves(self, server: Reference) -> bool:
        return self._world.domain is not None and server.controller

    async def _reached(self, server: Reference | None) -> RecordOutcome | None:
        """Why it does not answer; None where it does, after the way there and back."""
        if server is None:
            return "unreachable"
        trip = self._world.network.round_trip(JUMP, server.name, DNS, self._true())
        if trip is None or server.silent:
            await asyncio.sleep(_DNS_NS / SECOND)
            return "timeout"
        await asyncio.sleep(sum(trip) / SECOND)
        return None if self._serves(server) else "unreachable"
