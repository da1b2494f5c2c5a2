"""Journal and tapes against write + fdatasync and SHA-256 on the same disk in the same run.

The floor of one durable append is `write` + `fdatasync` of as many bytes in a bare loop.
"in the writer" is what an append costs beside it: encode, chain, the same two calls.
"awaited" adds two thread switches through the event loop, which a bare loop does not make;
its own floor is the same write + fdatasync made in a thread and awaited.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from pathlib import Path

import msgspec

from bench.ratios import interleaved, ratio, say
from cutover_tui.record.chain import verify
from cutover_tui.record.events import GENESIS, Body, Event, Noted
from cutover_tui.record.files import AppendFile
from cutover_tui.record.journal import Format, Journal, read
from cutover_tui.record.tape import read_tape
from cutover_tui.record.tape_writer import Tapes
from cutover_tui.record.writer import Writer
from probes.observation import Instant, Sample

OUT = Path(__file__).with_name("out")
PAIRS = 7
APPENDS = 600
PRODUCERS = 200
GROUPED = 20_000
CHAIN = 1_000_000
HOSTS = 500
SECONDS = 60

AT = Instant("0b8f1c62-7b1e-4c7e-9a57-6f6d5f3c2b1a", 123_456_789_012, 1_700_000_000_000_000_000)
BODY = Noted("the offset has been held since the last look", "time-provider", "web-01")
FORMAT: Format[Body, Event] = Format(Event, msgspec.json.Encoder().encode, msgspec.json.Decoder(Event).decode)
LINE = FORMAT.encode(Event(1, GENESIS, AT, "engineer", BODY)) + b"\n"


def timed(job: Callable[[], object]) -> float:
    begin = time.perf_counter()
    job()
    return time.perf_counter() - begin


def worked(job: Callable[[Path], object], path: Path) -> float:
    """Seconds of CPU: for what only computes, on a machine that others use too."""
    begin = time.process_time()
    job(path)
    return time.process_time() - begin


def alone(job: Callable[[Path], object], path: Path) -> float:
    """`worked` in a fresh process, as a command would: a million freed events leave a heap full of holes."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(worked, job, path).result()


def with_bare_file(directory: Path, run: Callable[[int], float]) -> float:
    path = directory / "floor"
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        return run(fd)
    finally:
        os.close(fd)
        path.unlink()


def durable(fd: int) -> None:
    os.write(fd, LINE)
    os.fdatasync(fd)


def floor(directory: Path) -> float:
    """Appends a second."""

    def run(fd: int) -> None:
        for _ in range(APPENDS):
            durable(fd)

    return with_bare_file(directory, lambda fd: APPENDS / timed(lambda: run(fd)))


def in_the_writer(directory: Path) -> float:
    path = directory / "journal"
    file = AppendFile.create(path)

    def run() -> None:
        prev = GENESIS
        for seq in range(1, APPENDS + 1):
            line = FORMAT.encode(Event(seq, prev, AT, "engineer", BODY))
            prev = sha256(line).hexdigest()
            file.append_durably(line + b"\n")

    seconds = timed(run)
    file.close()
    path.unlink()
    return APPENDS / seconds


def floor_awaited(directory: Path) -> float:
    async def run(fd: int) -> float:
        writer = Writer()
        begin = time.perf_counter()
        for _ in range(APPENDS):
            await writer.call(lambda: durable(fd))
        seconds = time.perf_counter() - begin
        await writer.aclose()
        return APPENDS / seconds

    return with_bare_file(directory, lambda fd: asyncio.run(run(fd)))


def with_journal(directory: Path, load: Callable[[Journal[Body, Event]], Awaitable[int]]) -> float:
    """Events a second."""

    async def run() -> float:
        writer = Writer()
        journal = await Journal.create(directory / "journal", FORMAT, writer)
        begin = time.perf_counter()
        events = await load(journal)
        seconds = time.perf_counter() - begin
        await journal.close()
        await writer.aclose()
        return events / seconds

    rate = asyncio.run(run())
    (directory / "journal").unlink()
    return rate


async def one_by_one(journal: Journal[Body, Event]) -> int:
    for _ in range(APPENDS):
        await journal.append(BODY, AT, "engineer")
    return APPENDS


