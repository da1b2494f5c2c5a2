"""A guest's SMB server as far as a login goes: no share is connected to. For the worker only."""

from __future__ import annotations

import os
import time
from types import TracebackType
from typing import Self

from probes.exchange import smb_setup
from probes.exchange.dial import dial
from probes.exchange.ended import ANSWER_S, of_socket, proves_nothing
from probes.exchange.service import OverSmb
from probes.observation import FailureKind

_PATIENCE = 8
"""Answers in a row that say "wait"; a server that thinks says it once (section 3.3.4.2)."""

_NAMES = {
    0x00000000: "STATUS_SUCCESS",
    0xC000000D: "STATUS_INVALID_PARAMETER",
    0xC0000016: "STATUS_MORE_PROCESSING_REQUIRED",
    0xC0000022: "STATUS_ACCESS_DENIED",
    0xC000005E: "STATUS_NO_LOGON_SERVERS",
    0xC0000064: "STATUS_NO_SUCH_USER",
    0xC000006A: "STATUS_WRONG_PASSWORD",
    0xC000006D: "STATUS_LOGON_FAILURE",
    0xC000006E: "STATUS_ACCOUNT_RESTRICTION",
    0xC000006F: "STATUS_INVALID_LOGON_HOURS",
    0xC0000070: "STATUS_INVALID_WORKSTATION",
    0xC0000071: "STATUS_PASSWORD_EXPIRED",
    0xC0000072: "STATUS_ACCOUNT_DISABLED",
    0xC000009A: "STATUS_INSUFFICIENT_RESOURCES",
    0xC00000A8: "STATUS_BAD_TOKEN_TYPE",
    0xC00000BB: "STATUS_NOT_SUPPORTED",
    0xC00000D0: "STATUS_REQUEST_NOT_ACCEPTED",
    0xC0000133: "STATUS_TIME_DIFFERENCE_AT_DC",
    0xC000015B: "STATUS_LOGON_TYPE_NOT_GRANTED",
    0xC000018B: "STATUS_NO_TRUST_SAM_ACCOUNT",
    0xC000018D: "STATUS_TRUSTED_RELATIONSHIP_FAILURE",
    0xC0000193: "STATUS_ACCOUNT_EXPIRED",
    0xC0000203: "STATUS_USER_SESSION_DELETED",
    0xC0000224: "STATUS_PASSWORD_MUST_CHANGE",
    0xC0000234: "STATUS_ACCOUNT_LOCKED_OUT",
}
"""[MS-ERREF] section 2.3.1, as far as a login may end so."""

_OF_OUR_ACCOUNT = frozenset(
    {
        0xC0000064, 0xC000006E, 0xC000006F, 0xC0000070, 0xC0000071, 0xC0000072, 0xC000015B, 0xC0000193,
        0xC0000224, 0xC0000234,
    }
)  # fmt: skip
_BUSY = frozenset({0xC000009A, 0xC00000D0})


class SmbServer:
    """A connection whose dialect is agreed upon; use as a context manager. `way`: a local socket that leads there.

    By then it has said what its clock shows: `utc_ns` (None = it does not), between `sent_ns` and `received_ns` of
    CLOCK_BOOTTIME. Samba refuses a ticket with a bare number, and then this is all that tells the clock from the key.

    Raises:
        Ended: it cannot be reached, takes no tickets, or what it says is no SMB.
    """

    def __init__(self, over: OverSmb, way: str | None = None) -> None:
        self._name = f"SMB server of {over.address}"
        self._number = self._session = 0
        self.sent_ns = self.received_ns = 0
        self.utc_ns: int | None = None
        try:
            self._socket = dial(over.address, over.port, way)
        except OSError as error:
            raise of_socket(self._name, error) from None
        self._until = time.monotonic() + ANSWER_S
        try:
            self._negotiate()
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._socket.close()

    def _negotiate(self) -> None:
        request = smb_setup.negotiate(os.urandom(16), os.urandom(32))
        self.sent_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        said = self._asked(request, smb_setup.NEGOTIATE)
        self.received_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        if said.status != smb_setup.SUCCESS:
            detail = f"{self._name} speaks no SMB from 2.0.2 to 3.1.1 ({named(said.status)})"
            raise proves_nothing(FailureKind.TOOL_ABSENT, detail)
        try:
            agreed = smb_setup.negotiated(said)
        except ValueError as error:
            raise self._odd(error) from None
        self.utc_ns = agreed.utc_ns
        if not agreed.tickets:
            detail = f"{self._name} takes no tickets: it offers no Kerberos, as where it is of no domain"
            raise proves_nothing(FailureKind.TOOL_ABSENT, detail)

    def set_up(self, token: bytes) -> smb_setup.SetUp:
        """One step of the login.

        Raises:
            Ended: no answer, or none to a login; or one that says nothing about the ticket.
        """
        self._number += 1
        try:
            request = smb_setup.session_setup(self._number, self._session, token)
            said = smb_setup.set_up(self._asked(request, smb_setup.SESSION_SETUP))
        except ValueError as error:
            raise self._odd(error) from None
        self._session = said.session
        if said.status in _OF_OUR_ACCOUNT:
            detail = f"{self._name} does not let our own account in ({named(said.status)}): name one that may log in"
            raise proves_nothing(FailureKind.DENIED, detail)
        if said.status in _BUSY:
            detail = f"{self._name} takes no login now ({named(said.status)})"
            raise proves_nothing(FailureKind.UNREACHABLE, detail)
        return said

    def _asked(self, request: bytes, command: int) -> smb_setup.Answer:
        try:
            self._socket.sendall(request)
            for _ in range(_PATIENCE):
                frame = self._bytes(smb_setup.FRAME)
                message = self._bytes(smb_setup.length_of(frame))
                said = smb_setup.answer(message, command, self._number)
                if said.status != smb_setup.PENDING:
                    return said
        except OSError as error:
            raise of_socket(self._name, error) from None
        except ValueError as error:
            raise self._odd(error) from None
        raise self._odd(ValueError("it says to wait again and again"))

    def _odd(self, error: ValueError) -> Exception:
        return proves_nothing(
            FailureKind.NOT_UNDERSTOOD, f"{self._name}: its answer is not understood: {error}"
        )

    def _bytes(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            more = self._socket.recv(count - len(data))
            if not more:
                raise ConnectionResetError("it closed the connection")
            data += more
        return data


def named(status: int) -> str:
    """An NTSTATUS as Microsoft's documents and tools print it."""
    return _NAMES.get(status, f"NTSTATUS {status:#010x}")
