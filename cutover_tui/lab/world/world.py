"""The simulated world as it is: guests, references, the network between them.

What happens in it by itself is `lab.world.clockwork`'s, what is done to its guests
`lab.world.hypervisor`'s and `lab.machine.services`'. Nothing of the lab sleeps or reads a clock
below its doors: true time is an argument.
"""

from __future__ import annotations

import random
import uuid
from base64 import b64encode
from dataclasses import dataclass, field

from cutover_tui.lab.kerberos.domain import Domain
from cutover_tui.lab.kerberos.kdc import Kdc
from cutover_tui.lab.machine.clocks import SimClock
from cutover_tui.lab.machine.guest import SECOND, Guest
from cutover_tui.lab.world.network import Network

BOOT_NS = 3 * SECOND


@dataclass(slots=True)
class Reference:
    """An NTP server with a clock of its own."""

    name: str
    address: str  # as guests know it
    clock: SimClock
    stratum: int = 1
    refid: bytes = b"GPS\0"
    root_delay_ns: int = 0
    root_dispersion_ns: int = 500_000
    synchronised: bool = True
    silent: bool = False
    leap: int = 0  # RFC 5905: 1 and 2 announce a leap second, 3 is what `synchronised` False says
    controller: bool = False  # a domain controller: a time source of the domain, not an independent one
    kdc: Kdc | None = None


@dataclass(slots=True)
class World:
    """Everything there is. The same seed gives the same ids and the same noise."""

    seed: int = 1
    guests: dict[str, Guest] = field(default_factory=dict)
    references: dict[str, Reference] = field(default_factory=dict)
    domain: Domain | None = None
    network: Network = field(default_factory=Network)
    jump: SimClock = field(default_factory=lambda: SimClock.wrong_by(0, 0))  # UTC of the jump host
    server_options: str = "iburst minpoll 2 maxpoll 2"  # of the `server` lines the site's package writes
    boot_ns: int = BOOT_NS
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - reproducible ids, no secret

    def new_id(self) -> str:
        """A random UUID of this world."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def new_host_key(self, guest: Guest) -> None:
        """Another SSH host key: a public one that only looks right; a door with real sockets makes its own."""
        parts = (b"ssh-ed25519", self._random.randbytes(32))
        blob = b"".join(len(part).to_bytes(4) + part for part in parts)
        guest.host_key = ""
        guest.host_key_public = f"ssh-ed25519 {b64encode(blob).decode()}"

    def add_reference(self, reference: Reference) -> Reference:
        self.references[reference.name] = reference
        return reference

    # Names

    def resolve(self, name: str) -> str | None:
        """The address of a reference's name; an address stands for itself, an unknown name resolves to none."""
        known = self._called(name)
        return known.address if known is not None else _literal(name)

    def reference_at(self, address: str) -> Reference | None:
        """The reference behind an address or a name."""
        return self._called(address) or next(
            (r for r in self.references.values() if r.address == address), None
        )

    def full_name(self, reference: Reference) -> str:
        """A controller's name in the domain's DNS; another reference's own."""
        return (
            f"{reference.name}.{self.domain.dns}" if self.domain and reference.controller else reference.name
        )

    def _called(self, name: str) -> Reference | None:
        found = self.references.get(name)
        if found is not None or self.domain is None:
            return found
        return next((r for r in self.references.values() if self.full_name(r) == name), None)

    def site_servers(self) -> tuple[str, ...]:
        """Addresses that the site's packages are configured with."""
        return tuple(r.address for r in self.references.values())


def _literal(name: str) -> str | None:
    """An address stands for itself; a name nobody knows does not resolve."""
    return name if name.replace(".", "").isdigit() or ":" in name else None


__all__ = ["BOOT_NS", "Network", "Reference", "World"]
