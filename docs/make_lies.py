#!/usr/bin/env python3
"""Writes docs/lies.md from real daemons: `sudo NTPSEC_ROOT=… TIMESYNCD_ROOT=… python docs/make_lies.py`.

Needs what the system tier needs, and the unpacked packages of tests/corpus/README.md; takes two minutes.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.system.lies.measure import measure  # noqa: E402 - a checkout's tests are not installed
from tests.system.lies.page import PAGE, render  # noqa: E402
from tests.system.lies.states import STATES  # noqa: E402


def main() -> int:
    """0: every state was what it has to be, and the page is written; 1: nothing was written."""
    with tempfile.TemporaryDirectory() as scratch:
        rows = measure(STATES, Path(scratch))
    wrong = {row.state.name: row.verdicts for row in rows if row.verdicts != row.state.says}
    for name, verdicts in wrong.items():
        sys.stderr.write(f"{name}: {verdicts}\n")
    if not wrong:
        PAGE.write_text(render(rows))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
