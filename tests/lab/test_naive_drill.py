"""The naive checklist, played by the same engine: the same steps and actions, and other gates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

import cutover_tui.lab.worlds as shipped
from cutover_tui.cli import main
from cutover_tui.lab.drill.naive_book import AFTER, BEFORE, disarmed
from cutover_tui.lab.drill.scoring import play
from cutover_tui.lab.world_file.loading import LoadedWorld, WorldError, load_world_text

WORLDS = Path(next(iter(shipped.__path__)))


def book(name: str) -> Any:
    return yaml.safe_load((WORLDS / name).read_text(encoding="utf-8"))


def gates(of: Any) -> dict[str, tuple[str, ...]]:
    return {
        step["id"]: tuple(gate["check"] for gate in step.get("gate", ()))
        for phase in of["phases"]
        for step in phase["steps"]
    }


def without_verifiers(of: Any) -> Any:
    for phase in of["phases"]:
        for step in phase["steps"]:
            for action in (*step.get("actions", ()), *step.get("provocations", ())):
                action.pop("verifier", None)
    return of


def test_the_checklist_is_our_runbook_with_other_gates() -> None:
    """To the word: whatever a play runs in the one, it can run in the other."""
    ours = yaml.safe_load(disarmed((WORLDS / "linux-time.yaml").read_text(encoding="utf-8")))
    assert without_verifiers(book("naive-checklist.yaml")) == without_verifiers(ours)
    assert gates(book("naive-checklist.yaml")) == {
        "jump-clock": (),
        "baseline": BEFORE,
        "cutover": (),
        "provider": AFTER,
        "cold-boot": AFTER,
        "handover": AFTER,
    }


OWN = """\
world: 1
title: A runbook of its own, with an action that only it has
references: [{name: ntp1}, {name: ntp2}, {name: ntp3}]
guests: [{name: app01, platform: ahv, move: null}]
events: [{on: action, id: flip, do: [{clock: {by: 3s}}]}]
runbook: |
  schema: 1
  phases:
    - id: time
      title: Time
      steps:
        - id: kept
          title: Kept
          expected: 1min
          actions: [{id: flip, title: Flip, command: {linux: ["true"]}, tier: N}]
          gate: [{check: time.provider}]
play: {actions: [{step: kept, action: flip}], patience: 2min}
aftermath: 1h
expect: {outcome: refused, step: kept, findings: [{check: time.provider, reason: no-provider}]}
naive: {outcome: refused, step: kept, findings: [
  {check: naive.agent, reason: agent-not-running}, {check: naive.date, reason: date-differs}]}