async def many_producers(journal: Journal[Body, Event]) -> int:
    async def produce() -> None:
        for _ in range(GROUPED // PRODUCERS):
            await journal.append(BODY, AT, "engineer")

    await asyncio.gather(*(produce() for _ in range(PRODUCERS)))
    return GROUPED


def appends(directory: Path) -> None:
    rates = interleaved(
        PAIRS,
        floor=lambda: floor(directory),
        writer=lambda: in_the_writer(directory),
        hop=lambda: floor_awaited(directory),
        awaited=lambda: with_journal(directory, one_by_one),
        group=lambda: with_journal(directory, many_producers),
    )
    each = {name: f"{1e6 / statistics.median(rate):.0f} µs" for name, rate in rates.items()}
    say(
        "durable append in the writer, × write+fdatasync",
        ratio(rates["writer"], rates["floor"]),
        "≥ 0.85",
        f"{each['writer']} / {each['floor']}",
    )
    say(
        "durable append awaited, × write+fdatasync in a thread",
        ratio(rates["awaited"], rates["hop"]),
        "",
        f"{each['awaited']} / {each['hop']}",
    )
    say(
        "durable append awaited, × write+fdatasync",
        ratio(rates["awaited"], rates["floor"]),
        "",
        f"{each['awaited']} / {each['floor']}",
    )
    say(
        f"group commit of {PRODUCERS} producers, × one by one",
        ratio(rates["group"], rates["awaited"]),
        "≥ 15",
        f"{statistics.median(rates['group']):.0f} events/s",
    )
    say(
        f"group commit of {PRODUCERS} producers, × write+fdatasync", ratio(rates["group"], rates["floor"]), ""
    )


def one_hash(path: Path) -> None:
    with path.open("rb", buffering=0) as file:
        digest = sha256()
        while block := file.read(1 << 20):
            digest.update(block)


def load(path: Path) -> None:
    read(path, FORMAT.decode)


def chain(directory: Path) -> None:
    path = directory / "chain"
    prev = GENESIS
    with path.open("wb", buffering=1 << 20) as file:
        for seq in range(1, CHAIN + 1):
            line = FORMAT.encode(Event(seq, prev, AT, "engineer", BODY))
            prev = sha256(line).hexdigest()
            file.write(line + b"\n")

    seconds = interleaved(
        5,
        hash=lambda: alone(one_hash, path),
        verify=lambda: alone(verify, path),
        load=lambda: alone(load, path),
    )
    say(
        f"verify a chain of {CHAIN} events, × one SHA-256",
        ratio(seconds["verify"], seconds["hash"]),
        "≤ 7",
        f"{statistics.median(seconds['verify']):.2f} s / {statistics.median(seconds['hash']):.2f} s",
    )
    say(f"verify and decode {CHAIN} events (resume), CPU s", statistics.median(seconds["load"]), "≤ 5")
    path.unlink()


def tapes(directory: Path) -> None:
    """A minute of 500 hosts at 1 Hz: what the event loop pays, and how long a sealing takes."""

    async def run() -> None:
        writer = Writer()
        journal = await Journal.create(directory / "sealing" / "journal", FORMAT, writer)
        recorder = Tapes(directory / "sealing" / "tapes", writer, "bench")
        hosts = [await recorder.open(f"host-{n:03}", AT) for n in range(HOSTS)]
        begin = time.perf_counter()
        for second in range(SECONDS):
            for tape in hosts:
                tape.append_sample(Sample(second * 1_000_000_000, 412_345, -1_234_567_890))
        say("append a sample, µs of the loop", (time.perf_counter() - begin) / HOSTS / SECONDS * 1e6, "")
        late = 0.0

        async def ticking() -> None:
            nonlocal late
            while True:
                begin = time.perf_counter()
                await asyncio.sleep(0.001)
                late = max(late, time.perf_counter() - begin - 0.001)

        ticker = asyncio.create_task(ticking())
        sealing = asyncio.create_task(recorder.seal_all(lambda seals: journal.append(BODY, AT, "engineer")))
        slowest = 0.0
        while not sealing.done():
            begin = time.perf_counter()
            await journal.append(BODY, AT, "engineer")
            slowest = max(slowest, time.perf_counter() - begin)
        begin = time.perf_counter()
        seals = await sealing
        ticker.cancel()
        say(f"loop held up while {HOSTS} tapes are sealed, ms at most", late * 1e3, "< 10")
        say("an event journaled meanwhile, ms at most", slowest * 1e3, "")
        say(
            f"read and verify a tape of {SECONDS} samples, ms",
            timed(lambda: read_tape(hosts[0].path, [seals[0]])) * 1e3,
            "",
        )
        await recorder.close()
        await journal.close()
        await writer.aclose()

    asyncio.run(run())


def main() -> None:
    # Beside the sources: a temporary directory in memory would make every sync free.
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OUT) as name:
        directory = Path(name)
        appends(directory)
        chain(directory)
        tapes(directory)
