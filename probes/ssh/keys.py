"""Private key files named in a target, and the passphrases that open them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncssh

from probes.observation import Failure, FailureKind
from probes.prompts import Prompts, SecretRequest
from probes.seam import LinkError
from probes.ssh.target import SshTarget


async def load_keys(target: SshTarget, prompts: Prompts) -> tuple[list[asyncssh.SSHKey], list[str]]:
    """The keys of `target.keys`, and the certificate files that go with them.

    As with OpenSSH, `KEY-cert.pub` beside a key is its certificate.

    Raises:
        LinkError: denied; a file cannot be read or its passphrase is wrong or was not given.
    """
    keys = [await _load(path, target, prompts) for path in target.keys]
    beside = [path.with_name(f"{path.name}-cert.pub") for path in target.keys]
    named = {str(path) for path in (*target.certificates, *(path for path in beside if path.is_file()))}
    return keys, sorted(named)


async def _load(path: Path, target: SshTarget, prompts: Prompts) -> asyncssh.SSHKey:
    try:
        return await asyncio.to_thread(asyncssh.read_private_key, path)
    except asyncssh.KeyImportError as error:
        if not str(error).startswith("Passphrase"):
            raise _refused(target, f"key {path} is not understood: {error}") from None
    except OSError as error:
        raise _refused(target, f"key {path} cannot be read: {error.strerror}") from None
    request = SecretRequest(target.credential, "passphrase", f"key {path}")
    passphrase = await prompts.ask(request)
    if passphrase is None:
        raise _refused(target, f"no passphrase was given for key {path}")
    try:
        return await asyncio.to_thread(asyncssh.read_private_key, path, passphrase)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        prompts.rejected(request)
        raise _refused(target, f"key {path} cannot be decrypted: {error}") from None


def _refused(target: SshTarget, why: str) -> LinkError:
    return LinkError(Failure(FailureKind.DENIED, f"{target.host}: {why}"))
