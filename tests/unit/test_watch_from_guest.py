"""Who is asked by a guest, and when: only what the jump host does not reach, once a minute."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field

import pytest

from cutover_tui.core.runbook import Change, Domain, Host, Phase, PlatformSpec, Runbook, Step, Window
from cutover_tui.engine.assembly import Outside, watches_over
from cutover_tui.engine.messages import Message, Seen
from cutover_tui.engine.readers import parsers
from cutover_tui.engine.watches.reached import SILENT, Reached
from cutover_tui.engine.watches.watch_from_guest import INTERVAL_NS, GuestReferences
from cutover_tui.engine.watches.watch_kdc_from_guest import GuestKdcs
from cutover_tui.lab.doors.virtual_loop import SECOND, VirtualLoop, run
from probes.clocks import ntp_guest
from probes.observation import Identity, Instant, Raw
from probes.reader import Command

NOBODY = "bash: line 1: nosuch: Name or service not known"


@dataclass
class Clock:
    """The virtual loop's time."""

    loop: VirtualLoop

    def now(self) -> Instant:
        return Instant("b", self.loop.now_ns, self.loop.now_ns)

    def mono_ns(self) -> int:
        return self.loop.now_ns

    async def sleep_until(self, mono_ns: int) -> None:
        await asyncio.sleep((mono_ns - self.loop.now_ns) / SECOND)


@dataclass
class Asked:
    """A guest that keeps who it was asked for, by which program."""

    bash: bool = True
    programs: list[tuple[str, str]] = field(default_factory=list)
    elevated: int = 0

    async def run(self, commands: Sequence[Command]) -> tuple[Raw, ...]:
        (command,) = commands
        self.elevated += command.elevate
        name = command.argv[0].rpartition("/")[2]
        self.programs.append((name, command.argv[4] if name == "bash" else command.argv[4].split()[1]))
        absent = name == "bash" and not self.bash
        return (Raw(command.argv, 127 if absent else 1, "", NOBODY),)


def play(scene: Callable[[VirtualLoop], Coroutine[None, None, None]]) -> None:
    run(scene)


def watch(loop: VirtualLoop, guest: Asked, reached: Reached, seen: list[Message]) -> GuestReferences:
    return GuestReferences(
        "app01", guest, lambda: ["dc1", "ntp1:1123"], reached.silent, Clock(loop), seen.append
    )


async def for_(loop: VirtualLoop, ns: int, watching: GuestReferences) -> None:
    task = asyncio.ensure_future(watching.run(Identity))
    await asyncio.sleep(ns / SECOND)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_only_what_is_silent_to_the_jump_host_and_once_a_minute() -> None:
    async def scene(loop: VirtualLoop) -> None:
        reached, guest, seen = Reached(), Asked(), list[Message]()
        for _ in range(SILENT):
            reached.missed("dc1")
        for _ in range(SILENT - 1):
            reached.missed("ntp1:1123")
        await for_(loop, 2 * INTERVAL_NS + SECOND, watch(loop, guest, reached, seen))
        assert guest.programs == [("bash", "dc1")] * 3
        assert guest.elevated == 0
        reached.answered("dc1")
        await for_(loop, 2 * INTERVAL_NS, watch(loop, guest, reached, seen))
        assert len(guest.programs) == 3
        observations = [m.observation for m in seen if isinstance(m, Seen)]
        assert {(o.reader, o.host, o.vantage) for o in observations} == {("ntp-guest", "app01", "guest")}
        assert len({o.id for o in observations}) == 3

    play(scene)


def test_a_guest_without_bash_is_asked_by_chronyd_from_then_on() -> None:
    async def scene(loop: VirtualLoop) -> None:
        reached, guest = Reached(), Asked(bash=False)
        for _ in range(SILENT):
            reached.missed("dc1")
        await for_(loop, INTERVAL_NS + SECOND, watch(loop, guest, reached, []))
        assert guest.programs == [("bash", "dc1"), ("chronyd", "dc1"), ("chronyd", "dc1")]

    play(scene)


def test_to_look_again_asks_again() -> None:
    async def scene(loop: VirtualLoop) -> None:
        reached, guest = Reached(), Asked()
        for _ in range(SILENT):
            reached.missed("dc1")
        watching = watch(loop, guest, reached, [])
        loop.call_later(10, watching.look)
        await for_(loop, 20 * SECOND, watching)
        assert guest.programs == [("bash", "dc1")] * 2

    play(scene)


def book(*hosts: Host) -> Runbook:
    step = Step(id="s", title="S")
    return Runbook(
        schema=1,
        change=Change(
            id="C", title="t", window=Window(start="2026-11-22T20:00:00Z", end="2026-11-22T21:00:00Z")
        ),
        source=PlatformSpec(platform="vmware"),
        target=PlatformSpec(platform="ahv"),
        hosts=hosts,
        phases=(Phase(id="p", title="P", steps=(step,)),),
        domain=Domain(realm="CORP.EXAMPLE", controllers=("dc1",), references=("ntp1",)),
    )


@pytest.mark.parametrize(
    ("vantages", "jump", "guests"),
    [
        ((("jump", "guest"),), 2, [True]),
        ((("jump",),), 2, [False]),
        ((("guest",),), 0, [True]),
        ((("guest",), ("jump",)), 2, [True, False]),
    ],
)
def test_vantage_says_who_may_ask(
    vantages: tuple[tuple[str, ...], ...], jump: int, guests: list[bool]
) -> None:
    async def scene(loop: VirtualLoop) -> None:
        hosts = [Host(name=f"h{n}", address=f"h{n}", vantage=v) for n, v in enumerate(vantages)]
        clock = Clock(loop)
        outside = Outside(lambda _host: Asked(), None, lambda _host: None)
        made = watches_over(book(*hosts), clock, clock.now(), lambda _m: None, outside)
        assert len(made._references) == jump
        assert len(made._kdcs) == jump // 2, "a controller that is listed has a KDC"
        asks = [w.asks for w in made._guests.values()]
        assert [[type(a) for a in found] for found in asks] == [
            [GuestReferences, GuestKdcs] if may else [] for may in guests
        ]
        for host, found in zip(hosts, asks, strict=True):
            for ask in found:
                assert ask.needed("dc1") is ("jump" not in host.vantage), "nobody was silent yet"
            assert [tuple(ask.servers()) for ask in found] == [("dc1", "ntp1"), ("dc1",)][: len(found)]

    play(scene)


def test_the_reader_is_known_to_the_audit() -> None:
    assert parsers()[ntp_guest.READER.name, ntp_guest.READER.version] is ntp_guest.parse
