"""Attempts to use the guests' services, made on the jump host with the engineer's own ticket."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from cutover_tui.core.runbook import Host
from cutover_tui.engine.messages import Emit, Seen
from probes.attempt import Told
from probes.exchange import Service
from probes.exchange.kept import NAME, VERSION, as_raw, parse
from probes.observation import Failure, FailureKind, Family, Identity, Observation
from probes.reader import Command, Reader
from probes.seam import Clock, LinkError


def fqdn(host: Host, realm: str) -> str:
    """The guest's full name: its address where that is one, else its name in the domain."""
    address = host.address.lower()
    return address if "." in address and not _literal(address) else f"{host.name.lower()}.{realm.lower()}"


def reader(host: Host, realm: str) -> Reader:
    """A reader whose one turn is an attempt. Its command is what the jump host does: nothing runs on the guest."""
    argv = (NAME, "ssh", f"host/{fqdn(host, realm)}@{realm}")
    return Reader(NAME, VERSION, Family.DIRECTORY, (Command(argv),), parse)


class Initiates(Protocol):
    """Who takes a ticket and presents it."""

    async def attempt(self, service: Service) -> Told:
        """One attempt. Never raises for what the network or a server does."""
        ...


@dataclass(frozen=True, slots=True)
class Peer:
    """Comes to guests as a peer does.

    Args:
        services: what is asked of each host, by its name in the runbook.
    """

    services: Mapping[str, Service]
    initiator: Initiates
    clock: Clock
    emit: Emit

    async def attempt(self, host: str, number: int) -> None:
        """Make one attempt; what it saw comes as an observation of the guest.

        Raises:
            LinkError: nothing is asked of this host.
        """
        service = self.services.get(host)
        if service is None:
            raise LinkError(Failure(FailureKind.UNREACHABLE, f"no service of {host} is known"))
        began = self.clock.now()
        raw = as_raw(service, await self.initiator.attempt(service))
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


def _literal(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True
