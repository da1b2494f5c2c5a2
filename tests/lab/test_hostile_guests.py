"""Guests that lie, flood, hang, cut off and change, all in one session beside one that is well.

Each costs one clear finding. The one that is well goes on being measured, memory and record
stay bounded, and nothing is left running after the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import asyncssh
import pytest

from cutover_tui.core.finding import Finding, Verdict
from cutover_tui.core.loading import load_text
from cutover_tui.engine.assembly import Surroundings
from cutover_tui.engine.opening import Operator, started
from cutover_tui.engine.port import HostView, StepView
from cutover_tui.engine.session import Session
from cutover_tui.engine.sessions import SessionDirectory
from cutover_tui.lab.doors.real import RealDoor, TrueTime
from cutover_tui.lab.machine.clocks import SimClock
from cutover_tui.lab.machine.guest import User
from cutover_tui.lab.machine.platforms import AHV
from cutover_tui.lab.world import hypervisor
from cutover_tui.lab.world.new_guest import add_guest
from cutover_tui.lab.world.world import Reference, World
from cutover_tui.record.audit import Audit
from cutover_tui.record.events import Disturbed, Event, LinkLost, LinkUp
from cutover_tui.record.tape import TapeContents
from probes.observation import FailureKind
from probes.unsafe_text import without_controls
from tests.lab.recorded import audited, events_of, tape_of

SECOND = 1_000_000_000
ROOT = Path(__file__).parents[2]
RAW = ("floods", "babbles", "paints", "mute", "hangs", "cuts", "rekeyed", "silent")
LAB = ("well", "y1970", "y2106", "jumps", "twin", "reboots")
DEADLINE_S = 75.0
MEMORY = 192 << 20
STEP = "time"

pytestmark = pytest.mark.timeout(150)


@dataclass
class Outcome:
    """What was there at the end of the session, and on disk."""

    hosts: dict[str, HostView]
    steps: dict[str, StepView]
    events: list[Event]
    tapes: dict[str, TapeContents]
    sent: dict[str, dict[str, int]]
    audit: Audit
    directory: SessionDirectory
    memory: int  # bytes the process grew by while the session ran
    left_behind: list[str]
    not_reached: list[str] = field(default_factory=list)

    def finding(self, host: str, check: str) -> Finding:
        return next(f for f in self.steps[host].live.findings if f.check == check)

    def failures(self, host: str, reader: str) -> set[FailureKind | None]:
        seen = [o for _, o in self.tapes[host].observations if o.reader == reader]
        return {o.failure.kind if o.failure else None for o in seen}

    def disturbances(self, host: str) -> list[Disturbed]:
        return [e.body for e in self.events if isinstance(e.body, Disturbed) and e.body.host == host]


@contextlib.contextmanager
def hostile_guests(key: Path) -> Iterator[tuple[dict[str, int], dict[str, dict[str, int]]]]:
    """Their ports; how many bytes they sent is filled in at the end."""
    sent: dict[str, dict[str, int]] = {}
    script = Path(__file__).with_name("hostile_guests.py")
    with subprocess.Popen(
        [sys.executable, str(script), str(key)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield json.loads(process.stdout.readline()), sent
        finally:
            process.stdin.close()
            sent |= json.loads(process.stdout.readline())
            process.kill()  # a flooding handler would be waited for


class Mischief:
    """Lab guests whose clock, machine or boot changes, on a loop and a thread of their own."""

    def __init__(self, folder: Path) -> None:
        clock = TrueTime()
        self.world = World(boot_ns=SECOND)
        now = clock()
        for n in (1, 2, 3):
            self.world.add_reference(Reference(f"ntp{n}", f"10.20.0.{n}", SimClock.wrong_by(now, 0)))
        offsets = {
            "y1970": -now,
            "y2106": int(datetime(2106, 2, 7, 6, 28, 10, tzinfo=UTC).timestamp()) * SECOND - now,
        }
        for name in LAB:
            add_guest(
                self.world,
                name,
                now,
                offset_ns=offsets.get(name, 0),
                packages=("systemd", "openssh-server", "chrony") if name == "well" else ("systemd",),
                users=(User("ops", 1000, ((1000, "ops"),), sudo=True),),
            )
        self.door = RealDoor(self.world, clock)
        self.key, self.known_hosts = self.door.write_access(folder)

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        loop = asyncio.new_event_loop()
        ready = threading.Event()
        leave = asyncio.Event()

        async def serve() -> None:
            async with self.door, asyncio.TaskGroup() as group:
                tasks = [group.create_task(c()) for c in (self._jump, self._reboot, self._swap)]
                ready.set()
                await leave.wait()
                for task in tasks:
                    task.cancel()

        def run() -> None:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(serve())

        thread = threading.Thread(target=run, name="mischief")
        thread.start()
        ready.wait(10)
        try:
            yield
        finally:
            loop.call_soon_threadsafe(leave.set)
            thread.join()

    async def _jump(self) -> None:
        guest, by = self.world.guests["jumps"], 3600 * SECOND
        while True:
            guest.clock = guest.clock.stepped(self.door.clock(), by)
            by = -by
            await asyncio.sleep(0.013)  # between a question and its answer too

    async def _reboot(self) -> None:
        while True:
            await asyncio.sleep(6)
            hypervisor.reboot(self.world, self.world.guests["reboots"], self.door.clock())

    async def _swap(self) -> None:
        """The same host key, and all else is another machine."""
        await asyncio.sleep(6)
        guest = self.world.guests["twin"]
        guest.machine_id, guest.boot_id = "f" * 32, self.world.new_id()
        guest.platform = AHV
        hypervisor.reboot(self.world, guest, self.door.clock())


def runbook(ports: dict[str, int], mischief: Mischief) -> str:
    hosts = "\n".join(
        f"  - {{name: {name}, address: 127.0.0.1, port: {port}, user: ops, credential: lab}}"
        for name, port in ports.items()
    )
    references = ", ".join(f"127.0.0.1:{mischief.door.ntp_port(f'ntp{n}')}" for n in (1, 2, 3))
    return f"""\
