"""A whole session by somebody who waits for every gate, as a program for the jump node.

`python -m tests.system.whole_session RUNBOOK HOST` plays the steps `before`, `move` (the mark) and `after` of the
runbook. It prints a line of JSON for each (`Stage`), one that says `moved?` when the guest is to be moved, and
goes on when it reads a line; the last one (`Record`) says what the tapes hold.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import msgspec

from cutover_tui.core.checks.check import Check
from cutover_tui.core.checks.registry import CHECKS
from cutover_tui.core.checks.spec import Bound
from cutover_tui.core.finding import Decision, Finding
from cutover_tui.core.loading import load
from cutover_tui.core.runbook import SECOND
from cutover_tui.engine.assembly import Surroundings
from cutover_tui.engine.opening import Operator, started
from cutover_tui.engine.session import Session
from cutover_tui.engine.sessions import new_session
from cutover_tui.lab.drill.engineer import WANTS_PROOF
from probes.net import SystemClock
from probes.observation import JUMP
from tests.lab.recorded import audited

PATIENCE_S = 75.0
SOAK_NS = 15 * SECOND
SECOND_LOOK_NS = 30 * SECOND
"""What a test may wait for: bounds of runbooks are not looser, they are what people wait for at a time."""


class Stage(msgspec.Struct, frozen=True):
    """How a step came out at its last `mark_done`: of each check verdict, reason code and reason."""

    step: str
    outcome: str
    missing: tuple[str, ...] = ()
    findings: dict[str, tuple[str, str, str]] = {}


class Record(msgspec.Struct, frozen=True):
    """`readers`: None of one that gave facts at least once, else what kept it from that.

    `guest`: those whose observations are of the guest, with one that was made there.
    """

    audit: str
    readers: dict[str, str | None]
    there: tuple[str, ...]


def hasten() -> None:
    """Soaks and the second look after a boot may be set as short as a test can wait; nothing else is looser."""
    known = cast("MutableMapping[str, Check]", CHECKS)
    for name in ("time.offset", "time.projection"):
        soak = CHECKS[name].spec.soak
        assert soak is not None
        spec = replace(CHECKS[name].spec, soak=Bound(soak.default, SOAK_NS, soak.highest))
        known[name] = replace(CHECKS[name], spec=spec)
    spec = CHECKS["time.reboot"].spec
    second = replace(spec.params["second"], lowest=SECOND_LOOK_NS)
    known["time.reboot"] = replace(
        CHECKS["time.reboot"], spec=replace(spec, params={**spec.params, "second": second})
    )


async def done(session: Session, step: str, host: str) -> Stage:
    """Wait for an open gate, approving proofs as they are wanted, and mark the step done."""
    refused = await session.start_step(step, host)
    if refused is not None:
        return Stage(step, "not started", (refused.reason,))
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE_S
    while True:
        while (live := session.step(step, host).live).outcome != "open" and loop.time() < until:
            view = session.proof(host)
            if view.refused is None and not view.running and _wants_proof(live.findings):
                refused = await session.prove(host, view.commands)
                if refused is not None:
                    return Stage(step, "not proven", (refused.reason,))
            await asyncio.sleep(0.2)  # polled: what is waited for is a verdict, which nobody announces
        decision = await session.mark_done(step, host)
        if not isinstance(decision, Decision):
            return Stage(step, "not marked", (decision.reason,))
        # It is decided on what is read anew, by which a boot is a few milliseconds later than it was a second ago.
        if decision.outcome == "open" or loop.time() >= until:
            break
    return Stage(
        step,
        str(decision.outcome),
        tuple(f"{m.what}: {m.reason}" for m in decision.missing),
        {f.check: (str(f.verdict), f.reason_code, f.reason) for f in decision.findings},
    )


async def play(session: Session, host: str) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE_S
    while any(h.platform is None for h in session.view().hosts):
        assert loop.time() < until, [h.link_detail for h in session.view().hosts]
        await asyncio.sleep(0.1)  # polled, as above
    for step in ("before", "move"):
        say(await done(session, step, host))
    print('"moved?"', flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await session.look_again(host)
    say(await done(session, "after", host))


def recorded(session: Session, host: str) -> tuple[dict[str, str | None], tuple[str, ...]]:
    """What each reader gave, and which of them looked from the guest."""
    readers: dict[str, str | None] = {}
    there: set[str] = set()
    for log in (session.recorder.logs.of(host), session.recorder.logs.of(JUMP)):
        for o in log.observations:
            if o.vantage == "guest":
                there.add(o.reader)
            if o.facts is not None:
                readers[o.reader] = None
            elif o.failure is not None:
                readers.setdefault(o.reader, f"{o.failure.kind}: {o.failure.detail}")
    return readers, tuple(sorted(there))


async def main(book: Path, host: str) -> None:
    hasten()
    loaded = load(book)
    directory = new_session(book.parent / f"state-{host}", loaded.runbook.change.id, SystemClock().now())
    around = Surroundings(Path("/root/.ssh/known_hosts"), ssh_config=())
    async with started(loaded, directory, Operator("ana", "jump"), around, lambda _: "") as session:
        await play(session, host)
        readers, there = recorded(session, host)
    answer = audited(directory)
    say(Record(" ".join((answer.answer, *map(str, answer.remarks))), readers, there))


def say(what: Stage | Record) -> None:
    print(msgspec.json.encode(what).decode(), flush=True)


def _wants_proof(findings: tuple[Finding, ...]) -> bool:
    return any(f.reason_code in WANTS_PROOF for f in findings)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
