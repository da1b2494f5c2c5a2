"""A disk that is really full: a journal and a tape on a small tmpfs. Needs root (mount)."""

from __future__ import annotations

import subprocess
from collections.abc import Awaitable, Iterator
from pathlib import Path

import msgspec
import pytest

from cutover_tui.record.events import Body, Event, Noted, Sealed
from cutover_tui.record.files import RecordError
from cutover_tui.record.journal import Format, Journal, read
from cutover_tui.record.tape import Seal, read_tape
from cutover_tui.record.tape_writer import Tapes
from cutover_tui.record.writer import Writer
from probes.observation import Instant, Sample

pytestmark = pytest.mark.system
AT = Instant("boot", 1, 2)
FORMAT: Format[Body, Event] = Format(Event, msgspec.json.Encoder().encode, msgspec.json.Decoder(Event).decode)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", str(tmp_path)], check=True)
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


async def test_a_full_disk_accepts_nothing_and_loses_nothing(small_disk: Path) -> None:
    writer = Writer()
    path = small_disk / "session" / "journal.jsonl"
    journal = await Journal.create(path, FORMAT, writer)
    tapes = Tapes(path.parent / "tapes", writer, "0.1")
    tape = await tapes.open("web-01", AT)

    def record(seals: tuple[Seal, ...]) -> Awaitable[Event]:
        return journal.append(Sealed(seals), AT, "me")

    tape.append_sample(Sample(1, 2, 3))
    await tapes.seal_all(record)
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):  # noqa: PT012
        while True:
            file.write(b"x" * 4096)
    recorded: list[Event] = []
    with pytest.raises(RecordError, match=r"No space left on device; everything up to event [0-9]+ is safe"):  # noqa: PT012
        while True:  # to the end of the journal's last block
            recorded.append(await journal.append(Noted("x" * 200), AT, "me"))
    with pytest.raises(RecordError, match="No space"):
        await journal.append(Noted("done?"), AT, "me")
    with pytest.raises(RecordError, match="No space"):
        await journal.recover()
    for n in range(500):
        tape.append_sample(Sample(n + 2, 2, 3))
    with pytest.raises(RecordError, match="No space"):
        await tapes.seal_all(record)
    loaded = read(path, FORMAT.decode)
    assert loaded.notice is None
    assert len(loaded.events) == 1 + len(recorded) == journal.seq

    ballast.unlink()
    await journal.recover()
    await tapes.recover(1000)
    await tapes.seal_all(record)
    await tapes.close()
    await journal.close()
    await writer.aclose()
    events = read(path, FORMAT.decode).events
    assert events[: 1 + len(recorded)] == loaded.events
    seals = [seal for event in events if isinstance(event.body, Sealed) for seal in event.body.windows]
    contents = read_tape(tape.path, seals)
    assert contents.samples == ((2, Sample(1, 2, 3)),)
    ((_, gap),) = contents.gaps
    assert (gap.begin_ns, gap.end_ns) == (1, 1000)
    assert contents.unsealed_lines == 0
