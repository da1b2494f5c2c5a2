"""Between the two loops: bounded, in order, the oldest samples first to go, and one bad message harms no other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from cutover_tui.engine.messages import (
    TOO_FAST,
    Broken,
    Crossing,
    Gapped,
    LinkChanged,
    Message,
    Sampled,
    SecretAsked,
    Seen,
)
from cutover_tui.record.events import Defect, LinkLost, LinkUp
from cutover_tui.record.tape import read_tape
from probes.observation import JUMP, FailureKind, Sample
from tests.unit import evidence_builders as build
from tests.unit.honest_guest import Guest
from tests.unit.honest_session import B1, S, Script, walking
from tests.unit.test_proving import bodies


def sampled(at_ns: int, host: str = "app01") -> Sampled:
    return Sampled(host, Sample(at_ns, 1000, 0))


def seen(at_s: int, host: str = "app01") -> Seen:
    observed = build.observed("services", at_s, build.services("chronyd"), host=host)
    return Seen(msgspec.structs.replace(observed, id=f"{host}/{at_s}"))


async def crossed(limit: int, *put: Message) -> tuple[list[Message], int]:
    taken: list[tuple[list[Message], int]] = []
    crossing = Crossing(asyncio.get_running_loop(), lambda m, n: taken.append((m, n)), limit)
    for message in put:
        crossing.put(message)
    crossing.close()
    (only,) = taken
    return only


async def test_the_order_is_that_of_putting() -> None:
    put = [sampled(1), seen(1), sampled(2), Gapped("app01", 2, 3, "x"), seen(2), sampled(4)]
    assert await crossed(10, *put) == (put, 0)


async def test_the_oldest_samples_give_way_and_leave_a_gap_of_their_host() -> None:
    messages, thrown = await crossed(2, *(sampled(n) for n in range(4)), sampled(9, "app02"))
    assert thrown == 3
    assert messages == [Gapped("app01", 0, 2, TOO_FAST), sampled(3), sampled(9, "app02")]


async def test_samples_give_way_to_what_was_seen() -> None:
    messages, _ = await crossed(2, sampled(1), sampled(2), seen(1), seen(2))
    assert messages == [Gapped("app01", 1, 2, TOO_FAST), seen(1), seen(2)]


async def test_what_was_seen_is_bounded_too_and_its_host_is_then_lost() -> None:
    messages, thrown = await crossed(2, *(seen(n) for n in range(1000)), Gapped("app02", 5, 6, "missed"))
    assert thrown == 999
    assert messages[:3] == [Gapped("app02", 5, 6, "missed"), seen(0), seen(1)]
    (lost,) = messages[3:]
    assert isinstance(lost, LinkChanged)
    assert lost.failure is not None
    assert (lost.host, lost.failure.kind, lost.failure.detail) == ("app01", FailureKind.LOST, TOO_FAST)


async def test_the_jump_host_has_no_link_to_lose() -> None:
    messages, _ = await crossed(1, seen(1), seen(2, JUMP), seen(3, JUMP))
    assert messages == [Gapped(JUMP, 2 * S, 3 * S, TOO_FAST), seen(1)]


async def test_what_a_person_waits_for_is_always_kept() -> None:
    asked = [SecretAsked(str(n), "ops", "Password:", False) for n in range(3)]
    messages, _ = await crossed(1, seen(1), *asked, Broken("x", "y"))
    assert messages == [seen(1), *asked, Broken("x", "y")]


# Taking


async def test_one_bad_message_loses_none_behind_it(tmp_path: Path) -> None:
    script = Script()
    script.guests["app01"] = Guest(B1, "vmware", booted_ns=100 * S)
    async with walking(tmp_path / "session", script) as walk:
        walk.connect("app01")
        before = len(walk.recorder.logs.of("app01").samples)
        crossing = Crossing(asyncio.get_running_loop(), walk.intake.take)
        for message in (sampled(1, "ghost"), sampled(script.ns), sampled(script.ns + 1)):
            crossing.put(message)
        crossing.close()
        assert len(walk.recorder.logs.of("app01").samples) == before + 2
        assert walk.session.view().notices == (
            "a defect of this program in taking what the watch of ghost sent: KeyError: 'ghost'",
        )
    assert [b.detail for b in bodies(tmp_path, Defect)] == ["KeyError: 'ghost'"]


async def test_what_was_thrown_away_is_on_the_tape_of_its_host_and_on_the_screen(tmp_path: Path) -> None:
    script = Script()
    script.guests["app01"] = Guest(B1, "vmware", booted_ns=100 * S)
    async with walking(tmp_path / "session", script) as walk:
        walk.connect("app01")
        crossing = Crossing(asyncio.get_running_loop(), walk.intake.take, 2)
        for n in range(4):
            crossing.put(sampled(script.ns + n))
        crossing.close()
        await walk.recorder.seal()
        tape = read_tape(walk.recorder.tapes["app01"].path, [])
        assert [gap.why for _, gap in tape.gaps] == [TOO_FAST]
        assert [n for n in walk.session.view().notices if TOO_FAST in n]


async def test_a_link_that_was_only_declared_lost_is_up_when_more_is_seen(tmp_path: Path) -> None:
    script = Script()
    script.guests["app01"] = Guest(B1, "vmware", booted_ns=100 * S)
    async with walking(tmp_path / "session", script) as walk:
        walk.connect("app01")
        walk.lose("app01", TOO_FAST)
        await walk.recorder.settle()
        assert not walk.recorder.state.links["app01"].up
        walk.up.add("app01")
        walk.look("app01")
        await walk.recorder.settle()
        assert walk.recorder.state.links["app01"].up
        walk.lose("app01", "the connection broke")
        walk.up.add("app01")
        walk.look("app01")
        await walk.recorder.settle()
        assert not walk.recorder.state.links["app01"].up, "a link that broke comes up when it is connected"
    assert len(bodies(tmp_path, LinkUp)) == 2
    assert [b.detail for b in bodies(tmp_path, LinkLost)] == [TOO_FAST, "the connection broke"]
