"""What a person is told whose intent did not come onto the record."""

from __future__ import annotations

from cutover_tui.engine.port import Refused
from cutover_tui.record.files import DoesNotFollow, RecordError


def unrecorded(error: RecordError) -> Refused:
    """The refusal: mostly the disk, seldom this program."""
    if isinstance(error, DoesNotFollow):
        return Refused(str(error), "Look at the step again; this is a defect of the program, so report it.")
    return Refused(str(error), "Make room on the disk; it is tried again by itself.")
