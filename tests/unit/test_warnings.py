"""What is probably not meant in a runbook reaches people: on stderr, and in every report."""

from __future__ import annotations

from pathlib import Path

import pytest

from cutover_tui.cli import main
from cutover_tui.core.loading import load_text
from cutover_tui.engine.checking import Looked
from cutover_tui.engine.opening import Operator, begin
from cutover_tui.engine.recording.recorder import FORMAT
from cutover_tui.engine.sessions import SessionDirectory, all_sessions
from cutover_tui.record.journal import read
from cutover_tui.record.report.build import build
from cutover_tui.record.report.html import html
from cutover_tui.record.report.markdown import markdown
from cutover_tui.record.report.ticket import ticket
from probes.net import SystemClock
from tests.unit.no_screen import at_terminal

RUNBOOK = """\
schema: 1
change: {id: CHG1, title: t, window: {start: "2026-09-21T14:00:00Z", end: "2026-09-21T18:00:00Z"}}
source: {platform: vmware}
target: {platform: kvm}
domain: {realm: CORP.EXAMPLE, references: [ntp1, ntp2], controllers: [dc1.corp.example, dc2.corp.example]}
hosts: [{name: app01, address: 192.0.2.10, user: svc-cutover, escalation: sudo}]
phases:
  - id: p
    title: P
    steps:
      - id: answers
        title: It answers
        actions:
          - {id: both, title: Both, tier: N, command: {linux: systemctl stop a && systemctl start b}}
        gate:
          - check: naive.ping
"""


@pytest.fixture
def runbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CUTOVER_STATE", str(tmp_path / "state"))
    path = tmp_path / "runbook.yaml"
    path.write_text(RUNBOOK)
    return path


def both_told(err: str, path: Path) -> bool:
    told = [line for line in err.splitlines() if line.startswith("warning: ") and "the window of" not in line]
    return len(told) == 2 and all(f"{path}:" in line for line in told) and "naive.ping" in told[1]


def test_check_says_them_before_it_looks(
    runbook: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing_to_see(*_args: object, **_options: object) -> Looked:
        return Looked((), ())

    monkeypatch.setattr("cutover_tui.cli.check.check", nothing_to_see)
    assert main(["check", str(runbook), "--json"]) == 0
    printed = capsys.readouterr()
    assert both_told(printed.err, runbook)
    assert "warning" not in printed.out


def test_sudoers_says_them_beside_the_drop_in(runbook: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sudoers", str(runbook), "app01"]) == 0
    printed = capsys.readouterr()
    assert both_told(printed.err, runbook)
    assert "warning" not in printed.out


def test_run_and_resume_say_them(
    runbook: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_terminal(monkeypatch)
    assert main(["run", str(runbook), "--operator", "op"]) == 0
    assert both_told(capsys.readouterr().err, runbook)
    (session,) = all_sessions(tmp_path / "state")
    assert main(["resume", session.name, "--operator", "op"]) == 0
    assert both_told(capsys.readouterr().err, runbook)


async def test_every_report_lists_them(tmp_path: Path) -> None:
    directory = SessionDirectory(tmp_path / "session")
    directory.path.mkdir()
    loaded = load_text(RUNBOOK, "runbook.yaml")
    recorder, _ = await begin(loaded, directory, Operator("op", "jump"), SystemClock().now)
    await recorder.close()
    report = build(read(directory.journal, FORMAT.decode).events, {}, "ab" * 32, "0.1.0", 0)
    assert len(report.warnings) == 2
    for written in (ticket(report), markdown(report).replace("\\", ""), html(report)):
        assert "Warnings of the runbook" in written
        for warning in loaded.warnings:
            assert str(warning)[:60].replace("`", "") in written.replace("`", "").replace("&amp;", "&")
