"""A step that was done and fails later: whoever takes the word of it out of the journal is found out."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cutover_tui.engine.housekeeping import Housekeeping
from tests.unit.forgery import Forgery
from tests.unit.honest_session import Script, Walk, story, walking
from tests.unit.test_audit import verified

MINUTES = 8
LOOKS_EVERY_S = 10


async def _looked_after(walk: Walk, minutes: int) -> None:
    """Time passes as in a window: the session looks at what is done now and then."""
    keeping = Housekeeping(walk.session.runbook, walk.recorder, walk.script.now, lambda: None)
    step = walk.session.runbook.step("time")
    assert step is not None
    for _ in range(minutes * 60 // LOOKS_EVERY_S):
        await walk.pass_time(LOOKS_EVERY_S)
        keeping._assess(step, "app01", walk.recorder.state.status("time", "app01"))
        await walk.recorder.settle()
        await walk.recorder.seal()


async def _tell(path: Path) -> None:
    """The whole story, and then somebody takes chrony away."""
    script = Script()
    async with walking(path, script) as walk:
        await story(walk)
        await _looked_after(walk, 2)
        script.guests["app01"] = replace(script.guests["app01"], chrony=False)
        await _looked_after(walk, MINUTES)


@pytest.fixture(scope="module")
def regressed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("regressed") / "session"
    asyncio.run(_tell(path))
    return path


@pytest.fixture
def copy(regressed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(regressed, tmp_path / "copy"))


def test_the_honest_record_of_it_follows(regressed: Path) -> None:
    assert Forgery(regressed).bodies("regressed", step="time", host="app01")
    assert verified(regressed).remarks == []


def _the_regression(f: Forgery) -> None:
    f.drop([e for e in f.events if e["body"]["type"] == "regressed"])


def _and_every_verdict(f: Forgery) -> None:
    f.drop([e for e in f.events if e["body"]["type"] in ("regressed", "verdict-changed")])


@pytest.mark.parametrize("taken", [_the_regression, _and_every_verdict])
def test_a_regression_that_was_taken_out_is_missed(copy: Path, taken: Callable[[Forgery], None]) -> None:
    forgery = Forgery(copy)
    taken(forgery)
    forgery.publish(rederive=True)
    (first, *_) = verified(copy).remarks
    assert first.answer == "does-not-follow"
    assert "time on app01 was done and has failed since (time.provider on app01: " in first.what
    assert "the record of it is missing" in first.what


def test_a_check_of_another_version_accuses_nobody(copy: Path) -> None:
    forgery = Forgery(copy)
    _the_regression(forgery)
    forgery.bodies("session-started")[0]["tool"] = "9.9"
    for event in forgery.decisions("time", "open"):
        event["body"]["decision"]["rules"] = [[c, 99] for c, _ in event["body"]["decision"]["rules"]]
    forgery.publish()
    assert verified(copy).answer == "not-rederivable"
