"""Each watch is kept by itself: a defect it meets is told, stops nobody else, and the watch begins again."""

from __future__ import annotations

from typing import Protocol

from cutover_tui.engine.internal import internal, words_of
from cutover_tui.engine.kept import kept
from cutover_tui.engine.messages import Broken, Emit
from probes.observation import Failure
from probes.seam import Clock


class Watch(Protocol):
    """Whatever looks for the life of the session."""

    async def run(self) -> None:
        """Until cancelled."""
        ...

    def stopped(self, failure: Failure) -> None:
        """Say that nothing is seen now, so that what was seen before does not go on to count."""
        ...


async def keep(name: str, watch: Watch, clock: Clock, emit: Emit) -> None:
    """Have it watch until this is cancelled, whatever happens to it."""

    def told(error: BaseException) -> None:
        emit(Broken(name, words_of(error)))
        say_stopped(name, watch, error, emit)

    async def pause(wait_ns: int) -> None:
        await clock.sleep_until(clock.mono_ns() + wait_ns)

    await kept(watch.run, told, clock.mono_ns, pause)


def say_stopped(name: str, watch: Watch, error: BaseException, emit: Emit) -> None:
    """Say that nothing is seen by it now, as far as that can be said."""
    try:
        watch.stopped(internal(error))
    except Exception as second:  # noqa: BLE001 - whoever failed once may fail in saying so; no other watch must
        emit(Broken(name, words_of(second)))
