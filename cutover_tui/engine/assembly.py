"""From a runbook to watches over real guests and references. The only place that knows transports."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from cutover_tui.core.addresses import is_url, parse_host_port, parse_jump
from cutover_tui.core.checks.registry import IN_THE_DIRECTORY
from cutover_tui.core.kdc_answers import kdcs
from cutover_tui.core.runbook import Credential, Domain, Host, Runbook
from cutover_tui.engine.messages import Emit, LinkChanged
from cutover_tui.engine.proofs import ap_in
from cutover_tui.engine.readers import left_out
from cutover_tui.engine.secrets import Secrets
from cutover_tui.engine.watches.probe_loop import Attempts, HostsWatch, Watches
from cutover_tui.engine.watches.reached import Reached
from cutover_tui.engine.watches.watch_from_guest import GuestReferences
from cutover_tui.engine.watches.watch_guest import SAMPLE_INTERVAL_NS, GuestWatch
from cutover_tui.engine.watches.watch_https import HttpsWatch
from cutover_tui.engine.watches.watch_kdc import KdcWatch
from cutover_tui.engine.watches.watch_reference import ReferenceWatch
from probes import kdc, linux
from probes.breaker import Breaker
from probes.directory_seam import Controller, Directories, NameServers, Ticket
from probes.exchange import NAME as AP_IN
from probes.exchange import Cache, Initiator, Service
from probes.exchange.service import of_sshd
from probes.known_hosts import KnownHosts
from probes.linux import ad_paths, addresses, trust
from probes.net import SystemClock, SystemNetwork
from probes.ntp import NTP_PORT
from probes.observation import Failure, FailureKind, Identity, Instant
from probes.reader import Reader
from probes.seam import Clock, Guest, Network
from probes.ssh import Method, SshGuest, SshTarget

SSH_PORT = 22
_METHODS: dict[str, tuple[Method, ...]] = {
    "agent": ("agent",),
    "key": ("key",),
    "certificate": ("key",),
    "password": ("password", "keyboard-interactive"),
    "keyboard-interactive": ("keyboard-interactive",),
    "ccache": ("agent", "key"),
}

LINUX_READERS: tuple[Reader, ...] = (
    *(r for r in linux.READERS if r.name != "boot"),
    *(r for r in linux.READERS if r.name == "boot"),
)
"""The boot id is read last: what a session waits for closes a turn."""

OF_A_DOMAIN = frozenset({"keytab", "caches"})
"""Readers that look at nothing where the runbook names no realm."""


def readers_for(runbook: Runbook) -> tuple[Reader, ...]:
    """What a session reads on its guests: everything, less what it does not need."""
    unread = left_out(runbook)
    if runbook.domain.realm is None:
        unread |= OF_A_DOMAIN
    return tuple(r for r in (*_of_domain(runbook.domain), *LINUX_READERS) if r.name not in unread)


def _of_domain(domain: Domain) -> tuple[Reader, ...]:
    """What a guest is asked about its domain, as far as the runbook says which."""
    if domain.realm is None:
        return (addresses.READER,)
    controllers = tuple(parse_host_port(c)[0] for c in domain.controllers)
    paths = (ad_paths.reader(controllers, domain.realm),) if controllers else ()
    return (addresses.READER, trust.reader(domain.realm.lower()), *paths)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the jump host lends: its known_hosts of our own, and OpenSSH's client configuration."""

    known_hosts: Path
    ssh_config: tuple[Path, ...] | None = None  # None: ~/.ssh/config
    through: Callable[[Network], Network] = lambda network: network
    """What stands between a session and the network; a lab has its servers at other ports."""


def ssh_target(host: Host, runbook: Runbook, around: Surroundings) -> SshTarget:
    """How that guest is reached, from the runbook's names. Holds no secret."""
    credential = runbook.credentials.get(host.credential or "", Credential())
    jump: SshTarget | None = None
    if host.jump is not None:
        user, address, port = parse_jump(host.jump)
        jump = SshTarget(
            address,
            port,
            user or host.user or credential.user,
            credential=host.credential or "default",
            config=around.ssh_config,
        )
    named = host.credential is not None
    return SshTarget(
        host=host.address,
        port=host.port,
        user=host.user or credential.user,
        credential=host.credential or "default",
        methods=_METHODS[credential.method]
        if named
        else ("agent", "key", "password", "keyboard-interactive"),
        keys=(Path(credential.key).expanduser(),) if credential.key else (),
        certificates=(Path(credential.certificate).expanduser(),) if credential.certificate else (),
        jump=jump,
        escalation=host.escalation,
        config=around.ssh_config,
    )


@dataclass(frozen=True, slots=True)
class Outside:
    """The seam's other side: how each guest is reached, and the network to the references."""

    guest: Callable[[Host], Guest]
    network: Network
    retry: Callable[[Host], Callable[[], None] | None]
    """What a person's wish to look again does for a guest without a link."""


def watches(
    runbook: Runbook, clock: SystemClock, anchor: Instant, emit: Emit, around: Surroundings
) -> tuple[Watches, Secrets]:
    """Watches over the real guests and references of the runbook. Call on the probe loop."""
    secrets = Secrets(emit)
    breaker = Breaker()
    known_hosts = KnownHosts.usual(around.known_hosts)

    def guest(host: Host) -> Guest:
        return SshGuest(
            host.name,
            ssh_target(host, runbook, around),
            clock=clock,
            known_hosts=known_hosts,
            prompts=secrets,
            breaker=breaker,
        )

    def retry(host: Host) -> Callable[[], None]:
        return partial(breaker.reset, ssh_target(host, runbook, around).credential)

    def initiator() -> Initiator:
        return Initiator(Cache(), prompts=secrets, breaker=breaker)

    network = around.through(SystemNetwork())
    others = directory_watches(runbook, clock, emit, network, _over_sockets)
    return watches_over(
        runbook,
        clock,
        anchor,
        emit,
        Outside(guest, network, retry),
        others,
        peers(runbook, clock, emit, around, initiator),
    ), secrets


