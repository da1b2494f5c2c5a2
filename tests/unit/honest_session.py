"""An honest session on disk without a network: the real Session and Recorder over a scripted world.

Raw texts go through the real readers, `Intake.take`, the tapes and the gate as in a window,
only the clock and the machines are scripted. `story` is a whole refused → fixed → done walk.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from cutover_tui.core.finding import Decision
from cutover_tui.core.loading import Loaded, load_text
from cutover_tui.engine.messages import Gapped, LinkChanged, Sampled, Seen
from cutover_tui.engine.opening import Operator, begin, take_up
from cutover_tui.engine.port import Refused
from cutover_tui.engine.recording.intake import Intake
from cutover_tui.engine.recording.recorder import Recorder
from cutover_tui.engine.session import Session
from cutover_tui.engine.sessions import SessionDirectory
from cutover_tui.record.files import make_directory
from probes.observation import (
    JUMP,
    Failure,
    FailureKind,
    Identity,
    Instant,
    Observation,
    Raw,
    Sample,
)
from probes.reader import Command, Reader
from tests.unit.honest_guest import NTP_READER, Guest, Server, moved

S = 1_000_000_000
MS = 1_000_000
UTC0 = 1_790_000_000 * S
B1 = "11111111-1111-4111-8111-111111111111"
B2 = "22222222-2222-4222-8222-222222222222"
B3 = "33333333-3333-4333-8333-333333333333"

RUNBOOK = """\
schema: 1
change:
  id: CHG0012345
  title: web tier <wave 3>
  window: {start: "2026-09-21T14:00:00Z", end: "2026-09-21T18:00:00Z"}
source: {platform: vmware}
target: {platform: ahv}
domain: {references: [ntp1, ntp2], controllers: [dc1]}
hosts:
  - {name: app01, address: 192.0.2.10}
  - {name: app02, address: 192.0.2.11}
phases:
  - id: prepare
    title: Prepare
    steps:
      - {id: base, title: Our own clock, gate: [{check: time.jump-host}]}
  - id: cutover
    title: Cutover
    steps:
      - {id: move, title: Move the VM, mark: true, depends_on: [base]}
      - id: time
        title: Time provider
        depends_on: [move]
        two_person: true
        actions:
          - id: fix
            title: Install chrony
            command: {linux: "apt-get -y install chrony"}
            disturbs: [time]
            verifier: time.provider
        gate:
          - {check: time.jump-host}
          - {check: time.provider}
          - {check: time.single-master}
          - {check: time.offset, soak: 1min}
      - {id: close, title: Close, scope: wave, depends_on: [time]}
"""


@dataclass
class Script:
    """The scripted world: one clock of the jump host, guests and servers beside it."""

    boot_id: str = "jump-boot-1"
    ns: int = 1000 * S
    utc0_ns: int = UTC0
    guests: dict[str, Guest] = field(default_factory=dict)
    servers: tuple[Server, ...] = (Server("dc1", 3 * MS), Server("ntp1"), Server("ntp2", -2 * MS))
    offset_ns: Callable[[int], int] = lambda _ns: 4 * MS
    rtt_ns: int = 2 * MS

    def now(self) -> Instant:
        """The jump host's clocks; each look takes a microsecond."""
        self.ns += 1000
        return Instant(self.boot_id, self.ns, self.utc_ns(self.ns))

    def utc_ns(self, mono_ns: int) -> int:
        return self.utc0_ns + mono_ns


@dataclass
class Scripted:
    """`Probes` that answer from the script."""

    script: Script
    on_look: Callable[[str], None] = lambda _host: None
    on_retry: Callable[[str], None] = lambda _host: None
    on_act: Callable[[str, Command], Raw] = lambda _host, command: Raw(command.argv, 0, "")

    async def act(self, host: str, command: Command) -> Raw:
        return self.on_act(host, command)

    def look(self, host: str) -> None:
        self.on_look(host)

    def retry(self, host: str) -> None:
        self.on_retry(host)

    def answer(self, request: str, value: str | None) -> None:
        raise AssertionError("nobody asked")


