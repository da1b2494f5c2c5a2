"""`verify` against a session no part of the program wrote: verdicts by hand, kept as bytes in `by_hand/`.

What a session wrote is decided again by the code that decided it, so that both may be wrong as one. Here they cannot.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from cutover_tui.engine.readers import parsers
from cutover_tui.engine.recording.recorder import FORMAT
from cutover_tui.record.audit import Audit, audit
from cutover_tui.record.journal import read
from tests.unit import record_by_hand as hand

KEPT = Path(__file__).parent / "by_hand"
FILES = ("journal.jsonl", "tapes/app01.jsonl", "tapes/@jump.jsonl")


def verified(path: Path, tool: str = hand.TOOL) -> Audit:
    journal = path / "journal.jsonl"
    return audit(read(journal, FORMAT.decode), journal, path / "tapes", parsers(), tool)[0]


def test_it_follows() -> None:
    result = verified(KEPT, tool="another")
    assert result.remarks == []
    assert result.answer == "follows"
    assert (result.decisions, result.observations, result.samples) == (5, 11, 63)


@pytest.mark.parametrize("name", FILES)
def test_the_bytes_are_those_of_the_script(name: str, tmp_path: Path) -> None:
    """To write them anew: `python -m tests.unit.record_by_hand`, after reading what changed and why."""
    hand.write(tmp_path)
    assert (tmp_path / name).read_bytes() == (KEPT / name).read_bytes()


def test_the_script_asks_the_program_nothing() -> None:
    text = Path(hand.__file__).read_text(encoding="utf-8")
    assert re.findall(r"^\s*(?:import|from) (\S+)", text, re.MULTILINE) == [
        "__future__", "json", "struct", "hashlib", "pathlib", "typing",
    ]  # fmt: skip


def decided(events: list[hand.Line], step: str, code: str) -> hand.Line:
    """The decision on that step whose finding has that reason code."""
    found: list[hand.Line] = [e["body"]["decision"] for e in events if e["body"]["type"] == "decided"]
    return next(d for d in found if d["step"] == step and d["findings"][0]["reason_code"] == code)


def opened(decision: hand.Line, finding: hand.Line) -> None:
    """Change a decision into an open one with that finding."""
    decision.update(findings=[finding], outcome="open", missing=[])


def count_what_began_before_the_end(events: list[hand.Line]) -> None:
    good = decided(events, "swap", "ok")["findings"][0]
    used = ["app01/agents/began-before-the-end"]
    opened(decided(events, "swap", "not-read"), {**good, "used": used})


def call_the_old_agent_gone(events: list[hand.Line]) -> None:
    good = decided(events, "swap", "ok")["findings"][0]
    opened(decided(events, "swap", "old-agent-installed"), {**good, "used": ["app01/agents/old"]})


def call_a_short_soak_long_enough(events: list[hand.Line]) -> None:
    good = decided(events, "keep", "ok")["findings"][0]
    opened(decided(events, "keep", "soaking"), good)


def leave_the_bound_out(events: list[hand.Line]) -> None:
    decided(events, "keep", "ok")["findings"][0]["bound"] = hand.RTT_NS // 2


def be_a_nanosecond_nearer(events: list[hand.Line]) -> None:
    decided(events, "keep", "ok")["findings"][0]["measured"] -= 1


def refuse_what_passes(events: list[hand.Line]) -> None:
    decision = decided(events, "swap", "ok")
    decision["findings"][0]["verdict"] = "fail"


def press_the_key_after_the_reading(events: list[hand.Line]) -> None:
    """What was read before somebody asked does not show that the guest answers now."""
    event = next(e for e in events if e["body"].get("decision") is decided(events, "swap", "ok"))
    event["body"]["asked"] = hand.at(1025.8)


ALTERED: tuple[tuple[Callable[[list[hand.Line]], None], str], ...] = (
    (count_what_began_before_the_end, "the decision on swap (app01) says open; its evidence gives refused"),
    (call_the_old_agent_gone, "the decision on swap (app01) says open; its evidence gives refused"),
    (call_a_short_soak_long_enough, "the decision on keep (app01) says open; its evidence gives refused"),
    (leave_the_bound_out, "finding time.offset on app01 is not what its evidence gives"),
    (be_a_nanosecond_nearer, "finding time.offset on app01 is not what its evidence gives"),
    (refuse_what_passes, "called open while"),
    (
        press_the_key_after_the_reading,
        "the decision on swap (app01) says open; its evidence gives refused (missing: fresh)",
    ),
)


@pytest.mark.parametrize(("alter", "words"), ALTERED, ids=lambda a: getattr(a, "__name__", None))
def test_an_altered_verdict_does_not_follow(
    alter: Callable[[list[hand.Line]], None], words: str, tmp_path: Path
) -> None:
    """With every hash recomputed."""
    copy = Path(shutil.copytree(KEPT, tmp_path / "copy"))
    events = [json.loads(line) for line in (copy / "journal.jsonl").read_bytes().splitlines()]
    alter(events)
    lines: list[bytes] = []
    for event in events:
        event["prev"] = sha256(lines[-1]).hexdigest() if lines else event["prev"]
        lines.append(hand.encoded(event))
    (copy / "journal.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    result = verified(copy, tool="another")
    assert result.answer == "does-not-follow"
    assert any(words in r.what for r in result.remarks), result.remarks
