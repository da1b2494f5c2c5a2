"""`cutover sudoers`: every command word for word, no wildcard; what sudo makes of it is held by the system tier."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cutover_tui.cli import main
from cutover_tui.engine.proofs.sudoers import written

RUNBOOK = """\
schema: 1
change: {id: CHG1, title: t, window: {start: "2026-09-21T14:00:00Z", end: "2026-09-21T18:00:00Z"}}
source: {platform: vmware}
target: {platform: kvm}
domain: {realm: CORP.EXAMPLE, references: [ntp1, ntp2], controllers: [dc1.corp.example, "dc2.corp.example:1123"]}
hosts: [{name: app01, address: 192.0.2.10, user: svc-cutover, escalation: sudo}]
phases: [{id: p, title: P, steps: [{id: t, title: T}]}]
"""


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (("rm", "-rf", "/run/x"), "rm -rf /run/x"),
        (("env", "A=b:c,d"), r"env A\=b\:c\,d"),
        (("find", "-name", "a*[!b]?"), r"find -name a\*\[!b\]\?"),
        (("sh", "-c", r"printf 'a\n' #"), r"sh -c printf\ 'a\\\\n'\ \#"),
        (("x", "-b", "", "-s"), r"x -b \ -s"),
    ],
)
def test_a_command_matches_itself_only(argv: tuple[str, ...], expected: str) -> None:
    assert written(argv) == expected


@pytest.fixture
def runbook(tmp_path: Path) -> Path:
    path = tmp_path / "runbook.yaml"
    path.write_text(RUNBOOK)
    return path


def test_both_controllers_may_be_asked_and_nothing_matches_more_than_itself(runbook, capsys) -> None:
    assert main(["sudoers", str(runbook), "app01"]) == 0
    printed = capsys.readouterr().out
    assert "svc-cutover ALL = (root) NOPASSWD: CUTOVER_READ, CUTOVER_PROVE" in printed
    assert "kinit -k APP01$@CORP.EXAMPLE" in printed
    for controller in ("dc1", "dc2"):
        assert f"kvno ldap/{controller}.corp.example" in printed
    commands = [line for line in printed.splitlines() if line.startswith("    /usr/bin/")]
    assert [c for c in commands if "klist -kte" in c]
    assert [c for c in commands if "ccache_" in c]
    assert all(c.endswith(", \\") for c in commands[:2])
    assert len(commands) == len(set(commands))
    assert not any(re.search(r"(?<!\\)[*?]", line) for line in commands)


def test_another_account_and_another_name(runbook, capsys) -> None:
    assert (
        main(["sudoers", str(runbook), "app01", "--user", "ana", "--principal", "WEB99$@CORP.EXAMPLE"]) == 0
    )
    printed = capsys.readouterr().out
    assert "\nana ALL = (root)" in printed
    assert "WEB99$@CORP.EXAMPLE" in printed
    assert "APP01" not in printed


def test_a_name_that_would_be_more_than_a_name_is_refused(runbook, capsys) -> None:
    assert main(["sudoers", str(runbook), "app01", "--user", "ana ALL=(ALL) ALL"]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("realm: CORP.EXAMPLE, ", "", "names no realm"),
        ("user: svc-cutover, ", "", "names no login user"),
        ("name: app01", "name: other", "has no host app01; its hosts are other"),
    ],
)
def test_what_cannot_be_printed_is_said(runbook, capsys, old: str, new: str, words: str) -> None:
    runbook.write_text(RUNBOOK.replace(old, new))
    assert main(["sudoers", str(runbook), "app01"]) == 2
    assert words in capsys.readouterr().err
