r"""A shell as root on a channel of its own, through sudo or doas.

Started by one of these command lines (the login shell passes them on):

    env LC_ALL=C sudo -n sh                  then the line  printf '\n%s\n' READY
    env LC_ALL=C sudo -S -p PROMPT sh -c 'printf "\n%s\n" READY; exec sh'
    env LC_ALL=C doas -n sh                  then the line  printf '\n%s\n' READY
    env LC_ALL=C doas sh -c 'printf …'       on a terminal, the only place where doas reads a password

The password is written once, after the prompt was seen, and nothing else before READY was:
it can never be taken for a command, nor a command for a password.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import shlex
from collections.abc import Awaitable, Callable

from probes.breaker import Breaker, Turn
from probes.hostile import clean
from probes.observation import Failure, FailureKind, Raw
from probes.prompts import Prompts, SecretKind, SecretRequest
from probes.reader import Command
from probes.seam import LinkError
from probes.ssh.channel import Channel, Sink
from probes.ssh.shell import Started
from probes.ssh.target import SshTarget

Open = Callable[[str, Sink, bool], Awaitable[Channel]]

_DIALOG_S = 30.0  # PAM delays a refusal by some seconds
_KEEP = 64 * 1024
_NOT_FOUND = 127
_DOAS_PROMPT = re.compile(rb"doas \([^)\r\n]*\) password: ?\Z")
_NEEDS_PASSWORD = (b"password is required", b"Authentication required", b"Authorization required")
_NEEDS_TERMINAL = (b"must have a tty", b"a terminal is required", b"a tty is required")
_REMARK = re.compile(
    r"sudo: (?:unable to resolve host |setrlimit\(RLIMIT_CORE\): |unable to send audit message)[^\n]*\n?"
)
"""What sudo says before it runs the command all the same (its sudo.c, interfaces.c, limits.c): a guest that was renamed and whose new
name stands in no /etc/hosts says so each time."""

_WRONG = (b"try again", b"incorrect password", b"Authentication failed", b"Authorization failed")


class EscalationRefused(Exception):  # noqa: N818 an answer of the machine, not a fault
    """No root shell is to be had; `lasting` as long as the connection stands."""

    def __init__(self, detail: str, *, kind: FailureKind = FailureKind.DENIED, lasting: bool = True) -> None:
        super().__init__(detail)
        self.failure = Failure(kind, detail)
        self.lasting = lasting


class OnlyExactly(EscalationRefused):
    """No shell without a password, and yet sudo runs the commands at hand by themselves (a drop-in names them)."""


class Dialog:
    """Listens until the root shell stands, then passes everything on to its sink."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._through = False
        self._changed = asyncio.Event()
        self.heard = bytearray()
        self.over = False
        self.rc: int | None = None

    def feed(self, data: bytes, *, stderr: bool) -> None:
        """Bytes from the channel."""
        if self._through:
            self._sink.feed(data, stderr=stderr)
        elif len(self.heard) < _KEEP:
            self.heard += data
            self._changed.set()

    def ended(self, rc: int | None) -> None:
        """The channel ended."""
        self.over, self.rc = True, rc
        self._changed.set()
        if self._through:
            self._sink.ended(rc)

    def through(self) -> None:
        """The shell stands."""
        self._through = True

    async def until(self, found: Callable[[bytes], bool]) -> bool:
        """Wait until what was heard satisfies `found`; False when the channel ended before."""
        while not found(bytes(self.heard)):
            if self.over:
                return False
            self._changed.clear()
            await self._changed.wait()
        return True


