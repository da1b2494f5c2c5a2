"""One append-only file with one writer: create, lock, append, sync, take back.

All functions block; they run in the thread of `cutover_tui.record.writer`. Every error of
the operating system becomes a `RecordError` with one sentence for the engineer.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
from pathlib import Path

PROBE_BYTES = 4096


class RecordError(Exception):
    """The record cannot be written or read. `str()` is one sentence for the engineer."""


class DoesNotFollow(RecordError):  # noqa: N818 - what is wrong with it
    """An event that contradicts those before it; it was not written, and others can be."""


class Locked(RecordError):  # noqa: N818 - a state, as the engineer reads it
    """Another process writes this file. `pid` is None where the kernel does not tell."""

    def __init__(self, path: Path, pid: int | None) -> None:
        self.path = path
        self.pid = pid
        who = f"process {pid}" if pid else "another process"
        super().__init__(f"{path} is being written by {who}; close it there first")


class Damaged(RecordError):  # noqa: N818 - a state, as the engineer reads it
    """A recorded line is not what was written. `line` counts from 1."""

    def __init__(self, path: Path, line: int, why: str) -> None:
        self.path = path
        self.line = line
        self.why = why
        super().__init__(f"{path}:{line}: {why}")


def make_directory(path: Path) -> None:
    """Create a private directory (0700) durably; an existing one is left as it is.

    Raises RecordError when it cannot be created.
    """
    try:
        path.mkdir(mode=0o700)
        sync_directory(path.parent)
    except FileExistsError:
        if not path.is_dir():
            raise RecordError(f"{path} is in the way: not a directory") from None
    except OSError as error:
        raise RecordError(f"cannot create {path}: {error.strerror}") from error


def sync_directory(path: Path) -> None:
    """Make entries created in `path` durable. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class AppendFile:
    """A locked file that grows by whole appends and shrinks only by what was never confirmed.

    `size` is the length of what has been appended and not taken back, in bytes.
    """

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self.size = os.fstat(fd).st_size
        self._fd = fd

    @classmethod
    def create(cls, path: Path) -> AppendFile:
        """A new empty file (0600), durable in its directory. Raises RecordError, also if it exists."""
        return cls._open(path, os.O_CREAT | os.O_EXCL)

    @classmethod
    def open(cls, path: Path) -> AppendFile:
        """An existing file, for appending. Raises RecordError, Locked."""
        return cls._open(path, 0)

    @classmethod
    def _open(cls, path: Path, flags: int) -> AppendFile:
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | flags, 0o600)
        except OSError as error:
            raise RecordError(f"cannot open {path}: {error.strerror}") from error
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise RecordError(f"cannot open {path}: not a regular file")
            # flock, not lockf: a POSIX lock vanishes as soon as this process closes *any*
            # descriptor of the file, and the journal is also read while it is written.
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if flags:
                sync_directory(path.parent)
            return cls(path, fd)
        except BlockingIOError:
            holder = _lock_holder(fd)
            os.close(fd)
            raise Locked(path, holder) from None
        except OSError as error:
            os.close(fd)
            raise RecordError(f"cannot open {path}: {error.strerror}") from error
        except RecordError:
            os.close(fd)
            raise

    def append(self, data: bytes) -> None:
        """Write all of `data` at the end; not yet durable.

        Raises RecordError; part of `data` may then be in the file until `rollback`. Refuses
        to go on in a file that was deleted, replaced, or changed by someone else.
        """
        self._check_undisturbed()
        view = memoryview(data)
        done = 0
        try:
            while done < len(view):
                done += os.pwrite(self._fd, view[done:], self.size + done)
        except OSError as error:
            raise RecordError(f"cannot write {self.path}: {error.strerror}") from error
        self.size += len(view)

    def append_durably(self, data: bytes) -> None:
        """Append and sync; what cannot be made durable is taken back. Raises RecordError."""
        start = self.size
        try:
            self.append(data)
            self.sync()
        except RecordError as error:
            raise self.abandon(start, error) from error

    def sync(self) -> None:
        """Return when everything appended is on the disk. Raises RecordError."""
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            raise RecordError(f"cannot sync {self.path}: {error.strerror}") from error

    def rollback(self, size: int) -> None:
        """Cut the file back to `size`, durably. Raises RecordError.

        After a failed sync the kernel may drop the pages it could not write and call the
        next sync a success; cutting them off is what makes that next success true.
        """
        try:
            status = os.fstat(self._fd)
            if status.st_size < size:
                raise RecordError(f"{self.path} is shorter than what was recorded: changed by someone else")
            os.ftruncate(self._fd, size)
            os.fdatasync(self._fd)
        except OSError as error:
            raise RecordError(f"cannot cut {self.path} back: {error.strerror}") from error
        self.size = size

    def abandon(self, size: int, error: RecordError) -> RecordError:
        """Cut back to `size` because of `error`; returns what to report, also if the cut failed."""
        try:
            self.rollback(size)
        except RecordError as second:
            self.size = size
            return RecordError(f"{error}; {second}, so a later session may find what was refused now")
        return error

    def prove_writable(self) -> None:
        """Write, sync and take back one block at the end. Raises RecordError.

        The block has no newline: should the process die here, a reader sees a torn line.
        """
        size = self.size
        self.append_durably(b" " * PROBE_BYTES)
        self.rollback(size)

    def read(self, start: int, end: int) -> bytes:
        """Bytes `start`..`end` as the file has them now. Raises RecordError, also when it is shorter."""
        parts: list[bytes] = []
        try:
            while start < end:
                part = os.pread(self._fd, end - start, start)
                if not part:
                    raise RecordError(
                        f"{self.path} is shorter than what was recorded: changed by someone else"
                    )
                parts.append(part)
                start += len(part)
        except OSError as error:
            raise RecordError(f"cannot read {self.path}: {error.strerror}") from error
        return b"".join(parts)

    def close(self) -> None:
        """Give the lock back. The file is not synced."""
        os.close(self._fd)

    def _check_undisturbed(self) -> None:
        status = os.fstat(self._fd)
        if status.st_nlink == 0:
            raise RecordError(f"cannot write {self.path}: it was deleted or replaced while open")
        if status.st_size != self.size:
            raise RecordError(f"cannot write {self.path}: it was changed by someone else")


def _lock_holder(fd: int) -> int | None:
    """The process that holds the flock, from /proc/locks (proc(5)); None if it cannot be known."""
    status = os.fstat(fd)
    wanted = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    try:
        table = Path("/proc/locks").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(rf"FLOCK\s+\S+\s+WRITE\s+([0-9]+)\s+{wanted}\s", table)
    return int(found[1]) or None if found else None
