"""`cutover sessions`."""

from __future__ import annotations

import argparse

from cutover_tui.cli import places
from cutover_tui.cli.outcome import BadInput
from cutover_tui.engine.recording.recorder import FORMAT
from cutover_tui.engine.sessions import all_sessions
from cutover_tui.record.events import SessionClosed, SessionStarted
from cutover_tui.record.files import RecordError
from cutover_tui.record.journal import read


def run(_arguments: argparse.Namespace) -> int:
    """One line a session: name, change, events, state. A damaged one is named and hides no other."""
    try:
        sessions = tuple(all_sessions(places.root()))
    except RecordError as error:
        raise BadInput(str(error)) from None
    for directory in sessions:
        try:
            loaded = read(directory.journal, FORMAT.decode)
        except RecordError as error:
            print(f"{directory.name}  DAMAGED  {error}")
            continue
        if not loaded.events:
            print(f"{directory.name}  DAMAGED  {directory.journal}: the journal is empty")
            continue
        first = loaded.events[0].body
        title = first.runbook_name if isinstance(first, SessionStarted) else "?"
        closed = isinstance(loaded.events[-1].body, SessionClosed)
        state = "closed" if closed else "not closed"
        cut = f"  CUT SHORT: {loaded.notice}" if loaded.notice is not None else ""
        print(f"{directory.name}  {len(loaded.events)} events  {state}  {title}{cut}")
    if not sessions:
        print(f"no sessions under {places.root()}")
    return 0
