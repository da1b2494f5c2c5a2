"""Appends under load and prints each sequence only once the journal has confirmed it. To be killed.

For each directory named on stdin a child is forked (so that Python starts once, not for
every kill); its pid, what it confirmed, and at last `end` come out on stdout.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import msgspec

from cutover_tui.record.events import Event, Noted, Sealed
from cutover_tui.record.journal import Format, Journal
from cutover_tui.record.tape_writer import Tapes
from cutover_tui.record.writer import Writer
from probes.observation import Instant, Sample

FORMAT = Format(Event, msgspec.json.Encoder().encode, msgspec.json.Decoder(Event).decode)
PRODUCERS = 20


async def main(directory: Path) -> None:
    writer = Writer()
    path = directory / "journal.jsonl"
    at = Instant("boot", 1, 2)
    seals = ()
    if path.exists():
        journal, loaded = await Journal.open(path, FORMAT, writer)
        seals = tuple(seal for event in loaded.events for seal in getattr(event.body, "windows", ()))
    else:
        journal = await Journal.create(path, FORMAT, writer)
    tapes = Tapes(directory / "tapes", writer, "test")
    tape = await tapes.open("guest", at, seals)
    os.write(1, b"ready %d\n" % journal.seq)

    async def produce(name: int) -> None:
        n = 0
        while True:
            event = await journal.append(Noted(f"{name}/{n}" + "x" * (n % 500)), at, "me")
            # One write a line: a kill cannot tear what the terminal shows.
            os.write(1, b"%d\n" % event.seq)
            n += 1

    async def seal() -> None:
        mono = 0
        while True:
            for _ in range(100):
                mono += 1
                tape.append_sample(Sample(mono, 1, 2))
            await tapes.seal_all(lambda seals: journal.append(Sealed(seals), at, "me"))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(seal())
        for name in range(PRODUCERS):
            tasks.create_task(produce(name))


def serve() -> None:
    for line in iter(sys.stdin.readline, ""):
        child = os.fork()
        if not child:
            asyncio.run(main(Path(line.rstrip("\n"))))
        os.write(1, b"pid %d\n" % child)
        os.waitpid(child, 0)
        os.write(1, b"end\n")


if __name__ == "__main__":
    serve()
