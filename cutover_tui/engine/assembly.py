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
from cutover_tui.core.checks.kerberos.own_login import password_principal
from cutover_tui.core.checks.registry import IN_THE_DIRECTORY
from cutover_tui.core.runbook import Credential, Domain, Host, Runbook
from cutover_tui.engine.messages import Emit, LinkChanged
from cutover_tui.engine.proofs import ap_in
from cutover_tui.engine.readers import checks_of, left_out
from cutover_tui.engine.secrets import Secrets
from cutover_tui.engine.watches.directory_login import ByPassword, ByTicket, Login
from cutover_tui.engine.watches.probe_loop import Attempts, HostsWatch, Watches
from cutover_tui.engine.watches.watch_domain import DomainWatch
from cutover_tui.engine.watches.watch_guest import SAMPLE_INTERVAL_NS, GuestWatch
from cutover_tui.engine.watches.watch_https import HttpsWatch
from probes import linux
from probes.ad.discovery import Ask
from probes.ad.records import Asked
from probes.breaker import Breaker
from probes.directory_seam import Controller, Directories, NameServers, Question
from probes.exchange import NAME as AP_IN
from probes.exchange import Cache, Initiator, Service
from probes.exchange import Login as AsPrincipal
from probes.facts_directory import Answer
from probes.linux.domain import ad_paths, addresses, sysvol, trust
from probes.net import SystemClock, SystemNetwork
from probes.observation import Failure, FailureKind, Identity, Instant
from probes.reader import Reader
from probes.seam import Clock, Guest, Network
from probes.ssh import Method, SshGuest, SshTarget
from probes.ssh.known_hosts import KnownHosts

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
    return (addresses.READER, trust.reader(domain.realm.lower()), *paths, sysvol.READER)


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
    reset: Callable[[Host], Callable[[], None] | None]
    """What a person's wish to look again does for a guest without a link."""
    clocks: Callable[[bool | None], None] = lambda _good: None
    """Told whether the KDCs' clocks and ours are within Kerberos' tolerance; None = not known."""
    names: Ask | None = None
    """The jump host's resolver; None = nobody needs to be found by it."""
    directory: Callable[[Callable[[], tuple[str, ...]]], HostsWatch | None] = lambda _known: None
    """The watch over the directory of the controllers known at any time; None = none is needed."""


def watches(
    runbook: Runbook, clock: SystemClock, anchor: Instant, emit: Emit, around: Surroundings
) -> tuple[Watches, Secrets]:
    """Watches over the real guests and references of the runbook. Call on the probe loop."""
    secrets = Secrets(emit)
    breaker = Breaker()
    known_hosts = KnownHosts.usual(around.known_hosts)

    made: dict[str, ap_in.WayIn] = {}

    def guest(host: Host) -> Guest:
        found = SshGuest(
            host.name,
            ssh_target(host, runbook, around),
            clock=clock,
            known_hosts=known_hosts,
            prompts=secrets,
            breaker=breaker,
        )
        made[host.name] = found
        return found

    def reset(host: Host) -> Callable[[], None]:
        return partial(breaker.reset, ssh_target(host, runbook, around).credential)

    principal = password_principal(runbook)

    def initiator() -> Initiator:
        credential = Cache() if principal is None else AsPrincipal(principal)
        return Initiator(credential, prompts=secrets, breaker=breaker)

    network = around.through(SystemNetwork())
    login = None if principal is None else ByPassword(principal, prompts=secrets, breaker=breaker)
    outside = Outside(
        guest,
        network,
        reset,
        breaker.clocks,
        resolver(runbook, _over_sockets),
        partial(directory_watch, runbook, clock, emit, network, _over_sockets, login=login),
    )
    attempts = peers(runbook, clock, emit, around, initiator, made)
    return watches_over(runbook, clock, anchor, emit, outside, attempts), secrets


def resolver(runbook: Runbook, behind: Callable[[], tuple[Directories, NameServers]]) -> Ask | None:
    """The jump host's resolver, where DNS has to say who the controllers are; None where nobody needs to be found."""
    if runbook.domain.realm is None or runbook.domain.controllers:
        return None
    _, names = behind()

    async def ask(questions: Sequence[Asked]) -> Sequence[Answer]:
        return await names.ask([Question(*q) for q in questions])

    return ask


