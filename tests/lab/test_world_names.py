"""A word that nothing has is an error with its line: a drill that tests nothing must not look like a good one."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from cutover_tui.cli import main
from cutover_tui.lab.world_file.findings import RULES, STEP
from cutover_tui.lab.world_file.loading import WorldError, load_world_text
from cutover_tui.lab.world_file.twins import differences, differing_keys

WORLD = """\
world: 1
title: every word is one that something has
references: [{name: ntp1}, {name: ntp2}]
guests: [{name: app01, time: {chrony: {}}}]
network: {latency: 1ms, jitter: 100us, asymmetry: -5ms}
events:
  - {on: action, id: power-off, do: [{snapshot: {name: early}}]}
  - {on: provocation, id: stun, do: [{revert: {name: early}}]}
  - {on: step, id: cold-boot, every: 1min, times: 3, do: [{stun: {lasts: 1s}}]}
play:
  actions: [{step: cutover, action: power-off}, {step: provider, action: stun, after: 1min}]
  pauses: [{step: handover, lasts: 5min}]
  acknowledge: [{check: time.reference}]
  patience: 40min
  settle: 30min
expect:
  outcome: refused
  step: cold-boot
  findings:
    - {check: time.reboot, reason: waiting}
    - {check: step provider, reason: regressed}
    - {check: time.provider, reason: denied}
    - {check: platform, reason: unknown}
naive: {outcome: refused, step: provider, findings: [{check: naive.date, reason: date-differs}]}
"""


def complaints(text: str, directory: Path, name: str = "w.yaml") -> list[str]:
    try:
        load_world_text(text, name, directory)
    except WorldError as error:
        return [str(one) for one in error.errors]
    return []


def test_the_world_itself_has_no_error(tmp_path: Path) -> None:
    assert complaints(WORLD, tmp_path) == []


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("id: power-off", "id: poweroff", "7: `events[0].id` is `poweroff`; expected `power-off` (did"),
        ("id: stun", "id: power-off", "8: `events[1].id` is `power-off`; expected `on: action` for that"),
        ("id: cold-boot", "id: cold-bot", "9: `events[2].id` is `cold-bot`; expected `cold-boot` (did"),
        ("step: cutover", "step: cutovr", "11: `play.actions[0].step` is `cutovr`; expected `cutover` (did"),
        (
            "action: power-off",
            "action: power-of",
            "11: `play.actions[0].action` is `power-of`; expected `power-off` (did",
        ),
        (
            "action: stun",
            "action: reboot",
            "11: `play.actions[1].action` is `reboot`; expected `step: cold-boot` for that",
        ),
        ("step: handover", "step: handovr", "12: `play.pauses[0].step` is `handovr`; expected `handover`"),
        (
            "acknowledge: [{check: time.reference",
            "acknowledge: [{check: time.refrence",
            "13: `play.acknowledge[0].check` is `time.refrence`; expected `time.reference` (did",
        ),
        (
            "acknowledge: [{check: time.reference",
            "acknowledge: [{check: agent.swap",  # a check, but no gate of this runbook asks it
            "13: `play.acknowledge[0].check` is `agent.swap`; expected one of time.jump-host",
        ),
        ("settle: 30min", "settle: 1h", "15: `settle` is above `patience` (40min)"),
        ("step: cold-boot\n", "step: coldboot\n", "18: `expect.step` is `coldboot`; expected `cold-boot`"),
        ("check: time.reboot", "check: time.rebot", "20: `expect.findings[0].check` is `time.rebot`"),
        ("check: time.reboot", "check: agent.swap", "20: `expect.findings[0].check` is `agent.swap`"),
        ("reason: waiting", "reason: wating", "20: `expect.findings[0].reason` is `wating`; expected `wai"),
        (
            "step provider",
            "step provder",
            "21: `expect.findings[1].check` is `step provder`; expected `step provider`",
        ),
        ("regressed", "fail", "21: `expect.findings[1].reason` is `fail`; expected one of not-done"),
        ("reason: denied", "reason: no-providr", "22: `expect.findings[2].reason` is `no-providr`"),
        ("platform, reason: unknown", "platfrom, reason: unknown", "23: `expect.findings[3].check` is `pl"),
        ("reason: date-differs", "reason: date-difers", "24: `naive.findings[0].reason` is `date-difers`"),
        ("step: provider, findings", "step: provder, findings", "24: `naive.step` is `provder`"),
        ("revert: {name: early}", "revert: {name: erly}", "8: `events[1].do[0].revert.name` is `erly`, whi"),
        ("every: 1min, ", "", "9: `times` alone"),
        (", times: 3", "", "9: `every` alone"),
        ("latency: 1ms", "latency: -1ms", "5: `network.latency` is `-1ms`, which is negative; expected an"),
        ("jitter: 100us", "jitter: -100us", "5: `network.jitter` is `-100us`, which is negative"),
        ("after: 1min", "after: -1min", "11: `play.actions[1].after` is `-1min`, which is negative"),
        ("title:", "runbook: linux-tme.yaml\ntitle:", "expected a file beside this one, the runbook itself"),
        ("title:", "twin_of: nosuch\ntitle:", "2: twin_of `nosuch` is not there; expected a world file"),
        ("title:", "twin_of: w\ntitle:", "2: twin_of `w` is this world itself"),
    ],
)
def test_a_wrong_word_is_told_with_its_line(right: str, wrong: str, said: str, tmp_path: Path) -> None:
    assert right in WORLD
    (one,) = complaints(WORLD.replace(right, wrong, 1), tmp_path)
    assert said in one
    assert one.startswith("w.yaml:")


IDLE = """\
world: 1
title: everything in it does something
domain: {realm: EX.TEST}
references: [{name: ntp1}, {name: ntp2}, {name: dc1, controller: true, address: 10.20.0.9}]
guests:
  - {name: app01, joined: {kdc_timesync: false}}
  - {name: app02, os: alpine, joined: null}
