"""The journal against its promises: durable before confirmed, one writer, damage found, nothing lost."""

# ruff: noqa: ASYNC240 - a test may block its own loop
from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutover_tui.record.chain import Chain, decode_link, follow, verify
from cutover_tui.record.events import GENESIS, Body, Event, Noted
from cutover_tui.record.files import Damaged, Locked, RecordError
from cutover_tui.record.journal import Format, Journal, read
from cutover_tui.record.writer import Writer
from probes.observation import Instant

ROOT = Path(__file__).parents[2]
encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Event).decode
FORMAT: Format[Body, Event] = Format(Event, encode, decode)
AT = Instant("boot", 1, 2)


def lines_of(texts: list[str]) -> list[bytes]:
    """A journal's lines, made by hand."""
    lines: list[bytes] = []
    prev = GENESIS
    for seq, text in enumerate(texts, 1):
        line = encode(Event(seq, prev, AT, "me", Noted(text)))
        prev = sha256(line).hexdigest()
        lines.append(line + b"\n")
    return lines


def followed(data: bytes) -> tuple[Chain, list[Event]]:
    events: list[Event] = []
    return follow(Path("journal.jsonl"), io.BytesIO(data), decode, events), events


@pytest.fixture
async def writer() -> AsyncIterator[Writer]:
    writer = Writer()
    yield writer
    await writer.aclose()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session" / "journal.jsonl"


async def filled(path: Path, writer: Writer, n: int) -> None:
    journal = await Journal.create(path, FORMAT, writer)
    for i in range(n):
        await journal.append(Noted(str(i)), AT, "me")
    await journal.close()


async def test_events_are_chained_over_the_bytes_as_written(path: Path, writer: Writer) -> None:
    journal = await Journal.create(path, FORMAT, writer)
    first = await journal.append(Noted("one"), AT, "me")
    second = await journal.append(Noted("two é\n\x1b"), AT, "me")
    await journal.close()
    lines = path.read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert (first.seq, first.prev) == (1, GENESIS)
    assert (second.seq, second.prev) == (2, sha256(lines[0]).hexdigest())
    assert journal.head == sha256(lines[1]).hexdigest()
    assert read(path, decode).events == [first, second]
    assert verify(path) == Chain(2, journal.head, path.stat().st_size)


async def test_files_are_private(path: Path, writer: Writer) -> None:
    journal = await Journal.create(path, FORMAT, writer)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    await journal.close()


async def test_create_does_not_overwrite(path: Path, writer: Writer) -> None:
    await filled(path, writer, 1)
    with pytest.raises(RecordError, match="File exists"):
        await Journal.create(path, FORMAT, writer)
    assert len(read(path, decode).events) == 1


async def test_sequences_are_given_out_when_append_is_called(path: Path, writer: Writer) -> None:
    journal = await Journal.create(path, FORMAT, writer)
    confirmed: list[int] = []
    journal.on_confirmed = lambda event: confirmed.append(event.seq)
    waiting = [journal.append(Noted(str(i)), AT, "me") for i in range(50)]
    assert (journal.seq, journal.next_seq) == (0, 51)
    events = await asyncio.gather(*reversed(waiting))
    assert [event.seq for event in reversed(events)] == confirmed == list(range(1, 51))
    assert (journal.seq, journal.next_seq) == (50, 51)
    await journal.close()


async def test_a_cancelled_caller_has_still_recorded(path: Path, writer: Writer) -> None:
    journal = await Journal.create(path, FORMAT, writer)
    confirmed: list[Event] = []
    journal.on_confirmed = confirmed.append

    async def caller() -> None:
        await journal.append(Noted("mine"), AT, "me")

    task = asyncio.create_task(caller())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    after = await journal.append(Noted("next"), AT, "me")
    assert [event.seq for event in confirmed] == [1, 2]
    assert after.seq == 2
    await journal.close()
    assert len(read(path, decode).events) == 2


async def test_a_second_writer_is_refused_by_pid_even_after_a_reader_closed_the_file(
    path: Path, writer: Writer
) -> None:
    journal = await Journal.create(path, FORMAT, writer)
    await journal.append(Noted("one"), AT, "me")
    read(path, decode)
    with pytest.raises(Locked) as caught:
        await Journal.open(path, FORMAT, writer)
    assert caught.value.pid == os.getpid()
    assert str(path) in str(caught.value)
    await journal.close()
    again, loaded = await Journal.open(path, FORMAT, writer)
    assert (again.seq, len(loaded.events), loaded.notice) == (1, 1, None)
    await again.close()


