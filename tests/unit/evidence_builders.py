"""Evidence for pure tests: one guest `app01`, two references, times in seconds from boot."""

from __future__ import annotations

import secrets

import msgspec

from cutover_tui.core.evidence import Baseline, HostLog, MarkPoint
from cutover_tui.core.gate import Question, Subject
from cutover_tui.core.loading import load_text
from cutover_tui.core.people import PeopleRead
from cutover_tui.core.runbook import Domain, Runbook
from probes.facts_identity import Agent, AgentsFacts, BootFacts, PlatformFacts
from probes.facts_time import (
    ChronyFacts,
    ChronySource,
    Leap,
    NtpFacts,
    ServicesFacts,
    TimesyncdFacts,
    Unit,
    VmToolsFacts,
)
from probes.observation import (
    JUMP,
    Facts,
    Failure,
    FailureKind,
    Family,
    Identity,
    Instant,
    Observation,
    Raw,
    Sample,
)

S = 1_000_000_000
MS = 1_000_000
UTC0 = 1_790_000_000 * S
ANCHOR = Instant("jump-boot", 0, UTC0)

RUNBOOK = """
schema: 1
change: {id: CHG1, title: t, window: {start: "2026-11-22T20:00:00Z", end: "2026-11-23T02:00:00Z"}}
source: {platform: vmware}
target: {platform: ahv}
domain: {references: [ntp1, ntp2], controllers: [dc1]}
hosts: [{name: app01, address: 192.0.2.10}]
phases:
  - id: p
    title: P
    steps:
      - {id: base, title: Base, gate: [{check: time.jump-host}]}
      - {id: move, title: Move, mark: true, depends_on: [base]}
      - id: time
        title: Time
        depends_on: [move]
        actions: [{id: fix, title: fix, command: {linux: "true"}, disturbs: [time]}]
        gate:
          - {check: time.jump-host}
          - {check: time.provider}
          - {check: time.single-master}
          - {check: time.offset, soak: 1min}
"""


def runbook() -> Runbook:
    return load_text(RUNBOOK, "test.yaml").runbook


def at(seconds: float) -> Instant:
    ns = round(seconds * S)
    return Instant(ANCHOR.boot_id, ns, UTC0 + ns)


def observed(
    reader: str,
    seconds: float,
    outcome: Facts | Failure,
    host: str = "app01",
    identity: Identity | None = None,
) -> Observation:
    failed = isinstance(outcome, Failure)
    return Observation(
        id=f"{host}/{reader}/{seconds}/{secrets.token_hex(2)}",
        reader=reader,
        version=1,
        host=host,
        identity=identity or Identity(boot_id="b1", platform="ahv"),
        vantage="jump" if host == JUMP else "guest",
        began=at(seconds - 0.1),
        ended=at(seconds),
        attempt=1,
        raw=(Raw((reader,), 0, ""),),
        facts=None if failed else outcome,
        failure=outcome if failed else None,
    )


def ntp(
    server: str,
    seconds: float,
    offset_ms: float = 0,
    rtt_ms: float = 2,
    own_ms: float = 0,
    *,
    leap: Leap = "normal",
    refid: str = "0A000001",
) -> Observation:
    mono = round(seconds * S)
    server_ns = UTC0 + mono + round(offset_ms * MS)
    return observed(
        "ntp",
        seconds,
        NtpFacts(
            server=server,
            address=server,
            mono_ns=mono,
            server_ns=server_ns,
            rtt_ns=round(rtt_ms * MS),
            own_utc_ns=server_ns + round(own_ms * MS),
            stratum=2,
            leap=leap,
            refid=refid,
            precision=-24,
            root_delay_ns=0,
            root_dispersion_ns=0,
            kernel_stamp=True,
        ),
        host=JUMP,
    )


def sample(seconds: float, offset_ms: float = 0, rtt_ms: float = 2) -> Sample:
    return Sample(round(seconds * S), round(rtt_ms * MS), round(offset_ms * MS))


def chrony(
    seconds: float,
    *,
    reach: int = 0o377,
    age_s: int = 10,
    state: str = "selected",
    refid: str = "0A000001",
    leap: str = "normal",
    poll: int = 6,
    slewing_s: int = 0,
) -> ChronyFacts:
    """A chronyd with one source; `slewing_s`: guest ahead of NTP time, still being corrected."""
    now = UTC0 + round(seconds * S)
    source = ChronySource("server", state, "dc1", 3, poll, reach, age_s, 0, MS)
    return ChronyFacts(
        running=True,
        version="4.3",
        refid=refid,
        source="dc1",
        stratum=3,
        ref_time_ns=now - age_s * S,
        guest_utc_ns=now + slewing_s * S,
        system_offset_ns=slewing_s * S,
        last_offset_ns=0,
        rms_offset_ns=0,
        frequency_ppb=0,
        skew_ppb=0,
        root_delay_ns=0,
        root_dispersion_ns=0,
        update_interval_ns=64 * S,
        leap=leap,
        sources=(source,),
        makestep="1 3",
        conf_visible=True,
        local_reference=False,
    )