network: {blocked: [{from: app02, port: 123, protocol: udp}]}
events:
  - {on: mark, when: done, do: [{unblock: {from: app02}}, {reference: {name: ntp1, down: true}}]}
  - {on: step, id: provider, when: started, do: [{reference: {name: "*", stratum: 3}}]}
expect: {outcome: allowed}
"""


def test_a_world_in_which_everything_does_something_has_no_error(tmp_path: Path) -> None:
    assert complaints(IDLE, tmp_path) == []


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("10.20.0.9", "10.20.300.9", "4: `references[2].address` is `10.20.300.9`; expected an IPv4 or IPv6"),
        ("10.20.0.9", "10.20.0.1", "4: address `10.20.0.1` is taken; expected an address of its own (the"),
        ("10.20.0.9", "10.20.1.2", "4: address `10.20.1.2` is taken; expected an address of its own (the"),
        ("joined: null", "joined: {}", "7: `joined` on alpine; expected another system"),
        ("{name: app01,", "{name: app01, role: standalone,", "6: `joined` of a guest that is `standalone`"),
        ("domain: {realm: EX.TEST}\n", "", "5: `joined` in a world without a domain; expected a `domain`"),
        ("when: done", "when: started", "10: `when: started` in an event on `mark`; expected no `when`"),
        ("unblock: {from: app02}", "unblock: {from: app01}", "10: nothing is blocked that this lets through"),
        ("unblock: {from: app02}", "unblock: {from: app02, port: 88}", "10: nothing is blocked that this"),
        ("{name: ntp1, down: true}", "{name: ntp1}", "10: a reference changes in no way; expected `down`"),
    ],
)
def test_what_would_change_nothing_is_told_with_its_line(
    right: str, wrong: str, said: str, tmp_path: Path
) -> None:
    assert right in IDLE
    (one,) = complaints(IDLE.replace(right, wrong, 1), tmp_path)
    assert said in one


def test_an_amount_that_is_not_negative_is_shown_as_such() -> None:
    (one,) = complaints(WORLD.replace("latency: 1ms", "latency: 1msec"), Path())
    assert "5: `network.latency` is `1msec`" in one
    assert "-" not in one.partition("expected")[2]


def test_a_refusal_may_leave_open_where(tmp_path: Path) -> None:
    head = WORLD.partition("expect:")[0]
    assert complaints(f"{head}expect: {{outcome: refused}}\n", tmp_path) == []
    assert complaints(f"{head}expect: {{outcome: refused, host: app01}}\n", tmp_path) == []


def test_what_is_pending_may_wait_for_a_gate_that_asks_more(tmp_path: Path) -> None:
    later = WORLD.replace("check: time.reboot, reason: waiting", "check: agent.swap, reason: denied")
    assert len(complaints(later, tmp_path)) == 1
    assert complaints(f"{later}pending: the runbook does not ask it yet\n", tmp_path) == []


def test_the_rules_of_the_gate_have_their_names() -> None:
    """What `docs/make_checks.py` reads out of the gate's own source, and what the engineer adds."""
    page = Path(__file__).parents[2] / "docs" / "make_checks.py"
    made = importlib.util.spec_from_file_location("make_checks", page)
    assert made is not None
    assert made.loader is not None
    module = importlib.util.module_from_spec(made)
    made.loader.exec_module(module)
    table = module._gate().partition("| --- ")[2]
    asked = {tuple(cell.strip(" `") for cell in line.split("|")[1:3]) for line in table.splitlines()[1:]}
    known = {(name, reason) for name, reasons in RULES.items() for reason in reasons}
    assert {
        (what, verdict) for what, verdict in asked if not what.startswith((STEP, "the check"))
    } == known - {("start", "refused")}