@dataclass
class Walk:
    """A session under way, and the hands that let time pass in it."""

    script: Script
    session: Session
    recorder: Recorder
    intake: Intake
    probes: Scripted
    anchor: Instant
    up: set[str] = field(default_factory=set)

    def connect(self, host: str) -> None:
        identity = Identity(host_key=self.script.guests[host].host_key)
        self.intake.take([LinkChanged(host, self.script.now(), identity, None)], 0)
        self.up.add(host)
        self.look(host)

    def lose(self, host: str, detail: str = "the connection broke") -> None:
        failure = Failure(FailureKind.LOST, detail)
        self.intake.take([LinkChanged(host, self.script.now(), Identity(), failure)], 0)
        self.up.discard(host)

    def look(self, host: str) -> None:
        """One turn of every reader of a guest, as `GuestWatch` does it."""
        if host not in self.up:
            return
        guest = self.script.guests[host]
        began = self.script.now()
        self.script.ns += 80 * MS
        ended = self.script.now()
        utc = self.script.utc_ns(ended.boottime_ns) + self.script.offset_ns(ended.boottime_ns)
        turn = [(r, raws, r.parse(raws)) for r, raws in guest.read(ended.boottime_ns, utc)]
        identity = Identity(
            guest.host_key, guest.machine_id, guest.boot_id, VENDOR[guest.platform], guest.platform
        )
        self.intake.take(
            [Seen(_observation(host, r, raws, outcome, identity, began, ended)) for r, raws, outcome in turn],
            0,
        )

    def ask_servers(self) -> None:
        """One exchange with every reference, as `ReferenceWatch` does it."""
        for server in self.script.servers:
            began = self.script.now()
            raw = server.exchange(began.boottime_ns + 1000, self.script.rtt_ns, self.script.utc_ns)
            self.script.ns += self.script.rtt_ns + 2000
            ended = self.script.now()
            outcome = NTP_READER.parse((raw,))
            identity = Identity(boot_id=ended.boot_id)
            seen = _observation(JUMP, NTP_READER, (raw,), outcome, identity, began, ended)
            seen = msgspec.structs.replace(seen, id=f"{JUMP}/ntp:{server.name}/{ended.boottime_ns}")
            self.intake.take([Seen(seen)], 0)

    def sample(self, host: str) -> None:
        sent = self.script.ns
        self.script.ns += self.script.rtt_ns
        middle = sent + self.script.rtt_ns // 2
        error = self.script.utc_ns(middle) - self.anchor.on_timescale(middle)
        sample = Sample(middle, self.script.rtt_ns, self.script.offset_ns(middle) + error)
        self.intake.take([Sampled(host, sample)], 0)

    async def pass_time(self, seconds: int) -> None:
        """Samples every second, references every 16 s, readers every 15 s; a seal now and then."""
        start = self.script.ns
        for second in range(seconds):
            self.script.ns = max(self.script.ns, start + second * S)
            for host in sorted(self.up):
                self.sample(host)
            if second % 16 == 0:
                self.ask_servers()
            if second % 15 == 5:
                for host in sorted(self.up):
                    self.look(host)
            if second % 30 == 29:
                await self.recorder.seal()
        self.script.ns = max(self.script.ns, start + seconds * S)

    def gap(self, host: str, seconds: int, why: str) -> None:
        begin = self.script.ns
        self.script.ns += seconds * S
        self.intake.take([Gapped(host, begin, self.script.ns, why)], 0)

    async def done(self, step: str, host: str, second: str | None = None) -> Decision:
        decision = await self.session.mark_done(step, host, second)
        assert not isinstance(decision, Refused), decision
        return decision


VENDOR = {"vmware": "VMware, Inc.", "ahv": "Nutanix"}


def _observation(
    host: str,
    reader: Reader,
    raws: tuple[Raw, ...],
    outcome: object,
    identity: Identity,
    began: Instant,
    ended: Instant,
) -> Observation:
    failed = isinstance(outcome, Failure)
    return Observation(
        id=f"{host}/{reader.name}/{ended.boottime_ns}",
        reader=reader.name,
        version=reader.version,
        host=host,
        identity=identity,
        vantage="jump" if host == JUMP else "guest",
        began=began,
        ended=ended,
        attempt=1,
        raw=raws,
        facts=None if failed else outcome,  # type: ignore[arg-type]  # a reader gives facts or a failure
        failure=outcome if isinstance(outcome, Failure) else None,
    )


