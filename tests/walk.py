"""Drives the real app by keys through one gated step: started, refused, fixed, allowed, exported, verified."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from cutover_tui.engine.port import SessionPort

CUTOVER = str(Path(sys.executable).with_name("cutover"))


class Walk:
    """One engineer at the keys, who looks at the port to know when to go on."""

    def __init__(self, pilot: Pilot[None], port: SessionPort, host: str) -> None:
        self.pilot = pilot
        self.port = port
        self.host = host

    async def until(self, true: Callable[[], bool], within_s: float, what: str) -> None:
        """Let the app go on until a condition of the outside world holds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        while not true():
            assert loop.time() < deadline, f"{what} did not come within {within_s} s: {self.lacks()}"
            await self.pilot.pause(0.1)

    def lacks(self) -> list[str]:
        """What every step of the runbook misses now, for the message of a failed wait."""
        ids = [row.id for row in self.port.view().steps]
        return [f"{i}: {m.what}: {m.reason}" for i in ids for m in self.port.step(i, self.host).live.missing]

    def status(self, step: str) -> str:
        return self.port.step(step, self.host).status

    def says(self, step: str, check: str) -> str:
        """The reason code of a check now."""
        found = [f for f in self.port.step(step, self.host).live.findings if f.check == check]
        return found[0].reason_code if found else ""

    async def guests_up(self) -> None:
        await self.until(lambda: all(h.link == "up" for h in self.port.view().hosts), 40, "a link")

    async def set_mark(self, step: str) -> None:
        """On the overview with the mark step under the cursor: open it, start it, mark it done.

        A guest that is on the target already is marked by typing its name.
        """
        known = lambda: any(h.name == self.host and h.platform for h in self.port.view().hosts)  # noqa: E731
        await self.until(known, 30, "the platform")
        moved = bool(self.port.step(step, self.host).arrived)
        await self.pilot.press("enter", "s")
        await self.pilot.pause(0.3)
        await self.pilot.press(*((*self.host, "enter", "enter") if moved else ("y",)))
        await self.until(lambda: any(h.marked for h in self.port.view().hosts), 20, "the mark")
        await self.until(lambda: self.port.step(step, self.host).live.outcome == "open", 30, "open gate")
        await self.pilot.press("d")
        await self.until(lambda: self.status(step) == "done", 20, f"{step} done")

    async def be_refused(self, step: str, check: str, code: str) -> None:
        """On the step's screen: start it, try it, and be told why not."""
        await self.pilot.press("s")
        await self.until(lambda: self.status(step) == "started", 20, "a started step")
        await self.until(lambda: self.says(step, check) == code, 30, f"{check} {code}")
        await self.pilot.press("d")
        await self.until(lambda: self.status(step) == "refused", 30, "the refusal")
        await self.pilot.pause(0.3)
        await self.pilot.press("b")

    async def fix(self, step: str, key: str) -> None:
        """The remedy is a key."""
        await self.pilot.press(key)
        await self.pilot.pause(0.3)
        await self.pilot.press("y")
        await self.until(
            lambda: any(a.state == "ended" for a in self.port.step(step, self.host).actions), 60, "its end"
        )

    async def be_allowed(self, step: str, within_s: float) -> None:
        await self.until(
            lambda: self.port.step(step, self.host).live.outcome == "open", within_s, "an open gate"
        )
        await self.pilot.press("d")
        await self.until(lambda: self.status(step) == "done", 30, f"{step} done")


async def verify(evidence: Path, head: str) -> None:
    """The exported evidence follows, and the head is the one that stands on the ticket."""
    process = await asyncio.create_subprocess_exec(
        CUTOVER,
        "verify",
        str(evidence),
        "--head",
        head,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=evidence.parent,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    ticket = (evidence / "ticket.txt").read_text()
    assert head in ticket
    assert len(ticket) <= 4000
