"""Verifying an exported directory, or a session's own: everything in it against the record."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cutover_tui import __version__
from cutover_tui.core.loading import BadRunbook
from cutover_tui.engine.export import REPORTS, reports
from cutover_tui.engine.readers import parsers
from cutover_tui.engine.recording.recorder import FORMAT
from cutover_tui.engine.sessions import JOURNAL, TAPES
from cutover_tui.record.audit import Audit, Session, audit, match_head, unreadable
from cutover_tui.record.audit.remark import foreign, wrong
from cutover_tui.record.events import SessionStarted
from cutover_tui.record.files import Damaged, RecordError
from cutover_tui.record.journal import read
from cutover_tui.record.report import manifest
from cutover_tui.record.state import Contradiction


def verify(directory: Path, head: str | None = None) -> Audit:
    """Everything that can be checked of a directory of evidence. Blocks.

    Args:
        head: the chain head that stands on the ticket (64 hex digits).

    Raises:
        RecordError: there is no evidence in it, or it cannot be read.
    """
    journal = directory / JOURNAL
    names = _regular_files(directory)
    if JOURNAL not in names:
        raise RecordError(f"{directory} holds no evidence: there is no {JOURNAL} in it")
    try:
        loaded = read(journal, FORMAT.decode)
    except Damaged as error:
        return unreadable(error, journal)
    result, session = audit(loaded, journal, directory / TAPES, parsers(), __version__)
    if (directory / manifest.NAME).exists():
        _exported(directory, names, session, result)
    elif any(name in REPORTS for name in names):
        result.remarks.append(
            wrong(str(directory / manifest.NAME), "the manifest of these reports is missing")
        )
    if head is not None and loaded.events:
        remark = match_head(loaded, journal, head)
        if remark is not None:
            result.remarks.append(remark)
    return result


def _regular_files(directory: Path) -> list[str]:
    """What lies in the directory. Anything but plain files could lead elsewhere, or hold us for ever."""
    if not directory.is_dir():
        raise RecordError(f"{directory}: there is no such directory")
    names = manifest.present(directory)
    try:
        for name in (*names, *((manifest.NAME,) if (directory / manifest.NAME).exists() else ())):
            if not stat.S_ISREG(os.lstat(directory / name).st_mode):
                raise RecordError(f"{directory / name} is not a regular file; evidence has nothing else")
    except OSError as error:
        raise RecordError(f"cannot read {directory}: {error.strerror}") from error
    return names


def _exported(directory: Path, names: list[str], session: Session, result: Audit) -> None:
    path = directory / manifest.NAME
    try:
        listing = manifest.read(directory)
    except RecordError as error:
        result.remarks.append(wrong(str(path), str(error)))
        return
    told = {one.path: one for one in listing.files}
    for name in sorted({*told, *names}):
        if name not in names:
            result.remarks.append(wrong(str(path), f"{name} is missing"))
        elif name not in told:
            result.remarks.append(wrong(str(directory / name), "this file is not in the manifest"))
        elif manifest.listed(directory, name) != told[name]:
            result.remarks.append(
                wrong(str(directory / name), "this file is not the one that the manifest lists")
            )
    wanted = {JOURNAL, *REPORTS, *(f"{TAPES}/{reel.path.name}" for reel in session.reels.values())}
    for name in sorted(wanted - set(names)):
        result.remarks.append(wrong(str(directory / name), "this part of the evidence is missing"))
    if listing.head != session.loaded.head:
        result.remarks.append(wrong(str(path), "the manifest names another chain head than the journal's"))
    first = session.loaded.events[0].body if session.loaded.events else None
    if not isinstance(first, SessionStarted) or listing.session != first.session:
        result.remarks.append(wrong(str(path), "the manifest names another session than the journal"))
    if result.answer != "does-not-follow":
        _reports(directory, listing, session, result)


def _reports(directory: Path, listing: manifest.Manifest, session: Session, result: Audit) -> None:
    """The reports written again, and compared byte by byte."""
    if listing.tool != __version__:
        what = f"the reports were written by cutover {listing.tool}; this is {__version__}"
        result.remarks.append(foreign(str(directory / manifest.NAME), what))
        return
    if not -86_400 < listing.utc_offset_s < 86_400:
        result.remarks.append(
            wrong(str(directory / manifest.NAME), "no place on earth has such a local time")
        )
        return
    try:
        again = reports(session, listing.tool, listing.utc_offset_s)
    except (Contradiction, BadRunbook) as error:
        result.remarks.append(foreign(str(directory / manifest.NAME), f"no report can be written: {error}"))
        return
    for name, data in again.items():
        line = _first_difference((directory / name).read_bytes(), data)
        if line is not None:
            result.remarks.append(
                wrong(f"{directory / name}:{line}", "this report is not what its record gives")
            )


def _first_difference(mine: bytes, theirs: bytes) -> int | None:
    """The first line that differs, counted from 1."""
    if mine == theirs:
        return None
    pairs = zip(mine.split(b"\n"), theirs.split(b"\n"), strict=False)
    return next(
        (n for n, (a, b) in enumerate(pairs, 1) if a != b), min(mine.count(b"\n"), theirs.count(b"\n")) + 1
    )
