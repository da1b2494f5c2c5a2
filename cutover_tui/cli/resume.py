"""`cutover resume`."""

from __future__ import annotations

import argparse

from cutover_tui.cli import places
from cutover_tui.cli.outcome import BadInput
from cutover_tui.cli.screen import in_terminal, usable
from cutover_tui.core.loading import BadRunbook
from cutover_tui.engine.export import exporter
from cutover_tui.engine.opening import resumed
from cutover_tui.record.files import RecordError
from cutover_tui.record.state import Contradiction


def run(arguments: argparse.Namespace) -> int:
    """Take a session up again; a disruptive action is never repeated by itself."""
    directory = places.session(arguments.session)
    terminal = usable(arguments)
    around = places.surroundings(arguments)
    operator = places.operator(arguments)
    try:
        return in_terminal(
            lambda: resumed(directory, operator, around, exporter(directory)), arguments, terminal
        )
    except (RecordError, Contradiction) as error:
        raise BadInput(f"{error}; nothing was changed") from None
    except BadRunbook as error:
        raise BadInput(f"this version cannot load the session's runbook:\n{error}") from None
