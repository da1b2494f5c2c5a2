"""`cutover demo`: the incident, in a lab of real servers on loopback."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from cutover_tui.cli import places
from cutover_tui.cli.outcome import BadInput
from cutover_tui.cli.screen import in_terminal, usable
from cutover_tui.engine.assembly import Surroundings
from cutover_tui.engine.export import exporter
from cutover_tui.engine.opening import Operator, started
from cutover_tui.engine.sessions import new_session
from cutover_tui.lab.demo.background import incident
from cutover_tui.record.files import RecordError
from probes.net import SystemClock


def run(arguments: argparse.Namespace) -> int:
    """Open the screens on the morning after the move. Nothing of your machine is touched.

    The session goes with its guests: it could neither be resumed nor is it a record of anything.
    """
    terminal = usable(arguments)
    with tempfile.TemporaryDirectory(prefix="cutover-demo-") as scratch:
        try:
            with incident(Path(scratch), moved=not arguments.before) as lab:
                loaded = places.runbook(str(lab.runbook_path))
                directory = new_session(
                    Path(scratch) / "state", loaded.runbook.change.id, SystemClock().now()
                )
                return in_terminal(
                    lambda: started(
                        loaded,
                        directory,
                        Operator.current(arguments.operator),
                        Surroundings(lab.known_hosts_path, ssh_config=()),
                        exporter(directory),
                    ),
                    arguments,
                    terminal,
                    lasting=False,
                )
        except (RecordError, OSError) as error:
            raise BadInput(f"{error}; the demo was not started") from None
