"""An intent on the record that gets its end there, whatever becomes of whoever has it.

One without an end counts as running for the rest of the session: it would close gates, and
the next of its kind could not begin.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

from cutover_tui.engine.recording.recorder import Recorder
from cutover_tui.record.events import Body, Event

NOT_KNOWN = "it is not known how it ended"
"""Said where nobody was there any more to see it; counts as failed."""

Ends = Callable[[int], Sequence[Body]]
"""What is said of an intent of that sequence when it is not known how it ended."""


class UnderWay:
    """What was intended, until its end is told."""

    def __init__(self, recorder: Recorder, seq: int, ends: Ends) -> None:
        self.seq = seq
        self._recorder = recorder
        self._ends: Ends | None = ends

    async def ended(self, *ends: Body) -> None:
        """Tell how it ended, once; returns when that is durable.

        Raises:
            RecordError: it is not on the record yet and is owed to it.
        """
        self._ends = None
        await self._recorder.tell(*ends)

    def leave(self) -> None:
        """Tell the end nobody saw, where none was told."""
        ends, self._ends = self._ends, None
        for body in ends(self.seq) if ends is not None else ():
            self._recorder.record_soon(body)


@contextlib.asynccontextmanager
async def under_way(recorder: Recorder, intent: Body, ends: Ends) -> AsyncIterator[UnderWay]:
    """Put an intent on the record, and its end when the block is left in any way.

    Raises:
        RecordError: the intent is not on the record; nothing of it may be done.
    """
    recording = asyncio.create_task(recorder.record(intent))
    try:
        event = await asyncio.shield(recording)
    except asyncio.CancelledError:
        # It may still become durable, and then nobody else would end it.
        recording.add_done_callback(lambda done: _orphaned(recorder, done, ends))
        raise
    at = UnderWay(recorder, event.seq, ends)
    try:
        yield at
    finally:
        at.leave()


def _orphaned(recorder: Recorder, recording: asyncio.Task[Event], ends: Ends) -> None:
    if not recording.cancelled() and recording.exception() is None:
        UnderWay(recorder, recording.result().seq, ends).leave()
