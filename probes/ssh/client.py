"""The callbacks of one login: judging the host key, handing out keys and secrets, each at most once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

import asyncssh

from probes.breaker import Breaker, Turn
from probes.observation import Failure, FailureKind
from probes.prompts import Prompts, SecretRequest
from probes.seam import LinkError
from probes.ssh.known_hosts import Trust, entry_name, fingerprint
from probes.ssh.options import Resolved
from probes.ssh.target import SshTarget
from probes.unsafe_text import without_controls

Pause = Callable[[], AbstractAsyncContextManager[None]]


class Client(asyncssh.SSHClient):
    """One attempt to log in, and the watch on the connection after it.

    A secret is sent once: the same password tried by two methods would count as two failures.
    """

    def __init__(
        self,
        target: SshTarget,
        resolved: Resolved,
        trust: Trust,
        prompts: Prompts,
        breaker: Breaker,
        pause: Pause,
    ) -> None:
        self._target = target
        self._resolved = resolved
        self._trust = trust
        self._prompts = prompts
        self._breaker = breaker
        self._pause = pause
        self._turn: Turn | None = None
        self._keys_offered = False
        self._password_asked = False
        self._conversed = False
        self._sent: list[SecretRequest] = []
        self._agent: asyncssh.SSHAgentClient | None = None
        self.presented: asyncssh.SSHKey | None = None
        self.by_authority = False
        self.failure: LinkError | None = None
        self.lost = False

    @property
    def attempted(self) -> bool:
        """Something was sent that the server could refuse."""
        return self._turn is not None

    def connection_lost(self, exc: Exception | None) -> None:
        """The transport ended."""
        self.lost = True
        if self._agent is not None:
            self._agent.close()

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Asked for keys known_hosts does not hold: never accepted."""
        self.presented = key
        return False

    def validate_host_ca_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Asked for certificate authorities known_hosts does not hold: never accepted."""
        self.presented = key
        self.by_authority = True
        return False

    async def public_key_auth_requested(self) -> list[asyncssh.SSHKeyPair] | None:
        """Keys of the agent, then files; then no more."""
        if self._keys_offered:
            return None
        self._keys_offered = True
        keys = [*await self._agent_keys(), *self._resolved.keys]
        if not keys:
            return None
        await self._take_turn()
        return keys

    async def password_auth_requested(self) -> str | None:
        """The password, once."""
        if "password" not in self._target.methods or self._password_asked:
            return None
        self._password_asked = True
        return await self._secret(self.password_request())

    def kbdint_auth_requested(self) -> str | None:
        """Whether to answer questions: one conversation a login."""
        if "keyboard-interactive" not in self._target.methods or self._conversed:
            return None
        self._conversed = True
        return ""

    async def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        """Answer the server's questions: its password prompt from the credential, others by a person."""
        answers: list[str] = []
        for text, echo in prompts:
            shown = without_controls(text).strip()[:200]
            if "password" in shown.lower():
                if self._password_asked:
                    return None  # refused a moment ago: a second time would count against the account
                self._password_asked = True
                answer = await self._secret(self.password_request(shown))
            else:
                answer = await self._secret(
                    SecretRequest(
                        self._target.credential,
                        "keyboard-interactive",
                        self._resolved.who,
                        shown,
                        False,
                        echo,
                    )
                )
            if answer is None:
                return None
            answers.append(answer)
        return answers

    def password_request(self, text: str = "") -> SecretRequest:
        """How the password of this login is asked for."""
        return SecretRequest(self._target.credential, "password", self._resolved.who, text)

    def accepted(self) -> None:
        """The login succeeded."""
        if self._turn is not None:
            self._turn.accepted()

    def refused(self) -> None:
        """The server refused what was sent: open the breaker, forget the secrets."""
        for request in self._sent:
            self._prompts.rejected(request)
        if self._turn is not None:
            self._turn.refused(self._resolved.who)

    def abandoned(self) -> None:
        """The attempt ended without an answer about the credential."""
        if self._turn is not None:
            self._turn.abandoned()

    def host_key_failure(self, reason: str) -> Failure:
        """One sentence about a key that was not accepted, with both fingerprints."""
        name = entry_name(self._resolved.trusted_as, self._resolved.port)
        trust = f"cutover trust {self._target.host}"
        if self.presented is None and self._trust.revoked and "revoked" in reason:
            revoked = _prints(self._trust.revoked)
            return Failure(
                FailureKind.HOST_KEY, f"{name} presents a host key marked @revoked in known_hosts ({revoked})"
            )
        if self.presented is None:
            return Failure(
                FailureKind.HOST_KEY, f"{name}: the host key cannot be accepted: {without_controls(reason)}"
            )
        kind = "a host certificate signed by" if self.by_authority else "host key"
        shown = f"{kind} {fingerprint(self.presented)} ({self.presented.get_algorithm()})"
        if self.presented in self._trust.revoked:
            detail = f"{name} presents {shown}, which known_hosts marks @revoked"
        elif self._trust.keys or self._trust.authorities:
            expected = _prints((*self._trust.keys, *self._trust.authorities))
            detail = (
                f"the host key of {name} has CHANGED: it presents {shown}, known_hosts holds {expected};"
                f" if this is the right machine, compare the fingerprint on its console and run: {trust}"
            )
        else:
            detail = (
                f"the host key of {name} is unknown: it presents {shown}, known_hosts holds none;"
                f" compare the fingerprint on its console and run: {trust}"
            )
        return Failure(FailureKind.HOST_KEY, detail)

    async def _secret(self, request: SecretRequest) -> str | None:
        await self._take_turn()
        async with self._pause():
            answer = await self._prompts.ask(request)
        if answer is not None:
            self._sent.append(request)
        return answer

    async def _take_turn(self) -> None:
        if self._turn is None:
            try:
                async with self._pause():
                    self._turn = await self._breaker.enter(self._target.credential)
            except LinkError as error:
                self.failure = error
                raise

    async def _agent_keys(self) -> list[asyncssh.SSHKeyPair]:
        if self._resolved.agent is None:
            return []
        agent = asyncssh.SSHAgentClient(self._resolved.agent)
        identities = self._resolved.agent_identities
        try:
            keys = await agent.get_keys(None if identities is None else list(identities))
        except (OSError, ValueError):
            agent.close()
            return []  # no agent behind the socket: the other methods remain
        self._agent = agent
        return list(keys)


def _prints(keys: tuple[asyncssh.SSHKey, ...]) -> str:
    return ", ".join(dict.fromkeys(fingerprint(key) for key in keys))