def peers(
    runbook: Runbook,
    clock: Clock,
    emit: Emit,
    around: Surroundings,
    initiator: Callable[[], ap_in.Initiates],
) -> Mapping[str, Attempts]:
    """Who comes to the guests' services as a peer does, where a check asks for it; with the engineer's own tickets."""
    realm = runbook.domain.realm
    if realm is None or AP_IN in left_out(runbook):
        return {}
    services: dict[str, Service] = {}
    for host in runbook.hosts:
        target = ssh_target(host, runbook, around)
        with suppress(ValueError):  # of a name no principal can have: said when it is tried
            services[host.name] = of_sshd(
                ap_in.fqdn(host, realm),
                realm,
                target.host,
                target.port or SSH_PORT,
                target.user or getpass.getuser(),
            )
    return {AP_IN: ap_in.Peer(services, initiator(), clock, emit)}


def directory_watches(
    runbook: Runbook,
    clock: Clock,
    emit: Emit,
    network: Network,
    behind: Callable[[], tuple[Directories, NameServers]],
) -> list[HostsWatch]:
    """The watch over the directory where a check asks for it; what stands behind it is made only then."""
    domain = runbook.domain
    if domain.realm is None or not domain.controllers or not IN_THE_DIRECTORY - left_out(runbook):
        return []
    from cutover_tui.engine.watches.watch_directory import DirectoryWatch

    directory, names = behind()
    controllers = tuple(parse_host_port(c)[0] for c in domain.controllers)
    return [
        DirectoryWatch(
            hosts={h.name: h.address for h in runbook.hosts},
            domain=domain.realm.lower(),
            site=domain.site or "",
            controllers=tuple(Controller(name, name) for name in controllers),
            bind=Ticket(),
            directory=directory,
            names=names,
            network=network,
            clock=clock,
            emit=emit,
        )
    ]


def _over_sockets() -> tuple[Directories, NameServers]:
    """Its libraries are imported only where they are used."""
    from probes.directory import Directory
    from probes.dns import Names

    return Directory(), Names()


def watches_over(
    runbook: Runbook,
    clock: Clock,
    anchor: Instant,
    emit: Emit,
    outside: Outside,
    others: Sequence[HostsWatch] = (),
    attempts: Mapping[str, Attempts] = MappingProxyType({}),
) -> Watches:
    """Watches over every guest and reference of the runbook, whatever stands behind the seam."""
    guests: list[GuestWatch] = []
    readers = readers_for(runbook)
    named = tuple(dict.fromkeys((*runbook.domain.controllers, *runbook.domain.references)))
    servers = tuple(name for name in named if not is_url(name))
    asked_here = any("jump" in host.vantage for host in runbook.hosts)
    reached = Reached()
    linux_hosts = [h for h in runbook.hosts if h.os == "linux" and h.transport == "ssh"]
    for n, host in enumerate(linux_hosts):
        guest = outside.guest(host)
        asks = GuestReferences(
            host=host.name,
            guest=guest,
            servers=servers,
            needed=reached.silent if "jump" in host.vantage else lambda _server: True,
            clock=clock,
            emit=emit,
        )
        guests.append(
            GuestWatch(
                host=host.name,
                guest=guest,
                readers=readers,
                clock=clock,
                anchor=anchor,
                emit=emit,
                phase_ns=n * SAMPLE_INTERVAL_NS // len(linux_hosts),
                retry=outside.retry(host),
                references=asks if "guest" in host.vantage else None,
            )
        )
    for host in runbook.hosts:
        if host not in linux_hosts:
            why = f"this version cannot reach {host.os} guests over {host.transport}"
            emit(LinkChanged(host.name, clock.now(), Identity(), Failure(FailureKind.UNREACHABLE, why)))
    references: list[ReferenceWatch] = []
    for n, server in enumerate(servers if asked_here else ()):
        address, port = parse_host_port(server)
        references.append(
            ReferenceWatch(
                server=server,
                address=address,
                port=port or NTP_PORT,
                network=outside.network,
                clock=clock,
                emit=emit,
                reached=reached,
                phase_ns=n * 100_000_000,
            )
        )
    urls = [name for name in named if is_url(name)] if asked_here else []
    https = [
        HttpsWatch(url, outside.network, clock, anchor, emit, phase_ns=n * 100_000_000)
        for n, url in enumerate(urls)
    ]
    return Watches(
        guests,
        [*references, *https],
        others,
        _kdc_watches(runbook, clock, anchor, emit, outside.network),
        attempts,
    )


def _kdc_watches(
    runbook: Runbook, clock: Clock, anchor: Instant, emit: Emit, network: Network
) -> list[KdcWatch]:
    """A watch over each controller's KDC, where the runbook names a realm; they share one request."""
    realm = runbook.domain.realm
    if realm is None:
        return []
    asker = kdc.Asker(network, clock, realm)
    return [
        KdcWatch(
            server=server,
            address=server,
            port=kdc.KDC_PORT,
            asker=asker,
            clock=clock,
            anchor=anchor,
            emit=emit,
            phase_ns=50_000_000 + n * 100_000_000,
        )
        for n, server in enumerate(kdcs(runbook.domain))
    ]
