"""From a target to a logged-in connection, through jump hosts, or to one typed failure."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import asyncssh

from probes.breaker import Breaker
from probes.hostile import error_text
from probes.observation import Failure, FailureKind
from probes.prompts import Prompts, SecretRequest
from probes.seam import LinkError
from probes.ssh.client import Client
from probes.ssh.known_hosts import KnownHosts, PresentedKey, Trust, fingerprint, scan
from probes.ssh.options import Resolved, resolve
from probes.ssh.target import SshTarget

_CLOSE_S = 2.0
_MAX_DEPTH = 8


class Connection:
    """A logged-in connection and the jump hosts it stands on."""

    def __init__(
        self,
        ssh: asyncssh.SSHClientConnection,
        client: Client,
        hops: Sequence[Connection],
        user: str,
        host_key: str,
        address: tuple[str, int],
    ) -> None:
        self.ssh = ssh
        self.address = address
        self.user = user
        self.host_key = host_key
        self._client = client
        self._hops = tuple(hops)
        self._condemned = False

    @property
    def via(self) -> asyncssh.SSHClientConnection | None:
        """The jump host it goes through, the one next to it; None = it goes through none."""
        return self._hops[-1].ssh if self._hops else None

    @property
    def alive(self) -> bool:
        """False as soon as the transport ended, or was seen to be of no use."""
        return not (self._client.lost or self._condemned)

    def condemn(self) -> None:
        """The transport may not know yet, but nothing can be opened on it any more."""
        self._condemned = True

    async def close(self) -> None:
        """Close it and its jump hosts; a peer that does not answer is cut off."""
        self.ssh.close()
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self.ssh.wait_closed()
        except TimeoutError:
            self.ssh.abort()
            await self.ssh.wait_closed()
        for hop in reversed(self._hops):
            await hop.close()


class Login:
    """Logs in: what every host has in common."""

    def __init__(self, known_hosts: KnownHosts, prompts: Prompts, breaker: Breaker) -> None:
        self._known_hosts = known_hosts
        self._prompts = prompts
        self._breaker = breaker

    async def connect(self, target: SshTarget) -> Connection:
        """Connect and log in.

        Raises:
            LinkError: unreachable, timeout, host-key, denied.
        """
        return await self._connect(target, None, 0)

    async def presented(self, target: SshTarget) -> tuple[PresentedKey, ...]:
        """The host keys `target` shows, through its jump hosts, to be compared by a person.

        Raises:
            LinkError: unreachable, timeout; a jump host is not trusted or refuses us.
        """
        resolved = await resolve(target, self._prompts)
        hops = await self._hops(target, resolved, None, 0)
        try:
            via = hops[-1].ssh if hops else None
            return await scan(resolved.host, resolved.port, via=via, timeout_s=target.connect_timeout_s)
        finally:
            for hop in reversed(hops):
                await hop.close()

    async def _connect(self, target: SshTarget, via: Connection | None, depth: int) -> Connection:
        self._breaker.check(target.credential)
        resolved = await resolve(target, self._prompts)
        await self._ask_ahead(target, resolved)
        hops = await self._hops(target, resolved, via, depth)
        try:
            return await self._attempt(target, resolved, hops[-1] if hops else via, hops)
        except BaseException:
            for hop in reversed(hops):
                await hop.close()
            raise

    async def _hops(
        self, target: SshTarget, resolved: Resolved, via: Connection | None, depth: int
    ) -> list[Connection]:
        if not resolved.hops or via is not None:
            return []
        if depth >= _MAX_DEPTH:
            raise _link(FailureKind.UNREACHABLE, f"{target.host}: jump hosts go in a circle")
        hops: list[Connection] = []
        try:
            for hop in resolved.hops:
                hops.append(await self._connect(hop, hops[-1] if hops else None, depth + 1))
        except BaseException:
            for opened in reversed(hops):
                await opened.close()
            raise
        return hops

    async def _attempt(
        self, target: SshTarget, resolved: Resolved, via: Connection | None, hops: Sequence[Connection]
    ) -> Connection:
        known = self._known_hosts.also(resolved.known_hosts)
        trust = known.lookup(resolved.trusted_as, resolved.port)
        deadline = _Deadline(target.connect_timeout_s)
        client = Client(target, resolved, trust, self._prompts, self._breaker, deadline.paused)
        try:
            async with deadline.running():
                ssh = await self._open(target, resolved, trust, client, via)
        except BaseException as error:
            failure = _failure(error, target, resolved, client)
            if failure is not None and failure.kind is FailureKind.DENIED and client.failure is None:
                client.refused()
            else:
                client.abandoned()
            if failure is None:
                raise
            raise LinkError(failure) from error
        client.accepted()
        key = ssh.get_server_host_key()
        return Connection(
            ssh, client, hops, resolved.user, fingerprint(key) if key else "", (resolved.host, resolved.port)
        )

    async def _open(
        self, target: SshTarget, resolved: Resolved, trust: Trust, client: Client, via: Connection | None
    ) -> asyncssh.SSHClientConnection:
        def trusted(host: str, addr: str, port: int | None) -> Sequence[object]:
            return [list(trust.keys), list(trust.authorities), list(trust.revoked), [], [], [], []]

        return await asyncssh.connect(
            target.host,
            **resolved.common,
            tunnel=via.ssh if via else (),
            client_factory=lambda: client,
            known_hosts=trusted,
            server_host_key_algs=() if resolved.own_host_key_algorithms else trust.algorithms(),
            x509_trusted_certs=[],
            x509_trusted_cert_paths=[],
            encryption_algs=resolved.ciphers,
            compression_algs=["none"],
            client_keys=None,  # handed out by the client, one turn a credential
            gss_host=None,
            agent_forwarding=False,
            x11_forwarding=False,
            connect_timeout=None,  # ours stands still while a person types
            login_timeout=0,
            keepalive_interval=target.keepalive_s,
            keepalive_count_max=3,
            env=None,
            send_env=None,
        )

    async def _ask_ahead(self, target: SshTarget, resolved: Resolved) -> None:
        """Have the password before the server's login grace time starts to run."""
        if target.methods != ("password",):
            return
        request = SecretRequest(target.credential, "password", resolved.who)
        if await self._prompts.ask(request) is None:
            raise _link(FailureKind.DENIED, f"no password was given for {resolved.who}")


