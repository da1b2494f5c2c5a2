"""`verify` against people who edit the record and recompute every hash.

Each attack is either caught (`CAUGHT`: something no longer follows) or leads to another
chain head than the one on the ticket (`OTHER_HEAD`). Which of the two is the promise.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cutover_tui import __version__
from cutover_tui.engine.readers import parsers
from cutover_tui.engine.recording.recorder import FORMAT
from cutover_tui.record.audit import Audit, audit, match_head
from cutover_tui.record.files import Damaged
from cutover_tui.record.journal import read
from tests.unit.attacks import (
    CAUGHT,
    OTHER_HEAD,
    REDERIVED,
    add_a_note,
    drop_the_samples_that_were_off,
    say_another_tool_version,
)
from tests.unit.forgery import Attack, Forgery, Line
from tests.unit.honest_guest import moved
from tests.unit.honest_session import B3, Script, resuming, tell

S = 1_000_000_000


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("honest") / "session"
    asyncio.run(tell(path))
    return path


@pytest.fixture
def copy(honest: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(honest, tmp_path / "copy"))


def verified(path: Path, tool: str = __version__) -> Audit:
    journal = path / "journal.jsonl"
    return audit(read(journal, FORMAT.decode), journal, path / "tapes", parsers(), tool)[0]


def head(path: Path) -> str:
    return read(path / "journal.jsonl", FORMAT.decode).head


def test_an_honest_session_follows(honest: Path) -> None:
    result = verified(honest)
    assert result.remarks == []
    assert result.answer == "follows"
    assert (result.decisions, result.notices) == (7, [])
    assert result.observations > 200
    assert result.samples > 200


def test_republishing_without_an_edit_changes_nothing(copy: Path) -> None:
    before = head(copy)
    Forgery(copy).publish()
    assert head(copy) == before
    Forgery(copy).publish(rederive=True)
    assert head(copy) == before


@pytest.mark.parametrize("attack", CAUGHT, ids=lambda a: a.__name__)
def test_caught_though_every_hash_was_recomputed(attack: Attack, honest: Path, copy: Path) -> None:
    forgery = Forgery(copy)
    attack(forgery)
    forgery.publish()
    result = verified(copy)
    assert result.answer == "does-not-follow"
    assert all(":" in r.where for r in result.remarks)
    assert head(copy) != head(honest)


@pytest.mark.parametrize("attack", OTHER_HEAD, ids=lambda a: a.__name__)
def test_it_follows_but_is_not_what_stands_on_the_ticket(attack: Attack, honest: Path, copy: Path) -> None:
    forgery = Forgery(copy)
    attack(forgery)
    forgery.publish()
    assert verified(copy).remarks == []
    _not_on_the_ticket(copy, honest)


@pytest.mark.parametrize("attack", REDERIVED, ids=lambda a: a.__name__)
def test_whoever_decides_again_on_forged_evidence_gets_another_head(
    attack: Attack, honest: Path, copy: Path
) -> None:
    forgery = Forgery(copy)
    attack(forgery)
    forgery.publish(rederive=True)
    assert verified(copy).remarks == []
    _not_on_the_ticket(copy, honest)


def _not_on_the_ticket(copy: Path, honest: Path) -> None:
    journal = copy / "journal.jsonl"
    remark = match_head(read(journal, FORMAT.decode), journal, head(honest))
    assert remark is not None
    assert remark.answer == "does-not-follow"


def test_dropping_the_bad_samples_does_not_open_the_gate_even_if_decided_again(copy: Path) -> None:
    forgery = Forgery(copy)
    drop_the_samples_that_were_off(forgery)
    forgery.publish()
    assert verified(copy).answer == "does-not-follow"
    Forgery(copy).publish(rederive=True)
    refused = Forgery(copy).decisions("time", "refused")[0]["body"]["decision"]
    assert {m["what"] for m in refused["missing"]} >= {"time.provider", "time.offset"}


def test_another_version_is_a_third_answer_not_an_accusation(copy: Path) -> None:
    forgery = Forgery(copy)
    say_another_tool_version(forgery)
    forgery.publish()
    result = verified(copy)
    assert result.answer == "not-rederivable"
    assert "other rules" in result.remarks[0].what


@pytest.mark.parametrize("version", [99, None])
def test_another_rule_of_the_gate_is_a_third_answer_too(copy: Path, version: int | None) -> None:
    """A decision over a lost link, say, where that was no reason to refuse; None = from before gates had a version."""
    forgery = Forgery(copy)
    for event in forgery.decisions("time", "open"):
        del event["body"]["decision"]["gate_rules"]
        if version is not None:
            event["body"]["decision"]["gate_rules"] = version
    forgery.publish()
    assert verified(copy).answer == "does-not-follow"  # this very version wrote it
    forgery.bodies("session-started")[0]["tool"] = "9.9"
    forgery.publish()
    result = verified(copy)
    assert result.answer == "not-rederivable"
    assert f"gate {version or 0}" in result.remarks[0].what


def test_a_reader_of_another_version_cannot_be_parsed_here(copy: Path) -> None:
    forgery = Forgery(copy)
    forgery.bodies("session-started")[0]["tool"] = "9.9"
    for observation in forgery.observations("chrony"):
        observation["version"] = 7
    forgery.publish()
    result = verified(copy)
    assert [r.what for r in result.remarks] == ["reader chrony version 7 is not in this program"]
    forgery = Forgery(copy)
    forgery.bodies("session-started")[0]["tool"] = __version__
    forgery.publish()
    assert verified(copy).answer == "does-not-follow"


# Without recomputing hashes


@pytest.mark.parametrize("name", ["journal.jsonl", "tapes/app01.jsonl", "tapes/@jump.jsonl"])
def test_one_changed_byte_is_named_with_its_line(copy: Path, name: str) -> None:
    path = copy / name
    lines = path.read_bytes().split(b"\n")
    at = len(lines) // 2
    lines[at] = (
        lines[at].replace(b'"', b"'", 1) if b"9" not in lines[at] else lines[at].replace(b"9", b"8", 1)
    )
    path.write_bytes(b"\n".join(lines))
    if name == "journal.jsonl":
        with pytest.raises(Damaged, match=r"journal.jsonl:\d+:"):
            verified(copy)
        return
    result = verified(copy)
    assert result.answer == "does-not-follow"
    assert any(f"{path}:" in r.where for r in result.remarks)


def test_a_missing_tape_is_named(copy: Path) -> None:
    (copy / "tapes" / "app01.jsonl").unlink()
    result = verified(copy)
    assert result.answer == "does-not-follow"
    assert any("cannot read" in r.what for r in result.remarks)


@pytest.mark.parametrize("fit_the_anchor", [False, True])
def test_a_tape_of_another_session(copy: Path, honest: Path, tmp_path: Path, fit_the_anchor: bool) -> None:
    """Spliced in with all hashes recomputed; with the anchor made to fit, its decisions do not."""
    script = Script(ns=1100 * S)
    asyncio.run(tell(tmp_path / "other", script))
    forgery, other = Forgery(copy), Forgery(tmp_path / "other")
    lines = other.tapes["app01"]
    if fit_the_anchor:
        lines[0]["anchor"] = forgery.tapes["app01"][0]["anchor"]
    n = min(len(lines), len(forgery.tapes["app01"]))
    for mine, theirs in zip(forgery.tapes["app01"][:n], lines[:n], strict=True):
        mine.clear()
        mine.update(theirs)
    forgery.publish()
    assert verified(copy).answer == "does-not-follow"


def test_spliced_journals(copy: Path, tmp_path: Path) -> None:
    """The end of one session behind the beginning of another."""
    asyncio.run(tell(tmp_path / "other", Script(ns=5000 * S)))
    forgery, other = Forgery(copy), Forgery(tmp_path / "other")
    forgery.events = forgery.events[:20] + other.events[20:]
    forgery.publish()
    assert verified(copy).answer == "does-not-follow"


def test_the_tickets_head_inside_a_longer_record_is_named(honest: Path, copy: Path) -> None:
    forgery = Forgery(copy)
    add_a_note(forgery)
    forgery.publish()
    journal = copy / "journal.jsonl"
    remark = match_head(read(journal, FORMAT.decode), journal, head(honest))
    assert remark is not None
    assert "nothing vouches for the 1 events after it" in remark.what


def test_a_torn_tail_and_unsealed_lines_are_notices(copy: Path) -> None:
    with (copy / "journal.jsonl").open("ab") as file:
        file.write(b'{"seq":99,')
    with (copy / "tapes" / "app01.jsonl").open("ab") as file:
        file.write(b'{"t":"s","v":[1,2,3,0]}\n')
    result = verified(copy)
    assert len(result.notices) == 2


HOSTILE: tuple[Callable[[Line], None], ...] = (
    lambda o: o.update(raw=[]),
    lambda o: o["began"].update(boottime_ns=2**80),
    lambda o: o["ended"].update(boottime_ns=-(2**80)),
    lambda o: (o["facts"] or {}).update(guest_utc_ns=2**90),
    lambda o: o.update(reader="../../etc/passwd"),
)


@pytest.mark.parametrize("spoil", HOSTILE)
def test_a_hostile_record_is_judged_not_crashed_on(copy: Path, spoil: Callable[[Line], None]) -> None:
    forgery = Forgery(copy)
    spoil(forgery.observations("chrony")[-1])
    forgery.publish()
    assert verified(copy).answer == "does-not-follow"


def test_a_sample_no_clock_shows_does_not_crash_the_audit(copy: Path) -> None:
    forgery = Forgery(copy)
    forgery.samples()[-1]["v"][0] = 2**70
    forgery.publish()
    assert verified(copy).answer == "does-not-follow"


# Resumes


async def test_a_reboot_while_nobody_watched_is_noticed_at_resume(tmp_path: Path) -> None:
    path = tmp_path / "session"
    script = await tell(path)
    script.ns += 60 * S
    script.guests["app01"] = moved(script.guests["app01"], B3, script.ns - 30 * S)
    async with resuming(path, script) as walk:
        walk.connect("app01")
        await walk.pass_time(30)
        await walk.recorder.settle()
        assert list(Forgery(path).bodies("disturbed", kind="reboot"))[1:]
    assert verified(path).remarks == []


async def test_a_reboot_of_the_jump_host_between_follows(tmp_path: Path) -> None:
    path = tmp_path / "session"
    script = await tell(path)
    up = script.ns + 300 * S
    again = Script("jump-boot-2", 40 * S, script.utc0_ns + up - 40 * S, script.guests, script.servers)
    again.offset_ns = script.offset_ns
    async with resuming(path, again, operator="raj") as walk:
        walk.connect("app01")
        await walk.pass_time(100)
        await walk.session.start_step("base", "app02")
        assert (await walk.done("base", "app02")).outcome == "open"
    result = verified(path)
    assert result.remarks == []
    assert result.decisions == 8


async def test_an_action_cut_off_by_the_end_of_the_program_follows_after_resume(tmp_path: Path) -> None:
    path = tmp_path / "session"
    script = await tell(path)
    forgery = Forgery(path)
    at = forgery.events.index(next(e for e in forgery.events if e["body"]["type"] == "action-intended"))
    forgery.events = forgery.events[: at + 2]  # died while the command ran
    forgery.publish()
    async with resuming(path, script) as walk:
        assert walk.recorder.state.intents == {}
        walk.connect("app01")
        await walk.pass_time(20)
    assert verified(path).remarks == []
    assert Forgery(path).bodies("disturbed", cause="action fix ended")


ODD: tuple[object, ...] = (None, 0, -1, 2**63, 2**80, "", "x\x1b[2J", "*", "app01", [], {}, True, 1.5, "open")


@pytest.mark.parametrize("seed", range(40))
def test_any_edit_of_any_value_is_caught_or_moves_the_head(honest: Path, copy: Path, seed: int) -> None:
    """And never crashes the audit, whatever stands there instead."""
    random = Random(seed)  # noqa: S311 - which edit, not a secret
    forgery = Forgery(copy)
    lines = random.choice((forgery.events, forgery.tapes["app01"], forgery.tapes["@jump"]))
    holder, key = random.choice(list(_values(random.choice(lines))))
    holder[key] = random.choice([v for v in ODD if v != holder[key]])
    before = _contents(copy)
    with contextlib.suppress(
        TypeError, KeyError, ValueError, AttributeError
    ):  # not even a forger's tool can read it
        forgery.publish()
    if _contents(copy) == before:
        return  # the value is one that is computed: a digest, a sequence number
    try:
        result = verified(copy)
    except Damaged:
        return
    assert result.answer != "follows" or head(copy) != head(honest)


def _contents(path: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in path.rglob("*") if p.is_file()}


def _values(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every value below a line, as the thing that holds it and its key there."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield value, key
        yield from _values(inner)
