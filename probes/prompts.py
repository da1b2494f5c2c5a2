"""How a transport asks a person for a secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

SecretKind = Literal["password", "passphrase", "keyboard-interactive", "escalation"]


@dataclass(frozen=True, slots=True)
class SecretRequest:
    """What is asked. `credential` and `kind` name the secret; values never appear in here.

    `subject`: what it opens, for people ("ops@web1", "key /home/ops/.ssh/id_ed25519").
    `text`: the server's own words, already stripped of control characters.
    `reusable`: the answer may be kept in memory and given to every host of the credential; a
    one-time code may not. `echo`: the server says the answer need not be masked.
    """

    credential: str
    kind: SecretKind
    subject: str
    text: str = ""
    reusable: bool = True
    echo: bool = False


class Prompts(Protocol):
    """Answers requests: from memory, or by a person at the screen (masked, never written down).

    A reusable secret is asked for once for its (credential, kind), however many hosts wait.
    """

    async def ask(self, request: SecretRequest) -> str | None:
        """The secret, or None when the person declined."""
        ...

    def rejected(self, request: SecretRequest) -> None:
        """The answer was refused: forget it, so that the next `ask` asks a person again."""
        ...
