"""One circuit breaker per credential, so that a wrong secret never locks an account.

Directories lock an account after a handful of refused logins (`lockoutThreshold`, pam_faillock).
With fifty hosts connecting at once, one mistyped password would be fifty refusals. So: until a
credential has been accepted once, its attempts go one at a time; a refusal opens the breaker
for everybody until a person resets it.

A refusal may be the clocks': where a login is checked by Kerberos, skew looks like a wrong password. One that came
while the KDCs were known to be beyond the tolerance is taken back, once, when they are known to be within it; one
that came while nothing was wrong with them, or nothing known, stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from probes.observation import Failure, FailureKind
from probes.seam import LinkError


@dataclass(slots=True)
class _State:
    proven: bool = False
    refusal: str | None = None
    of_clocks: bool = False
    """Whether the refusal came while the clocks were apart."""
    first: asyncio.Lock = field(default_factory=asyncio.Lock)


class Turn:
    """The right to send a credential once. End it with exactly one of the three words."""

    def __init__(
        self, credential: str, state: _State, *, alone: bool, clocks_apart: Callable[[], bool]
    ) -> None:
        self._credential = credential
        self._clocks_apart = clocks_apart
        self._state = state
        self._alone = alone
        self._over = False

    def accepted(self) -> None:
        """The credential is good: from now on hosts may log in side by side."""
        if not self._over:
            self._state.proven = True
        self._end()

    def refused(self, by: str) -> None:
        """A server refused it: nobody tries again until `Breaker.reset`, or until clocks that were apart are right."""
        if not self._over:
            self._state.proven = False
            self._state.refusal = by
            self._state.of_clocks = self._clocks_apart()
        self._end()

    def abandoned(self) -> None:
        """Nothing was learnt (link lost, cancelled); the next in line may try."""
        self._end()

    def _end(self) -> None:
        if self._alone and not self._over:
            self._state.first.release()
        self._over = True


class Breaker:
    """Circuit breakers by credential name. Belongs to one event loop."""

    def __init__(self) -> None:
        self._states: dict[str, _State] = {}
        self._clocks_apart = False

    def refusal(self, credential: str) -> str | None:
        """Who refused the credential, when the breaker is open."""
        state = self._states.get(credential)
        return state.refusal if state else None

    def check(self, credential: str) -> None:
        """Return when the credential may be tried.

        Raises:
            LinkError: denied; the breaker is open.
        """
        by = self.refusal(credential)
        if by is not None:
            detail = (
                f"credential {credential!r} was refused by {by} and is not tried again before it is reset"
                " (no account is locked by us)"
            )
            raise LinkError(Failure(FailureKind.DENIED, detail))

    def clocks(self, good: bool | None) -> None:
        """What is known now of the KDCs' clocks and ours: within Kerberos' tolerance, beyond it, None = neither."""
        self._clocks_apart = good is False
        if good:
            for state in self._states.values():
                if state.of_clocks:
                    state.refusal, state.proven, state.of_clocks = None, False, False

    async def enter(self, credential: str) -> Turn:
        """Wait for the right to send the credential.

        Raises:
            LinkError: denied; the breaker is open, or was opened while this one waited.
        """
        self.check(credential)
        state = self._states.setdefault(credential, _State())
        if state.proven:
            return self._turn(credential, state, alone=False)
        await state.first.acquire()
        if state.refusal is None and not state.proven:
            return self._turn(credential, state, alone=True)
        state.first.release()
        self.check(credential)
        return self._turn(credential, state, alone=False)

    def _turn(self, credential: str, state: _State, *, alone: bool) -> Turn:
        return Turn(credential, state, alone=alone, clocks_apart=lambda: self._clocks_apart)

    def reset(self, credential: str) -> None:
        """A person looked into it: the next attempt may be made, alone; escalation with it too."""
        for name, state in self._states.items():
            if name == credential or name.startswith(f"{credential} ("):
                state.refusal = None
                state.proven = False
                state.of_clocks = False
