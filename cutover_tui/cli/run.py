"""`cutover run`."""

from __future__ import annotations

import argparse

from cutover_tui.cli import places
from cutover_tui.cli.outcome import BadInput
from cutover_tui.cli.screen import in_terminal, usable
from cutover_tui.engine.export import exporter
from cutover_tui.engine.opening import started
from cutover_tui.engine.sessions import new_session
from cutover_tui.record.files import RecordError
from probes.net import SystemClock


def run(arguments: argparse.Namespace) -> int:
    """Start a session over a runbook and open the screens on it."""
    loaded = places.runbook(arguments.runbook)
    terminal = usable(arguments)
    around = places.surroundings(arguments)
    try:
        directory = new_session(places.root(), loaded.runbook.change.id, SystemClock().now())
        operator = places.operator(arguments)
        return in_terminal(
            lambda: started(loaded, directory, operator, around, exporter(directory)), arguments, terminal
        )
    except RecordError as error:
        raise BadInput(f"{error}; the session was not started") from None
