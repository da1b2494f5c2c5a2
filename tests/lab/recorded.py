"""What a session left on disk, as the tests of whole sessions look at it."""

from __future__ import annotations

from cutover_tui import __version__
from cutover_tui.engine.readers import parsers
from cutover_tui.engine.recording.recorder import FORMAT
from cutover_tui.engine.sessions import SessionDirectory
from cutover_tui.record.audit import Audit, audit
from cutover_tui.record.events import Event
from cutover_tui.record.journal import read
from cutover_tui.record.reels import seals_by_tape
from cutover_tui.record.tape import TapeContents, read_tape, tape_path


def events_of(session: SessionDirectory) -> list[Event]:
    """The journal, its chain verified."""
    return read(session.journal, FORMAT.decode).events


def tape_of(session: SessionDirectory, host: str) -> TapeContents:
    """The tape of a host, verified against its seals."""
    return read_tape(tape_path(session.tapes, host), seals_by_tape(events_of(session)).get(host, []))


def audited(session: SessionDirectory) -> Audit:
    """The session as `cutover verify` looks at it."""
    loaded = read(session.journal, FORMAT.decode)
    result, _ = audit(loaded, session.journal, session.tapes, parsers(), __version__)
    return result
