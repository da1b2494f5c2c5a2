"""A session whose main thread is watched for calls that can block. Prints them as JSON.

In a process of its own: an audit hook cannot be taken off again.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cutover_tui.core.loading import load
from cutover_tui.engine import housekeeping
from cutover_tui.engine.assembly import Surroundings
from cutover_tui.engine.export import exporter
from cutover_tui.engine.opening import Operator, started
from cutover_tui.engine.port import Refused
from cutover_tui.engine.sessions import new_session
from cutover_tui.lab.demo.background import incident
from probes.net import SystemClock

BLOCKING = {
    "open",
    "os.listdir",
    "os.mkdir",
    "os.rename",
    "os.scandir",
    "os.system",
    "os.truncate",
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyaddr",
    "socket.gethostbyname",
    "socket.sendto",
    "subprocess.Popen",
    "time.sleep",
}
"""Audit events of CPython's library that stand for the disk, the network, another program, or waiting."""

SILENT = ("fsync", "fdatasync", "pread", "pwrite", "ftruncate", "stat")
"""Calls on files that CPython does not audit."""


class Watch:
    """What the watched thread did, with where from."""

    def __init__(self) -> None:
        self.on = False
        self.seen: list[str] = []
        self.elsewhere = 0  # the same calls in other threads: proof that the hooks hear
        self._thread = threading.get_ident()
        sys.addaudithook(self._audited)
        for name in SILENT:
            self._wrap(os, name)
        self._wrap(fcntl, "flock")

    def _audited(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in BLOCKING:
            self._heard(f"{event} {arguments[:1]}")

    def _wrap(self, module: Any, name: str) -> None:
        real: Callable[..., object] = getattr(module, name)

        def heard(*arguments: object, **named: object) -> object:
            self._heard(f"{module.__name__}.{name}")
            return real(*arguments, **named)

        setattr(module, name, heard)

    def _heard(self, what: str) -> None:
        if not self.on:
            return
        if threading.get_ident() != self._thread:
            self.elsewhere += 1
            return
        self.on = False  # to look at the stack reads source files
        stack = [f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_stack()[-9:-2]]
        self.seen.append(f"{what} from {' > '.join(stack)}")
        self.on = True


async def play(folder: Path, watch: Watch) -> None:
    housekeeping.SEAL_EVERY_S = 0.3
    with incident(folder / "lab", moved=False) as lab:
        text = lab.runbook_path.read_text()
        lab.runbook_path.write_text(text.replace("[apt-get, -y, install, chrony]", "['true']"))
        directory = new_session(folder, "WATCHED", SystemClock().now())
        around = Surroundings(lab.known_hosts_path, ssh_config=())
        loaded = load(lab.runbook_path)
        async with started(loaded, directory, Operator("op", "jump"), around, exporter(directory)) as session:
            watch.on = True
            async with asyncio.timeout(30):
                while any(h.sample_age_ns is None or h.link != "up" for h in session.view().hosts):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            for step, host in (("jump-clock", "*"), ("provider", "app01"), ("provider", "app02")):
                assert await session.start_step(step, host) is None
                session.step(step, host)
            assert await session.note("words", "provider", "app01") is None
            assert await session.run_action("provider", "app01", "install-chrony") is None
            assert not isinstance(await session.mark_done("provider", "app01"), Refused)
            await session.look_again("*")
            session.clock(("app01", "app02"), 0, 200)
            exported = await session.export(str(folder / "evidence"))
            assert isinstance(exported, str), exported
            seq = session.view().seq
            while session.view().seq < seq + 2:  # noqa: ASYNC110 - housekeeping seals by itself
                await asyncio.sleep(0.05)
        watch.on = False


def main(folder: Path) -> None:
    watch = Watch()
    with asyncio.Runner() as runner:
        runner.run(play(folder, watch))
    seen, watch.seen, watch.on = watch.seen, [], True
    os.stat(folder)
    with open(folder / "proof", "w", encoding="utf-8"):
        watch.on = False
    print(json.dumps({"seen": seen, "elsewhere": watch.elsewhere, "proof": len(watch.seen)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
