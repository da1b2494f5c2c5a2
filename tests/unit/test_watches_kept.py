"""A defect met by one watch stops no other, is told, and is begun again; the end of the thread shows everywhere."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

import pytest

from cutover_tui.engine.internal import words_of
from cutover_tui.engine.kept import FIRST_NS, LONGEST_NS, kept
from cutover_tui.engine.messages import Broken, LinkChanged, Message, Seen
from cutover_tui.engine.secrets import Secrets
from cutover_tui.engine.watches.probe_loop import ProbeLoop, Watches
from cutover_tui.engine.watches.reached import Reached
from cutover_tui.engine.watches.watch_guest import GuestWatch
from cutover_tui.engine.watches.watch_reference import ReferenceWatch
from cutover_tui.lab.doors.virtual_loop import SECOND, VirtualLoop, run
from probes.linux import KEYTAB
from probes.net import SystemClock
from probes.observation import Failure, FailureKind, Instant, Raw
from probes.reader import Command
from probes.seam import LinkError
from tests.unit.test_watch_from_guest import Clock


@dataclass
class Watch:
    """Runs for `lasts_s`, then raises; for ever without an error."""

    host: str
    error: BaseException | None = None
    lasts_s: float = 1.0
    begun: list[float] = field(default_factory=list)
    stops: list[Failure] = field(default_factory=list)

    @property
    def server(self) -> str:
        return self.host

    async def run(self) -> None:
        self.begun.append(asyncio.get_running_loop().time())
        if self.error is None:
            await asyncio.Event().wait()
        await asyncio.sleep(self.lasts_s)
        if self.error is not None:
            raise self.error

    def stopped(self, failure: Failure) -> None:
        self.stops.append(failure)

    async def act(self, command: Command) -> Raw:
        if command.argv == ("broken",):
            raise ArithmeticError("divided \x1b[31mby zero")
        await asyncio.Event().wait()
        return Raw(command.argv, 0, "")


def waits(begun: list[float], lasts_s: float) -> list[int]:
    return [round(b - a - lasts_s) for a, b in itertools.pairwise(begun)]


def test_one_that_breaks_is_told_and_begun_again_and_stops_nobody_else() -> None:
    async def scene(loop: VirtualLoop) -> None:
        told: list[Message] = []
        good, bad = Watch("app01"), Watch("ntp1", ValueError("\x1b]0;a parser's\nsurprise"))
        watches = Watches([good], [bad], clock=Clock(loop), emit=told.append)  # type: ignore[list-item]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(300):
                await watches.run()
        assert len(good.begun) == 1
        assert waits(bad.begun, 1) == [2, 4, 8, 16, 32, 60, 60, 60]
        said = "ValueError: \ufffd]0;a parser's surprise"
        assert told[0] == Broken("the watch of the reference ntp1", said)
        assert bad.stops[0] == Failure(FailureKind.LOST, f"internal error: {said}")
        assert (len(bad.stops), good.stops) == (len(bad.begun) - (bad.begun[-1] > 299), [])

    run(scene)


def test_who_lasted_longer_than_the_longest_wait_begins_at_the_shortest() -> None:
    async def scene(loop: VirtualLoop) -> None:
        clock, errors = Clock(loop), list[BaseException]()
        watch = Watch("x", OSError("gone"), lasts_s=LONGEST_NS / SECOND + 1)

        async def pause(wait_ns: int) -> None:
            await asyncio.sleep(wait_ns / SECOND)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(400):
                await kept(watch.run, errors.append, clock.mono_ns, pause)
        assert waits(watch.begun, watch.lasts_s) == [FIRST_NS // SECOND] * (len(watch.begun) - 1)
        assert len(errors) > 3

    run(scene)


@pytest.mark.parametrize("error", [None, asyncio.CancelledError()])
def test_one_that_returns_or_was_cancelled_from_inside_is_begun_again(error: BaseException | None) -> None:
    async def scene(loop: VirtualLoop) -> None:
        errors = list[BaseException]()

        async def ends() -> None:
            if error is not None:
                raise error

        async def pause(wait_ns: int) -> None:
            await asyncio.sleep(wait_ns / SECOND)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await kept(ends, errors.append, Clock(loop).mono_ns, pause)
        assert [type(e).__name__ for e in errors] == [
            "EndedByItself" if error is None else "CancelledError"
        ] * 3

    run(scene)


def test_of_a_group_the_first_error_is_named() -> None:
    assert words_of(ExceptionGroup("many", [ExceptionGroup("more", [KeyError("x")])])) == "KeyError: 'x'"


def test_a_guest_whose_watch_broke_is_shown_lost_and_its_readers_unread() -> None:
    async def scene(loop: VirtualLoop) -> None:
        told: list[Message] = []
        guest = GuestWatch("app01", None, (KEYTAB,), Clock(loop), Instant("b", 0, 0), told.append)  # type: ignore[arg-type]
        guest.stopped(Failure(FailureKind.LOST, "internal error: x"))
        link, seen = told
        assert isinstance(link, LinkChanged)
        assert link.failure == Failure(FailureKind.LOST, "internal error: x")
        assert isinstance(seen, Seen)
        assert (seen.observation.reader, seen.observation.facts) == ("keytab", None)

    run(scene)


def test_a_reference_whose_watch_broke_is_not_believed_any_longer() -> None:
    async def scene(loop: VirtualLoop) -> None:
        told: list[Message] = []
        reached = Reached()
        watch = ReferenceWatch("ntp1:124", "ntp1", 124, None, Clock(loop), told.append, reached)  # type: ignore[arg-type]
        watch.stopped(Failure(FailureKind.LOST, "internal error: x"))
        (seen,) = told
        assert isinstance(seen, Seen)
        assert seen.observation.raw[0].argv == ("ntp", "ntp1", "124"), (
            "by this a check knows whom it is about"
        )
        assert seen.observation.failure == Failure(FailureKind.LOST, "internal error: x")

    run(scene)


# The thread


def loop_over(make: Callable[[list[Message]], Watches]) -> tuple[ProbeLoop, list[Message]]:
    told: list[Message] = []
    return ProbeLoop(lambda: (make(told), Secrets(told.append))), told


class Ends(Watches):
    """Its end is the thread's."""

    async def run(self) -> None:
        await asyncio.sleep(0.05)
        raise MemoryError