class _Deadline:
    """A timeout that stands still while a person is asked."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timeout: asyncio.Timeout | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.timeout(self._seconds) as self._timeout:
            yield

    @contextlib.asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        timeout = self._timeout
        when = timeout.when() if timeout else None
        if timeout is None or when is None:
            yield
            return
        loop = asyncio.get_running_loop()
        left = when - loop.time()
        timeout.reschedule(None)
        try:
            yield
        finally:
            if not timeout.expired():
                timeout.reschedule(loop.time() + left)


def _failure(error: BaseException, target: SshTarget, resolved: Resolved, client: Client) -> Failure | None:
    """The typed failure an error of the handshake stands for; None when it is not one of the link's."""
    name = f"{resolved.host} port {resolved.port}"
    if client.failure is not None and isinstance(error, (LinkError, asyncssh.Error, OSError)):
        return client.failure.failure
    match error:
        case LinkError():
            return error.failure
        case TimeoutError():
            what = "no answer" if client.presented is None else "no login"
            return Failure(FailureKind.TIMEOUT, f"{name}: {what} within {target.connect_timeout_s:g} s")
        case asyncssh.HostKeyNotVerifiable():
            return client.host_key_failure(str(error))
        case asyncssh.PermissionDenied():
            return _denied(resolved, client)
        case asyncssh.ConnectionLost():
            return Failure(FailureKind.UNREACHABLE, f"{name} closed the connection before the login was over")
        case asyncssh.DisconnectError() if client.attempted:
            return Failure(FailureKind.DENIED, f"{resolved.who} was refused: {error_text(error)}")
        # A server that does not keep to the protocol shows as whatever its bytes broke in the parser.
        case asyncssh.Error() | OSError() | ValueError() | LookupError() | AssertionError():
            return Failure(FailureKind.UNREACHABLE, f"{name}: {error_text(error)}")
    return None


def _denied(resolved: Resolved, client: Client) -> Failure:
    if client.attempted:
        return Failure(FailureKind.DENIED, f"the login of {resolved.who} was refused")
    detail = (
        f"{resolved.who}: no login method is left to try (no key, agent or password that the server accepts)"
    )
    return Failure(FailureKind.DENIED, detail)


def _link(kind: FailureKind, detail: str) -> LinkError:
    return LinkError(Failure(kind, detail))
