"""Time that jumps: it never runs ahead of a thread, and it never waits for the wall."""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path

import pytest

from cutover_tui.lab.doors.virtual_loop import SECOND, Stuck, VirtualLoop, run
from cutover_tui.record.files import AppendFile
from cutover_tui.record.writer import Writer

HOUR = 3600


def test_time_jumps_to_the_next_timer_and_to_nothing_between() -> None:
    woken: list[tuple[str, int]] = []

    async def main(loop: VirtualLoop) -> tuple[int, int]:
        async def sleeper(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            woken.append((name, loop.now_ns))

        before = loop.jumps
        async with asyncio.TaskGroup() as group:
            group.create_task(sleeper("late", 72 * HOUR))
            group.create_task(sleeper("early", 1.5))
            group.create_task(sleeper("with early", 1.5))
        return loop.jumps - before, loop.turns

    jumps, turns = run(main)
    assert [name for name, _ in woken] == ["early", "with early", "late"]
    assert [round(at / SECOND, 6) for _, at in woken] == [1.5, 1.5, 72 * HOUR]
    assert jumps <= 2 + 72 // 24  # asyncio asks for no more than a day at a time
    assert turns < 20


def test_a_timeout_is_virtual() -> None:
    async def main(loop: VirtualLoop) -> int:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(900):
                await asyncio.Event().wait()
        return loop.now_ns

    assert 900 * SECOND <= run(main) < 900 * SECOND + 1000


def test_time_stands_still_while_a_thread_works() -> None:
    """The thread returns when it is let go, and a timer that was due before that has not fired."""
    let_go = threading.Event()
    seen: list[str] = []

    async def main(loop: VirtualLoop) -> int:
        async def watcher() -> None:
            await asyncio.sleep(0.001)
            seen.append("timer")

        def work() -> str:
            let_go.wait()
            seen.append("thread")
            return "done"

        timer = asyncio.create_task(watcher())
        threading.Timer(0.05, let_go.set).start()
        assert await asyncio.to_thread(work) == "done"
        at = loop.now_ns
        await timer
        return at

    assert run(main) == 0
    assert seen == ["thread", "timer"]


def test_time_stands_still_for_a_thread_nobody_waits_for_any_more() -> None:
    began, let_go = threading.Event(), threading.Event()
    ended: list[int] = []

    async def main(loop: VirtualLoop) -> None:
        def work() -> None:
            began.set()
            let_go.wait()
            ended.append(loop.now_ns)

        waiting = asyncio.ensure_future(asyncio.to_thread(work))
        await asyncio.sleep(0)
        began.wait()
        waiting.cancel()
        threading.Timer(0.05, let_go.set).start()
        await asyncio.sleep(10)
        assert waiting.cancelled()

    run(main)
    assert ended == [0]


def test_the_records_writer_takes_no_virtual_time(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> tuple[int, bytes]:
        writer = Writer()
        loop.hold(writer)
        file = await writer.call(lambda: AppendFile.create(tmp_path / "x"))
        for n in range(50):
            await writer.call(lambda n=n: file.append_durably(b"%d\n" % n))
        at = loop.now_ns
        await writer.call(file.close)
        await writer.aclose()
        return at, (tmp_path / "x").read_bytes()

    at, data = run(main)
    assert at == 0
    assert data == b"".join(b"%d\n" % n for n in range(50))


def test_what_threads_say_is_heard_when_the_loop_has_nothing_else_to_do() -> None:
    """So the order does not depend on how fast a thread was."""

    async def main(_loop: VirtualLoop) -> list[str]:
        order: list[str] = []
        thread = asyncio.ensure_future(asyncio.to_thread(order.append, "thread"))
        thread.add_done_callback(lambda _: order.append("heard"))
        for n in range(200):
            await asyncio.sleep(0)
            if n % 50 == 0:
                order.append("task")
        await asyncio.sleep(1)
        order.append("later")
        return [word for word in order if word != "thread"]

    assert run(main) == ["task"] * 4 + ["heard", "later"]


def test_waiting_for_what_cannot_happen_is_said() -> None:
    async def main(_loop: VirtualLoop) -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stuck, match="every task waits"):
        run(main)


def test_cancelling_cleans_up() -> None:
    closed: list[str] = []

    async def main(loop: VirtualLoop) -> int:
        async def forever() -> None:
            try:
                await asyncio.sleep(72 * HOUR)
            finally:
                await asyncio.sleep(2)
                closed.append("forever")

        task = asyncio.create_task(forever())
        await asyncio.sleep(10.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return loop.now_ns

    assert round(run(main) / SECOND, 6) == 12.5
    assert closed == ["forever"]


def test_there_are_no_real_sockets_in_it() -> None:
    async def main(loop: VirtualLoop) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as real:
            loop.add_reader(real, lambda: None)

    with pytest.raises(RuntimeError, match="no real sockets"):
        run(main)


def test_a_closed_loop_refuses_what_a_late_thread_says() -> None:
    loop = VirtualLoop()
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_soon_threadsafe(lambda: None)
