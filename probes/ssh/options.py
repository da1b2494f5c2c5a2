"""A target and the user's ~/.ssh/config, resolved to what asyncssh is asked for.

asyncssh's options are loosely typed; what is read from them is given its type here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict, cast

import asyncssh
from asyncssh.config import SSHConfig

from probes.observation import Failure, FailureKind
from probes.prompts import Prompts
from probes.seam import LinkError
from probes.ssh.keys import load_keys
from probes.ssh.known_hosts import DEFAULT_PORT
from probes.ssh.target import SshTarget

# aes-gcm and aes-ctr cost the jump host 25-32 % less CPU than chacha20-poly1305, asyncssh's first choice.
_CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes256-ctr",
    "chacha20-poly1305@openssh.com",
)
_MAX_HOPS = 8


class Common(TypedDict):
    """Options that do not depend on what was found in the config."""

    config: list[Path] | tuple[()]
    port: int | tuple[()]
    username: str | tuple[()]


@dataclass(frozen=True, slots=True)
class Resolved:
    """What the config made of a target."""

    common: Common
    host: str
    port: int
    user: str
    trusted_as: str  # HostKeyAlias, or the host
    known_hosts: tuple[Path, ...]  # UserKnownHostsFile and GlobalKnownHostsFile
    hops: tuple[SshTarget, ...]  # through which to go, nearest first
    ciphers: tuple[str, ...] | tuple[()]  # empty: as the config says
    own_host_key_algorithms: bool  # the config names HostKeyAlgorithms
    keys: tuple[asyncssh.SSHKeyPair, ...]
    agent: str | None
    agent_identities: tuple[bytes, ...] | None

    @property
    def who(self) -> str:
        """For messages."""
        return f"{self.user}@{self.host}"


async def resolve(target: SshTarget, prompts: Prompts) -> Resolved:
    """Read the config and load the keys. Encrypted keys the config or OpenSSH's defaults name
    are left to the agent; only for those named in the target a passphrase is asked for.

    Raises:
        LinkError: denied; a key or the config cannot be read.
    """
    common = Common(
        config=() if target.config is None else list(target.config),
        port=() if target.port is None else target.port,
        username=() if target.user is None else target.user,
    )
    with_keys = "key" in target.methods
    with_agent = "agent" in target.methods
    keys, certificates = await load_keys(target, prompts) if with_keys else ([], [])
    try:
        options = await asyncssh.SSHClientConnectionOptions.construct(
            host=target.host,
            known_hosts=(),
            client_keys=(keys or ()) if with_keys or with_agent else None,
            client_certs=certificates or (),
            ignore_encrypted=True,
            agent_path=str(target.agent) if target.agent else (),
            gss_host=None,
            **common,
        )
    except (OSError, ValueError) as error:
        raise _refuse(target, f"keys or ssh config cannot be used: {error}") from error
    config = options.config
    port = int(cast("int", config.get("Port", DEFAULT_PORT)))
    return Resolved(
        common=common,
        host=options.host,
        port=options.port or port,
        user=options.username,
        trusted_as=options.host_key_alias or options.host,
        known_hosts=tuple(_known_hosts(config)),
        hops=_hops(target, options.tunnel),
        ciphers=() if config.get("Ciphers") else _CIPHERS,
        own_host_key_algorithms=config.get("HostKeyAlgorithms") is not None,
        keys=tuple(options.client_keys or ()) if with_keys else (),
        agent=(options.agent_path or None) if with_agent else None,
        agent_identities=None if options.agent_identities is None else tuple(options.agent_identities),
    )


def _known_hosts(config: SSHConfig) -> Iterator[Path]:
    for option in ("UserKnownHostsFile", "GlobalKnownHostsFile"):
        for name in cast("list[str]", config.get(option, [])):
            yield Path(name).expanduser()


def _hops(target: SshTarget, tunnel: object) -> tuple[SshTarget, ...]:
    """The chain of jump hosts: the target's own, else ProxyJump (`[user@]host[:port],…`)."""
    if target.jump is not None:
        return (target.jump,)
    if not isinstance(tunnel, str) or not tunnel:
        return ()
    hops: list[SshTarget] = []
    for text in tunnel.removeprefix("ssh://").split(","):
        user, _, address = text.rpartition("@")
        host, colon, port = address.rpartition(":")
        if not colon or not port.isdigit() or (":" in host and not host.endswith("]")):
            host, port = address, ""
        host = host.removeprefix("[").removesuffix("]")
        hops.append(
            replace(
                target,
                host=host,
                port=int(port) if port else None,
                user=user or None,
                credential=f"jump host {host}",
                keys=(),
                certificates=(),
                escalation="none",
            )
        )
    if len(hops) > _MAX_HOPS:
        raise _refuse(target, f"ProxyJump names more than {_MAX_HOPS} hosts")
    return tuple(hops)


def _refuse(target: SshTarget, why: str) -> LinkError:
    return LinkError(Failure(FailureKind.DENIED, f"{target.host}: {why}"))