# Twins


def test_one_key_is_one_with_all_that_is_below_it() -> None:
    one = {"a": {"b": 1}, "c": [1, {"d": 2}]}
    assert list(differences(one, one)) == []
    assert list(differences(one, {"a": {"b": 1, "e": {"f": 1, "g": 2}}, "c": [1, {"d": 2}]})) == [".a.e"]
    assert list(differences(one, {"a": {"b": 1}, "c": [1, {"d": 3}]})) == [".c[1].d"]
    assert sorted(differences(one, {"a": {"b": True}, "c": [1]})) == [".a.b", ".c[1]"]
    assert list(differences({"sources": ["a"]}, {"sources": ["a", "b", "c"]})) == [".sources"]


def test_what_a_file_says_of_itself_is_no_difference() -> None:
    other = WORLD.replace("title: every", "title: no").partition("expect:")[0]
    assert differing_keys(WORLD.encode(), other.encode()) == ()
    step = WORLD.replace("on: step, id: cold-boot", "on: mark")
    assert differing_keys(WORLD.encode(), step.encode()) == ("events[2].id", "events[2].on")


SHORT = """\
world: 1
title: nobody keeps it
references: [{name: ntp1}, {name: ntp2}]
guests: [{name: app01, platform: ahv, move: null, agents: [ngt]}]
runbook: |
  schema: 1
  phases: [{id: t, title: T, steps: [{id: kept, title: K, gate: [{check: time.provider}]}]}]
aftermath: 1h
expect: {outcome: refused, step: kept}
"""


def test_a_twin_that_differs_in_more_is_told_and_not_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = SHORT.replace("agents: [ngt]", "agents: [ngt], time: {chrony: {}}")
    healthy = kept.replace("outcome: refused, step: kept", "outcome: allowed")
    (tmp_path / "bad.yaml").write_text(SHORT)
    (tmp_path / "good.yaml").write_text(f"twin_of: bad\n{healthy}")
    assert main(["drill", "--table", "--all", str(tmp_path)]) == 0
    (told,) = [line for line in capsys.readouterr().out.splitlines() if "told apart" in line]
    assert told.split() == ["twins", "told", "apart", "0", "of", "1", "1", "of", "1"]
    (tmp_path / "good.yaml").write_text(f"twin_of: bad\nseed: 7\n{healthy}")
    assert main(["drill", "--table", "--all", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "! no twin of bad: a twin differs in one key, this in 2 keys:" in out
    assert "told apart" not in out
    assert main(["drill", str(tmp_path / "good.yaml")]) == 0
    assert "no twin of bad" in capsys.readouterr().out
