"""The watch over the directory: controllers' own word, guests' accounts, their records. Every 5 min and on `look`.

One connection a controller and look; all guests' accounts over the first controller that
lets us in. A refused password is not tried again until a person asks to look: accounts lock.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from cutover_tui.engine.messages import Emit, Seen
from probes import cldap
from probes.ad import account, records, rootdse
from probes.ad.kept import nothing
from probes.directory_seam import (
    Anonymous,
    Bind,
    Controller,
    Directories,
    DirectoryError,
    DirectorySession,
    NameServers,
    Question,
    Simple,
)
from probes.facts_directory import Answer
from probes.observation import JUMP, Failure, FailureKind, Identity, Instant, Observation, Raw
from probes.reader import Reader
from probes.seam import Clock, Network

SECOND = 1_000_000_000
INTERVAL_NS = 300 * SECOND


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
    """

    hosts: Mapping[str, str]
    domain: str
    site: str
    controllers: Callable[[], tuple[Controller, ...]]
    bind: Bind
    directory: Directories
    names: NameServers
    network: Network
    clock: Clock
    emit: Emit
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _refused: Failure | None = None

    def look(self, host: str) -> None:
        """Ask again now, also where a login was refused before."""
        if host in self.hosts:
            self._refused = None
            self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self._wake.clear()
                await self.turn()
                await self._pause()
        finally:
            self.directory.close()

    async def turn(self) -> None:
        """Everything once."""
        async with asyncio.TaskGroup() as group:
            for controller in self.controllers():
                group.create_task(self._controller(controller))
            group.create_task(self._accounts())
            group.create_task(self._records())

    async def _pause(self) -> None:
        waits = [
            asyncio.ensure_future(self.clock.sleep_until(self.clock.mono_ns() + INTERVAL_NS)),
            asyncio.ensure_future(self._wake.wait()),
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
            raw = nothing(("rootdse", controller.name), error.failure)
        self._see(rootdse.READER, JUMP, raw, began)

    async def _accounts(self) -> None:
        began = self.clock.now()
        for found in await self._asked():
            self._see(account.READER, found.host, found.raw, began)

    async def _asked(self) -> list[_Guest]:
        failure = self._refused
        for controller in self.controllers() if failure is None else ():

            def read(session: DirectorySession, name: str = controller.name) -> list[_Guest]:
                return [_Guest(h, account.ask(session, name, h, self.domain)) for h in self.hosts]

            try:
                return await self.directory.ask(controller, self.bind, read)
            except DirectoryError as error:
                failure = error.failure
                if failure.kind is FailureKind.DENIED and isinstance(self.bind, Simple):
                    self._refused = failure
                    break
        failure = failure or Failure(FailureKind.UNREACHABLE, "no domain controller is known")
        return [_Guest(h, nothing(account.argv(h, self.domain), failure)) for h in self.hosts]

    async def _records(self) -> None:
        servers = await self._name_servers()
        for host, address in self.hosts.items():
            literal = _literal(address)
            named = not literal and "." in address
            wanted = records.Wanted(
                fqdn=address.lower() if named else f"{host.lower()}.{self.domain}",
                address=literal,
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

    def _see(self, reader: Reader, host: str, raw: Raw, began: Instant) -> None:
        ended = self.clock.now()
        outcome = reader.parse((raw,))
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
                    raw=(raw,),
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
