"""Which host keys are trusted, in OpenSSH's known_hosts format (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).

Files are asked in order: the first that holds plain keys or a certificate authority for the
name decides, so a key pinned for cutover is not undermined by an old entry elsewhere.
`@revoked` counts from every file. Names are matched as OpenSSH does with `CheckHostIP no`: an
entry for an address says nothing about a name that happens to resolve to it.
"""

from __future__ import annotations

import asyncio
import base64
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from probes.hostile import error_text
from probes.observation import Failure, FailureKind
from probes.seam import LinkError

DEFAULT_PORT = 22
_SCANNED = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
)
_Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """A host key as a server showed it; nothing says yet that it is the right one."""

    host: str
    port: int
    algorithm: str
    fingerprint: str  # SHA256:…
    line: str  # ready for known_hosts

    @classmethod
    def of(cls, host: str, port: int, key: asyncssh.SSHKey) -> PresentedKey:
        """The key as `host` presented it."""
        public = " ".join(key.export_public_key().decode("ascii").split()[:2])
        return cls(host, port, key.get_algorithm(), fingerprint(key), f"{entry_name(host, port)} {public}")


@dataclass(frozen=True, slots=True)
class Trust:
    """What known_hosts says about one name."""

    keys: tuple[asyncssh.SSHKey, ...] = ()
    authorities: tuple[asyncssh.SSHKey, ...] = ()
    revoked: tuple[asyncssh.SSHKey, ...] = ()

    def algorithms(self) -> list[str]:
        """Host-key algorithms to propose: what is known first, so a server that has the known
        key shows that one; then all others, so that a changed kind of key is seen as changed.
        """
        plain = [name.decode("ascii") for name in asyncssh.public_key.get_default_public_key_algs()]
        certs = [name.decode("ascii") for name in asyncssh.public_key.get_default_certificate_algs()]
        known = [name.decode("ascii") for key in self.keys for name in key.sig_algorithms]
        known = [name for name in known if name in plain]
        order = [*certs, *known, *plain] if self.authorities else [*known, *plain, *certs]
        return list(dict.fromkeys(order))


class KnownHosts:
    """known_hosts files, read again when they change."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(dict.fromkeys(paths))
        self._read: dict[Path, tuple[_Stamp, asyncssh.SSHKnownHosts, tuple[str, ...]]] = {}

    @classmethod
    def usual(cls, own: Path) -> KnownHosts:
        """cutover's own file, then the user's, then the machine's."""
        return cls((own, Path("~/.ssh/known_hosts").expanduser(), Path("/etc/ssh/ssh_known_hosts")))

    def also(self, paths: Iterable[Path]) -> KnownHosts:
        """These files and then `paths` (UserKnownHostsFile of ~/.ssh/config)."""
        more = KnownHosts((*self._paths, *paths))
        more._read = self._read
        return more

    def lookup(self, host: str, port: int) -> Trust:
        """What the files say about `host` at `port`. A file that is not there says nothing."""
        keys: Sequence[asyncssh.SSHKey] = ()
        authorities: Sequence[asyncssh.SSHKey] = ()
        revoked: list[asyncssh.SSHKey] = []
        for path in self._paths:
            hosts = self._load(path)[0]
            name, odd_port = host.lower(), None if port == DEFAULT_PORT else port
            found = hosts.match(name, "", odd_port)
            revoked += found[2]
            if odd_port is not None:
                revoked += hosts.match(name, "", None)[2]
            if not keys and not authorities:
                keys, authorities = found[0], found[1]
        return Trust(tuple(keys), tuple(authorities), tuple(dict.fromkeys(revoked)))

    def problems(self) -> tuple[str, ...]:
        """Lines that were not understood, as `file:line: reason`; they trust nobody."""
        return tuple(problem for path in self._paths for problem in self._load(path)[1])

    def _load(self, path: Path) -> tuple[asyncssh.SSHKnownHosts, tuple[str, ...]]:
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            cached = self._read.get(path)
            if cached and cached[0] == stamp:
                return cached[1], cached[2]
            text = path.read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return asyncssh.SSHKnownHosts(), ()
        except OSError as error:
            return asyncssh.SSHKnownHosts(), (f"{path}: {error.strerror}",)
        hosts, problems = _parse(path, text)
        self._read[path] = (stamp, hosts, problems)
        return hosts, problems


def entry_name(host: str, port: int) -> str:
    """The name under which known_hosts keeps a host: `host`, or `[host]:port`."""
    return host.lower() if port == DEFAULT_PORT else f"[{host.lower()}]:{port}"