"""


def world(text: str, name: str = "own.yaml") -> LoadedWorld:
    return load_world_text(text, name, WORLDS)


def test_a_runbook_of_its_own_is_played_with_its_own_actions(tmp_path: Path) -> None:
    """So that what the play sets off happens with either book. Text needs no file, not even in a pool."""
    naive, ours = play([world(OWN)], tmp_path, books=("naive", "ours"), processes=2)
    assert [s.book for s in (naive, ours)] == ["naive", "ours"]
    assert naive.held
    assert naive.incident
    assert naive.differs == ours.differs == ()
    assert naive.played.took_ns > ours.played.took_ns  # the checklist is given its time
    assert sorted(p.name for p in tmp_path.iterdir()) == ["001-own", "001-own-naive"]


HEALTHY = (
    OWN.partition("naive:")[0]
    .replace("move: null", "move: null, agents: [ngt], time: {chrony: {}}")
    .replace("by: 3s", "rate: 9ppm")
    .replace("expected: 1min", "expected: 7min")
)


def test_a_checklist_that_opens_at_once_is_still_given_the_time_of_its_step(tmp_path: Path) -> None:
    """Otherwise it would be through before a clock could drift, and look worse than it is."""
    (naive,) = play([world(HEALTHY)], tmp_path, books=("naive",))
    assert naive.played.outcome == "allowed"
    assert not naive.held
    assert 420 <= naive.played.took_ns // 10**9 < 440


def test_before_the_mark_a_checklist_asks_less() -> None:
    marked = disarmed(
        "phases: [{steps: [{id: a, gate: [{check: time.offset}]}, {id: b, mark: true}, "
        "{id: c, gate: [{check: agent.swap}], actions: [{id: x, verifier: agent.swap}]}, "
        "{id: d, gate: [{check: time.jump-host}]}]}]"
    )
    assert gates(yaml.safe_load(marked)) == {"a": BEFORE, "b": (), "c": AFTER, "d": ()}
    assert "verifier: naive.agent" in marked
    assert disarmed("just text") == yaml.safe_dump("just text")


def test_a_runbook_that_is_no_yaml_is_told() -> None:
    broken = OWN.replace("  schema: 1\n", "  schema: [1\n")
    with pytest.raises(WorldError, match=r"own\.yaml:8: YAML syntax"):
        world(broken)


def test_the_command_prints_what_the_checklist_asks_and_holds_it_to_what_is_expected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right, wrong, silent = (tmp_path / f"{n}.yaml" for n in ("right", "wrong", "silent"))
    right.write_text(OWN)
    wrong.write_text(OWN.partition("naive:")[0] + "naive: {outcome: allowed}\n")
    silent.write_text(OWN.partition("naive:")[0])
    assert main(["drill", "--naive", str(right), str(silent)]) == 0
    out = capsys.readouterr().out
    assert "$ timedatectl show -p CanNTP -p NTP -p NTPSynchronized" in out
    assert "asked: echo {token} $EPOCHREALTIME" in out
    assert "as expected      right: refused at kept on app01" in out
    assert "nothing expected silent: refused" in out
    assert "1 of 1 as expected, of 1 nothing is expected" in out
    assert max(map(len, out.splitlines())) < 80
    assert main(["drill", "--naive", str(wrong)]) == 1
    assert "refused, expected allowed" in capsys.readouterr().out


def test_the_table_of_shipped_worlds(capsys: pytest.CaptureFixture[str]) -> None:
    """The incident everybody misses, and its healthy twin: the checklist allows both."""
    names = ("a1-nobody-keeps-it-healthy", "a1-nobody-keeps-it")
    assert main(["drill", "--table", *(str(WORLDS / f"{n}.yaml") for n in names)]) == 0
    out = capsys.readouterr().out
    lines = [line.split() for line in out.splitlines()]
    assert next(line for line in lines if line[:1] == ["a1-nobody-keeps-it"])[1:3] == ["MISSED", "caught"]
    assert next(line for line in lines if line[:1] == [names[0]])[1:3] == ["allowed", "allowed"]
    assert out.index("incidents: ") < out.index("healthy worlds: ")
    said = [" ".join(line) for line in lines]
    assert "incidents caught 0 of 1, 0% (0-80) 1 of 1, 100% (20-100)" in said
    assert "twins told apart 0 of 1 1 of 1" in said
    assert max(map(len, out.splitlines())) < 80


def test_the_table_as_json_counts_no_pending_world(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.yaml").write_text(OWN)
    (tmp_path / "later.yaml").write_text(f"{OWN}pending: a check of part 3\n")
    assert main(["drill", "--table", "--json", "--all", str(tmp_path), str(tmp_path / "own.yaml")]) == 0
    table = msgspec.json.decode(capsys.readouterr().out)
    assert [(r["naive"]["book"], r["ours"]["book"], r["incident"]) for r in table["rows"]] == [
        ("naive", "ours", True)
    ]
    assert table["ours"]["caught"] == {"hits": 1, "of": 1, "low": pytest.approx(0.2065, abs=1e-4), "high": 1}
    assert [Path(name).name for name in table["pending"]] == ["later.yaml"]
    assert main(["drill", "--table", str(tmp_path / "later.yaml")]) == 2
    assert "nothing to count" in capsys.readouterr().err


def test_one_book_at_a_time() -> None:
    with pytest.raises(SystemExit) as left:
        main(["drill", "--naive", "--table", "x.yaml"])
    assert left.value.code == 2
