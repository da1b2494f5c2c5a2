"""Writing a session's evidence for the change ticket into a new directory, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from cutover_tui import __version__
from cutover_tui.core.loading import BadRunbook
from cutover_tui.engine.recording.recorder import FORMAT
from cutover_tui.engine.sessions import JOURNAL, TAPES, SessionDirectory
from cutover_tui.record.audit import Session
from cutover_tui.record.events import SessionStarted
from cutover_tui.record.files import RecordError, sync_directory
from cutover_tui.record.journal import read
from cutover_tui.record.reels import read_reels
from cutover_tui.record.report import manifest
from cutover_tui.record.report.build import build
from cutover_tui.record.report.html import html
from cutover_tui.record.report.markdown import markdown
from cutover_tui.record.report.ticket import ticket
from cutover_tui.record.state import Contradiction

REPORTS = ("report.html", "report.md", "ticket.txt")
BLOCK_BYTES = 1 << 20


def exporter(directory: SessionDirectory) -> Callable[[Path], str]:
    """What writes the evidence of that session into a directory; see `export`."""
    return partial(export, directory)


def export(
    directory: SessionDirectory, target: Path, notice: Callable[[str], None] = lambda _words: None
) -> str:
    """Write the journal, the sealed tapes and the reports; returns the chain head. Blocks.

    The session may be under way: what is sealed and journaled when this begins is exported.

    Args:
        notice: told of a torn end of the journal, which is left out and which the copy no longer shows.

    Raises:
        RecordError: `target` is there already, the session is damaged, or it cannot be written.
    """
    loaded = read(directory.journal, FORMAT.decode)
    first = loaded.events[0].body if loaded.events else None
    if not isinstance(first, SessionStarted):
        raise RecordError(f"{directory.journal} has no session in it")
    reels, errors = read_reels(loaded.events, directory.tapes)
    if errors:
        raise errors[0][1]
    if loaded.notice is not None:
        notice(loaded.notice)
    session = Session(loaded, directory.journal, reels)
    offset_s = time.localtime(first.anchor.utc_ns // 10**9).tm_gmtoff
    try:
        written = reports(session, __version__, offset_s)
    except (Contradiction, BadRunbook) as error:
        raise RecordError(f"{directory.journal} cannot be reported: {error}") from error
    with _new_directory(target) as place:
        _copy(directory.journal, place / JOURNAL, loaded.size)
        (place / TAPES).mkdir(mode=0o700)
        for reel in reels.values():
            _copy(reel.path, place / TAPES / reel.path.name, reel.contents.sealed_size)
        for name, data in written.items():
            _write(place / name, data)
        listing = manifest.Manifest(
            session=first.session,
            tool=__version__,
            head=loaded.head,
            utc_offset_s=offset_s,
            files=tuple(manifest.listed(place, name) for name in manifest.present(place)),
        )
        _write(place / manifest.NAME, manifest.encode(listing))
        sync_directory(place / TAPES)
    return loaded.head


def reports(session: Session, tool: str, offset_s: int) -> dict[str, bytes]:
    """The three reports by file name.

    Raises:
        Contradiction: the journal's events cannot follow from one another.
        BadRunbook: this version cannot load the session's runbook.
    """
    report = build(session.loaded.events, session.reels, session.loaded.head, tool, offset_s)
    texts = (html(report), markdown(report), ticket(report))
    # Lone surrogates cannot come from JSON read as UTF-8, and `plain` takes them out anyway.
    return {name: text.encode() for name, text in zip(REPORTS, texts, strict=True)}


@contextlib.contextmanager
def _new_directory(target: Path) -> Iterator[Path]:
    """A private directory that becomes `target` once everything in it is on the disk."""
    try:
        if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
            raise RecordError(f"{target} is there already; name a new directory")
        target.absolute().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.absolute().parent))
    except OSError as error:
        raise RecordError(f"cannot write {target}: {error.strerror}") from error
    try:
        yield place
        sync_directory(place)
        os.rename(place, target)
        sync_directory(target.absolute().parent)
    except OSError as error:
        shutil.rmtree(place, ignore_errors=True)
        raise RecordError(f"cannot write {target}: {error.strerror}") from error
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def _copy(source: Path, target: Path, size: int) -> None:
    """The first `size` bytes: what was verified, and nothing that was appended since."""
    try:
        file = source.open("rb", buffering=0)
    except OSError as error:
        raise RecordError(f"cannot read {source}: {error.strerror}") from error
    with file, _created(target) as fd:
        while size:
            block = file.read(min(size, BLOCK_BYTES))
            if not block:
                raise RecordError(f"{source} became shorter while it was copied")
            _write_all(fd, block)
            size -= len(block)
        os.fsync(fd)


def _write(path: Path, data: bytes) -> None:
    with _created(path) as fd:
        _write_all(fd, data)
        os.fsync(fd)


@contextlib.contextmanager
def _created(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        yield fd
    finally:
        os.close(fd)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