async def test_a_closed_journal_refuses(path: Path, writer: Writer) -> None:
    journal = await Journal.create(path, FORMAT, writer)
    last = journal.append(Noted("on its way"), AT, "me")
    await journal.close()
    assert (await last).seq == 1
    with pytest.raises(RecordError, match="closed"):
        await journal.append(Noted("late"), AT, "me")


async def test_a_symbolic_link_or_device_is_not_a_journal(tmp_path: Path, writer: Writer) -> None:
    (tmp_path / "link").symlink_to("/dev/full")
    for name in (tmp_path / "link", Path("/dev/full"), tmp_path / "absent", tmp_path):
        with pytest.raises(RecordError, match="cannot open"):
            await Journal.open(name, FORMAT, writer)


@pytest.mark.parametrize(
    "torn", [b'{"seq":4,"prev":"', b"\x00" * 4096, b'{"seq":4,"pre\n', b"\xff\xfe\n", b"\n"]
)
async def test_a_torn_last_line_is_cut_off_with_a_notice(path: Path, writer: Writer, torn: bytes) -> None:
    await filled(path, writer, 3)
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    journal, loaded = await Journal.open(path, FORMAT, writer)
    assert len(loaded.events) == 3
    assert loaded.notice is not None
    assert "journal.jsonl:4: " in loaded.notice
    assert path.read_bytes() == whole
    assert (await journal.append(Noted("goes on"), AT, "me")).seq == 4
    await journal.close()
    assert read(path, decode).notice is None


async def test_reading_alone_changes_nothing(path: Path, writer: Writer) -> None:
    await filled(path, writer, 2)
    with path.open("ab") as file:
        file.write(b'{"seq"')
    before = path.read_bytes()
    assert read(path, decode).notice is not None
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("at", "change", "line"),
    [
        (1, lambda old: old.replace(b'"text":"1"', b'"text":"X"'), 2),
        (0, lambda old: b"", 1),
        (1, lambda old: b"", 2),
        (1, lambda old: b"\n", 2),
        (1, lambda old: old + old, 3),
        (1, lambda old: b'{"torn\n', 2),
        (0, lambda old: old.replace(b"000000", b"000001"), 1),
    ],
    ids=["edited", "first gone", "gone", "emptied", "doubled", "torn in the middle", "spliced"],
)
def test_damage_names_file_and_line(tmp_path: Path, at: int, change: object, line: int) -> None:
    lines = lines_of(["0", "1", "2", "3"])
    lines[at] = change(lines[at])
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"".join(lines))
    for reader in (lambda: read(path, decode), lambda: verify(path)):
        with pytest.raises(Damaged) as caught:
            reader()
        assert caught.value.line == line
        assert str(caught.value).startswith(f"{path}:{line}: ")


def test_an_event_of_a_later_version_is_not_mistaken_for_a_torn_line() -> None:
    lines = lines_of(["0", "1"])
    lines[1] = lines[1].replace(b'"type":"noted"', b'"type":"foretold"')
    with pytest.raises(Damaged, match=r"journal\.jsonl:2: not an event: .*foretold"):
        followed(b"".join(lines))


def test_a_missing_journal_is_one_sentence(tmp_path: Path) -> None:
    for reader in (verify, lambda path: read(path, decode)):
        with pytest.raises(RecordError, match="No such file"):
            reader(tmp_path / "absent.jsonl")


async def test_a_journal_deleted_while_open_fails_and_stays_failed(path: Path, writer: Writer) -> None:
    journal = await Journal.create(path, FORMAT, writer)
    await journal.append(Noted("one"), AT, "me")
    path.unlink()
    with pytest.raises(RecordError, match=r"deleted or replaced.*up to event 1 is safe"):
        await journal.append(Noted("two"), AT, "me")
    with pytest.raises(RecordError):
        await journal.recover()
    assert journal.failed is not None
    assert (journal.seq, journal.next_seq) == (1, 2)
    await journal.close()


async def test_a_foreign_write_is_noticed_and_recovered_from(path: Path, writer: Writer) -> None:
    journal = await Journal.create(path, FORMAT, writer)
    await journal.append(Noted("one"), AT, "me")
    with path.open("ab") as file:
        file.write(b"someone's editor\n")
    with pytest.raises(RecordError, match="changed by someone else"):
        await journal.append(Noted("two"), AT, "me")
    await journal.recover()
    assert (await journal.append(Noted("two"), AT, "me")).seq == 2
    await journal.close()
    assert [event.body for event in read(path, decode).events] == [Noted("one"), Noted("two")]


