"""The main loop never waits: no file, no name, no program, no sleep is touched on its thread.

The cause of lag is asserted, not the lag: how late a loop is depends on the machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_nothing_that_can_block_is_called_on_the_main_loop(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("watched_session.py")), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    assert result["seen"] == []
    # The hooks do hear: the disk's own thread, and this thread once it does touch files.
    assert result["elsewhere"] > 0
    assert result["proof"] == 2