def peers(
    runbook: Runbook,
    clock: Clock,
    emit: Emit,
    around: Surroundings,
    initiator: Callable[[], ap_in.Initiates],
    guests: Mapping[str, ap_in.WayIn] = MappingProxyType({}),
) -> Mapping[str, Attempts]:
    """Who comes to the guests' services as a peer does, where a check asks for it; with the engineer's own tickets.

    Args:
        guests: those whose connections have to lead there; filled as they are made.
    """
    realm = runbook.domain.realm
    if realm is None or AP_IN in left_out(runbook):
        return {}
    services: dict[str, Service] = {}
    for host in runbook.hosts:
        target = ssh_target(host, runbook, around)
        with suppress(ValueError):  # of a name no principal can have: said when it is tried
            services[host.name] = ap_in.service(
                host,
                realm,
                port=target.port or SSH_PORT,
                user=target.user or getpass.getuser(),
                ca_file=runbook.domain.ca_file,
            )
    return {AP_IN: ap_in.Peer(services, initiator(), clock, emit, guests)}


def directory_watch(
    runbook: Runbook,
    clock: Clock,
    emit: Emit,
    network: Network,
    behind: Callable[[], tuple[Directories, NameServers]],
    known: Callable[[], tuple[str, ...]],
    login: Login | None = None,
) -> HostsWatch | None:
    """The watch over the directory where a check asks for it; what stands behind it is made only then.

    Args:
        login: who asks; None = by the ticket that is there.
    """
    domain = runbook.domain
    of_guests = IN_THE_DIRECTORY - left_out(runbook)
    clocks = "kdc.clock" in checks_of(runbook) and any("jump" in host.vantage for host in runbook.hosts)
    if domain.realm is None or not (of_guests or clocks):
        return None
    from cutover_tui.engine.watches.watch_directory import DirectoryWatch

    directory, names = behind()
    return DirectoryWatch(
        hosts={h.name: h.address for h in runbook.hosts},
        wanted=of_guests,
        moved=tuple(h.name for h in runbook.hosts if h.role == "dc"),
        ca_file=domain.ca_file,
        domain=domain.realm.lower(),
        site=domain.site or "",
        controllers=lambda: tuple(Controller(name, name, domain.ca_file) for name in known()),
        login=login or ByTicket(),
        directory=directory,
        names=names,
        network=network,
        clock=clock,
        emit=emit,
    )


def _over_sockets() -> tuple[Directories, NameServers]:
    """Its libraries are imported only where they are used."""
    from probes.ad.directory import Directory
    from probes.ad.dns import Names

    return Directory(), Names()


def watches_over(
    runbook: Runbook,
    clock: Clock,
    anchor: Instant,
    emit: Emit,
    outside: Outside,
    attempts: Mapping[str, Attempts] = MappingProxyType({}),
) -> Watches:
    """Watches over every guest and reference of the runbook, whatever stands behind the seam."""
    domain = DomainWatch(runbook, outside.network, clock, anchor, emit, outside.names, outside.clocks)
    guests: list[GuestWatch] = []
    readers = readers_for(runbook)
    linux_hosts = [h for h in runbook.hosts if h.os == "linux" and h.transport == "ssh"]
    for n, host in enumerate(linux_hosts):
        guest = outside.guest(host)
        guests.append(
            GuestWatch(
                host=host.name,
                guest=guest,
                readers=readers,
                clock=clock,
                anchor=anchor,
                emit=emit,
                phase_ns=n * SAMPLE_INTERVAL_NS // len(linux_hosts),
                reset=outside.reset(host),
                asks=domain.from_guest(host, guest),
            )
        )
    for host in runbook.hosts:
        if host not in linux_hosts:
            why = f"this version cannot reach {host.os} guests over {host.transport}"
            emit(LinkChanged(host.name, clock.now(), Identity(), Failure(FailureKind.UNREACHABLE, why)))
    references, kdcs = domain.from_here()
    urls = (
        dict.fromkeys(name for name in runbook.domain.references if is_url(name)) if domain.asks_here else ()
    )
    https = [
        HttpsWatch(url, outside.network, clock, anchor, emit, phase_ns=n * 100_000_000)
        for n, url in enumerate(urls)
    ]
    directory = outside.directory(domain.controllers)
    if domain.discovered is not None and directory is not None:
        domain.discovered.found = partial(_look_everywhere, directory, runbook)
    others = (domain.discovered, directory)
    looking = [w for w in others if w is not None]
    return Watches(guests, [*references, *https], looking, kdcs, attempts, clock=clock, emit=emit)


def _look_everywhere(watch: HostsWatch, runbook: Runbook) -> None:
    for host in runbook.hosts:
        watch.look(host.name)