LIMITED = """
import asyncio, json, resource, sys
from pathlib import Path
import msgspec
from cutover_tui.record.events import Event, Noted
from cutover_tui.record.files import RecordError
from cutover_tui.record.journal import Format, Journal
from cutover_tui.record.writer import Writer
from probes.observation import Instant

FORM = Format(Event, msgspec.json.Encoder().encode, msgspec.json.Decoder(Event).decode)
AT = Instant("boot", 1, 2)
LIMIT = 8000

async def main(path):
    writer = Writer()
    journal = await Journal.create(path, FORM, writer)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, resource.RLIM_INFINITY))
    waiting = [journal.append(Noted("x" * 50), AT, "me") for _ in range(10)]
    confirmed = [event.seq for event in await asyncio.gather(*waiting)]
    burst = [journal.append(Noted("y" * 50), AT, "me") for _ in range(100)]
    results = await asyncio.gather(*burst, return_exceptions=True)
    size = path.stat().st_size
    refused = 0
    try:
        await journal.append(Noted("no"), AT, "me")
    except RecordError:
        refused += 1
    still = None
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
    try:
        await journal.recover()
    except RecordError as error:
        still = str(error)
    try:
        await journal.append(Noted("no"), AT, "me")
    except RecordError:
        refused += 1
    failed_size = path.stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await journal.recover()
    after = await journal.append(Noted("again"), AT, "me")
    await journal.close()
    await writer.aclose()
    print(json.dumps({
        "confirmed": confirmed,
        "burst": [result.seq if isinstance(result, Event) else str(result) for result in results],
        "sizes": [size, failed_size], "refused": refused, "still": still, "after": after.seq,
    }))

asyncio.run(main(Path(sys.argv[1])))
"""


def test_a_file_that_cannot_grow_loses_nothing_confirms_nothing_and_recovers(path: Path) -> None:
    # RLIMIT_FSIZE makes the kernel itself refuse: a partial write first, then EFBIG.
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        cwd=ROOT,
    )
    told = json.loads(done.stdout)
    assert done.stderr == ""
    assert told["confirmed"] == list(range(1, 11))
    assert set(told["burst"]) == {
        f"not recorded: cannot write {path}: File too large; everything up to event 10 is safe"
    }
    assert told["refused"] == 2
    assert "File too large" in told["still"]
    assert told["after"] == 11
    loaded = read(path, decode)
    assert loaded.notice is None
    assert [event.seq for event in loaded.events] == list(range(1, 12))
    intact = sum(len(encode(event)) + 1 for event in loaded.events[:10])
    assert told["sizes"] == [intact, intact]


TEXTS = st.lists(st.text(max_size=30), max_size=8)
DATA = b"".join(lines_of(["", "zwei", "é…", "\x00\x1b[2J", "five"]))
ENDS = [i + 1 for i, byte in enumerate(DATA) if byte == ord("\n")]


@given(TEXTS)
def test_what_is_written_is_read_back(texts: list[str]) -> None:
    data = b"".join(lines_of(texts))
    chain, events = followed(data)
    assert [event.body for event in events] == [Noted(text) for text in texts]
    assert (chain.seq, chain.size, chain.notice) == (len(texts), len(data), None)
    assert follow(Path("j"), io.BytesIO(data), decode_link, None) == chain


@given(st.integers(0, len(DATA)))
def test_any_truncation_leaves_a_prefix_and_says_so(length: int) -> None:
    chain, events = followed(DATA[:length])
    assert events == followed(DATA)[1][: len(events)]
    assert chain.seq == sum(end <= length for end in ENDS)
    assert (chain.notice is None) == (length in (0, *ENDS))


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_any_changed_byte_is_damage_or_another_head(index: int, mask: int) -> None:
    data = bytearray(DATA)
    data[index] ^= mask
    try:
        chain, _ = followed(bytes(data))
    except Damaged:
        return
    assert index >= ENDS[-3]  # only the last line, or the newline before it, can pass for torn
    assert chain.head != followed(DATA)[0].head


@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_are_damage_or_a_notice_never_a_traceback(junk: bytes, after_events: bool) -> None:
    data = DATA + junk if after_events else junk
    for decoder in (decode, decode_link):
        try:
            chain = follow(Path("j"), io.BytesIO(data), decoder, None)
        except Damaged:
            continue
        assert chain.seq == (5 if after_events else 0)
        assert (chain.notice is None) == (junk == b"")


def test_nesting_without_end_is_not_a_traceback() -> None:
    hostile = b'{"a":' + b"[" * 200_000 + b"\n"
    assert followed(DATA + hostile)[0].notice is not None
    with pytest.raises(Damaged):
        followed(hostile + DATA)
