"""Starting and resuming sessions: record, probe loop and session put together, and taken apart again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

from cutover_tui import __version__
from cutover_tui.core.checks.registry import versions
from cutover_tui.core.loading import Loaded, load_text
from cutover_tui.engine.assembly import Surroundings
from cutover_tui.engine.ground import Ground, jump_host
from cutover_tui.engine.messages import Crossing
from cutover_tui.engine.operator import Operator
from cutover_tui.engine.recording.intake import Intake
from cutover_tui.engine.recording.recorder import Recorder
from cutover_tui.engine.session import Session
from cutover_tui.engine.sessions import SessionDirectory
from cutover_tui.record.events import (
    ActionEnded,
    ActionIntended,
    AttemptEnded,
    Disturbed,
    Event,
    SessionResumed,
    SessionStarted,
)
from cutover_tui.record.files import RecordError
from cutover_tui.record.writer import Writer
from probes.observation import JUMP, Instant

__all__ = ["Operator", "begin", "ends_told", "resumed", "resumed_on", "started", "started_on", "take_up"]


@contextlib.asynccontextmanager
async def started(
    loaded: Loaded,
    directory: SessionDirectory,
    operator: Operator,
    around: Surroundings,
    exporter: Callable[[Path], str],
) -> AsyncIterator[Session]:
    """A new session over a runbook, its probes running.

    Raises:
        RecordError: the record cannot be written.
    """
    async with started_on(loaded, directory, operator, jump_host(around), exporter) as session:
        yield session


@contextlib.asynccontextmanager
async def started_on(
    loaded: Loaded,
    directory: SessionDirectory,
    operator: Operator,
    ground: Ground,
    exporter: Callable[[Path], str],
) -> AsyncIterator[Session]:
    """The same on other ground than this machine's.

    Raises:
        RecordError: the record cannot be written.
    """
    recorder, anchor = await begin(loaded, directory, operator, ground.clock.now, ground.writer)
    async with _running(loaded, recorder, ground, anchor, exporter) as session:
        yield session


@contextlib.asynccontextmanager
async def resumed(
    directory: SessionDirectory,
    operator: Operator,
    around: Surroundings,
    exporter: Callable[[Path], str],
) -> AsyncIterator[Session]:
    """A session taken up again. Unfinished actions are named, never repeated.

    Raises:
        RecordError: in use, damaged, or not readable.
        Contradiction: its events do not follow from one another.
        BadRunbook: this version cannot load the session's runbook.
    """
    async with resumed_on(directory, operator, jump_host(around), exporter) as session:
        yield session


@contextlib.asynccontextmanager
async def resumed_on(
    directory: SessionDirectory, operator: Operator, ground: Ground, exporter: Callable[[Path], str]
) -> AsyncIterator[Session]:
    """The same on other ground than this machine's.

    Raises:
        RecordError, Contradiction, BadRunbook: as `resumed`.
    """
    loaded, recorder, anchor = await take_up(directory, operator, ground.clock.now, ground.writer)
    async with _running(loaded, recorder, ground, anchor, exporter) as session:
        yield session


async def begin(
    loaded: Loaded,
    directory: SessionDirectory,
    operator: Operator,
    now: Callable[[], Instant],
    make_writer: Callable[[], Writer] = Writer,
) -> tuple[Recorder, Instant]:
    """A new record over a runbook, and the anchor of its timescale. Nothing probes yet.

    Raises:
        RecordError: the record cannot be written.
    """
    anchor = now()
    recorder = await Recorder.create(directory, now, operator.name, __version__, make_writer)
    try:
        await recorder.record(
            SessionStarted(
                session=directory.name,
                tool=__version__,
                runbook_name=loaded.name,
                runbook_sha256=loaded.digest,
                runbook_text=loaded.text.decode(),
                anchor=anchor,
                rules=versions(),
                operator=operator.name,
                jump_host=operator.jump_host,
                runbook_dir=str(loaded.beside or ""),
            )
        )
        await recorder.open_tapes(_names(loaded), anchor, [])
    except BaseException:
        await recorder.close()
        raise
    return recorder, anchor


async def take_up(
    directory: SessionDirectory,
    operator: Operator,
    now: Callable[[], Instant],
    make_writer: Callable[[], Writer] = Writer,
) -> tuple[Loaded, Recorder, Instant]:
    """The record of a session as it was left, its runbook, and the anchor that holds now.

    Raises:
        RecordError: in use, damaged, or not readable.
        Contradiction: its events do not follow from one another.
        BadRunbook: this version cannot load the session's runbook.
    """
    recorder, journal = await Recorder.reopen(directory, now, operator.name, __version__, make_writer)
    try:
        begun = recorder.state.started
        if begun is None or recorder.state.anchor is None:
            raise RecordError(f"{directory.journal}: the journal is empty, no session is in it")
        beside = Path(begun.runbook_dir) if begun.runbook_dir else None
        loaded = load_text(begun.runbook_text, begun.runbook_name, beside=beside)
        at = now()
        anchor = recorder.state.anchor if recorder.state.anchor.boot_id == at.boot_id else at
        await recorder.open_tapes(_names(loaded), anchor, journal.events)
        unfinished = [
            f"action {i.action} of {i.step} on {i.host} was begun and its end is not known"
            for i in recorder.state.intents.values()
        ]
        notice = "; ".join((*recorder.notices, *unfinished)) or None
        await recorder.record(SessionResumed(__version__, anchor, operator.name, notice))
        told = ends_told(journal.events)
        for seq, intent in tuple(recorder.state.intents.items()):
            if (
                intent.disturbs and seq not in told
            ):  # nobody saw when it ended: nothing from before now counts
                await recorder.record(
                    Disturbed(intent.host, intent.disturbs, "action", f"action {intent.action} ended", now())
                )
            await recorder.record(
                ActionEnded(
                    seq, None, "", "the program ended before the action did; look before running it again"
                )
            )
        for seq in recorder.state.under_way():
            await recorder.record(AttemptEnded(seq, None, "the program ended before the attempt did"))
        recorder.pay_owed()
        await recorder.settle()
        recorder.notices.extend(unfinished)
    except BaseException:
        await recorder.close()
        raise
    return loaded, recorder, anchor


@contextlib.asynccontextmanager
async def _running(
    loaded: Loaded,
    recorder: Recorder,
    ground: Ground,
    anchor: Instant,
    exporter: Callable[[Path], str],
) -> AsyncIterator[Session]:
    listeners: list[Callable[[], None]] = []

    def tell() -> None:
        for listener in listeners:
            listener()

    async with contextlib.AsyncExitStack() as stack:
        # Whatever fails from here on, and while it is all taken apart: everything opened is closed.
        stack.push_async_callback(recorder.close)
        intake = Intake(recorder, ground.clock.now, tell)
        crossing = Crossing(asyncio.get_running_loop(), intake.take)
        probes = ground.probes(loaded.runbook, anchor, crossing.put)
        session = Session(loaded, recorder, probes, intake, ground.clock.now, exporter)
        listeners.append(session.tell)
        stack.push_async_callback(session.close)
        stack.callback(crossing.close)
        stack.push_async_callback(probes.stop)
        await probes.start()
        stack.push_async_callback(_ended, asyncio.create_task(session.run(), name="session"))
        yield session


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def ends_told(events: Iterable[Event]) -> set[int]:
    """Intents whose end is on the record as a disturbance already: killed before its outcome followed."""
    under_way: dict[int, ActionIntended] = {}
    told: set[int] = set()
    for event in events:
        match event.body:
            case ActionIntended() as intent:
                under_way[event.seq] = intent
            case ActionEnded(intent=seq):
                under_way.pop(seq, None)
            case Disturbed(host=host, kind="action", cause=cause):
                for seq, intent in under_way.items():
                    if seq not in told and (intent.host, f"action {intent.action} ended") == (host, cause):
                        told.add(seq)
                        break
            case _:
                pass
    return told


def _names(loaded: Loaded) -> tuple[str, ...]:
    return (JUMP, *(h.name for h in loaded.runbook.hosts))
