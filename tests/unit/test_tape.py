"""Tapes: everything comes back whole, seals hold, damage is found, a torn tail is cut, loss is said."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutover_tui.record.files import Damaged, Locked, RecordError
from cutover_tui.record.tape import Gap, ObservationLine, Seal, TapeContents, read_tape, scan, tape_path
from cutover_tui.record.tape_writer import Tapes
from cutover_tui.record.writer import Writer
from probes.facts_identity import BootFacts
from probes.observation import Failure, FailureKind, Identity, Instant, Observation, Raw, Sample

ANCHOR = Instant("boot", 1_000, 1_700_000_000_000_000_000)
HOST = "web-01"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
INT = st.integers(-(2**62), 2**62)
RAWS = st.builds(
    Raw,
    argv=st.lists(TEXT, max_size=3).map(tuple),
    rc=st.none() | st.integers(0, 255),
    out=TEXT,
    err=TEXT,
    truncated=st.booleans(),
    failure=st.none() | st.builds(Failure, st.sampled_from(FailureKind), TEXT),
)
INSTANTS = st.builds(Instant, TEXT, INT, INT)
OBSERVATIONS = st.builds(
    Observation,
    id=TEXT,
    reader=TEXT,
    version=st.integers(1, 9),
    host=TEXT,
    identity=st.builds(Identity, host_key=st.none() | TEXT, boot_id=st.none() | TEXT),
    vantage=st.sampled_from(["jump", "guest"]),
    began=INSTANTS,
    ended=INSTANTS,
    attempt=st.integers(1, 9),
    raw=st.lists(RAWS, max_size=3).map(tuple),
    facts=st.none() | st.from_type(BootFacts),
    failure=st.none() | st.builds(Failure, st.sampled_from(FailureKind), TEXT),
)
SAMPLES = st.builds(Sample, INT, INT, INT, st.integers(0, 10**9))
GAPS = st.builds(Gap, INT, INT, TEXT)


def observation(n: int, *raw: Raw) -> Observation:
    return Observation(
        id=f"{HOST}/{n}",
        reader="boot",
        version=1,
        host=HOST,
        identity=Identity(),
        vantage="guest",
        began=ANCHOR,
        ended=ANCHOR,
        attempt=1,
        raw=raw,
        failure=Failure(FailureKind.TIMEOUT, "10 s"),
    )


@pytest.fixture
async def writer() -> AsyncIterator[Writer]:
    writer = Writer()
    yield writer
    await writer.aclose()


@pytest.fixture
async def tapes(tmp_path: Path, writer: Writer) -> AsyncIterator[Tapes]:
    tapes = Tapes(tmp_path / "tapes", writer, "0.1")
    yield tapes
    await tapes.close()


class Ledger:
    """Stands where the journal will: keeps the seals, may be told to fail."""

    def __init__(self) -> None:
        self.seals: list[Seal] = []
        self.broken = False

    async def record(self, seals: tuple[Seal, ...]) -> None:
        if self.broken:
            raise RecordError("the journal is full")
        self.seals += seals


def test_a_tape_line_carries_every_field_of_an_observation() -> None:
    assert ObservationLine.__struct_fields__ == Observation.__struct_fields__


async def test_what_is_appended_comes_back_whole_with_its_lines(tapes: Tapes) -> None:
    tape = await tapes.open(HOST, ANCHOR)
    cat = Raw(("cat", "/proc/uptime"), 0, "12.5 é\n")
    first, second = observation(1, cat), observation(2, cat, Raw(("id",), 1, "", "no"))
    assert tape.append_observation(first) == 3  # after `open` and one raw
    assert tape.append_sample(Sample(2_000, 5, -7)) == 4
    assert tape.append_observation(second) == 6  # `cat` is not written again
    assert tape.append_gap(3_000, 4_000, "link lost") == 7
    seal = await tape.sync()
    assert seal == Seal(HOST, 1, 7, sha256(tape.path.read_bytes()).hexdigest(), 1, 1)
    contents = read_tape(tape.path, [seal])
    assert contents.observations == ((3, first), (6, second))
    assert contents.samples == ((4, Sample(2_000, 5, -7)),)
    assert contents.gaps == ((7, Gap(3_000, 4_000, "link lost")),)
    assert [(line, opened.anchor, opened.tape) for line, opened in contents.anchors] == [(1, ANCHOR, HOST)]
    assert (contents.lines, contents.unsealed_lines, contents.notice) == (7, 0, None)
    assert tape.path.stat().st_mode & 0o777 == 0o600
    assert tape.path.parent.stat().st_mode & 0o777 == 0o700


async def test_a_seal_covers_what_no_confirmed_seal_covers(tapes: Tapes) -> None:
    tape, ledger = await tapes.open(HOST, ANCHOR), Ledger()
    await tapes.seal_all(ledger.record)
    tape.append_sample(Sample(2_000, 5, 0))
    ledger.broken = True
    with pytest.raises(RecordError, match="the journal is full"):
        await tapes.seal_all(ledger.record)
    tape.append_gap(2_000, 3_000, "reboot")
    ledger.broken = False
    await tapes.seal_all(ledger.record)
    assert [(seal.first, seal.last, seal.n, seal.gaps) for seal in ledger.seals] == [
        (1, 1, 0, 0),
        (2, 3, 1, 1),
    ]
    assert await tapes.seal_all(ledger.record) == ()
    assert await tape.sync() is None
    assert read_tape(tape.path, ledger.seals).unsealed_lines == 0


async def test_overlapping_seals_hold_and_holes_do_not(tapes: Tapes) -> None:
    tape = await tapes.open(HOST, ANCHOR)
    seals = []
    for n in range(3):
        tape.append_sample(Sample(n, 5, 0))
        seals.append(await tape.sync())
    one, two, three = seals
    assert [(seal.first, seal.last) for seal in seals] == [(1, 2), (1, 3), (1, 4)]
    assert read_tape(tape.path, [one, two, three]).sealed == 4
    tape.confirm(two)
    tape.append_sample(Sample(9, 5, 0))
    four = await tape.sync()
    assert read_tape(tape.path, [one, two, four]).sealed == 5
    with pytest.raises(Damaged, match=r":3: the next seal covers lines 4 to 5"):
        read_tape(tape.path, [one, four])
    with pytest.raises(Damaged, match="seals of two tapes"):
        read_tape(tape.path, [two, msgspec.structs.replace(four, tape="other")])


async def test_a_resumed_tape_keeps_unsealed_lines_and_cuts_the_torn_one(
    tmp_path: Path, tapes: Tapes, writer: Writer
) -> None:
    tape, ledger = await tapes.open(HOST, ANCHOR), Ledger()
    raw = Raw(("id",), 0, "root")
    tape.append_observation(observation(1, raw))
    await tapes.seal_all(ledger.record)
    tape.append_sample(Sample(2_000, 5, 0))
    tape.append_gap(1, 2, "x")
    await tapes.close()
    with tape.path.open("ab") as file:
        file.write(b'{"t":"s","v":[1,2')
    again = Tapes(tmp_path / "tapes", writer, "0.2")
    tape = await again.open(HOST, Instant("next boot", 5, 6), ledger.seals)
    assert tape.notice == "web-01.jsonl:6: the line is torn; never sealed, cut off from here"
    assert tape.append_observation(observation(2, raw)) == 7  # line 6 is `open`; the raw is known
    await again.seal_all(ledger.record)
    assert [(seal.first, seal.last, seal.n, seal.gaps) for seal in ledger.seals] == [
        (1, 3, 0, 0),
        (4, 7, 1, 1),
    ]
    contents = read_tape(tape.path, ledger.seals)
    assert [opened.anchor.boot_id for _, opened in contents.anchors] == ["boot", "next boot"]
    assert contents.observations[1] == (7, observation(2, raw))
    await again.close()


async def test_a_missing_sealed_tape_is_not_started_anew(tapes: Tapes) -> None:
    with pytest.raises(RecordError, match="No such file"):
        await tapes.open(HOST, ANCHOR, [Seal(HOST, 1, 1, "", 0, 0)])


async def test_one_writer_a_tape(tmp_path: Path, tapes: Tapes, writer: Writer) -> None:
    await tapes.open(HOST, ANCHOR)
    with pytest.raises(Locked):
        await Tapes(tmp_path / "tapes", writer, "0.1").open(HOST, ANCHOR)


async def test_a_failed_tape_refuses_and_says_what_was_lost_after_recovery(tapes: Tapes) -> None:
    tape, ledger = await tapes.open(HOST, ANCHOR), Ledger()
    other = await tapes.open("db-01", ANCHOR)
    tape.append_sample(Sample(2_000, 5, 0))
    await tapes.seal_all(ledger.record)
    with tape.path.open("ab") as file:
        file.write(b"an editor was here")
    raw = Raw(("id",), 0, "root")
    tape.append_observation(observation(1, raw))
    tape.append_sample(Sample(3_000, 5, 0))
    other.append_sample(Sample(3_000, 5, 0))
    with pytest.raises(RecordError, match="changed by someone else"):
        await tapes.seal_all(ledger.record)
    assert ledger.seals[-1].tape == "db-01"  # the healthy one was sealed
    with pytest.raises(RecordError, match="not recorded"):
        tape.append_sample(Sample(4_000, 5, 0))
    await tapes.recover(5_000)
    assert tape.append_observation(observation(2, raw)) == 5  # gap, raw again, observation
    await tapes.seal_all(ledger.record)
    contents = read_tape(tape.path, [seal for seal in ledger.seals if seal.tape == HOST])
    ((line, gap),) = contents.gaps
    assert (line, gap.begin_ns, gap.end_ns) == (3, 2_000, 5_000)
    assert "changed by someone else" in gap.why
    assert contents.observations == ((5, observation(2, raw)),)
    assert contents.unsealed_lines == 0


async def test_a_failure_of_a_background_write_is_noticed_by_itself(tapes: Tapes) -> None:
    tape = await tapes.open(HOST, ANCHOR)
    await tape.sync()
    tape.path.unlink()
    with pytest.raises(RecordError, match="deleted"):  # noqa: PT012 - some append of many
        for n in range(100_000):
            tape.append_sample(Sample(n, 5, 0))
            if n % 1000 == 0:
                await asyncio.sleep(0.001)
    assert tape.failed is not None


LIMITED = """
import asyncio, json, resource, sys
from pathlib import Path
from cutover_tui.record.files import RecordError
from cutover_tui.record.tape_writer import Tapes
from cutover_tui.record.writer import Writer
from probes.observation import Instant, Sample
import msgspec

