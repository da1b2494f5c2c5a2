"""`time.rtc`: as before the mark, and right; what was not seen is never a pass."""

from __future__ import annotations

import msgspec
import pytest

from cutover_tui.core.checks.registry import CHECKS, asked
from cutover_tui.core.evidence import Baseline, Evidence, MarkPoint
from cutover_tui.core.finding import Finding
from cutover_tui.core.loading import load_text
from cutover_tui.core.runbook import GateCheck
from probes.facts_clock import RtcFacts
from probes.observation import Facts
from tests.unit.evidence_builders import ANCHOR, DENIED, RUNBOOK, UTC0, S, at, observed, runbook

HOUR = 3600 * S
GOOD = RtcFacts(
    present=True,
    shown_ns=UTC0,
    before_utc_ns=UTC0,
    after_utc_ns=UTC0,
    local=False,
    zone="Etc/UTC",
    utc_offset_ns=0,
)
LOCAL = msgspec.structs.replace(
    GOOD, local=True, zone="Europe/Berlin", utc_offset_ns=HOUR, shown_ns=UTC0 + HOUR
)
NONE = msgspec.structs.replace(GOOD, present=False, shown_ns=None)


def but(facts: RtcFacts, **changes: object) -> RtcFacts:
    return msgspec.structs.replace(facts, **changes)


def judged(now: RtcFacts | None, before: RtcFacts | None = GOOD, off: int = 60 * S) -> Finding:
    book = runbook()
    kept: dict[str, Facts] = {} if before is None else {"rtc": before}
    evidence = Evidence(
        host=book.hosts[0],
        now=at(100),
        anchor=ANCHOR,
        domain=book.domain,
        source="vmware",
        target="ahv",
        observations={"rtc": (observed("rtc", 99, DENIED if now is None else now),)},
        jump={},
        samples=(),
        voids={},
        mark=MarkPoint(3, at(10)),
        baseline=Baseline(2, at(9), "b1", {}, kept),
    )
    return CHECKS["time.rtc"].run(evidence, asked(GateCheck(check="time.rtc", params={"off": off})))


def said(finding: Finding) -> tuple[str, str]:
    return str(finding.verdict), finding.reason_code


def test_as_before_and_right_passes_with_what_it_was_read_to():
    finding = judged(GOOD)
    assert said(finding) == ("pass", "ok")
    assert (finding.measured, finding.bound) == (0, S)
    assert "RTC in UTC, zone Etc/UTC" in finding.reason


def test_local_time_is_taken_off_before_it_is_compared():
    assert said(judged(LOCAL, LOCAL)) == ("pass", "ok")


@pytest.mark.parametrize("error_s", [3600, -3600, 7 * 3600 + 30, -900, 1800, 20700, 14 * 3600 - 59])
def test_whole_quarter_hours_are_called_that(error_s: int):
    finding = judged(but(GOOD, shown_ns=UTC0 + error_s * S))
    assert said(finding) == ("fail", "whole-quarter-hours")
    assert finding.measured == error_s * S


@pytest.mark.parametrize("error_s", [62, -400, 1000, 30 * 24 * 3600])
def test_another_error_is_not_blamed_on_zones(error_s: int):
    assert said(judged(but(GOOD, shown_ns=UTC0 + error_s * S))) == ("fail", "rtc-off")


def test_an_rtc_read_from_far_away_proves_nothing():
    finding = judged(but(GOOD, after_utc_ns=UTC0 + 130 * S))
    assert said(finding) == ("unknown", "not-close-enough")


def test_a_local_rtc_on_a_platform_that_starts_it_in_utc():
    assert said(judged(but(LOCAL, shown_ns=UTC0), LOCAL)) == ("fail", "whole-quarter-hours")


def test_what_was_changed_since_the_mark_fails():
    assert said(judged(but(LOCAL, local=False, shown_ns=UTC0), LOCAL)) == ("fail", "basis-changed")
    assert said(judged(but(GOOD, zone="Europe/Berlin", utc_offset_ns=HOUR))) == ("fail", "zone-changed")
    assert said(judged(but(GOOD, zone="UTC"))) == ("pass", "ok")  # two names of one zone


def test_no_rtc_before_and_none_now_is_not_applicable_and_one_that_went_is_not():
    assert said(judged(NONE, NONE)) == ("na", "no-rtc")
    assert said(judged(NONE)) == ("fail", "rtc-gone")
    assert said(judged(NONE, but(GOOD, present=None))) == ("unknown", "not-comparable")


def test_an_rtc_that_was_not_there_before_is_judged_all_the_same():
    assert said(judged(GOOD, NONE)) == ("pass", "ok")
    assert said(judged(but(GOOD, shown_ns=UTC0 + HOUR), NONE)) == ("fail", "whole-quarter-hours")


def test_a_zone_without_a_name_is_known_by_its_distance():
    bare = but(GOOD, zone=None)
    assert said(judged(bare, bare)) == ("pass", "ok")
    assert said(judged(bare, but(bare, utc_offset_ns=HOUR))) == ("unknown", "not-comparable")
    assert said(judged(bare, GOOD)) == ("unknown", "not-comparable")


@pytest.mark.parametrize("hidden", ["present", "shown_ns", "before_utc_ns", "after_utc_ns", "local", "zone"])
def test_nothing_hidden_passes_now_or_then(hidden: str):
    assert judged(but(GOOD, **{hidden: None})).verdict == "unknown"
    if hidden in ("present", "local", "zone"):
        assert judged(GOOD, but(GOOD, **{hidden: None})).verdict == "unknown"


def test_without_facts_now_or_then_it_is_unknown():
    assert said(judged(None)) == ("unknown", "denied")
    assert said(judged(GOOD, None)) == ("unknown", "no-baseline")


def test_loading_warns_where_there_is_no_mark_yet():
    before = RUNBOOK.replace("gate: [{check: time.jump-host}]", "gate: [{check: time.rtc}]", 1)
    warnings = load_text(before, "test.yaml").warnings
    assert any("time.rtc compares with the mark" in str(one) for one in warnings)
