"""Where a guest is reached over SSH and as whom; credentials by name, never by value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Method = Literal["agent", "key", "password", "keyboard-interactive"]
Escalation = Literal["none", "sudo", "doas"]


@dataclass(frozen=True, slots=True)
class SshTarget:
    """How to reach and log in to one machine.

    `host`: a name, an address or a `Host` of ~/.ssh/config. `port` and `user`: None leaves them
    to the config. `credential`: the name the circuit breaker and the prompts go by.
    `keys` and `certificates`: files; empty leaves them to the config and OpenSSH's defaults.
    `agent`: socket path, None for `IdentityAgent` or SSH_AUTH_SOCK. `jump`: the machine to go
    through, itself possibly behind another; None leaves it to `ProxyJump`. `config`: files in
    OpenSSH's client format, None for ~/.ssh/config, empty for no config at all.
    """

    host: str
    port: int | None = None
    user: str | None = None
    credential: str = "default"
    methods: tuple[Method, ...] = ("agent", "key", "password", "keyboard-interactive")
    keys: tuple[Path, ...] = ()
    certificates: tuple[Path, ...] = ()
    agent: Path | None = None
    jump: SshTarget | None = None
    escalation: Escalation = "none"
    escalation_credential: str | None = None  # None: the login's
    config: tuple[Path, ...] | None = None
    connect_timeout_s: float = 15.0  # without the time a person takes to type a secret
    keepalive_s: float = 10.0  # asked after this silence; three without an answer: link lost
