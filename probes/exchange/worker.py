"""One attempt in a process of its own: `python -m probes.exchange.worker`, told on stdin, answering on stdout.

In: a line of JSON (`Request`), then a line with the password as a JSON string, or an empty one.
Out: the name of each stage on a line as it begins, then a line of JSON (`Kept` or `Trouble`).

The environment is the initiator's doing: `KRB5_CONFIG` puts `unmasked.conf` in front, so that
nothing corrects our clock. Tickets live in MEMORY caches, and the password in this process only.
"""

from __future__ import annotations

import asyncio
import http.client
import sys
import time
from collections.abc import Callable
from socket import socket
from typing import Any, cast

import msgspec

from probes.attempt import Kept, Told, Trouble
from probes.exchange import ldap_bind, page, smb_setup
from probes.exchange.dial import dial
from probes.exchange.ended import ANSWER_S, CONNECT_S, Ended, unheard, why
from probes.exchange.kept import LONGEST_TOKEN
from probes.exchange.ldap_server import LdapServer
from probes.exchange.service import OverHttp, OverLdap, OverSmb, OverSsh, Request
from probes.exchange.smb_server import SmbServer, named
from probes.facts_kerberos import ApInStage
from probes.kerberos.gss_errors import INSTALL, gss_number, gss_text, number_of
from probes.observation import FailureKind
from probes.unsafe_text import without_controls

_SPNEGO = "1.3.6.1.5.5.2"
_SMB_STEPS = 4
"""Kerberos inside SPNEGO needs one step, and a second where the server wants the list of mechanisms signed."""


def main() -> int:
    """One attempt."""
    request = msgspec.json.decode(sys.stdin.buffer.readline(), type=Request)
    secret = sys.stdin.buffer.readline().strip()
    password = msgspec.json.decode(secret, type=str) if secret else None
    try:
        result: Told = _Attempt(request).run(password)
    except Ended as end:
        result = end.result
    sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
    return 0


