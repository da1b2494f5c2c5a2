"""How late the interface's loop is while Kerberos and the directory run against a real domain.

A Samba controller and three joined guests in namespaces (root, and the packages of the system tier), one account with
ten thousand service names. The jump host is a process of its own: a whole session with its screens, where somebody
goes from screen to screen, looks at everything again every thirty seconds and proves again as soon as a proof has
ended; ten times what a session does by itself. Quiet is the same without those looks and proofs. Every 10 ms a task of
the interface's loop says how late it is. The controller and the guests are on the same machine, so it goes before them, and an empty process beside it says how
late that alone makes it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import statistics
import sys
import time
from contextlib import suppress
from pathlib import Path

from bench.ratios import say

ROOT = Path(__file__).parents[1]
GUESTS = ("app01", "app02", "app03")
SPNS = 10_000
TICK_S = 0.01
QUIET_S, BUSY_S = 20.0, 45.0
LOOK_EVERY_S = 30.0
TURN_S = 3.0
RUNBOOK = """\
schema: 1
change: {{id: CHG1, title: bench, window: {{start: "2020-01-01T00:00:00Z", end: "2099-01-01T00:00:00Z"}}}}
source: {{platform: kvm}}
target: {{platform: kvm}}
domain:
  realm: {realm}
  controllers: [{controller}]
  ca_file: ca.pem
  credential: me
  references: [{references}]
credentials:
  me: {{method: ccache}}
  lab: {{method: key, key: /root/.ssh/id_ed25519}}
hosts:
{hosts}
phases:
  - id: identity
    title: Identity
    steps:
      - id: tickets
        title: Everything of the domain
        gate:
{gate}
"""
HOST = "  - {{name: {name}, address: {address}, user: engineer, escalation: sudo, credential: lab}}\n"
EMPTY = """\
import json, sys, time
late, until = [], time.monotonic() + float(sys.argv[1])
while (began := time.monotonic()) < until:
    time.sleep(float(sys.argv[2]))
    late.append(1000 * (time.monotonic() - began - float(sys.argv[2])))
print(json.dumps(late))
"""
CHECKS = (
    "time.reference", "time.offset", "kdc.clock", "kerberos.margin", "kerberos.as", "kerberos.tgs", "kerberos.ap-out",
    "kerberos.ap-in", "kerberos.caches", "ad.trust", "ad.object", "ad.dns", "net.ad-paths",
)  # fmt: skip


def main() -> None:
    """Print how late the loop was, beside the target."""
    if os.geteuid() != 0:
        print("needs root, and the Debian packages of the system tier")
        return
    from tests.system.nodes.domain import ADMINISTRATOR, DNS_DOMAIN, PASSWORD, REALM, Domain
    from tests.system.nodes.lab import SystemLab
    from tests.system.test_directory_for_real import change

    with SystemLab() as lab:
        references = [lab.reference(name).address for name in ("ntp1", "ntp2")]
        domain = Domain.provision(lab)
        guests = [
            domain.join(lab.guest(name, vendor="QEMU", sshd_options=["GSSAPIAuthentication yes"]))
            for name in GUESTS
        ]
        names = [f"http/büro-{n:05}.{DNS_DOMAIN}" for n in range(SPNS)]
        store = "sam.ldb.d/DC=CORP,DC=EXAMPLE.ldb"
        change(domain, store, GUESTS[0], "add", "servicePrincipalName", *names)
        jump, controller = lab.jump, domain.controller
        jump.write("/etc/hosts", f"{jump.read('/etc/hosts')}{controller.address} {controller.name}\n")
        jump.write("/etc/krb5.conf", domain.krb5_conf())
        jump.write("/root/ca.pem", controller.certificate)
        book = RUNBOOK.format(
            realm=REALM,
            controller=controller.name,
            references=", ".join(references),
            hosts="".join(HOST.format(name=g.name, address=g.address) for g in guests),
            gate="".join(f"          - check: {name}\n" for name in CHECKS),
        )
        jump.write("/root/bench.yaml", book)
        jump.run("kinit", f"{ADMINISTRATOR}@{REALM}", stdin=PASSWORD)
        # A jump host does not share its processors with the controller and the guests it looks at.
        argv = ("nice", "-n", "-10", sys.executable, "-m", "bench.lag", "/root/bench.yaml")
        ran = jump.run(*argv, timeout_s=300, env={"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"})
    result = json.loads(ran.out.splitlines()[-1])
    for load in ("quiet", "busy"):
        late, empty = result[load]
        say(f"{load}: loop late, ms, median", statistics.median(late), "", f"{len(late)} ticks")
        say(f"{load}: loop late, ms, p99", sorted(late)[int(len(late) * 0.99)], "< 50")
        say(f"{load}: loop late, ms, most", max(late), "")
        say(f"{load}: an empty process late, ms, p99", sorted(empty)[int(len(empty) * 0.99)], "")
        say(f"{load}: an empty process late, ms, most", max(empty), "")
    for what, count in result["done"].items():
        say(f"busy: {what}", count, "> 0")


def inside(book: str) -> None:
    """The jump host's part: prints what was measured as a line of JSON."""
    print(json.dumps(asyncio.run(_measured(Path(book)))))


