"""Who decides gets a moment in which nothing is on its way to the disk, however much is being recorded."""

from __future__ import annotations

import asyncio
from itertools import count
from pathlib import Path

from cutover_tui.core.loading import load
from cutover_tui.engine.opening import Operator, begin
from cutover_tui.engine.sessions import SessionDirectory
from cutover_tui.record.events import Noted
from probes.net import SystemClock

RUNBOOK = Path(__file__).parents[2] / "examples" / "minimal-time.yaml"


async def test_a_stream_of_intents_starves_no_decision(tmp_path: Path) -> None:
    recorder, _ = await begin(
        load(RUNBOOK), SessionDirectory(tmp_path / "session"), Operator("op", "jump"), SystemClock().now
    )

    async def produce() -> None:
        for n in count():
            await recorder.record(Noted(f"note {n}"))

    producers = [asyncio.create_task(produce()) for _ in range(20)]
    for _ in range(20):
        async with recorder.alone():
            seq = recorder.state.seq
            assert recorder.journal.next_seq == seq + 1
            await asyncio.sleep(0)
            assert recorder.journal.next_seq == seq + 1
    for producer in producers:
        producer.cancel()
    await asyncio.wait(producers)
    await recorder.close()