async def main(directory):
    writer = Writer()
    tapes = Tapes(directory, writer, "0.1")
    kept = []
    async def record(seals):
        kept.extend(seals)
    tape = await tapes.open("web-01", Instant("boot", 1, 2))
    for n in range(100):
        tape.append_sample(Sample(n, 5, 0))
    await tapes.seal_all(record)
    resource.setrlimit(resource.RLIMIT_FSIZE, (tape.path.stat().st_size + 100, resource.RLIM_INFINITY))
    for n in range(100, 200):
        tape.append_sample(Sample(n, 5, 0))
    said = []
    for attempt in (lambda: tapes.seal_all(record), lambda: tapes.seal_all(record), lambda: tapes.recover(300)):
        try:
            await attempt()
        except RecordError as error:
            said.append(str(error))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await tapes.recover(300)
    tape.append_sample(Sample(301, 5, 0))
    await tapes.seal_all(record)
    await tapes.close()
    await writer.aclose()
    print(json.dumps({"said": said, "seals": msgspec.to_builtins(kept)}))

asyncio.run(main(Path(sys.argv[1])))
"""


def test_a_tape_that_cannot_grow_keeps_what_was_sealed(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "tapes")],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        cwd=root,
    )
    told = json.loads(done.stdout)
    assert done.stderr == ""
    assert len(told["said"]) == 3
    assert all("File too large" in said for said in told["said"])
    contents = read_tape(tape_path(tmp_path / "tapes", HOST), msgspec.convert(told["seals"], list[Seal]))
    assert [sample.mono_ns for _, sample in contents.samples] == [*range(100), 301]
    assert [(gap.begin_ns, gap.end_ns) for _, gap in contents.gaps] == [(99, 300)]
    assert (contents.unsealed_lines, contents.notice) == (0, None)


@pytest.mark.parametrize(
    "host", ["../../etc/passwd", ".", "..", "", "a/b", "x" * 300, "@jump", "é\n\x1b[2J", "A b"]
)
def test_a_hostile_host_name_stays_in_its_directory(tmp_path: Path, host: str) -> None:
    path = tape_path(tmp_path, host)
    assert path.parent == tmp_path
    assert path.name.isascii()
    assert len(path.name) < 256
    assert not path.name.startswith(".")
    assert path.name.isprintable()


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=250), st.text(max_size=5))
def test_different_hosts_have_different_tapes(host: str, more: str) -> None:
    assert (tape_path(Path(), host) == tape_path(Path(), host + more)) == (more == "")


async def recorded(
    directory: Path, items: list[Observation | Sample | Gap], sealed: int
) -> tuple[bytes, list[Seal]]:
    """The bytes of a tape with `items`, sealed after the first `sealed` of them."""
    writer = Writer()
    tapes = Tapes(directory, writer, "0.1")
    tape = await tapes.open(HOST, ANCHOR)
    ledger = Ledger()
    for n, item in enumerate(items):
        if n == sealed:
            await tapes.seal_all(ledger.record)
        match item:
            case Observation():
                tape.append_observation(item)
            case Sample():
                tape.append_sample(item)
            case Gap():
                tape.append_gap(item.begin_ns, item.end_ns, item.why)
    await tapes.close()
    await writer.aclose()
    return tape.path.read_bytes(), ledger.seals


@given(items=st.lists(OBSERVATIONS | SAMPLES | GAPS, max_size=12), sealed=st.integers(0, 12))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, items: list[object], sealed: int) -> None:
    data, seals = asyncio.run(recorded(tmp_path_factory.mktemp("tape"), items, sealed))
    contents = taken(data, seals)
    for kind, got in ((Observation, contents.observations), (Sample, contents.samples), (Gap, contents.gaps)):
        assert [item for _, item in got] == [item for item in items if isinstance(item, kind)]
    assert contents.size == len(data)
    assert contents.sealed == (seals[-1].last if seals else 0)
    assert len(b"".join(data.splitlines(keepends=True)[: contents.sealed])) == contents.sealed_size


def taken(data: bytes, seals: list[Seal]) -> TapeContents:
    return scan(Path("t.jsonl"), io.BytesIO(data), seals)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[Seal]]:
    raw = Raw(("cat", "x"), 0, "é")
    items = [
        observation(1, raw),
        Sample(1, 2, 3),
        Gap(1, 2, "y"),
        Sample(2, 3, 4),
        observation(2, raw),
        Sample(4, 5, 6),
    ]
    return asyncio.run(recorded(tmp_path_factory.mktemp("example"), items, 4))


@given(fraction=st.floats(0, 1))
def test_any_truncation_is_damage_or_loses_only_the_unsealed_tail(
    example: tuple[bytes, list[Seal]], fraction: float
) -> None:
    data, seals = example
    length = round(fraction * len(data))
    whole = taken(data, seals)
    if length < whole.sealed_size:
        with pytest.raises(Damaged):
            taken(data[:length], seals)
        return
    contents = taken(data[:length], seals)
    assert contents.samples == whole.samples[: len(contents.samples)]
    assert contents.size <= length
    assert (contents.notice is None) == (contents.size == length)


@given(fraction=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255))
def test_any_changed_sealed_byte_is_damage(
    example: tuple[bytes, list[Seal]], fraction: float, mask: int
) -> None:
    data, seals = example
    changed = bytearray(data)
    changed[int(fraction * len(data))] ^= mask
    if int(fraction * len(data)) < taken(data, seals).sealed_size:
        with pytest.raises(Damaged):
            taken(bytes(changed), seals)
    else:
        assert taken(bytes(changed), seals).sealed == seals[-1].last


@given(junk=st.binary(max_size=300), n=st.integers(-2, 9), last=st.integers(-2, 9))
def test_any_bytes_and_any_seal_never_a_traceback(
    example: tuple[bytes, list[Seal]], junk: bytes, n: int, last: int
) -> None:
    data, seals = example
    for tape in (junk, data + junk):
        for some in ([], seals, [Seal(HOST, n, last, "0", n, n)]):
            with contextlib.suppress(Damaged):
                taken(tape, some)


def test_a_raw_output_that_was_edited_or_dropped_is_named(example: tuple[bytes, list[Seal]]) -> None:
    data, _ = example
    lines = data.splitlines(keepends=True)
    raw = next(i for i, line in enumerate(lines) if line.startswith(b'{"t":"raw"'))

    def resealed(changed: list[bytes]) -> tuple[bytes, list[Seal]]:
        tape = b"".join(changed)
        return tape, [Seal(HOST, 1, len(changed), sha256(tape).hexdigest(), 3, 1)]

    edited = [*lines[:raw], lines[raw].replace(b'"rc":0', b'"rc":1'), *lines[raw + 1 :]]
    with pytest.raises(
        Damaged, match=r":2: the raw output is not the one its digest names, yet it was sealed"
    ):
        taken(*resealed(edited))
    with pytest.raises(Damaged, match=r":2: the raw output .* is not on the tape"):
        taken(*resealed([*lines[:raw], *lines[raw + 1 :]]))


def test_a_seal_that_miscounts_is_damage(example: tuple[bytes, list[Seal]]) -> None:
    data, (seal,) = example
    with pytest.raises(Damaged, match=r"2 samples and 1 gaps, but the seal says 3 and 1"):
        taken(data, [msgspec.structs.replace(seal, n=3)])


def test_the_tape_of_another_host_is_refused(example: tuple[bytes, list[Seal]]) -> None:
    data, (seal,) = example
    with pytest.raises(Damaged, match="this is the tape of web-01, not of db-01"):
        taken(data, [msgspec.structs.replace(seal, tape="db-01")])