@asynccontextmanager
async def walking(
    path: Path, script: Script, runbook: str = RUNBOOK, exporter: Callable[[Path], str] | None = None
) -> AsyncIterator[Walk]:
    """A new session in `path`; closed in order at the end."""
    directory = directory_at(path)
    loaded = load_text(runbook, "wave3.yaml")
    operator = Operator("ana", "jump01")
    recorder, anchor = await begin(loaded, directory, operator, script.now)
    async with _walk(loaded, recorder, anchor, script, exporter) as walk:
        yield walk


@asynccontextmanager
async def resuming(
    path: Path, script: Script, exporter: Callable[[Path], str] | None = None, operator: str = "ana"
) -> AsyncIterator[Walk]:
    """The session in `path` taken up again."""
    directory = SessionDirectory(path)
    loaded, recorder, anchor = await take_up(directory, Operator(operator, "jump01"), script.now)
    async with _walk(loaded, recorder, anchor, script, exporter) as walk:
        yield walk


@asynccontextmanager
async def _walk(
    loaded: Loaded,
    recorder: Recorder,
    anchor: Instant,
    script: Script,
    exporter: Callable[[Path], str] | None,
) -> AsyncIterator[Walk]:
    intake = Intake(recorder, script.now, lambda: None)
    probes = Scripted(script)
    session = Session(loaded, recorder, probes, intake, script.now, exporter or (lambda _path: "no exporter"))
    walk = Walk(script, session, recorder, intake, probes, anchor)
    probes.on_look = walk.look
    try:
        yield walk
    finally:
        await session.close()


def directory_at(path: Path) -> SessionDirectory:
    directory = SessionDirectory(path)
    make_directory(path)
    make_directory(directory.tapes)
    return directory


async def story(walk: Walk) -> None:
    """Refused for good reasons, fixed, refused again, done: on app01. app02 is never reached."""
    script, session = walk.script, walk.session
    script.guests["app01"] = Guest(B1, "vmware", booted_ns=100 * S)
    walk.lose("app02", "192.0.2.11: no route to host")
    walk.connect("app01")
    await walk.pass_time(40)
    assert await session.start_step("base", "app01") is None
    assert (await walk.done("base", "app01")).outcome == "open"
    assert await session.start_step("move", "app01") is None
    assert (await walk.done("move", "app01")).outcome == "open"
    await session.note("moving now", "move", "app01")

    walk.lose("app01")
    walk.gap("app01", 20, "no connection")
    booted = script.ns - 15 * S
    script.guests["app01"] = moved(script.guests["app01"], B2, booted)
    script.offset_ns = lambda ns: 4 * MS + (ns - booted) * 60 // 1000
    walk.connect("app01")
    await walk.pass_time(95)
    assert await session.start_step("time", "app01") is None
    assert (await walk.done("time", "app01")).outcome == "refused"

    def install(host: str, command: Command) -> Raw:
        script.guests[host] = replace(script.guests[host], chrony=True, tools=False)
        script.offset_ns = lambda _ns: 2 * MS
        script.ns += 5 * S
        return Raw(command.argv, 0, "Setting up chrony (4.3-2+deb12u1) ...\n")

    walk.probes.on_act = install
    assert await session.run_action("time", "app01", "fix") is None
    await walk.pass_time(30)
    assert (await walk.done("time", "app01")).outcome == "refused"
    await walk.pass_time(60)
    assert [m.what for m in (await walk.done("time", "app01", "Ana ")).missing] == ["two-person"]
    assert (await walk.done("time", "app01", "raj")).outcome == "open"
    await session.start_step("time", "app02")
    assert (await walk.done("time", "app02", "raj")).outcome == "refused"


async def tell(path: Path, script: Script | None = None) -> Script:
    """The whole story as a closed session in `path`; returns the script, for a resume."""
    script = script or Script()
    async with walking(path, script) as walk:
        await story(walk)
    return script
