"""Marking done reads the guests again: by a turn that began after the key press, before it is anybody's turn to decide."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cutover_tui.core.finding import Decision
from cutover_tui.engine import turns
from cutover_tui.engine.messages import Seen
from cutover_tui.record.events import Decided
from probes.observation import Failure, FailureKind, Instant, Raw
from tests.unit.forgery import Forgery
from tests.unit.honest_guest import Guest
from tests.unit.honest_session import B1, RUNBOOK, S, Script, Walk, _observation, walking
from tests.unit.test_proving import audited, bodies

BOOK = (
    RUNBOOK.partition("phases:")[0]
    + """\
phases:
  - id: all
    title: All
    steps:
      - {id: ours, title: Our own clock, gate: [{check: time.jump-host}]}
      - {id: time, title: Time, gate: [{check: time.provider}]}
"""
)
GUESTS = ("app01", "app02")


async def healthy(walk: Walk) -> None:
    """Everything measured on both guests, and both steps under way."""
    for host in GUESTS:
        walk.script.guests[host] = Guest(B1, "vmware", booted_ns=100 * S, chrony=True)
        walk.connect(host)
    await walk.pass_time(60)
    for host in GUESTS:
        await walk.session.start_step("ours", host)
        await walk.session.start_step("time", host)


def saw(walk: Walk, host: str, began: Instant, failure: Failure | None = None) -> None:
    """A turn of its readers that began then comes to its end."""
    now = walk.script.now()
    read = walk.script.guests[host].read(now.boottime_ns, walk.script.utc_ns(now.boottime_ns))
    reader, raws = next((r, raws) for r, raws in read if r.name == "boot")
    if failure is not None:
        raws = tuple(Raw(raw.argv, None, "", failure=failure) for raw in raws)
    identity = walk.recorder.machines[host].identity
    seen = _observation(host, reader, raws, reader.parse(raws), identity, began, now)
    walk.intake.take([Seen(seen)], 0)


def lacks(decision: Decision) -> list[tuple[str, str]]:
    return [(m.what, m.reason) for m in decision.missing]


async def test_a_turn_that_began_before_the_key_press_does_not_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "FRESH_TIMEOUT_S", 0.05)
    async with walking(tmp_path / "session", Script(), BOOK) as walk:
        await healthy(walk)
        under_way = walk.script.now()
        walk.probes.on_look = lambda host: saw(walk, host, under_way)
        decision = await walk.done("time", "app01")
        assert lacks(decision) == [
            ("fresh", "app01 was not read again after you asked: it did not answer in time.")
        ]
        walk.probes.on_look = walk.look
        assert (await walk.done("time", "app01")).outcome == "open"
    assert audited(tmp_path) == []


async def test_a_reading_that_failed_is_no_reading(tmp_path: Path) -> None:
    async with walking(tmp_path / "session", Script(), BOOK) as walk:
        await healthy(walk)
        failure = Failure(FailureKind.TIMEOUT, "no answer within 10 s")
        walk.probes.on_look = lambda host: saw(walk, host, walk.script.now(), failure)
        async with asyncio.timeout(10):  # it does not wait for more either
            decision = await walk.done("time", "app01")
        assert lacks(decision) == [
            ("fresh", "app01 was not read again after you asked: no answer within 10 s.")
        ]
    assert audited(tmp_path) == []


async def test_a_guest_that_is_not_connected_has_not_been_read_again(tmp_path: Path) -> None:
    async with walking(tmp_path / "session", Script(), BOOK) as walk:
        await healthy(walk)
        walk.lose("app01", "the connection broke")
        await walk.recorder.settle()
        decision = await walk.done("time", "app01")
        assert lacks(decision) == [
            ("fresh", "app01 was not read again after you asked: it is not connected (the connection broke).")
        ]
        assert (await walk.done("ours", "app01")).outcome == "open", "nothing of it is about the guest"
        assert (await walk.done("time", "app02")).outcome == "open"
    assert audited(tmp_path) == []


async def test_a_guest_that_does_not_answer_delays_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with walking(tmp_path / "session", Script(), BOOK) as walk:
        await healthy(walk)
        monkeypatch.setattr(turns, "FRESH_TIMEOUT_S", 600.0)
        walk.probes.on_look = lambda host: None if host == "app01" else walk.look(host)
        slow = asyncio.create_task(walk.session.mark_done("time", "app01"))
        await asyncio.sleep(0)
        async with asyncio.timeout(20):
            assert (await walk.done("time", "app02")).outcome == "open"
        assert not slow.done()
        walk.look("app01")
        assert (await slow).outcome == "open"  # type: ignore[union-attr]  # a decision


async def test_of_two_who_press_at_once_one_is_told_that_it_is_done(tmp_path: Path) -> None:
    async with walking(tmp_path / "session", Script(), BOOK) as walk:
        await healthy(walk)
        answers = await asyncio.gather(*(walk.session.mark_done("time", "app01") for _ in range(2)))
        assert sorted(type(a).__name__ for a in answers) == ["Decision", "Refused"]
    assert audited(tmp_path) == []


async def test_a_decision_that_names_no_key_press_is_called_out(tmp_path: Path) -> None:
    async with walking(tmp_path / "session", Script(), BOOK) as walk:
        await healthy(walk)
        assert (await walk.done("time", "app01")).outcome == "open"
    assert [b.asked is not None for b in bodies(tmp_path, Decided)] == [True]
    assert audited(tmp_path) == []
    forgery = Forgery(tmp_path / "session")
    (decided,) = forgery.bodies("decided")
    decided["asked"] = None
    forgery.publish()
    assert audited(tmp_path) == ["decided without reading the guests again after somebody asked"]
