"""A reading by two people end to end: session, journal, `verify`, forged readings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cutover_tui.engine.loopback import Loopback
from cutover_tui.engine.port import Refused
from tests.unit.forgery import Forgery
from tests.unit.honest_guest import Guest, Server
from tests.unit.honest_session import B1, S, Script, Walk, resuming, walking
from tests.unit.test_audit import verified
from tests.unit.test_report import report_of


@asynccontextmanager
async def segmented(path: Path) -> AsyncIterator[Walk]:
    """The jump host reaches the controller and no independent reference."""
    script = Script()
    script.servers = (Server("dc1"),)
    async with walking(path, script) as walk:
        script.guests["app01"] = Guest(B1, "vmware", booted_ns=100 * S)
        walk.lose("app02", "192.0.2.11: no route to host")
        walk.connect("app01")
        await walk.pass_time(40)
        assert await walk.session.start_step("base", "app01") is None
        yield walk


async def read(walk: Walk, off_s: int = 0, first: str = "ana", second: str = "raj") -> Refused | None:
    return await Loopback(walk.session).read_clock(first, second, walk.session.now().utc_ns + off_s * S)


async def decided(path: Path) -> None:
    async with segmented(path) as walk:
        assert (await walk.done("base", "app01")).outcome == "refused"
        assert await read(walk, off_s=1) is None
        await walk.pass_time(3)
        opened = await walk.done("base", "app01")
        assert opened.outcome == "open", opened.missing
        (finding,) = opened.findings
        assert (finding.verdict, finding.reason_code) == ("pass", "coarse")
        assert "a clock read by ana + raj" in finding.reason


async def test_a_reading_opens_the_gate_and_the_audit_derives_it_from_the_journal(tmp_path: Path) -> None:
    await decided(tmp_path / "s")
    result = verified(tmp_path / "s")
    assert (result.answer, result.remarks) == ("follows", [])
    assert any("ana and raj read a clock they trust" in row[3] for row in report_of(tmp_path / "s").timeline)


async def test_it_does_not_outlast_ten_minutes(tmp_path: Path) -> None:
    async with segmented(tmp_path / "s") as walk:
        assert await read(walk) is None
        await walk.pass_time(595)
        assert (await walk.done("base", "app01")).outcome == "open"
    async with segmented(tmp_path / "t") as walk:
        assert await read(walk) is None
        await walk.pass_time(620)
        assert (await walk.done("base", "app01")).outcome == "refused"


async def test_a_resumed_session_knows_it(tmp_path: Path) -> None:
    await decided(tmp_path / "s")
    script = Script()
    async with resuming(tmp_path / "s", script) as again:
        assert [(r.first, r.second) for r in again.recorder.state.read] == [("ana", "raj")]


@pytest.mark.parametrize(("first", "second"), [("ana", "Ana"), ("ana", ""), ("", "raj")])
async def test_one_person_is_refused(tmp_path: Path, first: str, second: str) -> None:
    async with segmented(tmp_path / "s") as walk:
        refused = await read(walk, first=first, second=second)
        assert isinstance(refused, Refused)
        assert walk.recorder.state.read == []


def another_time(forgery: Forgery) -> None:
    forgery.bodies("clock-read")[0]["utc_ns"] += 60 * S


def one_person(forgery: Forgery) -> None:
    forgery.bodies("clock-read")[0]["second"] = "ana"


def nobody(forgery: Forgery) -> None:
    forgery.drop_body(forgery.bodies("clock-read")[0])


@pytest.mark.parametrize("attack", [another_time, one_person, nobody])
async def test_a_forged_reading_does_not_follow(tmp_path: Path, attack: Callable[[Forgery], None]) -> None:
    await decided(tmp_path / "s")
    forgery = Forgery(tmp_path / "s")
    attack(forgery)
    forgery.publish()
    assert verified(tmp_path / "s").answer == "does-not-follow"
