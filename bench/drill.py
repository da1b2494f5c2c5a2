"""What virtual time costs: an idle world for 72 h, and an hour of a window with two guests at 1 Hz.

CPU seconds of the process, for one run each. The hour runs the real readers, samplers,
checks, housekeeping and record (journal and tapes on a temporary file system where there is
one); three steps are open all the time, so that they are assessed every 2 s.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from cutover_tui.core.loading import load_text
from cutover_tui.core.runbook import HOUR
from cutover_tui.engine.export import exporter
from cutover_tui.engine.opening import started_on
from cutover_tui.engine.sessions import new_session
from cutover_tui.lab.demo.incident import build_world
from cutover_tui.lab.doors.virtual import VirtualDoor
from cutover_tui.lab.doors.virtual_loop import SECOND, VirtualLoop, run
from cutover_tui.lab.drill.drill import OPERATOR, START_NS
from cutover_tui.lab.drill.runbooks import direct, fill
from tests.lab.incident_piece import runbook

IDLE_H = 72


async def idle(loop: VirtualLoop) -> int:
    """A guest nobody keeps and nobody looks at, for three days."""
    world = build_world(START_NS)
    del world.guests["app02"]
    going = asyncio.create_task(VirtualDoor(world, loop, START_NS).clockwork())
    await asyncio.sleep(IDLE_H * HOUR / SECOND)
    going.cancel()
    return loop.turns


async def window(loop: VirtualLoop, root: Path) -> int:
    """An hour of a session before the move, its first steps begun."""
    world = build_world(START_NS)
    door = VirtualDoor(world, loop, START_NS)
    loaded = load_text(fill(runbook(), world, direct(world), START_NS), "incident.yaml")
    directory = new_session(root, "BENCH", door.clock.now())
    async with started_on(loaded, directory, OPERATOR, door.ground(), exporter(directory)) as session:
        await session.start_step("jump-clock", "*")
        for host in ("app01", "app02"):
            await session.start_step("baseline", host)
        await asyncio.sleep(HOUR / SECOND)
    return loop.turns


def main() -> None:
    began = time.process_time()
    turns = run(idle)
    print(f"{IDLE_H} idle hours: {time.process_time() - began:.2f} s CPU, {turns} turns of the loop")
    fast = Path("/dev/shm")  # noqa: S108 - a file system in memory, where there is one
    with tempfile.TemporaryDirectory(dir=fast if fast.is_dir() else None) as scratch:
        began = time.process_time()
        turns = run(lambda loop: window(loop, Path(scratch)))
        print(f"a window hour, 2 guests: {time.process_time() - began:.2f} s CPU, {turns} turns of the loop")