async def test_when_the_thread_ends_every_host_is_lost_and_whoever_waits_is_told() -> None:
    hosts = [Watch("app01"), Watch("app02")]
    probes, told = loop_over(lambda told: Ends(hosts, [], clock=SystemClock(), emit=told.append))  # type: ignore[arg-type]
    await probes.start()
    with pytest.raises(LinkError, match="nothing is watched any more"):
        async with asyncio.timeout(10):
            await probes.act("app01", Command(("sleep", "1")))
    with pytest.raises(LinkError, match="nothing is watched any more"):
        await probes.act("app01", Command(("true",)))
    probes.look("app01")
    probes.retry("app01")
    with pytest.raises(MemoryError):
        await probes.stop()
    assert [m.detail for m in told if isinstance(m, Broken)] == ["MemoryError"]
    assert [f.detail for host in hosts for f in host.stops] == ["internal error: MemoryError"] * 2


async def test_a_defect_in_an_action_is_a_failure_of_it_and_ends_nothing() -> None:
    guest = Watch("app01")
    probes, told = loop_over(lambda told: Watches([guest], [], clock=SystemClock(), emit=told.append))  # type: ignore[list-item]
    await probes.start()
    with pytest.raises(LinkError, match="internal error: ArithmeticError: divided \ufffd\\[31mby zero"):
        await probes.act("app01", Command(("broken",)))
    assert [m.part for m in told if isinstance(m, Broken)] == ["an action on app01"]
    waiting: Coroutine[None, None, Raw] = probes.act("app01", Command(("true",)))
    task = asyncio.create_task(waiting)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await probes.stop()


async def test_stopping_what_never_began_is_nothing() -> None:
    probes, _ = loop_over(lambda told: Watches([], [], clock=SystemClock(), emit=told.append))
    await probes.stop()
