"""The manifest of exported evidence: what lies in the directory, by size and SHA-256."""

from __future__ import annotations

import os
import stat
from hashlib import sha256
from pathlib import Path

import msgspec

from cutover_tui.record.files import RecordError

NAME = "manifest.json"
BLOCK_BYTES = 1 << 20


class Listed(msgspec.Struct, frozen=True):
    """One file, its path relative to the directory."""

    path: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, tag_field="format", tag="cutover-evidence-1"):
    """What was exported. It proves nothing by itself: the head on the ticket does."""

    session: str
    tool: str  # version that wrote the reports
    head: str
    utc_offset_s: int  # of the local times in the reports
    files: tuple[Listed, ...]


def encode(manifest: Manifest) -> bytes:
    """As it lies in the file."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def read(directory: Path) -> Manifest:
    """The manifest of an exported directory. Raises RecordError when there is none that can be read."""
    path = directory / NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except OSError as error:
        raise RecordError(f"cannot read {path}: {error.strerror}") from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise RecordError(f"{path} is no manifest: {error}") from error


def listed(directory: Path, path: str) -> Listed:
    """Size and digest of a regular file. Raises RecordError when it is not one or cannot be read."""
    full = directory / path
    try:
        # NONBLOCK: a FIFO somebody put there must not hold us for ever.
        fd = os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(fd, "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise RecordError(f"{full} is not a regular file")
            digest, size = sha256(), 0
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
                size += len(block)
    except OSError as error:
        raise RecordError(f"cannot read {full}: {error.strerror}") from error
    return Listed(path, size, digest.hexdigest())


def present(directory: Path) -> list[str]:
    """Every file below the directory but the manifest itself, sorted. Raises RecordError."""
    found: list[str] = []

    def fail(error: OSError) -> None:
        raise RecordError(f"cannot read {error.filename}: {error.strerror}") from error

    for root, _directories, files in os.walk(directory, onerror=fail):
        found.extend(str((Path(root) / name).relative_to(directory)) for name in files)
    return sorted(name for name in found if name != NAME)
