"""The record must not end in silence: what the fold would refuse is not written, and every intent gets its end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cutover_tui.engine.recording.recorder import FORMAT
from cutover_tui.engine.recording.under_way import NOT_KNOWN
from cutover_tui.engine.sessions import SessionDirectory
from cutover_tui.record.events import (
    ActionEnded,
    AttemptEnded,
    AttemptIntended,
    Defect,
    Disturbed,
    Noted,
    Regressed,
)
from cutover_tui.record.files import AppendFile, DoesNotFollow, RecordError
from cutover_tui.record.journal import read
from cutover_tui.record.state import Contradiction, fold
from cutover_tui.record.tape import read_tape
from probes.observation import Raw
from probes.reader import Command, Reader
from tests.unit.honest_guest import Guest
from tests.unit.honest_session import B1, S, Script, resuming, walking
from tests.unit.test_proving import audited, bodies, codes, prove, proving


def folds(path: Path) -> bool:
    events = read(SessionDirectory(path / "session").journal, FORMAT.decode).events
    return fold(events).seq == len(events)


async def test_what_does_not_follow_is_not_written(tmp_path: Path) -> None:
    async with walking(tmp_path / "session", Script()) as walk:
        recorder = walk.recorder
        before = recorder.journal.next_seq
        with pytest.raises(DoesNotFollow, match="only a done step regresses"):
            await recorder.record(Regressed("base", "app01", "time.offset", "never done"))
        recorder.record_soon(Regressed("base", "app02", "time.offset", "never done"))
        assert recorder.journal.next_seq == before
        assert recorder.problem is None
        assert [n for n in walk.session.view().notices if "only a done step regresses" in n]
        assert await walk.session.note("all is well", None, None) is None
    assert folds(tmp_path)


async def test_what_is_under_way_to_the_disk_counts_as_there(tmp_path: Path) -> None:
    async with proving(tmp_path) as (walk, _):
        recorder = walk.recorder
        assert await prove(walk) is None
        first = asyncio.create_task(recorder.record(AttemptIntended("app01", "exchange", 1, 3)))
        await asyncio.sleep(0)
        with pytest.raises(DoesNotFollow, match="has not ended"):
            await recorder.record(AttemptIntended("app01", "exchange", 1, 3))
        await recorder.record(AttemptEnded((await first).seq, None, "given up"))
    assert folds(tmp_path)


async def test_a_journal_that_contradicts_itself_takes_nothing_more_and_says_so(tmp_path: Path) -> None:
    async with walking(tmp_path / "session", Script()) as walk:
        journal, admit = walk.recorder.journal, walk.recorder.journal.admit
        journal.admit = None
        await journal.append(
            Regressed("base", "app01", "time.offset", "never done"), walk.script.now(), "ana"
        )
        journal.admit = admit
        assert "only a done step regresses" in (walk.session.view().recording or "")
        refused = await walk.session.note("lost", None, None)
        assert refused is not None
        assert "only a done step regresses" in refused.reason
        assert "disk" not in refused.remedy
    assert bodies(tmp_path, Noted) == []
    with pytest.raises(Contradiction):
        folds(tmp_path)


async def test_who_listens_and_fails_keeps_no_event_from_the_state(tmp_path: Path) -> None:
    async with walking(tmp_path / "session", Script()) as walk:
        walk.session.subscribe(lambda: [][0])
        one, two = (asyncio.create_task(walk.recorder.record(Noted(n))) for n in ("one", "two"))
        assert (await one).seq + 1 == (await two).seq == walk.recorder.state.seq
        await walk.recorder.settle()
        assert [n for n in walk.session.view().notices if "IndexError" in n]
    assert [b.part for b in bodies(tmp_path, Defect)] == ["what follows an event"]


# Attempts and actions


async def test_an_attempt_somebody_broke_off_has_failed_and_the_next_can_be_made(tmp_path: Path) -> None:
    async with proving(tmp_path, "killed", "ok") as (walk, prover):
        broken_off = asyncio.create_task(prove(walk))
        await prover.stuck.wait()
        broken_off.cancel()
        await asyncio.wait({broken_off})
        await walk.recorder.settle()
        assert codes(walk)["kerberos.as"] == ("fail", "no-result")
        assert await prove(walk) is None
        assert codes(walk)["kerberos.as"] == ("pass", "ok")
    assert [b.failure for b in bodies(tmp_path, AttemptEnded)] == [NOT_KNOWN, *[None] * 7]
    assert folds(tmp_path)
    assert audited(tmp_path) == []


async def test_an_attempt_that_is_broken_off_before_its_intent_is_durable_ends_too(tmp_path: Path) -> None:
    async with proving(tmp_path, "ok") as (walk, prover):
        assert await prove(walk) is None
        seq = walk.recorder.journal.next_seq
        broken_off = asyncio.create_task(prove(walk))
        while walk.recorder.journal.next_seq == seq:  # noqa: ASYNC110 - what is awaited is an append
            await asyncio.sleep(0)
        broken_off.cancel()
        await asyncio.wait({broken_off})
        await walk.recorder.settle()
        async with asyncio.timeout(10):
            while walk.recorder.state.under_way():  # noqa: ASYNC110 - what is awaited is an end
                await asyncio.sleep(0)
        assert prover.made == [1, 2, 3], "the fourth was never made"
        assert await prove(walk) is None
    assert folds(tmp_path)
    assert audited(tmp_path) == []


async def test_a_defect_in_an_attempt_leaves_none_open(tmp_path: Path) -> None:
    async with proving(tmp_path) as (walk, prover):

        async def broken(_host: str, _reader: Reader, _number: int) -> None:
            raise ArithmeticError("a parser's surprise")

        walk.probes.attempt = broken  # type: ignore[attr-defined]
        with pytest.raises(ArithmeticError):
            await prove(walk)
        await walk.recorder.settle()
        walk.probes.attempt = prover.attempt  # type: ignore[attr-defined]
        assert await prove(walk) is None
        assert codes(walk)["kerberos.as"] == ("pass", "ok")
    assert folds(tmp_path)


async def test_an_attempt_whose_sight_was_thrown_away_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cutover_tui.engine.proofs.proving.CROSSES_S", 0.01)
    async with proving(tmp_path) as (walk, _):

        async def silent(_host: str, _reader: Reader, _number: int) -> None:
            return

        walk.probes.attempt = silent  # type: ignore[attr-defined]
        assert await prove(walk) is None
        assert codes(walk)["kerberos.as"] == ("fail", "no-result")
    assert [b.failure for b in bodies(tmp_path, AttemptEnded)] == ["what it saw never arrived"]


@pytest.mark.parametrize("end", [RuntimeError("the loop is gone"), asyncio.CancelledError()])
async def test_an_action_whose_end_nobody_saw_has_ended(tmp_path: Path, end: BaseException) -> None:
    script = Script()
    script.guests["app01"] = Guest(B1, "vmware", booted_ns=100 * S)
    async with walking(tmp_path / "session", script) as walk:
        walk.connect("app01")
        await walk.session.start_step("time", "app01")

        def lost(_host: str, _command: Command) -> Raw:
            raise end

        walk.probes.on_act = lost
        with pytest.raises(type(end)):
            await walk.session.run_action("time", "app01", "fix")
        await walk.recorder.settle()
        assert not walk.recorder.state.intents
        assert not [m for m in walk.session.step("time", "app01").live.missing if m.what == "action"]
        walk.probes.on_act = lambda _host, command: Raw(command.argv, 0, "")
        assert await walk.session.run_action("time", "app01", "fix") is None
    assert [b.failure for b in bodies(tmp_path, ActionEnded)] == [NOT_KNOWN, None]
    causes = [b.cause for b in bodies(tmp_path, Disturbed) if b.kind == "action"]
    assert causes == ["action fix", "action fix ended"] * 2
    assert audited(tmp_path) == []
    async with resuming(tmp_path / "session", script) as walk:
        assert not walk.recorder.state.intents


# A full disk


async def test_after_a_full_disk_memory_holds_what_the_tape_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script()
    script.guests["app01"] = Guest(B1, "vmware", booted_ns=100 * S, chrony=True)
    async with walking(tmp_path / "session", script) as walk:
        walk.connect("app01")
        await walk.pass_time(20)
        await walk.recorder.seal()
        tape, log = walk.recorder.tapes["app01"], walk.recorder.logs.of("app01")
        kept = tape.lines
        with monkeypatch.context() as disk:

            def full(_file: AppendFile, _data: bytes) -> None:
                raise RecordError("the disk is full")

            disk.setattr(AppendFile, "append", full)
            for _ in range(3):
                walk.sample("app01")
            walk.look("app01")
            with pytest.raises(RecordError):
                await walk.recorder.seal()
        await walk.recorder.recover()
        assert max(log.samples.lines) <= kept
        assert max(log.observation_lines) <= kept
        walk.sample("app01")
        await walk.recorder.seal()
        on_tape = read_tape(tape.path, [])
        assert [line for line, _ in on_tape.gaps if line > kept] == [kept + 1]
        assert [line for line in log.samples.lines if line > kept] == [kept + 2]
        assert [line for line, _ in on_tape.samples if line > kept] == [kept + 2]
    assert audited(tmp_path) == []
