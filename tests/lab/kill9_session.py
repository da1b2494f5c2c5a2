"""A headless session under load, to be killed: prints what a port call returned, once it returned.

For each `DIRECTORY RUNBOOK KNOWN_HOSTS` on stdin a child is forked (Python starts once, not
for every kill), which starts or resumes the session there and sends intents as fast as they
are answered. Out come its pid, what the terminal would have shown as recorded, and `end`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from itertools import count
from pathlib import Path

import msgspec

from cutover_tui.core.finding import Decision
from cutover_tui.core.loading import load
from cutover_tui.engine.assembly import Surroundings
from cutover_tui.engine.opening import Operator, resumed, started
from cutover_tui.engine.port import Refused
from cutover_tui.engine.session import Session
from cutover_tui.engine.sessions import SessionDirectory

ACTION = ("provider", "install-chrony")
GUESTS = ("app01", "app02")


def no_export(_directory: Path) -> str:
    raise AssertionError("nothing is exported here")


def show(*words: object) -> None:
    # One write a line: a kill cannot tear what the terminal shows.
    os.write(1, msgspec.json.encode(words) + b"\n")


async def main(directory: SessionDirectory, runbook: Path, around: Surroundings) -> None:
    operator = Operator("op", "jump")
    opened = (
        resumed(directory, operator, around, no_export)
        if directory.journal.exists()
        else started(load(runbook), directory, operator, around, no_export)
    )
    async with opened as session:
        show("open", *session.view().notices)
        begun = {guest: asyncio.Event() for guest in GUESTS}
        async with asyncio.TaskGroup() as tasks:
            for producer in range(3):
                tasks.create_task(notes(session, producer))
            tasks.create_task(starts(session, begun))
            tasks.create_task(marks(session))
            for guest in GUESTS:
                tasks.create_task(actions(session, guest, begun[guest]))


async def notes(session: Session, producer: int) -> None:
    for n in count():
        text = f"{os.getpid()}/{producer}/{n}" + "x" * (n % 200)
        if await session.note(text, None, None) is None:
            show("note", text)
            view = session.view()
            show("head", view.seq, view.head)


async def starts(session: Session, begun: dict[str, asyncio.Event]) -> None:
    for step in session.runbook.steps():
        for host in ("*",) if step.scope == "wave" else GUESTS:
            if await session.start_step(step.id, host) is None:
                show("started", step.id, host)
                if step.id == ACTION[0]:
                    begun[host].set()


async def marks(session: Session) -> None:
    while True:
        for step, host in (("jump-clock", "*"), ("provider", "app01"), ("provider", "app02")):
            answer = await session.mark_done(step, host)
            if isinstance(answer, Decision):
                show("decided", step, host, answer.upto, answer.outcome)
        await asyncio.sleep(0)


async def actions(session: Session, guest: str, begun: asyncio.Event) -> None:
    """A link can be up before its step has begun; an action then is refused, and rightly."""
    await begun.wait()
    changed = asyncio.Event()
    session.subscribe(changed.set)
    while True:
        changed.clear()
        if next(h.link for h in session.view().hosts if h.name == guest) == "up":
            answer = await session.run_action(ACTION[0], guest, ACTION[1])
            show("ran", guest, answer.reason if isinstance(answer, Refused) else None)
        else:
            await changed.wait()


def serve() -> None:
    for line in iter(sys.stdin.readline, ""):
        directory, runbook, known_hosts = line.split()
        child = os.fork()
        if not child:
            around = Surroundings(Path(known_hosts), ssh_config=())
            asyncio.run(main(SessionDirectory(Path(directory)), Path(runbook), around))
        show("pid", child)
        os.waitpid(child, 0)
        show("end")


if __name__ == "__main__":
    serve()