def fingerprint(key: asyncssh.SSHKey) -> str:
    """`SHA256:…` as OpenSSH prints it."""
    return key.get_fingerprint("sha256")


async def scan(
    host: str,
    port: int = DEFAULT_PORT,
    *,
    via: asyncssh.SSHClientConnection | None = None,
    timeout_s: float = 15.0,
) -> tuple[PresentedKey, ...]:
    """The host keys a server presents, one of each kind, without logging in or trusting any.

    `via`: a connection to the jump host in front of it.

    Raises:
        LinkError: unreachable or timeout.
    """
    found: list[PresentedKey] = []
    closed: Exception | None = None
    try:
        async with asyncio.timeout(timeout_s):
            for algorithm in _SCANNED:
                try:
                    key = await asyncssh.get_server_host_key(
                        host, port, server_host_key_algs=[algorithm], config=None, tunnel=via or ()
                    )
                except (asyncssh.DisconnectError, ConnectionResetError) as error:
                    closed = error  # it has no key of this kind; some servers just hang up then
                    continue
                if key is not None:
                    found.append(PresentedKey.of(host, port, key))
        if not found and closed is not None:
            raise closed
    except TimeoutError:
        detail = f"{host} port {port} showed no host key within {timeout_s:g} s"
        raise LinkError(Failure(FailureKind.TIMEOUT, detail)) from None
    except (OSError, asyncssh.Error, ValueError, LookupError, AssertionError) as error:
        detail = f"{host} port {port} showed no host key: {error_text(error)}"
        raise LinkError(Failure(FailureKind.UNREACHABLE, detail)) from error
    return tuple(found)


def pin(path: Path, keys: Sequence[PresentedKey]) -> None:
    """Add keys to a known_hosts file of our own, in place of what was pinned for the same names.

    Atomic (a new file takes the old one's place), synced, mode 0600, its folder 0700 if made here.

    Raises:
        OSError: the file cannot be written; the old one is as it was.
    """
    names = {entry_name(key.host, key.port) for key in keys}
    lines = [line for line in _lines(path) if line.split(" ", 1)[0] not in names]
    lines += dict.fromkeys(key.line for key in keys)
    _write(path, lines)


def adopt(path: Path, source: Path) -> int:
    """Add the entries of another known_hosts file (hashed names, `@cert-authority`, `@revoked`
    included) to a file of our own; returns how many were new.

    Raises:
        OSError: a file cannot be read or written; the old one is as it was.
        ValueError: lines of `source` were not understood, each as `file:line: reason`; none is taken.
    """
    given = _lines(source, missing_ok=False)
    problems = KnownHosts((source,)).problems()
    if problems:
        raise ValueError("\n".join(problems))
    old = _lines(path)
    wanted = [line.strip() for line in given if line.strip() and not line.lstrip().startswith("#")]
    new = [line for line in dict.fromkeys(wanted) if line not in old]
    _write(path, [*old, *new])
    return len(new)


def _lines(path: Path, *, missing_ok: bool = True) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except FileNotFoundError:
        if not missing_ok:
            raise
        return []


def _write(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write("".join(f"{line}\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _parse(path: Path, text: str) -> tuple[asyncssh.SSHKnownHosts, tuple[str, ...]]:
    """Line by line, since one broken line must not make the others void."""
    hosts = asyncssh.SSHKnownHosts()
    problems: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            _check_key(line)
            hosts.load(_lower_names(line))
        except ValueError as error:
            problems.append(f"{path}:{number}: {error}")
    return hosts, tuple(problems)


def _check_key(line: str) -> None:
    """Refuse a line without a key, which asyncssh passes over as if it were of a kind it does not know.

    A key begins with the name of its kind (RFC 4253 section 6.6), known here or not.

    Raises:
        ValueError: what stands there is no key.
    """
    fields = line.split()
    if not fields or fields[0].startswith("#"):
        return
    fields = fields[1:] if fields[0].startswith("@") else fields
    try:
        kind, blob = fields[1].encode(), base64.b64decode(fields[2], validate=True)
    except (IndexError, ValueError):
        raise ValueError("no key stands here") from None
    if blob[: 4 + len(kind)] != len(kind).to_bytes(4, "big") + kind:
        raise ValueError("the key is not of the kind that is said")


def _lower_names(line: str) -> str:
    """Host names are case-insensitive; a hashed name (`|1|…`) was lowered before it was hashed."""
    fields = line.split()
    at = 1 if fields and fields[0].startswith("@") else 0
    if len(fields) > at and not fields[at].startswith(("|", "#")):
        fields[at] = fields[at].lower()
    return " ".join(fields)
