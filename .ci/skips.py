#!/usr/bin/env python3
# ruff: noqa: T201 - printing is its job
"""Fail when a test was skipped, or expected to fail, without a reason on the list.

    skips.py ALLOWED REPORT.xml...

ALLOWED has one line a test: `id  # reason`, where the id is what this script prints and may end
in `*`. A report without a single test that ran fails too: nothing ran is not a pass.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path


def allowed(path: Path) -> dict[str, str]:
    """Id → reason.

    Raises:
        ValueError: a line has no reason.
    """
    reasons = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        test, mark, reason = (part.strip() for part in line.partition(" # "))
        if not (mark and reason):
            raise ValueError(f"{path}:{number}: a skip needs a reason; expected `id  # reason`")
        reasons[test] = reason
    return reasons


def not_run(report: Path) -> tuple[int, dict[str, str]]:
    """How many tests ran, and id → message of those that were skipped or expected to fail."""
    ran, skipped = 0, {}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it a moment ago
        mark = case.find("skipped")
        if mark is None:
            ran += 1
        else:
            test = "::".join(filter(None, (case.get("classname"), case.get("name"))))
            skipped[test] = f"{mark.get('type', 'skip')}: {mark.get('message', '')}"
    return ran, skipped


def main(arguments: list[str]) -> int:
    """Print each unlisted one; 1 if there was any or nothing ran, 2 for bad input."""
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        listed = allowed(Path(arguments[0]))
        reports = {name: not_run(Path(name)) for name in arguments[1:]}
    except (ValueError, OSError, ET.ParseError) as error:
        print(error, file=sys.stderr)
        return 2
    bad = 0
    for name, (ran, skipped) in reports.items():
        print(f"{Path(name).name}: {ran} ran, {len(skipped)} skipped or expected to fail")
        if not ran:
            print("  nothing ran")
            bad += 1
        for test, why in skipped.items():
            reason = next((r for a, r in listed.items() if _matches(a, test)), None)
            print(f"  {test}: {why}: {'allowed, ' + reason if reason else 'NOT ALLOWED'}")
            bad += reason is None
    return 1 if bad else 0


def _matches(pattern: str, test: str) -> bool:
    return test.startswith(pattern[:-1]) if pattern.endswith("*") else test == pattern


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
