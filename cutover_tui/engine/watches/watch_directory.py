"""The watch over the directory: controllers' own word each minute, guests' accounts and records every 5 min.

One connection a controller and look; all guests' accounts over the first controller that
lets us in; a controller that is itself moved is asked about itself. Everything on `look` too. A refused password is not tried again until a person asks to look: accounts lock.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from cutover_tui.engine.messages import Emit, Seen
from cutover_tui.engine.watches.directory_login import Login
from probes.ad import account, cldap, records, rootdse
from probes.ad import controller as moved_dc
from probes.ad.kept import nothing
from probes.directory_seam import (
    Anonymous,
    Controller,
    Directories,
    DirectoryError,
    DirectorySession,
    NameServers,
    Question,
)
from probes.facts_directory import Answer
from probes.observation import JUMP, Failure, FailureKind, Identity, Instant, Observation, Raw
from probes.reader import Reader
from probes.seam import Clock, Network

SECOND = 1_000_000_000
INTERVAL_NS = 300 * SECOND
CLOCKS_NS = 60 * SECOND
"""How often a controller shows its clock in its rootDSE: an answer speaks for it for a while only."""

EVERYTHING = frozenset({account.READER.name, records.READER.name})


class _Guest(NamedTuple):
    host: str
    raw: Raw


@dataclass(slots=True)
class DirectoryWatch:
    """Asks for all guests of a session, for its life.

    Args:
        hosts: address of each guest, by its name in the runbook.
        domain: DNS name of the domain.
        controllers: those known now.
        ca_file: whose certificates are trusted of a controller that nobody named: one that is moved.
    """

    hosts: Mapping[str, str]
    domain: str
    site: str
    controllers: Callable[[], tuple[Controller, ...]]
    login: Login
    directory: Directories
    names: NameServers
    network: Network
    clock: Clock
    emit: Emit
    wanted: frozenset[str] = EVERYTHING
    """Readers of guests that a check asks for; controllers show their clocks whatever it is."""
    moved: tuple[str, ...] = ()
    """The guests that are controllers themselves."""
    ca_file: str | None = None
    _wakes: list[asyncio.Event] = field(default_factory=list)

    def look(self, host: str) -> None:
        """Ask again now; never again what a login was refused for."""
        if host in self.hosts:
            for wake in self._wakes:
                wake.set()

    def retry(self, host: str) -> None:
        """A person asks: also where a login was refused before."""
        if host in self.hosts:
            self.login.again()
            self.look(host)

    async def run(self) -> None:
        """Until cancelled. A prompt that nobody answers holds up the accounts and nothing else."""
        self._wakes.clear()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._again(self._clocks, CLOCKS_NS))
            group.create_task(self._again(self._named, INTERVAL_NS))
            group.create_task(self._again(self._by_login, INTERVAL_NS))

    def stopped(self, failure: Failure) -> None:
        """Say that the directory is not asked now."""
        began = self.clock.now()
        for at in self.controllers():
            ping = nothing(cldap.argv(at.address, self.domain), failure)
            self._see(cldap.READER, JUMP, ping, began)
            self._see(rootdse.READER, JUMP, nothing(rootdse.argv(at.name), failure), began)
        for host in self.hosts:
            name = self._fqdn(host)
            if account.READER.name in self.wanted:
                self._see(account.READER, host, nothing(account.argv(host, self.domain), failure), began)
            if records.READER.name in self.wanted:
                self._see(records.READER, host, nothing(records.argv(name, self.domain), failure), began)
            if moved_dc.READER.name in self.wanted and host in self.moved:
                ping = nothing(cldap.argv(self.hosts[host], self.domain), failure)
                self._see(
                    moved_dc.READER, host, nothing(moved_dc.argv(name, self.domain), failure), began, ping
                )

    def close(self) -> None:
        """Take no more work."""
        self.directory.close()

    async def turn(self) -> None:
        """Everything once."""
        await asyncio.gather(self._clocks(), self._named(), self._by_login())

    async def _clocks(self) -> None:
        await asyncio.gather(*map(self._controller, self.controllers()))

    async def _named(self) -> None:
        if records.READER.name in self.wanted:
            await self._records()

    async def _by_login(self) -> None:
        if account.READER.name in self.wanted:
            await self._accounts()
        if moved_dc.READER.name in self.wanted:
            await self._moved()

    async def _again(self, turn: Callable[[], Awaitable[None]], every_ns: int) -> None:
        wake = asyncio.Event()
        self._wakes.append(wake)
        while True:
            wake.clear()
            await turn()
            await self._pause(wake, every_ns)

    async def _pause(self, wake: asyncio.Event, every_ns: int) -> None:
        waits = [
            asyncio.ensure_future(self.clock.sleep_until(self.clock.mono_ns() + every_ns)),
            asyncio.ensure_future(wake.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _controller(self, controller: Controller) -> None:
        began = self.clock.now()
        raw = await cldap.ping(self.network, controller.address, self.domain)
        self._see(cldap.READER, JUMP, raw, began)
        began = self.clock.now()

        def read(session: DirectorySession) -> Raw:
            return rootdse.ask(session, controller.name, self.clock.mono_ns, began.on_timescale)

        try:
            raw = await self.directory.ask(controller, Anonymous(), read)
        except DirectoryError as error:
            raw = nothing(rootdse.argv(controller.name), error.failure)
        self._see(rootdse.READER, JUMP, raw, began)

    async def _accounts(self) -> None:
        began = self.clock.now()
        for found in await self._asked():
            self._see(account.READER, found.host, found.raw, began)

    async def _asked(self) -> list[_Guest]:
        login = await self.login.enter()
        if isinstance(login, Failure):
            return self._nothing(login)
        failure = Failure(FailureKind.UNREACHABLE, "no domain controller is known")
        try:
            for controller in self.controllers():

                def read(session: DirectorySession, name: str = controller.name) -> list[_Guest]:
                    return [_Guest(h, account.ask(session, name, h, self.domain)) for h in self.hosts]

                try:
                    found = await self.directory.ask(controller, login.bind, read)
                except DirectoryError as error:
                    failure = error.failure
                    login.refused(error)
                    if error.of_the_login:
                        break
                else:
                    login.accepted()
                    return found
        finally:
            login.over()
        return self._nothing(failure)

    def _nothing(self, failure: Failure) -> list[_Guest]:
        return [_Guest(h, nothing(account.argv(h, self.domain), failure)) for h in self.hosts]

    async def _moved(self) -> None:
        """Each controller that is moved, one after the other: a refused password is tried once."""
        for host in self.moved:
            began = self.clock.now()
            name = self._fqdn(host)
            shown = await self._shown(host, name)
            ping = await cldap.ping(self.network, self.hosts[host], self.domain)
            self._see(moved_dc.READER, host, shown, began, ping)

    async def _shown(self, host: str, name: str) -> Raw:
        """What its own LDAP server says, under the certificate of the name it has in the domain."""
        argv = moved_dc.argv(name, self.domain)
        login = await self.login.enter()
        if isinstance(login, Failure):
            return nothing(argv, login)
        itself = next(iter(self.controllers()), Controller(name, name, self.ca_file))
        itself = replace(itself, name=name, address=self.hosts[host])
        try:
            shown = await self.directory.ask(
                itself, login.bind, lambda session: moved_dc.ask(session, name, self.domain)
            )
        except DirectoryError as error:
            login.refused(error)
            return nothing(argv, error.failure)
        else:
            login.accepted()
            return shown
        finally:
            login.over()

    def _fqdn(self, host: str) -> str:
        """The guest's address where that is a name, else its name in the runbook in the domain."""
        address = self.hosts[host]
        if not _literal(address) and "." in address:
            return address.lower()
        return f"{host.lower()}.{self.domain}"

    async def _records(self) -> None:
        servers = await self._name_servers()
        for host, address in self.hosts.items():
            wanted = records.Wanted(
                fqdn=self._fqdn(host),
                address=_literal(address),
                domain=self.domain,
                site=self.site,
                servers=servers,
            )
            began = self.clock.now()
            answers = await self._ask(records.questions(wanted))
            answers += await self._ask(records.pointers(wanted, answers))
            self._see(records.READER, host, records.kept(wanted, answers), began)

    async def _ask(self, questions: list[records.Asked]) -> list[Answer]:
        return list(await self.names.ask([Question(*q) for q in questions]))

    async def _name_servers(self) -> tuple[str, ...]:
        """The controllers' addresses: in most domains they serve its names."""
        found = [await self.names.address(controller.address) for controller in self.controllers()]
        # Of a name that does not resolve its own observations say so.
        return tuple(dict.fromkeys(a for a in found if a is not None))

    def _see(self, reader: Reader, host: str, raw: Raw, began: Instant, *more: Raw) -> None:
        ended = self.clock.now()
        outcome = reader.parse((raw, *more))
        self.emit(
            Seen(
                Observation(
                    id=f"{host}/{':'.join((reader.name, *raw.argv[1:]))}/{ended.boottime_ns}",
                    reader=reader.name,
                    version=reader.version,
                    host=host,
                    identity=Identity(boot_id=ended.boot_id) if host == JUMP else Identity(),
                    vantage="jump",
                    began=began,
                    ended=ended,
                    attempt=1,
                    raw=(raw, *more),
                    facts=None if isinstance(outcome, Failure) else outcome,
                    failure=outcome if isinstance(outcome, Failure) else None,
                )
            )
        )


def _literal(address: str) -> str:
    """The address in its usual form; "" for a name."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return ""
