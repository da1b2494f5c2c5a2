"""What two people read on a clock, onto the record with the moment of their key press."""

from __future__ import annotations

from cutover_tui.core.people import LATE_NS, reading_problem
from cutover_tui.engine.port import Refused
from cutover_tui.engine.recording.recorder import Recorder
from cutover_tui.engine.recording.unrecorded import unrecorded
from cutover_tui.record.events import ClockRead
from cutover_tui.record.files import RecordError


async def record_reading(recorder: Recorder, first: str, second: str, utc_ns: int) -> Refused | None:
    """Append the reading; refused where it is none, or came onto the record too late to be one."""
    body = ClockRead(recorder.now(), utc_ns, first.strip(), second.strip())
    problem = reading_problem(body.first, body.second, body.utc_ns)
    if problem:
        return Refused(f"Not taken: {problem}.", "Two people read one clock and type its UTC.")
    try:
        async with recorder.alone():
            now = recorder.now()
            late = body.at.age_ns(now)
            if late is None or late > LATE_NS:
                return Refused("It took too long to get onto the record.", "Read the clock again.")
            await recorder.journal.append(body, now, recorder.operator)
    except RecordError as error:
        return unrecorded(error)
    return None