schema: 1
change:
  id: HOSTILE
  title: All of them at once
  window: {{start: 2026-11-22T22:00:00Z, end: 2026-11-23T02:00:00Z}}
source: {{platform: vmware}}
target: {{platform: ahv}}
domain: {{references: [{references}]}}
credentials:
  lab: {{method: key, user: ops, key: {mischief.key}}}
hosts:
{hosts}
phases:
  - id: all
    title: All
    steps:
      - id: moved
        title: Moved
        mark: true
      - id: {STEP}
        title: The time
        gate:
          - check: time.provider
          - check: time.single-master
          - check: time.offset
            soak: 1min
"""


def resident() -> int:
    text = Path("/proc/self/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", text)
    assert found
    return int(found[1]) << 10


def conditions(session: Session) -> dict[str, Callable[[], bool]]:
    """What the session must come to see of each, while it runs."""
    logs, state = session.recorder.logs, session.recorder.state

    def failed(host: str, kind: FailureKind) -> bool:
        return any(o.failure is not None and o.failure.kind is kind for o in logs.of(host).observations)

    def lost(host: str, word: str) -> bool:
        link = state.links.get(host)
        return link is not None and not link.up and word in link.detail

    def reads(host: str, reader: str) -> bool:
        return any(o.reader == reader and o.facts is not None for o in logs.of(host).observations)

    def sampled(host: str) -> bool:
        return len(logs.of(host).samples) >= 5

    def voids(host: str) -> int:
        return len(state.voids.get(host, {}))

    return {
        "floods": lambda: failed("floods", FailureKind.TRUNCATED) and sampled("floods"),
        "babbles": lambda: lost("babbles", "tells its clock") and reads("babbles", "boot"),
        "paints": lambda: lost("paints", "tells its clock") and failed("paints", FailureKind.NOT_UNDERSTOOD),
        "mute": lambda: lost("mute", "does not answer"),
        "hangs": lambda: failed("hangs", FailureKind.TIMEOUT) and reads("hangs", "boot") and sampled("hangs"),
        "cuts": lambda: lost("cuts", "connect"),
        "rekeyed": lambda: lost("rekeyed", "key"),
        "silent": lambda: lost("silent", "within"),
        "y1970": lambda: sampled("y1970"),
        "y2106": lambda: sampled("y2106"),
        "jumps": lambda: sampled("jumps"),
        "twin": lambda: "twin" in state.moved_unmarked,
        "reboots": lambda: voids("reboots") > 0,
        "well": lambda: sampled("well"),
    }


@contextlib.asynccontextmanager
async def watched_memory() -> AsyncIterator[list[int]]:
    """The most the process holds while the block runs, looked at often."""
    most = [resident()]

    async def look() -> None:
        while True:
            most[0] = max(most[0], resident())
            await asyncio.sleep(0.05)

    task = asyncio.create_task(look())
    try:
        yield most
    finally:
        task.cancel()
        await asyncio.wait([task])


async def play(folder: Path) -> Outcome:
    mischief = Mischief(folder)
    key = asyncssh.generate_private_key("ssh-ed25519")
    (folder / "host_key").write_bytes(key.export_private_key())
    public = " ".join(key.export_public_key().decode().split()[:2])
    threads = set(threading.enumerate())
    directory = SessionDirectory(folder / "session")
    with hostile_guests(folder / "host_key") as (raw_ports, sent), mischief.open():
        known = folder / "known_hosts"
        known.write_text(
            known.read_text() + "".join(f"[127.0.0.1]:{port} {public}\n" for port in raw_ports.values())
        )
        ports = {name: mischief.door.ssh_port(name) for name in LAB} | {n: raw_ports[n] for n in RAW}
        loaded = load_text(runbook(ports, mischief), "hostile.yaml")
        before = resident()
        around = Surroundings(known, ssh_config=())
        async with (
            watched_memory() as most,
            started(loaded, directory, Operator("op", "jump"), around, lambda _: "") as session,
        ):
            wanted = conditions(session)
            for host in ports:
                await session.start_step(STEP, host)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DEADLINE_S):
                    while wanted:
                        wanted = {name: holds for name, holds in wanted.items() if not holds()}
                        await asyncio.sleep(0.1)  # samples tell nobody; what is waited for is polled
            hosts = {h.name: h for h in session.view().hosts}
            steps = {name: session.step(STEP, name) for name in ports}
            session.clock(tuple(ports), 0, 200)
    own = asyncio.current_task()
    left = [repr(t) for t in asyncio.all_tasks() if t is not own]
    left += [t.name for t in threading.enumerate() if t not in threads and not t.name.startswith("asyncio_")]
    return Outcome(
        hosts=hosts,
        steps=steps,
        events=events_of(directory),
        tapes={name: tape_of(directory, name) for name in ports},
        sent=sent,
        audit=audited(directory),
        directory=directory,
        memory=most[0] - before,
        left_behind=left,
        not_reached=[f"{name}: {hosts[name].link} {hosts[name].link_detail}" for name in wanted],
    )


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return asyncio.run(play(tmp_path_factory.mktemp("hostile")))


def test_each_is_seen_for_what_it_is(outcome: Outcome) -> None:
    assert not outcome.not_reached, "\n".join(outcome.not_reached)


def test_the_one_that_is_well_is_measured_all_the_time(outcome: Outcome) -> None:
    samples = [s for _, s in outcome.tapes["well"].samples]
    seconds = (samples[-1].mono_ns - samples[0].mono_ns) / SECOND
    assert (len(samples) - 1) / seconds >= 0.9
    assert outcome.finding("well", "time.single-master").verdict is Verdict.PASS
    assert outcome.finding("well", "time.offset").verdict is not Verdict.FAIL


@pytest.mark.parametrize(
    ("host", "check"),
    [
        ("floods", "time.provider"),
        ("babbles", "time.offset"),
        ("paints", "time.provider"),
        ("mute", "time.provider"),
        ("cuts", "time.provider"),
        ("rekeyed", "time.offset"),
        ("silent", "time.provider"),
    ],
)
def test_what_cannot_be_known_is_unknown_with_its_reason(outcome: Outcome, host: str, check: str) -> None:
    finding = outcome.finding(host, check)
    assert finding.verdict is Verdict.UNKNOWN
    assert finding.reason
    assert finding.remedy
    assert outcome.steps[host].live.outcome == "refused"


def test_a_hung_command_costs_its_own_reader_only(outcome: Outcome) -> None:
    assert outcome.failures("hangs", "platform") == {FailureKind.TIMEOUT}
    assert outcome.failures("hangs", "boot") == {None}


def test_a_link_cut_in_the_middle_of_a_line_is_no_observation(outcome: Outcome) -> None:
    assert not any(o.facts is not None for _, o in outcome.tapes["cuts"].observations)


def test_another_host_key_is_refused_and_never_learnt(outcome: Outcome) -> None:
    lost = [e.body for e in outcome.events if isinstance(e.body, LinkLost) and e.body.host == "rekeyed"]
    assert lost[-1].kind == FailureKind.HOST_KEY
    assert "logins after" not in outcome.sent["rekeyed"]
    ups = [e.body for e in outcome.events if isinstance(e.body, LinkUp) and e.body.host == "rekeyed"]
    assert len(ups) == 1


def test_another_machine_behind_the_same_key_voids_everything_and_is_named(outcome: Outcome) -> None:
    kinds = {d.kind for d in outcome.disturbances("twin")}
    assert {"machine", "platform", "reboot"} <= kinds
    missing = outcome.steps["twin"].live.missing
    assert any("machine" in m.reason or "platform" in m.reason for m in missing), missing


def test_a_guest_that_keeps_rebooting_never_gathers_evidence(outcome: Outcome) -> None:
    boots = [d for d in outcome.disturbances("reboots") if d.kind == "reboot"]
    assert len(boots) >= 2
    assert outcome.finding("reboots", "time.offset").verdict is not Verdict.PASS


@pytest.mark.parametrize(("host", "sign"), [("y1970", -1), ("y2106", 1)])
def test_a_clock_at_the_end_of_its_range_fails_by_its_offset(outcome: Outcome, host: str, sign: int) -> None:
    offset = outcome.hosts[host].offset_ns
    assert offset is not None
    assert offset * sign > 50 * 365 * 86_400 * SECOND
    assert outcome.finding(host, "time.offset").verdict is Verdict.FAIL


def test_a_clock_that_jumps_during_the_exchange_never_passes(outcome: Outcome) -> None:
    assert outcome.finding("jumps", "time.offset").verdict is not Verdict.PASS
    offsets = {round(s.offset_ns / 1800 / SECOND) for _, s in outcome.tapes["jumps"].samples}
    assert offsets <= {0, 2}
    assert len(offsets) == 2


def test_a_link_that_is_never_of_use_is_tried_less_and_less(outcome: Outcome) -> None:
    ups = [e for e in outcome.events if isinstance(e.body, LinkUp) and e.body.host == "cuts"]
    pauses = [b.at.boottime_ns - a.at.boottime_ns for a, b in pairwise(ups)]
    assert all(later > sooner for sooner, later in pairwise(pauses[:4]))


def test_memory_and_record_stay_small(outcome: Outcome) -> None:
    assert outcome.memory < MEMORY
    sizes = {path.name: path.stat().st_size for path in outcome.directory.tapes.iterdir()}
    assert {name: size for name, size in sizes.items() if size > 4 << 20} == {}
    assert outcome.directory.journal.stat().st_size < 1 << 20


def test_nothing_a_terminal_acts_on_is_on_the_record(outcome: Outcome) -> None:
    def strings(value: object) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            for item in value:
                yield from strings(item)
        elif isinstance(value, dict):
            for key, item in value.items():
                yield key
                yield from strings(item)

    for path in (outcome.directory.journal, *outcome.directory.tapes.iterdir()):
        for line in path.read_bytes().splitlines():
            for text in strings(json.loads(line)):
                assert without_controls(text) == text


def test_nothing_is_left_behind(outcome: Outcome) -> None:
    assert outcome.left_behind == []


def test_the_record_follows(outcome: Outcome) -> None:
    assert outcome.audit.answer == "follows", outcome.audit.remarks
