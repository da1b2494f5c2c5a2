"""Every rule of the audit is needed: a forgery that it alone sees, named in its words."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from cutover_tui import __version__
from cutover_tui.engine.readers import parsers
from cutover_tui.engine.recording.recorder import FORMAT
from cutover_tui.record.audit import Audit, audit
from cutover_tui.record.journal import read
from tests.unit.attacks_on_rules import AFTER_A_RESUME, ONE_RULE
from tests.unit.forgery import Attack, Forgery
from tests.unit.honest_session import S, resuming, tell


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("honest") / "session"
    asyncio.run(tell(path))
    return path


@pytest.fixture(scope="module")
def resumed(honest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same story, taken up again a minute later on the same jump host and watched for a while."""
    path = tmp_path_factory.mktemp("resumed") / "session"

    async def again() -> None:
        script = await tell(path)
        script.ns += 60 * S
        async with resuming(path, script) as walk:
            walk.connect("app01")
            await walk.pass_time(35)

    asyncio.run(again())
    return path


def verified(path: Path) -> Audit:
    journal = path / "journal.jsonl"
    return audit(read(journal, FORMAT.decode), journal, path / "tapes", parsers(), __version__)[0]


def forged(source: Path, tmp_path: Path, attack: Attack) -> Audit:
    copy = Path(shutil.copytree(source, tmp_path / "copy"))
    forgery = Forgery(copy)
    attack(forgery)
    forgery.publish()
    return verified(copy)


def by_one_rule(result: Audit, words: str) -> None:
    assert result.answer == "does-not-follow"
    assert result.remarks
    assert [r.what for r in result.remarks if words not in r.what] == []


@pytest.mark.parametrize(("attack", "words"), ONE_RULE, ids=lambda a: getattr(a, "__name__", None))
def test_one_rule_sees_it(attack: Attack, words: str, honest: Path, tmp_path: Path) -> None:
    by_one_rule(forged(honest, tmp_path, attack), words)


@pytest.mark.parametrize(("attack", "words"), AFTER_A_RESUME, ids=lambda a: getattr(a, "__name__", None))
def test_one_rule_sees_it_after_a_resume(attack: Attack, words: str, resumed: Path, tmp_path: Path) -> None:
    assert verified(resumed).remarks == []
    by_one_rule(forged(resumed, tmp_path, attack), words)
