"""A guest that was moved before anybody said so: shown, refused, marked only by who says it, without a before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cutover_tui.core.arrival import SEEN_NS, arrived, on_target
from cutover_tui.core.evidence import HostLog
from cutover_tui.core.finding import Verdict
from cutover_tui.core.loading import load_text
from cutover_tui.engine.readers import parsers
from cutover_tui.engine.recording.recorder import FORMAT
from cutover_tui.record.audit import audit
from cutover_tui.record.events import BaselineCaptured
from cutover_tui.record.journal import read
from tests.unit import evidence_builders as b
from tests.unit.honest_session import B1, RUNBOOK, Guest, S, Script, Walk, walking

ON_TARGET = "app01 runs on ahv already: nothing was measured before the move."


def script(platform: str) -> Script:
    return Script(guests={"app01": Guest(B1, platform, booted_ns=100 * S)})


async def seen(walk: Walk) -> None:
    walk.connect("app01")
    await walk.pass_time(40)


async def test_before_the_mark_the_target_is_missing_a_mark_and_the_source_is_not(tmp_path: Path) -> None:
    for platform, lacks in (("ahv", ["mark"]), ("vmware", [])):
        async with walking(tmp_path / platform, script(platform)) as walk:
            await seen(walk)
            await walk.session.start_step("base", "app01")
            decision = await walk.done("base", "app01")
            assert [m.what for m in decision.missing] == lacks
            for gap in decision.missing:
                assert gap.verdict is Verdict.FAIL
                assert gap.reason == "app01: it runs on ahv already, and no step has set the mark."
            (app01, _) = walk.session.view().hosts
            assert app01.arrived is bool(lacks)


async def test_it_is_marked_only_by_who_says_so_and_gets_no_before(tmp_path: Path) -> None:
    async with walking(tmp_path / "session", script("ahv")) as walk:
        await seen(walk)
        assert walk.session.step("move", "app01").arrived == (("app01", "ahv"),)
        refused = await walk.session.start_step("move", "app01")
        assert refused is not None
        assert refused.reason == ON_TARGET
        assert walk.recorder.state.marks == {}
        assert await walk.session.start_step("move", "app01", moved=True) is None
        assert walk.session.step("move", "app01").arrived == ()
        baseline = walk.recorder.state.baselines["app01"]
        assert (baseline.findings, baseline.facts) == ({}, {})
        assert baseline.boot_id == B1
        await walk.pass_time(95)
        await walk.session.start_step("time", "app01")
        decision = await walk.done("time", "app01")
        failed = [f for f in decision.findings if f.verdict is Verdict.FAIL]
        assert failed
        assert {f.origin for f in failed} == {"new"}
    journal = read(tmp_path / "session" / "journal.jsonl", FORMAT.decode)
    (captured,) = [e.body for e in journal.events if isinstance(e.body, BaselineCaptured)]
    assert {(s.state, s.reason) for s in captured.sections} == {
        ("not-visible", "the guest was already moved")
    }
    where = tmp_path / "session"
    result, _ = audit(journal, where / "journal.jsonl", where / "tapes", parsers(), "0.1.0")
    assert not [r for r in result.remarks if r.answer == "does-not-follow"], result.remarks


async def test_what_must_come_before_the_mark_is_still_asked_of_a_guest_on_the_source(tmp_path: Path) -> None:
    async with walking(tmp_path / "session", script("vmware")) as walk:
        await seen(walk)
        refused = await walk.session.start_step("move", "app01", moved=True)
        assert refused is not None
        assert "base" in refused.reason


async def test_moved_in_this_session_without_a_mark_it_gets_no_baseline_of_the_target(tmp_path: Path) -> None:
    async with walking(tmp_path / "session", script("vmware")) as walk:
        await seen(walk)
        walk.lose("app01")
        guest = walk.script.guests["app01"]
        walk.script.guests["app01"] = replace(guest, platform="ahv")
        await seen(walk)
        assert "app01" in walk.recorder.state.moved_unmarked
        assert await walk.session.start_step("move", "app01", moved=True) is None
        assert walk.recorder.state.baselines["app01"].findings == {}


def log_with(platform: str, at_s: int) -> HostLog:
    log = HostLog()
    log.add_observation(1, b.observed("platform", at_s, b.platform(platform)))
    return log


@pytest.mark.parametrize(
    ("source", "target", "shown", "expected"),
    [
        ("vmware", "ahv", "ahv", "ahv"),
        ("vmware", "ahv", "vmware", None),
        ("vmware", "ahv", "unknown", None),
        ("vmware", "ahv", "kvm", None),
        ("kvm", "kvm", "kvm", None),
        ("vmware", "azure", "hyperv", "hyperv"),
        ("hyperv", "azure", "hyperv", None),
    ],
)
def test_only_the_target_seen_for_sure_counts(
    source: str, target: str, shown: str, expected: str | None
) -> None:
    text = RUNBOOK.replace("platform: vmware", f"platform: {source}").replace(
        "platform: ahv", f"platform: {target}"
    )
    runbook = load_text(text, "book.yaml").runbook
    assert arrived(runbook, log_with(shown, 10), None, b.at(20)) == expected
    assert arrived(runbook, log_with(shown, 10), 0, b.at(20)) is None  # not sealed
    assert arrived(runbook, log_with(shown, 10), None, b.at(11 + SEEN_NS // S)) is None
    unmarked = load_text(text.replace("mark: true, ", ""), "book.yaml").runbook
    assert arrived(unmarked, log_with(shown, 10), None, b.at(20)) is None


def test_azure_shows_what_hyper_v_shows() -> None:
    assert on_target("hyperv", "azure", "vmware")
    assert not on_target("hyperv", "azure", "hyperv")
