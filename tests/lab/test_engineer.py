"""The scripted engineer: when he acts, what he goes back to, how long he waits, and what he says closed the gate."""

from __future__ import annotations

from pathlib import Path

import pytest

from cutover_tui.cli import main
from cutover_tui.core.runbook import MINUTE
from cutover_tui.engine.recording.recorder import FORMAT
from cutover_tui.lab.drill.drill import Played, drill
from cutover_tui.lab.drill.piece import piece_of
from cutover_tui.lab.world_file.loading import load_world_text
from cutover_tui.record.events import ActionIntended
from cutover_tui.record.journal import read

WORLD = """\
world: 1
title: chrony is stopped as soon as its step is done
references: [{name: ntp1}, {name: ntp2}, {name: ntp3}]
guests: [{name: app01, platform: ahv, move: null, time: {chrony: {}}}]
events:
  - {on: step, id: kept, after: 1s, do: [{service: {name: chrony, act: stop}}]}
runbook: |
  schema: 1
  phases:
    - id: time
      title: Time
      steps:
        - id: kept
          title: Kept
          actions:
            - id: start
              title: Start chrony
              command: {linux: [systemctl, start, chrony]}
              tier: N
              elevate: true
              disturbs: [time]
              verifier: time.provider
          gate: [{check: time.provider}]
        - id: look
          title: Look
          actions: [{id: nothing, title: Nothing, command: {linux: ["true"]}, tier: N}]
          gate: [{check: time.jump-host}]
          depends_on: [kept]
        - id: last
          title: Last
          gate: [{check: time.jump-host}]
          depends_on: [look]
play: {actions: [{step: look, action: nothing, after: 5min}]}
aftermath: 1min
expect:
  outcome: refused
  step: look
  host: app01
  findings: [{check: step kept, reason: regressed}, {check: time.provider, reason: no-provider}]
"""


def played(text: str, tmp_path: Path) -> Played:
    return drill(piece_of(load_world_text(text, "w.yaml", tmp_path)), tmp_path)


def ran(one: Played) -> list[str]:
    events = read(Path(one.journal), FORMAT.decode).events
    return [e.body.action for e in events if isinstance(e.body, ActionIntended)]


def test_a_step_that_regressed_is_named_once_with_what_fails_in_it(tmp_path: Path) -> None:
    one = played(WORLD, tmp_path)
    assert (one.outcome, one.step, one.host) == ("refused", "look", "app01")
    assert one.findings == (("step kept", "regressed"), ("time.provider", "no-provider"))
    assert one.took_ns > 5 * MINUTE
    assert ran(one) == ["nothing"]


def test_the_cause_is_named_where_only_a_later_step_misses_it(tmp_path: Path) -> None:
    """`last` rests on `look`; that `kept` fails is the last step's own question, asked once."""
    late = WORLD.replace("play: {actions: [{step: look, action: nothing, after: 5min}]}", "play:").replace(
        "play:", "play: {pauses: [{step: last, lasts: 5min}]}"
    )
    one = played(late, tmp_path)
    assert (one.step, one.findings) == (
        "last",
        (("step kept", "regressed"), ("time.provider", "no-provider")),
    )


def test_with_fix_he_goes_back_and_mends_it(tmp_path: Path) -> None:
    one = played(WORLD.replace("play: {", "play: {fix: true, "), tmp_path)
    assert (one.outcome, one.findings) == ("allowed", ())
    assert ran(one) == ["nothing", "start"]


def test_what_fails_for_longer_than_he_settles_for_comes_too_late(tmp_path: Path) -> None:
    """A colleague starts chrony again seven minutes later; whoever waits that long is let through."""
    again = WORLD.replace(
        "runbook:",
        "  - {on: step, id: kept, after: 10min, do: [{service: {name: chrony, act: start}}]}\nrunbook:",
        1,
    )
    assert played(again, tmp_path / "hasty").outcome == "refused"
    patient = again.replace("play: {", "play: {settle: 20min, ")
    assert played(patient, tmp_path / "patient").outcome == "allowed"


def test_an_event_that_cannot_happen_is_told_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    early = WORLD.replace(
        "runbook:",
        "  - {on: step, id: kept, do: [{revert: {name: late}}]}\n"
        "  - {on: step, id: last, do: [{snapshot: {name: late}}]}\nrunbook:",
        1,
    )
    path = tmp_path / "w.yaml"
    path.write_text(early)
    assert main(["drill", str(path)]) == 2
    said = capsys.readouterr().err
    assert f"{path}:7: cannot be played: revert of app01: no snapshot 'late' was taken of it before" in said


def test_in_truth_is_told_in_the_end_and_at_worst(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "w.yaml"
    jumps = "  - {on: time, after: 40min, do: [{clock: {who: app01, by: 400s}}]}\n"
    back = "  - {on: time, after: 1h40min, do: [{clock: {who: app01, by: -400s}}]}\n"
    path.write_text(
        WORLD.replace("runbook:", f"{jumps}{back}runbook:", 1).replace("aftermath: 1min", "aftermath: 3h")
    )
    assert main(["drill", str(path)]) == 0
    out = capsys.readouterr().out
    assert "s in the end, 400 s at worst, BROKEN" in out
