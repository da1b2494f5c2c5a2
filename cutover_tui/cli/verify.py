"""`cutover verify`: exit 0 follows, 1 does not follow, 2 no evidence, 3 not re-derivable here."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import msgspec

from cutover_tui.cli.outcome import OPEN, REFUSED, UNKNOWN, BadInput
from cutover_tui.engine.verifying import verify
from cutover_tui.record.audit import Audit, encode
from cutover_tui.record.files import RecordError
from cutover_tui.record.report.text import one_line

EXIT = {"follows": OPEN, "does-not-follow": REFUSED, "not-rederivable": UNKNOWN}
WORDS = {
    "follows": "FOLLOWS",
    "does-not-follow": "DOES NOT FOLLOW, or was altered",
    "not-rederivable": "NOT RE-DERIVABLE HERE",
}


def run(arguments: argparse.Namespace) -> int:
    """Verify a directory and say what does not follow, a line each."""
    head = _head(arguments.head)
    try:
        result = verify(Path(arguments.directory), head)
    except RecordError as error:
        raise BadInput(one_line(str(error))) from None
    if arguments.json:
        sys.stdout.buffer.write(msgspec.json.format(encode(result), indent=2) + b"\n")
    else:
        _show(result, head)
    return EXIT[result.answer]


def _show(result: Audit, head: str | None) -> None:
    # What a record holds may be meant for our terminal: one clean line each.
    for remark in result.remarks:
        what = "does not follow" if remark.answer == "does-not-follow" else "not re-derivable here"
        print(one_line(f"{remark.where}: {what}: {remark.what}"))
    for notice in result.notices:
        print(one_line(f"notice: {notice}"))
    print(
        f"{WORDS[result.answer]}: {result.events} events, {result.observations} observations, "
        f"{result.samples} clock samples, {result.decisions} decisions derived again"
    )
    if result.head:
        print(f"chain head {result.head}")
    if result.head and head is None:
        print(
            "The head is a fingerprint of the whole record; whoever changes a line can write a new one too. "
            "Compare it with the one on the change ticket (--head HEAD)."
        )
    elif result.head == head:
        print("This is the head given from the ticket.")


def _head(text: str | None) -> str | None:
    if text is None:
        return None
    head = text.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{64}", head):
        raise BadInput("--head: a chain head is 64 hex digits; copy the whole line from the ticket")
    return head