async def _measured(book: Path) -> dict[str, object]:
    from cutover_tui.cli.screen import keep_what_lasts
    from cutover_tui.core.loading import load
    from cutover_tui.engine.assembly import Surroundings
    from cutover_tui.engine.export import exporter
    from cutover_tui.engine.opening import Operator, started
    from cutover_tui.engine.sessions import new_session
    from probes.net import SystemClock
    from screens.app import CutoverApp

    loaded = load(book)
    directory = new_session(Path("/root/state"), loaded.runbook.change.id, SystemClock().now())
    around = Surroundings(Path("/root/.ssh/known_hosts"), ssh_config=())
    async with started(loaded, directory, Operator("ana", "jump"), around, exporter(directory)) as session:
        for name in GUESTS:
            await session.start_step("tickets", name)
        app = CutoverApp(session)
        keep_what_lasts()
        async with app.run_test(size=(140, 45)) as pilot:
            screens = asyncio.create_task(_turn(pilot))
            await asyncio.sleep(TURN_S * 4)  # each screen is built once
            quiet = await _late(QUIET_S)
            done = {"series of fresh exchanges and visits": 0, "looks at everything": 0}
            busy = asyncio.create_task(_work(session, done))
            try:
                late = await _late(BUSY_S)
            finally:
                for task in (busy, screens):
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task
            counted = {
                o.reader: 0 for log in session.recorder.logs.by_host.values() for o in log.observations
            }
            for log in session.recorder.logs.by_host.values():
                for seen in log.observations:
                    counted[seen.reader] += seen.facts is not None
            for reader in ("account", "exchange", "ap-in", "kdc"):
                done[f"answers of {reader}"] = counted.get(reader, 0)
            app.exit()
    return {"quiet": quiet, "busy": late, "done": done}


async def _late(seconds: float) -> tuple[list[float], list[float]]:
    """How late the loop came back from each sleep, in ms, and an empty process from its own."""
    argv = (sys.executable, "-c", EMPTY, str(seconds), str(TICK_S))
    empty = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
    late: list[float] = []
    until = time.monotonic() + seconds
    while (began := time.monotonic()) < until:
        await asyncio.sleep(TICK_S)
        late.append(1000 * (time.monotonic() - began - TICK_S))
    said, _ = await empty.communicate()
    return late, json.loads(said)


async def _work(session: object, done: dict[str, int]) -> None:
    from cutover_tui.engine.session import Session

    assert isinstance(session, Session)

    async def proving() -> None:
        for name in itertools.cycle(GUESTS):
            view = session.proof(name)
            if view.refused is None and not view.running and await session.prove(name, view.commands) is None:
                done["series of fresh exchanges and visits"] += 1
            else:
                await asyncio.sleep(0.2)

    async def looking() -> None:
        while True:
            for name in GUESTS:
                await session.look_again(name)
            done["looks at everything"] += 1
            await asyncio.sleep(LOOK_EVERY_S)

    async with asyncio.TaskGroup() as group:
        group.create_task(looking())
        group.create_task(proving())


async def _turn(pilot: object) -> None:
    """An engineer who goes from screen to screen."""
    from textual.pilot import Pilot

    assert isinstance(pilot, Pilot)
    while True:
        for key in ("i", "c", "o"):
            await pilot.press(key)
            await asyncio.sleep(TURN_S)


if __name__ == "__main__":
    inside(sys.argv[1])
