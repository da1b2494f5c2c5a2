"""`time.projection` in a gate, played over three days: what it says beside what comes true."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest

import cutover_tui.lab.worlds as shipped
from cutover_tui.cli import main

RUNBOOK = (Path(next(iter(shipped.__path__))) / "linux-time.yaml").read_text(encoding="utf-8")

WORLD = """
world: 1
title: one clock and its rate
references: [{{name: ntp1}}, {{name: ntp2}}, {{name: ntp3}}]
guests:
  - name: app01
    clock: {{rate: 12ppm}}
    {time}
    move: {{platform: ahv, clock: {{offset: 40ms, rate: {rate}}}}}
play: {{actions: [{{step: cutover, action: power-off}}, {{step: cold-boot, action: reboot}}]}}
expect: {expect}
runbook: |
"""

REFUSED = """{{outcome: refused, step: provider, host: app01, findings: [
  {{check: time.provider, reason: no-provider}}, {{check: time.single-master, reason: no-writer}},
  {{check: time.projection, reason: {}}}]}}"""


@pytest.mark.parametrize(
    ("rate", "time", "expect"),
    [
        ("2000ppm", "", REFUSED.format("reaches-tolerance")),  # 518 s in three days
        ("500ppm", "", REFUSED.format("free-running")),  # 130 s, and nobody knows for how long
        ("300ppm", "time: {chrony: {drift: -12ppm}}", "{outcome: allowed}"),
    ],
)
def test_a_gate_with_a_projection(tmp_path: Path, rate: str, time: str, expect: str) -> None:
    runbook = RUNBOOK.replace(
        "- check: time.single-master", "- check: time.single-master\n          - check: time.projection", 1
    )
    assert runbook.count("time.projection") == 2
    text = WORLD.format(rate=rate, time=time, expect=expect) + indent(runbook, "  ")
    path = tmp_path / "world.yaml"
    path.write_text(text, encoding="utf-8")
    assert main(["drill", str(path)]) == 0