class _Attempt:
    """Login, ticket, service; each may be the end."""

    def __init__(self, request: Request) -> None:
        try:
            import gssapi
            import krb5
        except ImportError:
            raise Ended(Trouble(FailureKind.TOOL_ABSENT, INSTALL)) from None
        self._gssapi: Any = gssapi
        # Otherwise a step that fails with a token to send hides the failure until the context is used again.
        self._gssapi.SecurityContext.__DEFER_STEP_ERRORS__ = False
        self._krb5: Any = krb5
        self._request = request
        self._service = request.service
        self._context = krb5.init_context()
        self._cache = krb5.cc_new_unique(self._context, b"MEMORY")
        self._principal = ""
        self._started: tuple[int, int] | None = None
        self._last: bytes | None = None
        self._refused: tuple[int | None, str] | None = None
        self._shown_ns: int | None = None

    def run(self, password: str | None) -> Kept:
        """The whole attempt.

        Raises:
            Ended: it did not get to its end.
        """
        self._begin("login")
        if self._request.login is not None:
            self._log_in(self._request.login, password or "")
        else:
            self._take_over()
        self._begin("ticket")
        start, end = self._ticket()
        self._begin("service")
        match self._service.over:
            case OverSsh() as over:
                admitted = asyncio.run(self._by_ssh(over))
            case OverHttp() as over:
                admitted = self._by_http(over)
            case OverLdap() as over:
                admitted = self._by_ldap(over)
            case OverSmb() as over:
                admitted = self._by_smb(over)
        stamps = self._stamps()
        if self._refused is not None:
            code, text = self._refused
            token = (self._last or b"")[:LONGEST_TOKEN].hex()
            return Kept(
                "service", self._principal, code, text, start, end, token, *stamps, shown_ns=self._shown_ns
            )
        return Kept(
            "done", self._principal, start_s=start, end_s=end, sent_ns=stamps[0], received_ns=stamps[1],
            own_utc_ns=stamps[2], admitted=admitted,
        )  # fmt: skip

    def _begin(self, stage: ApInStage) -> None:
        print(stage, flush=True)  # noqa: T201 - the initiator reads it

    # Our own ticket

    def _log_in(self, principal: str, password: str) -> None:
        krb5, context = self._krb5, self._context
        try:
            client = krb5.parse_name_flags(context, principal.encode())
            self._principal = principal
            options = krb5.get_init_creds_opt_alloc(context)
            krb5.get_init_creds_opt_set_forwardable(options, False)
            ticket = krb5.get_init_creds_password(context, client, options, password=password.encode())
            krb5.cc_initialize(context, self._cache, client)
            krb5.cc_store_cred(context, self._cache, ticket)
        except krb5.Krb5Error as error:
            self._krb5_refused("login", error)

    def _take_over(self) -> None:
        """The ticket-granting tickets of the engineer's cache, and nothing else: no service ticket is old then."""
        krb5, context, name = self._krb5, self._context, self._request.ccache
        try:
            theirs = krb5.cc_resolve(context, name.encode()) if name else krb5.cc_default(context)
            self._principal = str(theirs.principal)
            tickets = [c for c in theirs if bytes(c.server.components[0]) == b"krbtgt"]
            if tickets:
                krb5.cc_initialize(context, self._cache, theirs.principal)
            for ticket in tickets:
                krb5.cc_store_cred(context, self._cache, ticket)
        except krb5.Krb5Error as error:
            tickets, why = [], f" ({_words(error)})"
        else:
            why = ""
        if not tickets:
            detail = f"no Kerberos ticket of yours to use a service with{why}: run kinit"
            raise Ended(Trouble(FailureKind.DENIED, detail))

    def _krb5_refused(self, stage: ApInStage, error: Any) -> None:
        code, text = number_of(int(error.err_code)), _words(error)
        raise Ended(unheard(stage, text) or Kept(stage, self._principal, code, text)) from error

    # A ticket for the service

    def _ticket(self) -> tuple[int | None, int | None]:
        """Ask the KDC for a fresh one; the token that is made by the way is thrown away."""
        gssapi = self._gssapi
        try:
            self._initiator().step()
        except gssapi.exceptions.GSSError as error:
            text = gss_text(error)
            refused = Kept("ticket", self._principal, gss_number(error), text)
            raise Ended(unheard("ticket", text) or refused) from error
        for ticket in self._cache:
            if bytes(ticket.server.components[0]) not in (b"krbtgt", b"krb5_ccache_conf_data"):
                return int(ticket.times.starttime), int(ticket.times.endtime)
        raise Ended(Trouble(FailureKind.NOT_UNDERSTOOD, "a service ticket was had and is not in the cache"))

    @property
    def _store(self) -> dict[str, str]:
        return {"ccache": "MEMORY:" + bytes(self._cache.name or b"").decode()}

    def _initiator(self, mechanism: str | None = None, bindings: bytes | None = None) -> Any:
        gssapi = self._gssapi
        flag = gssapi.RequirementFlag
        mech = gssapi.OID.from_int_seq(mechanism) if mechanism else gssapi.MechType.kerberos
        return gssapi.SecurityContext(
            name=gssapi.Name(self._service.principal, gssapi.NameType.kerberos_principal),
            creds=gssapi.Credentials(usage="initiate", store=self._store),
            flags=flag.mutual_authentication | flag.integrity,
            mech=mech,
            usage="initiate",
            channel_bindings=gssapi.raw.ChannelBindings(application_data=bindings) if bindings else None,
        )

    # The guest

    def _step(self, step: Callable[[bytes | None], bytes | None], token: bytes | None) -> bytes | None:
        """A step of the mechanism; what the service sent and what it means is kept."""
        if token is None:
            self._started = time.clock_gettime_ns(time.CLOCK_BOOTTIME), 0
        else:
            self._last = token
            if self._started is not None and not self._started[1]:
                self._started = self._started[0], time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        try:
            return step(token)
        except self._gssapi.exceptions.GSSError as error:
            self._refused = gss_number(error), gss_text(error)
            raise

    def _stamps(self) -> tuple[int | None, int | None, int | None]:
        if self._started is None or not self._started[1]:
            return None, None, None
        sent, received = self._started
        since = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - (sent + received) // 2
        return sent, received, time.time_ns() - since

    async def _by_ssh(self, over: OverSsh) -> bool:
        """Whether the account was let in; a refusal of the ticket is in `_refused`."""
        import asyncssh

        attempt = self

        class Client(asyncssh.SSHClient):
            def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
                # asyncssh hands the service's tokens, the refusing one too, to its mechanism and tells nobody.
                self.mechanism = cast("Any", conn.get_gss_context())
                inner = self.mechanism.step
                self.mechanism.step = lambda token=None: attempt._step(inner, token)

        client = Client()
        try:
            async with asyncio.timeout(CONNECT_S + ANSWER_S):
                connection = await asyncssh.connect(
                    over.address,
                    over.port,
                    sock=self._led(over),
                    username=over.user,
                    config=None,
                    known_hosts=None,  # the guest proves itself by its Kerberos key
                    client_keys=None,
                    agent_path=None,
                    preferred_auth="gssapi-with-mic",
                    gss_host=self._service.principal,
                    gss_store=self._store,
                    gss_kex=False,
                    connect_timeout=CONNECT_S,
                    client_factory=lambda: client,
                )
                connection.close()
                await connection.wait_closed()
        except asyncssh.PermissionDenied:
            if self._refused is None and not client.mechanism.complete:
                if self._started is not None:
                    self._refused = None, "refused without a reason"
                    return False
                offers = (
                    f"sshd of {over.address} lets nobody log in as {over.user} with a ticket: "
                    f"it needs `GSSAPIAuthentication yes` and a keytab with {self._service.principal}, and the user "
                    "must exist"
                )
                raise Ended(Trouble(FailureKind.TOOL_ABSENT, offers)) from None
            return False
        except TimeoutError:
            raise Ended(Trouble(FailureKind.TIMEOUT, f"sshd of {over.address}: no answer in time")) from None
        except (OSError, asyncssh.Error) as error:
            detail = f"sshd of {over.address}: {why(error)}"
            raise Ended(Trouble(FailureKind.UNREACHABLE, detail)) from None
        if not client.mechanism.complete:
            raise Ended(
                Trouble(FailureKind.NOT_UNDERSTOOD, f"sshd of {over.address} let us in without a ticket")
            )
        return True

    def _led(self, over: OverSsh) -> socket | None:
        """A connection of the way that leads there; None = asyncssh makes one itself."""
        if self._service.socket is None:
            return None
        made = dial(over.address, over.port, self._service.socket)
        made.setblocking(False)
        return made

    def _by_http(self, over: OverHttp) -> bool:
        """Whether the page was shown; a refusal of the ticket is in `_refused`."""
        mechanism = self._initiator(_SPNEGO)
        offered = self._step(mechanism.step, None) or b""
        status, answered, negotiates = page.get(over, offered, self._service.socket)
        if answered is not None:
            try:
                self._step(mechanism.step, answered)
            except self._gssapi.exceptions.GSSError:
                return False
        if mechanism.complete:
            return 200 <= status < 400
        if status == http.client.UNAUTHORIZED and negotiates:
            self._refused = None, "refused without a reason"
            return False
        if status == http.client.UNAUTHORIZED:
            detail = f"{over.url} asks for another login than Negotiate"
            raise Ended(Trouble(FailureKind.TOOL_ABSENT, detail))
        detail = f"{over.url} answered {status} and did not prove who it is: perhaps it needs no login"
        raise Ended(Trouble(FailureKind.NOT_UNDERSTOOD, detail))

    def _by_ldap(self, over: OverLdap) -> bool:
        """Whether the account was let in; a refusal of the ticket is in `_refused`."""
        with LdapServer(over, self._service.socket) as server:
            mechanism = self._initiator(bindings=server.bindings)
            token = self._step(mechanism.step, None)
            while not mechanism.complete:
                said = server.bind(token or b"")
                if said.token:
                    try:
                        token = self._step(mechanism.step, said.token)
                    except self._gssapi.exceptions.GSSError:
                        return False
                if said.code != ldap_bind.IN_PROGRESS and not mechanism.complete:
                    self._refused = None, server.refusal(said)
                    return False
            # The guest has shown its key; what is left says whether the account may log in there.
            said = server.bind(token or b"")
            if said.code != ldap_bind.IN_PROGRESS or not said.token:
                return said.code == ldap_bind.SUCCESS
            offered = mechanism.unwrap(said.token).message
            if not offered[:1] or not offered[0] & ldap_bind.NO_LAYER:
                return False
            chosen = mechanism.wrap(bytes([ldap_bind.NO_LAYER, 0, 0, 0]), False).message
            return server.bind(chosen).code == ldap_bind.SUCCESS

    def _by_smb(self, over: OverSmb) -> bool:
        """Whether the account was let in; a refusal of the ticket is in `_refused`."""
        with SmbServer(over, self._service.socket) as server:
            mechanism = self._initiator(_SPNEGO)
            token = self._step(mechanism.step, None)
            for _ in range(_SMB_STEPS):
                said = server.set_up(token or b"")
                if said.token:
                    try:
                        token = self._step(mechanism.step, said.token)
                    except self._gssapi.exceptions.GSSError:
                        return False
                if said.status != smb_setup.MORE or not (said.token and token):
                    break
        if mechanism.complete and mechanism.actual_flags & self._gssapi.RequirementFlag.mutual_authentication:
            return said.status == smb_setup.SUCCESS and not said.nobody
        if said.status in (smb_setup.SUCCESS, smb_setup.MORE):
            detail = f"the SMB server of {over.address} did not prove who it is ({named(said.status)})"
            raise Ended(Trouble(FailureKind.NOT_UNDERSTOOD, detail))
        self._refused = None, named(said.status)
        if self._last is None:
            self._started, self._shown_ns = (server.sent_ns, server.received_ns), server.utc_ns
        return False


def _words(error: Any) -> str:
    """A Krb5Error's own words; its number stands behind them."""
    return without_controls(str(error)).removesuffix(str(error.err_code)).strip()


if __name__ == "__main__":
    sys.exit(main())
