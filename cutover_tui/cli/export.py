"""`cutover export`."""

from __future__ import annotations

import argparse
import sys
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
        head = export(directory, target, _cut_short)
    except RecordError as error:
        raise BadInput(f"{error}; nothing was exported") from None
    print(f"evidence of {directory.name} written to {target}")
    print(f"chain head {head}")
    print(
        "The head is a fingerprint of the whole record: who changes a line of it changes the head. Put it on\n"
        "the change ticket now (ticket.txt has it): until it stands there, who changes a line can write a new\n"
        "head too. Check with\n"
        f"  cutover verify {target} --head {head}"
    )
    return 0


def _cut_short(notice: str) -> None:
    print(
        f"warning: {notice}. What stood there is not in this evidence; resuming the session puts that on its record.",
        file=sys.stderr,
    )
