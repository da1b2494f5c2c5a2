"""How the engineer logs in to the directory: by the ticket that is there, or with a password that is asked for once.

The prompt and the breaker are those of `kerberos.ap-in`: one refused password stops both, and one answer serves both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from probes.breaker import Breaker, Turn
from probes.directory_seam import Bind, DirectoryError, Simple, Ticket
from probes.observation import Failure, FailureKind
from probes.prompts import Prompts, SecretRequest
from probes.seam import LinkError


class LoginTurn(Protocol):
    """The right to log in, once. `bind` is what to log in with."""

    @property
    def bind(self) -> Bind: ...

    def accepted(self) -> None:
        """A controller let us in."""
        ...

    def refused(self, error: DirectoryError) -> None:
        """A controller did not do what was asked; whether it was the password is in the error."""
        ...

    def over(self) -> None:
        """Nothing more is tried in this turn."""
        ...


class Login(Protocol):
    """Who asks the directory."""

    async def enter(self) -> LoginTurn | Failure:
        """The right to log in, or why there is none."""
        ...

    def again(self) -> None:
        """A person wants it tried again."""
        ...


@dataclass(frozen=True, slots=True)
class ByTicket:
    """The engineer ran kinit: nothing is asked, and a refusal locks nobody."""

    ticket: Ticket = field(default_factory=Ticket)

    @property
    def bind(self) -> Bind:
        return self.ticket

    async def enter(self) -> LoginTurn | Failure:
        return self

    def again(self) -> None:
        pass

    def accepted(self) -> None:
        pass

    def refused(self, error: DirectoryError) -> None:
        pass

    def over(self) -> None:
        pass


class ByPassword:
    """A principal whose password is asked for; declined is not asked again before a person wants to."""

    def __init__(self, principal: str, *, prompts: Prompts, breaker: Breaker) -> None:
        self._asked = SecretRequest(principal, "password", principal)
        self._prompts, self._breaker = prompts, breaker
        self._declined = False

    async def enter(self) -> LoginTurn | Failure:
        principal = self._asked.credential
        declined = Failure(
            FailureKind.CANCELLED, f"no password was given for {principal}: look again to be asked"
        )
        if self._declined:
            return declined
        try:
            turn = await self._breaker.enter(principal)
        except LinkError as error:
            return error.failure
        try:
            password = await self._prompts.ask(self._asked)
        except BaseException:
            turn.abandoned()
            raise
        if not password:
            turn.abandoned()
            self._declined = True
            return declined
        return _PasswordTurn(Simple(principal, password), turn, self._prompts, self._asked)

    def again(self) -> None:
        self._declined = False
        self._breaker.reset(self._asked.credential)


@dataclass(frozen=True, slots=True)
class _PasswordTurn:
    bind: Bind
    _turn: Turn
    _prompts: Prompts
    _asked: SecretRequest

    def accepted(self) -> None:
        self._turn.accepted()

    def refused(self, error: DirectoryError) -> None:
        if error.of_the_login:
            controller, _, said = error.failure.detail.partition(": ")
            self._turn.refused(f"{controller} ({said})")
            self._prompts.rejected(self._asked)

    def over(self) -> None:
        self._turn.abandoned()
