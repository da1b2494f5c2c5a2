"""CI fails on a skip that nobody gave a reason for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci/skips.py"
REPORT = """<testsuites><testsuite>
<testcase classname="tests.unit.test_a" name="test_ran" />
<testcase classname="tests.unit.test_a" name="test_not[x]"><skipped type="pytest.skip" message="no root"/></testcase>
<testcase classname="tests.unit.test_a" name="test_known"><skipped type="pytest.xfail" message="bug 7"/></testcase>
</testsuite></testsuites>"""


@pytest.mark.parametrize(
    ("allowed", "status", "says"),
    [
        ("", 1, "tests.unit.test_a::test_not[x]: pytest.skip: no root: NOT ALLOWED"),
        ("tests.unit.test_a::test_not[x]  # needs root\n", 1, "test_known: pytest.xfail: bug 7: NOT ALLOWED"),
        (
            "tests.unit.test_a::test_not*  # why\ntests.unit.test_a::test_known  # bug 7\n",
            0,
            "1 ran, 2 skipped",
        ),
        ("tests.unit.test_a::test_not[x]\n", 2, "allowed.txt:1: a skip needs a reason"),
    ],
)
def test_only_listed_skips_pass(tmp_path: Path, allowed: str, status: int, says: str):
    (tmp_path / "allowed.txt").write_text(allowed)
    (tmp_path / "report.xml").write_text(REPORT)
    argv = [sys.executable, str(SCRIPT), "allowed.txt", "report.xml"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert says in done.stdout + done.stderr


def test_a_report_in_which_nothing_ran_fails(tmp_path: Path):
    (tmp_path / "allowed.txt").write_text("")
    (tmp_path / "report.xml").write_text("<testsuites><testsuite/></testsuites>")
    argv = [sys.executable, str(SCRIPT), "allowed.txt", "report.xml"]
    assert subprocess.run(argv, cwd=tmp_path, capture_output=True, check=False).returncode == 1
