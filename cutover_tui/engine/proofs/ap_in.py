"""Attempts to use the guests' services, made on the jump host with the engineer's own ticket."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from msgspec import structs

from cutover_tui.core.runbook import Host
from cutover_tui.engine.messages import Emit, Seen
from probes.ad.kept import nothing
from probes.attempt import Told
from probes.exchange import Service
from probes.exchange.kept import NAME, VERSION, as_raw, parse
from probes.exchange.service import OverSsh, of_ldap, of_page, of_smb, of_sshd, way
from probes.observation import Failure, FailureKind, Family, Identity, Observation, Raw
from probes.reader import Command, Reader
from probes.seam import Clock, LinkError


def fqdn(host: Host, realm: str) -> str:
    """The guest's full name: its address where that is one, else its name in the domain."""
    address = host.address.lower()
    return address if "." in address and not _literal(address) else f"{host.name.lower()}.{realm.lower()}"


def service(host: Host, realm: str, *, port: int = 22, user: str = "", ca_file: str | None = None) -> Service:
    """What is asked of the host, as its runbook says. Whatever a URL's name resolves to, the guest itself is asked.

    Args:
        port, user: of its sshd.

    Raises:
        ValueError: of a name no principal can have.
    """
    name = fqdn(host, realm)
    match host.service:
        case "ssh":
            return of_sshd(name, realm, host.address, port, user)
        case "ldap":
            return of_ldap(name, realm, host.address, ca_file=ca_file)
        case "smb":
            return of_smb(name, realm, host.address)
        case url:
            return of_page(url, realm, address=host.address, ca_file=ca_file)


def reader(host: Host, realm: str) -> Reader:
    """A reader whose one turn is an attempt. Its command is what the jump host does: nothing runs on the guest.

    Raises:
        ValueError: as `service`.
    """
    asked = service(host, realm)
    argv = (NAME, way(asked), asked.principal)
    return Reader(NAME, VERSION, Family.DIRECTORY, (Command(argv),), parse)


class Initiates(Protocol):
    """Who takes a ticket and presents it."""

    async def attempt(self, service: Service) -> Told:
        """One attempt. Never raises for what the network or a server does."""
        ...


class WayIn(Protocol):
    """A guest whose services others are led to."""

    def way_in(self, port: int | None = None) -> AbstractAsyncContextManager[str | None]:
        """The path of a local socket that leads there while this lasts; None = it is reached directly.

        Args:
            port: of its service; None = its sshd.

        Raises:
            LinkError: it is not connected; or, at the end, its jump host does not lead there.
        """
        ...


@dataclass(frozen=True, slots=True)
class Peer:
    """Comes to guests as a peer does.

    Args:
        services: what is asked of each host, by its name in the runbook.
        guests: whose connections lead to those behind a jump host.
    """

    services: Mapping[str, Service]
    initiator: Initiates
    clock: Clock
    emit: Emit
    guests: Mapping[str, WayIn] = field(default_factory=dict)

    async def attempt(self, host: str, number: int) -> None:
        """Make one attempt; what it saw comes as an observation of the guest.

        Raises:
            LinkError: nothing is asked of this host.
        """
        service = self.services.get(host)
        if service is None:
            raise LinkError(Failure(FailureKind.UNREACHABLE, f"no service of {host} is known"))
        began = self.clock.now()
        raw = await self._come(host, service)
        ended = self.clock.now()
        outcome = parse((raw,))
        self.emit(
            Seen(
                Observation(
                    id=f"{host}/{NAME}/{ended.boottime_ns}",
                    reader=NAME,
                    version=VERSION,
                    host=host,
                    identity=Identity(),
                    vantage="jump",
                    began=began,
                    ended=ended,
                    attempt=number,
                    raw=(raw,),
                    facts=None if isinstance(outcome, Failure) else outcome,
                    failure=outcome if isinstance(outcome, Failure) else None,
                )
            )
        )

    async def _come(self, host: str, service: Service) -> Raw:
        guest = self.guests.get(host)
        if guest is None:
            return as_raw(service, await self.initiator.attempt(service))
        # The port of sshd is known to the connection: OpenSSH's configuration may say another than the runbook.
        port = None if isinstance(service.over, OverSsh) else service.over.port
        try:
            async with guest.way_in(port) as path:
                led = structs.replace(service, socket=path)
                return as_raw(led, await self.initiator.attempt(led))
        except LinkError as error:
            return nothing((NAME, way(service), service.principal), error.failure)


def _literal(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True
