"""What a session does by itself goes on when a part of it breaks, says so, and all is closed at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from cutover_tui.core.loading import load_text
from cutover_tui.engine import housekeeping, opening
from cutover_tui.engine.ground import Ground
from cutover_tui.engine.opening import Operator
from cutover_tui.engine.session import Session
from cutover_tui.record.events import Defect, SessionClosed, VerdictChanged
from cutover_tui.record.files import RecordError
from cutover_tui.record.writer import Writer
from tests.unit.honest_session import RUNBOOK, Script, Scripted, directory_at
from tests.unit.test_proving import bodies


class Probes(Scripted):
    """Started and stopped as told."""

    stopped = False
    start_error: BaseException | None = None
    stop_error: BaseException | None = None

    async def start(self) -> None:
        if self.start_error is not None:
            raise self.start_error

    async def stop(self) -> None:
        self.stopped = True
        if self.stop_error is not None:
            raise self.stop_error


class Room:
    """The ground of one session: scripted clock and probes, a real writer that is looked at afterwards."""

    def __init__(self, path: Path) -> None:
        self.path, self.script = path, Script()
        self.probes, self.writers = Probes(self.script), list[Writer]()
        self.ground = Ground(self, lambda _book, _anchor, _emit: self.probes, self.writer)  # type: ignore[arg-type]

    @property
    def now(self) -> Callable[[], object]:
        return self.script.now

    def writer(self) -> Writer:
        self.writers.append(Writer())
        return self.writers[-1]

    def opened(self):  # type: ignore[no-untyped-def]  # what `asynccontextmanager` makes of it
        book = load_text(RUNBOOK, "x.yaml")
        directory = directory_at(self.path / "session")
        return opening.started_on(book, directory, Operator("ana", "jump01"), self.ground, lambda _p: "")

    @property
    def closed(self) -> bool:
        return not any(w._thread.is_alive() for w in self.writers)


async def until(session: Session, happens: Callable[[], object]) -> None:
    changed = asyncio.Event()
    stop = session.subscribe(changed.set)
    async with asyncio.timeout(20):
        while not happens():
            await changed.wait()
            changed.clear()
    stop()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "ASSESS_EVERY_S", 0.02)
    monkeypatch.setattr(housekeeping, "SEAL_EVERY_S", 0.02)
    monkeypatch.setattr("cutover_tui.engine.kept.FIRST_NS", 1_000_000)


async def test_a_step_that_cannot_be_judged_is_told_and_the_others_are_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = housekeeping.decide

    def broken(question):  # type: ignore[no-untyped-def]  # as the gate's
        if question.step.id == "base":
            raise AssertionError("boom")
        return decide(question)

    monkeypatch.setattr(housekeeping, "decide", broken)
    room = Room(tmp_path)
    async with room.opened() as session:
        await session.start_step("base", "app01")
        await session.start_step("time", "app01")
        await until(session, lambda: session.recorder.state.verdicts)
        await until(session, lambda: session.view().notices)
        assert session.view().notices == (
            "a defect of this program in judging base on app01: AssertionError: boom",
        )
    assert {b.step for b in bodies(tmp_path, VerdictChanged)} == {"time"}
    assert room.closed


async def test_a_step_in_which_nothing_changes_is_judged_every_third_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide, looks = housekeeping.decide, list[str]()

    def restless(question):  # type: ignore[no-untyped-def]  # as the gate's
        looks.append(question.step.id)
        decision = decide(question)
        if question.step.id == "base":
            return decision
        other = tuple(replace(f, reason_code=f"other-{len(looks)}") for f in decision.findings)
        return replace(decision, findings=other)

    monkeypatch.setattr(housekeeping, "decide", restless)
    async with Room(tmp_path).opened() as session:
        await session.start_step("base", "app01")
        await session.start_step("time", "app01")
        await until(session, lambda: looks.count("time") > 40)
    at = [n for n, step in enumerate(looks) if step == "base"]
    between = [looks[one:other].count("time") for one, other in pairwise(at)]
    assert between[0] == 1  # as every other step, while its verdicts are new
    assert set(between[8:]) == {3}


async def test_what_seals_is_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room, fails = Room(tmp_path), [True, True]
    async with room.opened() as session:
        seal = session.recorder.seal

        async def broken():  # type: ignore[no-untyped-def]  # as the recorder's
            if fails:
                fails.pop()
                raise KeyError("tape")
            return await seal()

        monkeypatch.setattr(type(session.recorder), "seal", lambda _self: broken())
        await until(session, lambda: session.recorder.state.seals)
        assert not fails
    assert [(b.part, b.detail) for b in bodies(tmp_path, Defect)] == [("what seals", "KeyError: 'tape'")]


async def test_whatever_breaks_at_the_end_the_record_is_closed_in_order(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.probes.stop_error = MemoryError()
    with pytest.raises(MemoryError):
        async with room.opened():
            pass
    assert room.closed
    assert len(bodies(tmp_path, SessionClosed)) == 1


async def test_probes_that_do_not_start_leave_nothing_open(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.probes.start_error = RecordError("no thread")
    with pytest.raises(RecordError):
        async with room.opened():
            pass
    assert room.probes.stopped
    assert room.closed