class RootShell:
    """Opens root shells on one guest."""

    def __init__(self, target: SshTarget, who: str, prompts: Prompts, breaker: Breaker, opener: Open) -> None:
        self._tool = target.escalation
        self._who = who
        self._prompts = prompts
        self._breaker = breaker
        self._open = opener
        credential = target.escalation_credential or target.credential
        self._breaker_name = f"{credential} ({self._tool})"
        kind: SecretKind = "password" if target.escalation_credential is None else "escalation"
        self._request = SecretRequest(credential, kind, f"{self._tool} as {who}")

    async def start(self, sink: Sink, allowed: Callable[[], Awaitable[bool]]) -> Started:
        """Start a root shell; without a password where none is needed.

        Args:
            allowed: whether the commands at hand may be run by themselves; asked before a person is.

        Raises:
            EscalationRefused: absent, not permitted, wrong password, no password given, no answer.
            LinkError: the breaker is open or the connection gone. SessionRefused, ExecRefused.
        """
        dialog, channel, ready = await self._begin(f"{self._tool} -n sh", sink, pty=False)
        with contextlib.suppress(LinkError):  # ended already: why is in what was heard
            channel.write(rf"printf '\n%s\n' {ready}".encode() + b"\n")
        if await self._wait(dialog, channel, lambda heard: _is_ready(heard, ready)):
            dialog.through()
            return Started(channel, pty=False)
        heard = bytes(dialog.heard)
        terminal = any(mark in heard for mark in _NEEDS_TERMINAL)
        if not terminal and not any(mark in heard for mark in _NEEDS_PASSWORD):
            raise self._explain(dialog)
        if await allowed():
            raise OnlyExactly(f"{self._tool} gives {self._who} no shell, but these commands", lasting=False)
        return await self._with_password(sink, pty=terminal or self._tool == "doas")

    def prefixed(self, command: Command) -> Command:
        """The command for the ordinary shell, where there is no channel for a second one."""
        return Command((self._tool, "-n", *command.argv), False, command.timeout_s, command.limit)

    def listed(self, command: Command) -> Command | None:
        """What asks the tool whether it would run that command without a password; None where it has no such way."""
        if self._tool != "sudo":
            return None
        return Command((self._tool, "-n", "-l", *command.argv))

    def unprefixed(self, command: Command, raw: Raw) -> Raw:
        """Its outcome, told apart from a refusal of sudo or doas itself."""
        failure = raw.failure
        err, out = _own(raw.err), raw.out if raw.err else _own(raw.out)  # a terminal makes one of both
        said = err or out
        if failure is None and raw.rc == _NOT_FOUND and f"{self._tool}:" in said:
            failure = Failure(FailureKind.DENIED, f"{self._tool} is not there for {self._who}")
        elif failure is None and raw.rc == 1 and said.startswith((f"{self._tool}: ", "Sorry, user ")):
            failure = Failure(FailureKind.DENIED, said.strip().splitlines()[0][:200])
        return Raw(command.argv, raw.rc, out, err, raw.truncated, failure)

    async def _with_password(self, sink: Sink, *, pty: bool) -> Started:
        turn = await self._breaker.enter(self._breaker_name)
        try:
            password = await self._prompts.ask(self._request)
            if password is None:
                turn.refused("the person asked (no password given)")
                detail = f"no password was given for {self._tool} as {self._who}"
                raise EscalationRefused(detail, lasting=False)
            return await self._feed(sink, password, turn, pty=pty)
        finally:
            turn.abandoned()

    async def _feed(self, sink: Sink, password: str, turn: Turn, *, pty: bool) -> Started:
        prompt = f"CUT{secrets.token_hex(12)}"
        options = f"-S -p {prompt}" if self._tool == "sudo" else ""
        dialog, channel, ready = await self._begin(
            f"{self._tool} {options}".strip(), sink, pty=pty, announce=True
        )

        def prompted(heard: bytes) -> bool:
            if self._tool == "doas":
                return _DOAS_PROMPT.search(heard) is not None
            return prompt.encode() in heard

        if not await self._wait(dialog, channel, lambda heard: prompted(heard) or _is_ready(heard, ready)):
            raise self._explain(dialog)
        if not _is_ready(bytes(dialog.heard), ready):
            dialog.heard.clear()
            channel.write(password.encode() + b"\n")
            await self._wait(
                dialog,
                channel,
                lambda heard: (
                    _is_ready(heard, ready) or prompted(heard) or any(mark in heard for mark in _WRONG)
                ),
            )
            heard = bytes(dialog.heard)
            if not _is_ready(heard, ready):
                await channel.kill()
                if prompted(heard) or any(mark in heard for mark in _WRONG):
                    turn.refused(f"{self._tool} as {self._who}")
                    self._prompts.rejected(self._request)
                    detail = f"{self._tool} refused the password of {self._who}; it is not tried again"
                    raise EscalationRefused(detail, lasting=False)
                raise self._explain(dialog)
        turn.accepted()
        dialog.through()
        return Started(channel, pty=pty)

    async def _begin(
        self, command: str, sink: Sink, *, pty: bool, announce: bool = False
    ) -> tuple[Dialog, Channel, str]:
        ready = f"CUT{secrets.token_hex(12)}"
        dialog = Dialog(sink)
        if announce:
            script = rf'printf "\n%s\n" {ready}; exec sh'
            command = f"{command} sh -c {shlex.quote(script)}"
        return dialog, await self._open(f"env LC_ALL=C {command}", dialog, pty), ready

    async def _wait(self, dialog: Dialog, channel: Channel, found: Callable[[bytes], bool]) -> bool:
        try:
            async with asyncio.timeout(_DIALOG_S):
                seen = await dialog.until(found)
        except TimeoutError:
            await channel.kill()
            detail = f"{self._tool} as {self._who} does not answer within {_DIALOG_S:g} s"
            raise EscalationRefused(detail, kind=FailureKind.TIMEOUT, lasting=False) from None
        except BaseException:
            await channel.kill()
            raise
        return seen

    def _explain(self, dialog: Dialog) -> EscalationRefused:
        text = _REMARK.sub("", clean(bytes(dialog.heard), 2000)[0])
        if dialog.rc == _NOT_FOUND:
            return EscalationRefused(f"{self._tool} is not there for {self._who}")
        said = next(
            (line.strip() for line in text.splitlines() if f"{self._tool}:" in line), text.strip()[:200]
        )
        said = said or next(
            (line.strip() for line in reversed(text.splitlines()) if line.strip()), "no reason given"
        )
        return EscalationRefused(f"{self._tool} gives {self._who} no root shell: {said[:200]}")


def _own(err: str) -> str:
    """What a command itself said, without sudo's remarks before it."""
    while (found := _REMARK.match(err)) is not None:
        err = err[found.end() :]
    return err


def _is_ready(heard: bytes, ready: str) -> bool:
    return re.search(rb"(?m)^" + ready.encode() + rb"\r?$", heard) is not None
