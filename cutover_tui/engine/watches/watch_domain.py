"""A domain's controllers, listed by the runbook or found by DNS: who asks each of them what, from where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cutover_tui.core.addresses import is_url, parse_host_port
from cutover_tui.core.checks.kerberos.kdc_answers import kdcs
from cutover_tui.core.runbook import Host, Runbook
from cutover_tui.engine.messages import Emit
from cutover_tui.engine.watches.discovered import Discovered
from cutover_tui.engine.watches.keeping import Watch
from cutover_tui.engine.watches.reached import Reached
from cutover_tui.engine.watches.watch_from_guest import GuestReferences
from cutover_tui.engine.watches.watch_guest import Asks
from cutover_tui.engine.watches.watch_kdc import KdcWatch
from cutover_tui.engine.watches.watch_kdc_from_guest import GuestKdcs
from cutover_tui.engine.watches.watch_reference import ReferenceWatch
from probes.ad.discovery import Ask
from probes.clocks.ntp import NTP_PORT
from probes.kerberos import kdc
from probes.observation import Instant
from probes.seam import Clock, Guest, Network

_KDC_MISSES = 2
"""Each is silence over UDP and over TCP."""


@dataclass(slots=True)
class DomainWatch:
    """Makes the watches over clocks of the domain and of the references. They share what answers the jump host.

    Args:
        names: asks the jump host's resolver; None = nobody here can.
        clocks: told whether the KDCs' clocks and ours are within Kerberos' tolerance; None = not known.
    """

    runbook: Runbook
    network: Network
    clock: Clock
    anchor: Instant
    emit: Emit
    names: Ask | None = None
    clocks: Callable[[bool | None], None] = lambda _good: None
    _kdcs: dict[str, KdcWatch] = field(default_factory=dict)
    _ntp: Reached = field(default_factory=Reached)
    _kdc: Reached = field(default_factory=lambda: Reached(_KDC_MISSES))
    _asker: kdc.Asker | None = field(init=False, default=None)
    discovered: Discovered | None = field(init=False, default=None)
    """None: the runbook lists its controllers, or names no realm to look for."""

    def __post_init__(self) -> None:
        domain = self.runbook.domain
        if domain.realm is None:
            return
        self._asker = kdc.Asker(self.network, self.clock, domain.realm)
        if not domain.controllers and self.names is not None:
            self.discovered = Discovered(
                domain.realm.lower(), domain.site or "", self.names, self.clock, self.emit, self._found
            )

    def controllers(self) -> tuple[str, ...]:
        """Hosts of the controllers known now."""
        return self.discovered.names if self.discovered is not None else kdcs(self.runbook.domain)

    def servers(self) -> tuple[str, ...]:
        """All NTP servers known now: controllers and references as the runbook or DNS names them."""
        domain = self.runbook.domain
        found = self.discovered.names if self.discovered is not None else ()
        named = dict.fromkeys((*domain.controllers, *found, *domain.references))
        return tuple(name for name in named if not is_url(name))

    def from_here(self) -> tuple[list[ReferenceWatch], list[KdcWatch]]:
        """What the jump host asks for the life of the session; nobody where only guests may look."""
        if not self.asks_here:
            return [], []
        references = [self._reference(server, n) for n, server in enumerate(self.servers())]
        if self._asker is None:
            return references, []
        return references, [
            self._kdc_watch(self._asker, name, n) for n, name in enumerate(kdcs(self.runbook.domain))
        ]

    def from_guest(self, host: Host, guest: Guest) -> tuple[Asks, ...]:
        """What that guest is asked of others' clocks."""
        if "guest" not in host.vantage:
            return ()
        here = "jump" in host.vantage
        ntp = GuestReferences(
            host=host.name,
            guest=guest,
            servers=self.servers,
            needed=self._ntp.silent if here else _always,
            clock=self.clock,
            emit=self.emit,
        )
        if self._asker is None:
            return (ntp,)
        kerberos = GuestKdcs(
            host=host.name,
            guest=guest,
            servers=self.controllers,
            needed=self._kdc.silent if here else _always,
            asker=self._asker,
            clock=self.clock,
            anchor=self.anchor,
            emit=self.emit,
        )
        return ntp, kerberos

    @property
    def asks_here(self) -> bool:
        """Whether the jump host may look at clocks for any guest."""
        return any("jump" in host.vantage for host in self.runbook.hosts)

    def _found(self, name: str) -> Sequence[Watch]:
        if not self.asks_here or self._asker is None:
            return ()
        return self._reference(name, 0), self._kdc_watch(self._asker, name, 0)

    def _reference(self, server: str, n: int) -> ReferenceWatch:
        address, port = parse_host_port(server)
        return ReferenceWatch(
            server=server,
            address=address,
            port=port or NTP_PORT,
            network=self.network,
            clock=self.clock,
            emit=self.emit,
            reached=self._ntp,
            phase_ns=n * 100_000_000,
        )

    def _kdc_watch(self, asker: kdc.Asker, name: str, n: int) -> KdcWatch:
        self._kdcs[name] = KdcWatch(
            server=name,
            address=name,
            port=kdc.KDC_PORT,
            asker=asker,
            clock=self.clock,
            anchor=self.anchor,
            emit=self.emit,
            reached=self._kdc,
            phase_ns=50_000_000 + n * 100_000_000,
            asked=self._tell,
        )
        return self._kdcs[name]

    def _tell(self) -> None:
        """One KDC beyond the tolerance is enough to refuse a login now and then; all must be within it."""
        tolerance = self.runbook.domain.tolerances.kerberos_skew
        known = [off for name in self.controllers() if (w := self._kdcs.get(name)) and (off := w.off_ns())]
        if any(abs(off) - bound > tolerance for off, bound in known):
            self.clocks(False)
        else:
            self.clocks(
                True if known and all(abs(off) + bound <= tolerance for off, bound in known) else None
            )


def _always(_server: str) -> bool:
    return True
