"""`cutover export`."""

from __future__ import annotations

import argparse
from pathlib import Path

from cutover_tui.cli import places
from cutover_tui.cli.outcome import BadInput
from cutover_tui.engine.export import export
from cutover_tui.record.files import RecordError


def run(arguments: argparse.Namespace) -> int:
    """Write the evidence and say which line belongs on the ticket."""
    directory = places.session(arguments.session)
    target = Path(arguments.output)
    try:
        head = export(directory, target)
    except RecordError as error:
        raise BadInput(f"{error}; nothing was exported") from None
    print(f"evidence of {directory.name} written to {target}")
    print(f"chain head {head}")
    print(
        "Put this head on the change ticket now (ticket.txt has it). Consistent is not authentic:\n"
        f"until it stands there, anyone can recompute every hash. Check with\n"
        f"  cutover verify {target} --head {head}"
    )
    return 0
