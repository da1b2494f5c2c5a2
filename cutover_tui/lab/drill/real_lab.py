"""A world behind the real door, on a loop and thread of its own, so that what is played on it cannot slow it down."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from cutover_tui.engine.assembly import Surroundings
from cutover_tui.engine.internal import first_of
from cutover_tui.lab.doors.loopback import LOOPBACK, LoopbackNetwork, Served
from cutover_tui.lab.doors.real import RealDoor, TrueTime
from cutover_tui.lab.drill.runbooks import Access
from cutover_tui.lab.world.network import NTP
from cutover_tui.lab.world.world import World
from cutover_tui.lab.world_file.model import Trigger


class Script(Protocol):
    """What happens in a world by itself, and because of what the engineer does."""

    def happened(
        self,
        on: Trigger,
        now: int,
        *,
        id: str | None = None,  # noqa: A002 - the word of world files
        host: str | None = None,
        when: str = "done",
    ) -> None: ...
    def next_at(self) -> int | None: ...
    def advance(self, now: int) -> object: ...


Build = Callable[[int], tuple[World, Script]]
"""Makes a world and its script as they are at that true time."""


@dataclass(slots=True)
class Lab:
    """The world, what happens in it, and how it is reached from here."""

    world: World
    script: Script
    clock: TrueTime
    access: Access
    surroundings: Surroundings
    loop: asyncio.AbstractEventLoop

    def happened(self, on: str, name: str, host: str | None, when: str) -> None:
        """The engineer did something; from the session's thread."""
        trigger, now = msgspec.convert(on, Trigger), self.clock()
        self.loop.call_soon_threadsafe(
            lambda: self.script.happened(trigger, now, id=name, host=host, when=when)
        )


@contextlib.contextmanager
def open_lab(build: Build, keys: Path) -> Iterator[Lab]:
    """The world with its door open; the user's key and known_hosts are written into `keys`.

    Raises:
        OSError: nothing can be written there, or loopback refuses a port. CannotHappen: when it is left, an event
            asked for what this world cannot do.
    """
    opened: queue.SimpleQueue[tuple[Lab, asyncio.Event] | BaseException] = queue.SimpleQueue()

    async def serve() -> None:
        clock = TrueTime()
        world, script = build(clock())
        door = RealDoor(world, clock)
        key_path, hosts_path = door.write_access(keys)
        access = Access(
            {name: (LOOPBACK, door.ssh_port(name)) for name in world.guests},
            {name: _reached(door, name) for name in world.references},
            key_path,
        )
        served: Mapping[Served, int] = door.served()
        around = Surroundings(
            hosts_path, ssh_config=(), through=lambda network: LoopbackNetwork(network, served)
        )
        leave = asyncio.Event()
        async with door, asyncio.TaskGroup() as group:
            going = group.create_task(_going(script, clock))
            opened.put((Lab(world, script, clock, access, around, asyncio.get_running_loop()), leave))
            await leave.wait()
            going.cancel()

    def work() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            opened.put(first_of(error))

    thread = threading.Thread(target=work, name="lab", daemon=True)
    thread.start()
    got = opened.get()
    if isinstance(got, BaseException):
        raise got
    lab, leave = got
    try:
        yield lab
    finally:
        with contextlib.suppress(RuntimeError):  # the lab ended by itself: its error is in the queue
            lab.loop.call_soon_threadsafe(leave.set)
        thread.join()
    if not opened.empty() and isinstance(error := opened.get(), BaseException):
        raise error


def _reached(door: RealDoor, name: str) -> str:
    """A controller of a domain by its name, where its services are found; another reference by its port."""
    full = door.world.full_name(door.world.references[name])
    return full if (full, NTP, "udp") in door.served() else f"{LOOPBACK}:{door.ntp_port(name)}"


async def _going(script: Script, clock: Callable[[], int]) -> None:
    while True:
        script.advance(clock())
        await asyncio.sleep(0.05)
