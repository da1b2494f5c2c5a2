"""Somebody on the jump host who comes to guests' sshd or smbd with a fresh ticket, as the world lets it come out.

MIT's acceptor (krb5 1.20, rd_req_dec.c) looks for its key, then at the ticket's times, then at the
authenticator's, all by the guest's own clock; its refusal is a Kerberos error with that clock in it. Samba 4.17's smbd
takes the keys of the machine for `cifs`, and refuses with one number for everything; its clock it shows beforehand.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from cutover_tui.lab.doors.virtual_loop import SECOND
from cutover_tui.lab.kerberos import der, kdc
from cutover_tui.lab.kerberos.domain import AES256, Account, key
from cutover_tui.lab.kerberos.encoding import Damaged, Key, read_keytab
from cutover_tui.lab.kerberos.library import KEYTAB, LIFETIME_S, TOLERANCE_S
from cutover_tui.lab.machine.guest import Guest
from cutover_tui.lab.world import clockwork
from cutover_tui.lab.world.network import JUMP
from cutover_tui.lab.world.world import Reference, World
from probes.attempt import Kept, Told, Trouble
from probes.observation import FailureKind
from probes.seam import Clock

SSH, SMB = 22, 445
PERSON = "engineer"
_LIMIT_NS = 25 * SECOND
_SKEW, _EXPIRED, _NOT_YET, _UNKNOWN, _NO_KEY, _OLD_KEY, _WRONG_KEY = 37, 32, 33, 7, 35, 44, 31
_WORDS = {
    _SKEW: "Clock skew too great",
    _EXPIRED: "Ticket expired",
    _NOT_YET: "Ticket not yet valid",
    _UNKNOWN: "Server not found in Kerberos database",
    _NO_KEY: "The ticket isn't for us",
    _OLD_KEY: "Key version is not available",
    _WRONG_KEY: "Decrypt integrity check failed",
}
_TOKEN = bytes.fromhex("06092a864886f71201020203") + b"\0"
"""The mechanism's OID and KRB_ERROR's id (RFC 4121 section 4.1)."""


class Service(Protocol):
    """Who is asked."""

    @property
    def principal(self) -> str: ...


class VirtualPeer:
    """Makes attempts; `names`: a full name in the domain → the guest that has its address."""

    def __init__(
        self, world: World, true: Callable[[], int], clock: Clock, names: Callable[[str], Guest | None]
    ) -> None:
        self._world, self._true, self._clock, self._guest = world, true, clock, names

    async def attempt(self, service: Service) -> Told:
        """A ticket from the first KDC that answers, presented to the guest."""
        principal = f"{PERSON}@{service.principal.rpartition('@')[2]}"
        server = await self._kdc()
        domain = self._world.domain
        if server is None or domain is None:
            await self._clock.sleep_until(self._clock.mono_ns() + _LIMIT_NS)
            return Trouble(FailureKind.TIMEOUT, "no KDC gave us a ticket for the service within 25 s")
        start = server.clock.read(self._true()) // SECOND
        if abs(self._world.jump.read(self._true()) // SECOND - start) > TOLERANCE_S:
            return Kept("ticket", principal, _SKEW, _WORDS[_SKEW])
        account = domain.serving(service.principal)
        if account is None or account.state == "disabled":
            return Kept("ticket", principal, _UNKNOWN, _WORDS[_UNKNOWN])
        guest = self._guest(service.principal.partition("@")[0].partition("/")[2])
        port = SMB if _by_smb(service.principal) else SSH
        trip = self._world.network.round_trip(JUMP, guest.name, port, self._true(), "tcp") if guest else None
        if guest is None or trip is None or not guest.up(self._true()):
            return Trouble(FailureKind.UNREACHABLE, f"{service.principal}: no server answers")
        return await self._presented(service.principal, principal, account, guest, start, trip)

    async def _presented(
        self, service: str, principal: str, account: Account, guest: Guest, start: int, trip: tuple[int, int]
    ) -> Kept:
        sent, own = self._clock.mono_ns(), self._world.jump.read(self._true())
        await asyncio.sleep(trip[0] / SECOND)
        clockwork.advance_guest(self._world, guest, self._true())
        shown = guest.utc(self._true())
        code = _verdict(guest, service, account, shown // SECOND, start, own // SECOND)
        await asyncio.sleep(trip[1] / SECOND)
        end, received = start + LIFETIME_S, self._clock.mono_ns()
        middle = own + (received - sent) // 2
        if code is None:
            return Kept(
                "done", principal, start_s=start, end_s=end, sent_ns=sent, received_ns=received,
                own_utc_ns=middle, admitted=True,
            )  # fmt: skip
        if _by_smb(service):
            return Kept(
                "service", principal, None, "STATUS_LOGON_FAILURE", start, end, "", sent, received, middle,
                shown_ns=shown // 100 * 100,
            )  # fmt: skip
        token = _error(code, service, shown).hex()
        return Kept("service", principal, code, _WORDS[code], start, end, token, sent, received, middle)

    async def _kdc(self) -> Reference | None:
        for server in self._world.references.values():
            listens = server.kdc is not None and not server.kdc.down and not server.silent
            trip = self._world.network.round_trip(JUMP, server.name, kdc.PORT, self._true(), "tcp")
            if listens and trip is not None:
                await asyncio.sleep(sum(trip) / SECOND)
                return server
        return None


def _by_smb(service: str) -> bool:
    return service.startswith("cifs/")


def _verdict(
    guest: Guest, service: str, account: Account, shown_s: int, start: int, sent_s: int
) -> int | None:
    """What the guest's acceptor says; None: it accepts."""
    name = service.replace("cifs/", "host/", 1) if _by_smb(service) else service
    keys = [k for k in _keys(guest) if k.principal.casefold() == name.casefold() and k.etype == AES256]
    realm = service.rpartition("@")[2]
    if not keys:
        return _NO_KEY
    same = [k for k in keys if k.kvno == account.kvno]
    if not same:
        return _OLD_KEY
    if same[0].key != key(realm, account.name, account.kvno, AES256):
        return _WRONG_KEY
    if start - shown_s > TOLERANCE_S:
        return _NOT_YET
    if shown_s - (start + LIFETIME_S) > TOLERANCE_S:
        return _EXPIRED
    return _SKEW if abs(shown_s - sent_s) > TOLERANCE_S else None


def _keys(guest: Guest) -> tuple[Key, ...]:
    found = guest.files.get(KEYTAB)
    try:
        return read_keytab(found.text) if found is not None else ()
    except Damaged:
        return ()


def _error(code: int, service: str, shown_ns: int) -> bytes:
    """The error token: KRB-ERROR in the mechanism's frame."""
    name, _, realm = service.rpartition("@")
    parts = der.sequence(*map(der.string, name.split("/")))
    server = der.sequence(der.field(0, der.integer(3)), der.field(1, parts))
    said = der.sequence(
        der.field(0, der.integer(5)),
        der.field(1, der.integer(30)),
        der.field(4, der.moment(shown_ns // SECOND)),
        der.field(5, der.integer(shown_ns % SECOND // 1000)),
        der.field(6, der.integer(code)),
        der.field(9, der.string(realm)),
        der.field(10, server),
    )
    return der.application(0, _TOKEN + der.application(30, said))
