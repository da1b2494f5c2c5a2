"""What the chart and the host table cost on a real terminal: CPU, bytes to the client, key to paint.

Each app runs as a process of its own in a private tmux server, with one client attached on a pty that this
process reads. The floor is an app of the same Textual with one `Static` updated twice a second; rounds of
floor and candidate are interleaved, and ratios are medians of the rounds' ratios. "Client bytes" are what
tmux sends its client, which is the traffic of an ssh session. Without tmux only the rasteriser is measured.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import math
import os
import pty
import random
import select
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from textual.app import App, ComposeResult
from textual.widgets import Static

from screens.widgets.chart import OffsetChart
from screens.widgets.figure import Memory, draw
from screens.widgets.glyphs import State, mark, offset
from screens.widgets.raster import (
    BRAILLE,
    SERIES_ROLES,
    ChartData,
    DotSet,
    Mark,
    Point,
    Series,
    Threshold,
)
from screens.widgets.table import Cell, Column, HostTable, TableModel

MS, S = 10**6, 10**9
SIZES = ((80, 24), (200, 50))
POINTS, SERIES = 600, 5
HOSTS = 500
DOWN = b"\x1b[B"  # the arrow, as terminals send it
ROOT = Path(__file__).resolve().parent.parent


class Feed:
    """Five clocks sampled at 2 Hz, so that each refresh brings a new point to each of them."""

    def __init__(self, series: int = SERIES) -> None:
        self._random = random.Random(7)
        self._rows: list[deque[Point]] = [deque(maxlen=POINTS) for _ in range(series)]
        self._now = 0
        self.pulls = 0
        for _ in range(POINTS):
            self.advance()

    def advance(self) -> None:
        """One more sample of each clock, half a second later."""
        self._now += S // 2
        t = self._now / S
        for n, row in enumerate(self._rows):
            value = round(6 * MS * math.sin(t / (40 + 7 * n)) + 3 * MS * n + self._random.gauss(0, MS / 5))
            row.append(Point(self._now, value, MS // 2))

    def __call__(self) -> ChartData:
        self.pulls += 1
        self.advance()
        names = ("app01", "app02", "dc1", "dc2", "ntp1")
        series = tuple(
            Series(name, tuple(row), role, S // 2)
            for name, row, role in zip(names, self._rows, SERIES_ROLES, strict=False)
        )
        start = self._now - POINTS * S // 2
        limits = (Threshold(20 * MS, "warn 20 ms"),)
        return ChartData(series, start, self._now, limits, (Mark(100 * S, "M", "mark"),), epoch_ns=0)


def letter(row: int) -> str:
    """What stands for a row beside the table: no chart and no table draws it, and its neighbours have others."""
    return chr(ord("α") + row % 16)


class Bare(App[None]):
    """The floor: one line, changed twice a second."""

    def compose(self) -> ComposeResult:
        yield Static("0")

    def on_mount(self) -> None:
        self.ticks = 0
        self.set_interval(0.5, self.tick)

    def tick(self) -> None:
        self.ticks += 1
        self.query_one(Static).update(str(self.ticks))

    @property
    def refreshes(self) -> int:
        return self.ticks


class ChartBench(App[None]):
    """The chart alone on the screen."""

    def compose(self) -> ComposeResult:
        self.feed = Feed()
        yield OffsetChart(self.feed)

    @property
    def refreshes(self) -> int:
        return self.feed.pulls


COLUMNS = (
    Column("host", "host", 12),
    Column("state", "state", 16, priority=0),
    Column("offset", "offset", 18, priority=2, align="right"),
    Column("provider", "provider", 24, priority=3, grow=True),
)


class TableBench(App[None]):
    """Five hundred hosts, each changed once a second in fifty batches; with `--both` under the chart."""

    CSS = "OffsetChart { height: 1fr; } HostTable { height: 1fr; } Static { height: 1; }"
    WITH_CHART = False

    def compose(self) -> ComposeResult:
        self.model = TableModel(COLUMNS)
        self.model.set_rows((f"h{n}", self.row(n, 0)) for n in range(HOSTS))
        self.batch = 0
        self.feed = Feed()
        if self.WITH_CHART:
            yield OffsetChart(self.feed)
        yield HostTable(self.model)
        yield Static("cursor", id="cursor")

    def on_mount(self) -> None:
        self.query_one(HostTable).focus()  # the chart above it has keys of its own
        self.set_interval(0.02, self.arrive)

    def on_host_table_row_highlighted(self, message: HostTable.RowHighlighted) -> None:
        self.query_one("#cursor", Static).update(f"cursor {letter(int(message.key[1:]))}")

    def arrive(self) -> None:
        self.batch += 1
        first = self.batch % 50 * 10
        for n in range(first, first + 10):
            self.model.update_row(f"h{n}", self.row(n, self.batch))

    @staticmethod
    def row(n: int, tick: int) -> tuple[Cell, ...]:
        shown = mark(State.SOAKING if (n + tick) % 9 else State.PASS)
        value = offset((n - HOSTS // 2) * MS + tick * 1_000, 2 * MS)
        return Cell(f"app{n:03}"), Cell(shown.text, shown.role), Cell(value), Cell("chronyd → dc1")

    @property
    def refreshes(self) -> int:
        return self.batch // 25


class BothBench(TableBench):
    """Chart and table together, as on the clock screen."""

    WITH_CHART = True


APPS: dict[str, type[Bare | ChartBench | TableBench]] = {
    "bare": Bare,
    "chart": ChartBench,
    "table": TableBench,
    "both": BothBench,
}


class Terminal:
    """A tmux session of one app with one attached client, both ours."""

    def __init__(self, app: str, size: tuple[int, int], directory: Path) -> None:
        self._tmux = ["tmux", "-S", str(directory / "tmux"), "-f", "/dev/null"]
        self._pid_file = directory / "pid"
        environment = os.environ | {"TERM": "screen-256color", "PYTHONPATH": str(ROOT)}
        environment.pop("TMUX", None)
        command = [sys.executable, "-m", "bench.chart", "--app", app, "--pid-file", str(self._pid_file)]
        subprocess.run(
            [*self._tmux, "new-session", "-d", "-x", str(size[0]), "-y", str(size[1]), *command],
            check=True,
            env=environment,
            cwd=ROOT,
        )
        subprocess.run([*self._tmux, "set", "-g", "status", "off"], check=True, env=environment)
        self._client, self._fd = pty.fork()
        if self._client == 0:
            os.execvpe("tmux", [*self._tmux, "attach"], environment)  # noqa: S606 - becomes the client
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.pid = 0

    def start(self) -> None:
        """Wait until the app has said its process id and has painted for a second."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not (self._pid_file.exists() and self._pid_file.read_text()):
            self.read(0.1)
        self.pid = int(self._pid_file.read_text())
        self.read(2.0)

    def read(self, seconds: float, until: bytes = b"") -> tuple[int, bool]:
        """Bytes that reached the client within `seconds`, or until `until` was among them."""
        end = time.monotonic() + seconds
        count, seen = 0, b""
        while (left := end - time.monotonic()) > 0:
            if select.select([self._fd], [], [], left)[0]:
                data = os.read(self._fd, 65_536)
                count += len(data)
                if until:
                    seen = seen[-4_096:] + data
                    if until in seen:
                        return count, True
        return count, False

    def key(self, key: bytes, until: bytes) -> float | None:
        """Seconds from the key's byte to the text it causes at the client."""
        began = time.perf_counter()
        os.write(self._fd, key)
        return time.perf_counter() - began if self.read(2.0, until)[1] else None

    def cpu_s(self) -> float:
        """User and system time of the app's process so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False, stderr=subprocess.DEVNULL)
        with contextlib.suppress(OSError):
            os.close(self._fd)
        os.waitpid(self._client, 0)


@contextlib.contextmanager
def terminal(app: str, size: tuple[int, int]) -> Iterator[Terminal]:
    with tempfile.TemporaryDirectory() as directory:
        made = Terminal(app, size, Path(directory))
        try:
            made.start()
            yield made
        finally:
            made.close()


def measure(app: str, size: tuple[int, int], seconds: float) -> tuple[float, float]:
    """Percent of a core, and bytes to the client per refresh (at 2 Hz)."""
    with terminal(app, size) as screen:
        before, began = screen.cpu_s(), time.monotonic()
        count, _ = screen.read(seconds)
        took = time.monotonic() - began
        return 100 * (screen.cpu_s() - before) / took, count / (2 * took)


def key_latency(size: tuple[int, int], keys: int) -> list[float]:
    """Milliseconds from the arrow key to the letter of the next row, chart and table live.

    Raises:
        TimeoutError: nothing came of a key.
    """
    found: list[float] = []
    with terminal("both", size) as screen:
        for n in range(1, keys + 1):
            took = screen.key(DOWN, letter(n).encode())
            if took is None:
                raise TimeoutError(f"nothing came of key {n}")
            found.append(1000 * took)
            screen.read(0.05 + 0.01 * (n % 7))
    return found


def raster_ms(series: int, size: tuple[int, int], dots: DotSet = BRAILLE, rounds: int = 25) -> float:
    """Median milliseconds of CPU for one whole figure."""
    feed = Feed(series)
    taken, memory = [], Memory()
    for _ in range(rounds):
        data = feed()
        began = time.thread_time()
        draw(data, *size, dots, memory=memory)
        taken.append(1000 * (time.thread_time() - began))
    return statistics.median(taken)


def main(rounds: int = 3, seconds: float = 8.0, keys: int = 60) -> None:
    """Print one line a figure: what, where, value, target."""
    for size in SIZES:
        at = f"{size[0]}x{size[1]}"
        one, five = raster_ms(1, size), raster_ms(SERIES, size)
        print(f"chart.raster      {at:>7}  1 series {one:.1f} ms, {SERIES} series {five:.1f} ms  (≤ 7 ms)")
    if shutil.which("tmux") is None:
        print("chart.terminal    not measured: no tmux")
        return
    for size, limit in zip(SIZES, (1.5, 6.0), strict=True):
        at = f"{size[0]}x{size[1]}"
        for app, share in (("chart", 2.5), ("table", 4.0)):
            pairs = [(measure("bare", size, seconds), measure(app, size, seconds)) for _ in range(rounds)]
            cpu = statistics.median(mine[0] for _, mine in pairs)
            floor = statistics.median(bare[0] for bare, _ in pairs)
            ratio = statistics.median(mine[0] / max(bare[0], 0.01) for bare, mine in pairs)
            kib = statistics.median(mine[1] for _, mine in pairs) / 1000
            goal = f"≤ {limit} KB" if app == "chart" else "no target"
            print(
                f"chart.{app:<11} {at:>7}  {cpu:.1f} % of a core (≤ {share}), floor {floor:.1f} %, "
                f"ratio {ratio:.1f}; {kib:.2f} KB a refresh ({goal})"
            )
        found = sorted(key_latency(size, keys))
        median, p90 = statistics.median(found), found[int(len(found) * 0.9)]
        print(
            f"chart.key         {at:>7}  median {median:.1f} ms (≤ 15), p90 {p90:.1f} ms (≤ 40), n={len(found)}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app", choices=APPS, help="run one of the measured apps in this terminal")
    parser.add_argument("--pid-file", type=Path)
    options = parser.parse_args()
    if options.app:
        if options.pid_file:
            options.pid_file.write_text(str(os.getpid()))
        APPS[options.app]().run()
    else:
        main()
