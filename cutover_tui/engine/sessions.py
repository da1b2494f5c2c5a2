"""Where sessions live on the jump host, and how they are found again."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cutover_tui.record.files import RecordError, make_directory
from probes.observation import Instant

JOURNAL = "journal.jsonl"
TAPES = "tapes"


def state_directory(environ: Mapping[str, str]) -> Path:
    """`$CUTOVER_STATE`, else `$XDG_STATE_HOME/cutover`, else `~/.local/state/cutover`."""
    if own := environ.get("CUTOVER_STATE"):
        return Path(own)
    if xdg := environ.get("XDG_STATE_HOME"):
        return Path(xdg) / "cutover"
    return Path(os.path.expanduser("~")) / ".local" / "state" / "cutover"


@dataclass(frozen=True, slots=True)
class SessionDirectory:
    """One session's files: the journal, and the tapes beside it."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def journal(self) -> Path:
        return self.path / JOURNAL

    @property
    def tapes(self) -> Path:
        return self.path / TAPES


def new_session(root: Path, change: str, now: Instant) -> SessionDirectory:
    """A fresh directory `CHANGE-YYYYmmddTHHMMSSZ`, private to this account.

    Raises:
        RecordError: it cannot be made.
    """
    stamp = _utc_stamp(now.utc_ns)
    for parent in (*reversed(root.parents), root, root / "sessions"):
        if not parent.exists():
            make_directory(parent)
    safe = re.sub(r"[^A-Za-z0-9._-]", "-", change)
    for n in range(1, 100):
        suffix = f"-{n}" if n > 1 else ""
        path = root / "sessions" / f"{safe}-{stamp}{suffix}"
        if path.exists():
            continue
        make_directory(path)
        directory = SessionDirectory(path)
        make_directory(directory.tapes)
        return directory
    raise RecordError(f"cannot find a free session name under {root / 'sessions'}")


def find_session(root: Path, name: str) -> tuple[SessionDirectory, ...]:
    """The session of that path or name; else every one whose name begins with it, oldest first.

    Raises:
        RecordError: the directory of sessions cannot be looked into.
    """
    as_path = Path(name)
    if name and (as_path / JOURNAL).is_file():
        return (SessionDirectory(as_path),)
    sessions = tuple(all_sessions(root))
    exact = tuple(d for d in sessions if d.name == name)
    return exact or tuple(d for d in sessions if name and d.name.startswith(name))


def all_sessions(root: Path) -> Iterator[SessionDirectory]:
    """Every session there is, oldest first.

    Raises:
        RecordError: the directory of sessions cannot be looked into. That is not the same as no session.
    """
    parent = root / "sessions"
    try:
        names = os.listdir(parent)
    except FileNotFoundError:
        return
    except OSError as error:
        raise RecordError(f"{parent}: cannot look for sessions there: {error.strerror}") from error
    for path in sorted((parent / name for name in names), key=lambda p: p.name[-17:]):
        if _has_journal(path):
            yield SessionDirectory(path)


def _has_journal(path: Path) -> bool:
    """Where nobody lets us look, there may be one: reading it will say so."""
    try:
        return (path / JOURNAL).is_file()
    except OSError:
        return True


def _utc_stamp(utc_ns: int) -> str:

    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=utc_ns // 1000)
    return moment.strftime("%Y%m%dT%H%M%SZ")
