"""How soon there is something to see: `--help`, and the first paint against an empty Textual app's.

Measured from outside, on a terminal: from the start of the process to the first cell it paints.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Sequence
from pathlib import Path

from bench.ratios import interleaved, ratio, say

ROUNDS = 7
RUNBOOK = Path(__file__).parents[1] / "examples" / "minimal-time.yaml"
PAINTED = b"\x1b[0m"
"""Textual ends what it paints with a reset of the attributes; setting the terminal up has none."""

BARE = """\
from textual.app import App
from textual.widgets import Footer, Header, Static
class Bare(App[None]):
    def compose(self):
        yield Header()
        yield Static("nothing")
        yield Footer()
Bare().run()
"""
CUTOVER = "import sys; from cutover_tui.cli import main; sys.exit(main())"


def help_s() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", CUTOVER, "--help"], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def first_paint_s(argv: Sequence[str], state: str) -> float:
    """Seconds until the first painted text; the process is ended then."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "CUTOVER_STATE": state}
    environment.pop("NO_COLOR", None)
    began = time.perf_counter()
    process = subprocess.Popen(
        argv, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    try:
        shown = b""
        while PAINTED not in shown:
            if not select.select([ours], [], [], 30)[0]:
                raise TimeoutError(f"nothing painted in 30 s: {shown[-500:]!r}")
            shown += os.read(ours, 65536)
        return time.perf_counter() - began
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def main() -> None:
    """Print both figures beside their targets."""
    with tempfile.TemporaryDirectory() as state:
        times = interleaved(
            ROUNDS,
            help=help_s,
            bare=lambda: first_paint_s([sys.executable, "-c", BARE], state),
            run=lambda: first_paint_s(
                [sys.executable, "-c", CUTOVER, "run", "--operator", "bench", str(RUNBOOK)], state
            ),
        )
    say("cutover --help (s)", statistics.median(times["help"]), "<= 0.25")
    say(
        "first paint of `cutover run` / of an empty Textual app",
        ratio(times["run"], times["bare"]),
        "<= 1.5",
        f"{statistics.median(times['run']):.2f} s / {statistics.median(times['bare']):.2f} s",
    )


if __name__ == "__main__":
    main()