def timesyncd(seconds: float, *, age_s: int = 10, packets: int = 5) -> TimesyncdFacts:
    now = UTC0 + round(seconds * S)
    return TimesyncdFacts(
        running=True,
        server_name="dc1",
        server_address="10.0.0.1",
        poll_interval_ns=64 * S,
        packet_count=packets,
        stratum=3,
        leap="normal",
        root_distance_ns=0,
        offset_ns=0,
        frequency_ppb=0,
        last_answer_utc_ns=now - age_s * S,
        guest_utc_ns=now,
        ntp_synchronized=True,
    )


CHRONY_DOWN = ChronyFacts(
    running=False,
    version="4.3",
    refid="00000000",
    source="",
    stratum=0,
    ref_time_ns=None,
    guest_utc_ns=UTC0,
    system_offset_ns=0,
    last_offset_ns=0,
    rms_offset_ns=0,
    frequency_ppb=0,
    skew_ppb=0,
    root_delay_ns=0,
    root_dispersion_ns=0,
    update_interval_ns=0,
    leap="unsynchronised",
    sources=(),
    makestep=None,
    conf_visible=True,
    local_reference=False,
)
ABSENT = Failure(FailureKind.TOOL_ABSENT, "not installed")
DENIED = Failure(FailureKind.DENIED, "permission denied")


def services(*processes: str, enabled: str | None = "enabled", chrony_unit: bool = True) -> ServicesFacts:
    names = {
        "chronyd": "chrony.service" if chrony_unit else None,
        "systemd-timesyncd": "systemd-timesyncd.service",
    }
    units = tuple(Unit(n, "loaded", "active", enabled) for p in processes if (n := names.get(p)) is not None)
    return ServicesFacts("systemd", units, processes or ("init",))


def platform(name: str = "ahv", vendor: str = "Nutanix") -> PlatformFacts:
    return PlatformFacts(
        os_id="debian",
        os_version="12",
        os_name="Debian",
        kernel="6.1",
        hostname="app01",
        machine_id="m1",
        dmi_vendor=vendor,
        dmi_product="",
        virt=None,
        platform=name,
        clocksource="kvm-clock",
        clocksources=(),
        host_keys=(),
        privileged=False,
    )


def tools(**changes: object) -> VmToolsFacts:
    values: dict[str, object] = {
        "package": "open-vm-tools 12",
        "running": True,
        "periodic": False,
        "disable_all": False,
        "disable_periodic": False,
        "conf_visible": True,
    }
    return VmToolsFacts(**{**values, **changes})


def agents(old: str | None = None, new_runs: bool = True) -> AgentsFacts:
    return AgentsFacts(
        "dpkg",
        (
            Agent("open-vm-tools", old, old is not None),
            Agent("nutanix-guest-tools", "1" if new_runs else None, new_runs),
        ),
    )


def boot(uptime_s: float, boot_id: str = "b2") -> BootFacts:
    return BootFacts(boot_id, round(uptime_s * S))


class World:
    """A growing record; `ask` puts the question for a step at a moment."""

    def __init__(self) -> None:
        self.guest = HostLog()
        self.jump = HostLog()
        self.voids: dict[Family, Instant] = {}
        self.mark: MarkPoint | None = MarkPoint(3, at(-1000))
        self.baseline: Baseline | None = None
        self.domain: Domain | None = None  # another than the runbook's
        self.read: tuple[PeopleRead, ...] = ()

    def see(self, *observations: Observation) -> None:
        for o in observations:
            log = self.jump if o.host == JUMP else self.guest
            log.add_observation(len(log.observations) + 1, o)
        for log in (self.jump, self.guest):
            log.observations.sort(key=lambda o: o.ended.boottime_ns)  # as they end they go onto a tape

    def tick(
        self, first: float, last: float, offset_ms: float = 0, step: float = 1.0, **kwargs: float
    ) -> None:
        n = int((last - first) / step)
        for i in range(n + 1):
            self.guest.add_sample(
                10_000 + len(self.guest.samples), sample(first + i * step, offset_ms, **kwargs)
            )

    def references(self, first: float, last: float, **offsets: float) -> None:
        offsets = offsets or {"ntp1": 0, "ntp2": 0}
        seconds = first
        while seconds <= last:
            self.see(*(ntp(name, seconds, value) for name, value in offsets.items()))
            seconds += 16

    def healthy(self, first: float, last: float) -> None:
        self.references(first, last)
        self.tick(first, last)
        seconds = first + 1
        while seconds <= last:
            self.see(
                observed("chrony", seconds, chrony(seconds)),
                observed("timesyncd", seconds, ABSENT),
                observed("ntpq", seconds, ABSENT),
                observed("services", seconds, services("chronyd")),
                observed("platform", seconds, platform()),
                observed("agents", seconds, agents()),
            )
            seconds += 15

    def ask(self, step: str, now: float, upto_line: int | None = None) -> Question:
        book = runbook()
        if self.domain is not None:
            book = msgspec.structs.replace(book, domain=self.domain)
        found = book.step(step)
        assert found is not None
        return Question(
            runbook=book,
            digest="d",
            step=found,
            subjects=(Subject(book.hosts[0], self.guest, upto_line, self.voids, self.mark, self.baseline),),
            jump_log=self.jump,
            jump_upto_line=None,
            now=at(now),
            anchor=ANCHOR,
            upto=1,
            owed=(),
            read=self.read,
        )
