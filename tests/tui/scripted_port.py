"""The outside world of the screens: a session told in plain view data, with a clock the test moves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import msgspec

from cutover_tui.core.finding import Criterion, Decision, Finding, Missing, Soak, Verdict
from cutover_tui.engine.identity.view import CachesRow, IdentityView, KeytabRow, ProofState
from cutover_tui.engine.port import (
    ActionView,
    ClockLooks,
    ClockMark,
    ClockPoint,
    ClockRate,
    ClockSeries,
    ClockView,
    HostView,
    ProofView,
    ReferenceSeries,
    Refused,
    SecretRequest,
    SessionView,
    StepRow,
    StepView,
)
from cutover_tui.record.state import Status
from probes.observation import Family, Instant

S = 1_000_000_000
MS = S // 1_000
MINUTE, HOUR = 60 * S, 3_600 * S
BOOT = "5f0c8a6e-0000-4000-8000-000000000001"
UTC0 = 1_773_451_145 * S  # 2026-03-14 01:19:05 UTC
BOOT0 = 500_000 * S
STEPS = (
    ("1.1", "prepare", "Before the move", "Freeze machine passwords", "wave", False, 5),
    ("1.2", "prepare", "Before the move", "Configure NTP on the guest", "host", False, 10),
    ("2.1", "cutover", "Cutover", "Move the VM and power it on", "host", True, 30),
    ("3.1", "time", "Time provider", "Hand time to chronyd", "host", False, 15),
    ("3.2", "time", "Time provider", "Remove VMware Tools", "host", False, 15),
    ("4.1", "close", "Close", "Cold boot and look again", "host", False, 25),
)
PROOF = (
    ("mkdir", "-m", "0700", "/run/cutover-exchange-CHG0012345"),
    ("env", "LC_ALL=C", "kinit", "-k", "APP01$@CORP.EXAMPLE"),
    ("rm", "-rf", "/run/cutover-exchange-CHG0012345"),
    ("ap-in", "ssh", "host/app01.corp.example@CORP.EXAMPLE"),
)
INSTRUCTION = (
    "Tools set this guest's clock at every **start, resume and snapshot** (seen in its log 9 times). "
    "`chronyd` must hold it alone before Tools go.\n\n"
    "1. Look at the clock.\n2. Purge the package; see [the page](https://wiki.example/tools).\n"
)


def instant(seconds: float = 0.0) -> Instant:
    """Seconds before or after the moment the story is told at."""
    ns = round(seconds * S)
    return Instant(BOOT, BOOT0 + ns, UTC0 + ns)


def finding(check: str, verdict: str, reason: str, host: str = "app01", **more: object) -> Finding:
    return msgspec.structs.replace(
        Finding(
            check=check,
            version=1,
            host=host,
            verdict=Verdict(verdict),
            reason_code=str(more.pop("code", "ok" if verdict == "pass" else "x")),
            reason=reason,
            criterion=Criterion("a named provider runs, starts at boot, ≥ 3 good updates", 5 * S, "ns"),
            provenance=("chrony@guest",),
            used=("app01/41", "app01/42"),
        ),
        **more,
    )


def findings(host: str = "app01", *, removed: bool = False, soaked: bool = False) -> tuple[Finding, ...]:
    held = 600 * S if soaked else 372 * S
    return (
        finding("time.provider", "pass", "chronyd ← dc1 (stratum 3) 5 good, last 34 s ago", host),
        finding("time.single-master", "pass", "chronyd alone (vmtoolsd cannot act on KVM)", host),
        finding(
            "time.offset",
            "pass" if soaked else "unknown",
            "+4.12 ms ± 2 ms, within 5.00 s for 10:00"
            if soaked
            else "+4.12 ms ± 2 ms, held for 06:12 of 10:00.",
            host,
            code="ok" if soaked else "soaking",
            criterion=Criterion("|guest − references| + bound ≤ 5.00 s for 10:00", 5 * S, "ns"),
            measured=4_120_000,
            bound=2 * MS,
            soak=Soak(held, 600 * S, "no data for 00:04"),
            remedy="The rest comes by itself; work on another host meanwhile.",
            naive="`date` agrees with the wall clock to the second, now",
        ),
        finding("time.jump-host", "pass", "dc1, dc2, ntp1 agree within 12 ms", host),
        finding(
            "agent.swap",
            "pass" if removed else "fail",
            "qemu-guest-agent runs, open-vm-tools is gone"
            if removed
            else "open-vm-tools 12.2.0 is still installed.",
            host,
            action=None if removed else "purge",
            remedy="" if removed else "Remove the old agent.",
            naive="the new agent is connected",
            criterion=Criterion("the source platform's agent is gone, the target's runs"),
        ),
        finding("time.reboot", "na", "this step asks for no reboot", host),
    )


def nothing_known(host: str, now: Instant) -> IdentityView:
    """Of a guest of a runbook without a realm."""
    none = "not read in the last hour"
    why = "The runbook names no realm, so there are no tickets to ask for."
    proof = ProofState(refused=why, remedy="Name domain.realm and domain.controllers in a new session.")
    return IdentityView(
        host=host, now=now, realm=None, tolerance_ns=300 * S, judged_by=None, judges=(), clocks=(), worst=None,
        exchanges=(), proof=proof, keytab=KeytabRow(why=none), caches=CachesRow(why=none), findings=(),
        unasked=("kerberos.as", "kerberos.tgs", "kerberos.ap-out", "kerberos.caches", "ad.trust", "ad.object"),
    )  # fmt: skip


@dataclass
class ScriptedPort:
    """Plays one evening; every attribute may be changed by a test, `told` collects the intents."""

    hosts: tuple[str, ...] = ("app01", "app02", "web03")
    at: Callable[[], float] = lambda: 0.0
    removed: bool = False
    soaked: bool = False
    two_person: bool = False
    lacks: tuple[str, ...] = ()
    domain_wrong: bool = False
    accepted: dict[tuple[str, str], str] = field(default_factory=dict)
    status: dict[tuple[str, str], Status] = field(default_factory=dict)
    lost: set[str] = field(default_factory=lambda: {"app02"})
    recording: str | None = None
    notices: tuple[str, ...] = ()
    broken: set[str] = field(default_factory=set)  # guests that cannot go back
    objections: tuple[tuple[str, str, str], ...] = ()
    set_by: Literal["nobody", "somebody", "unknown"] = "nobody"  # clocks that nobody keeps
    ungated: set[str] = field(default_factory=set)  # steps without a check
    owes: str | None = None  # what 3.2 owes first; its purge breaks rollback then
    arrived: bool = False  # nobody set a mark, and the guests are on the target
    warnings: tuple[str, ...] = ()
    asked: tuple[SecretRequest, ...] = ()
    answers: list[tuple[str, str | None]] = field(default_factory=list)
    told: list[tuple[str, ...]] = field(default_factory=list)
    refuse: Refused | None = None
    unproven: Refused | None = None
    proven: set[str] = field(default_factory=set)
    realm: str | None = None
    identities: Callable[[str, Instant], IdentityView] = nothing_known
    error: Exception | None = None
    hostile: str = ""
    scene: Literal["evening", "calm", "split"] = "evening"
    bound_ns: int = 3 * MS
    clock_asked: list[tuple[tuple[str, ...], int, int | None]] = field(default_factory=list)
    listeners: list[Callable[[], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        done: dict[tuple[str, str], Status] = {("1.1", "*"): "done"}
        for host in self.hosts:
            done |= {("1.2", host): "done", ("2.1", host): "done", ("3.1", host): "started"}
        first = self.hosts[0]
        done |= {("3.1", first): "done", ("3.2", first): "started"}
        if len(self.hosts) > 2:
            done[("3.1", self.hosts[2])] = "regressed"
        self.status = done | self.status

    def changed(self) -> None:
        for listener in list(self.listeners):
            listener()

    # -- views

    def view(self) -> SessionView:
        now = instant(self.at())
        return SessionView(
            session="2026-03-13-CHG0012345-1",
            change="CHG0012345",
            title="web tier, wave 3" + self.hostile,
            now=now,
            window_start_ns=UTC0 - 2 * HOUR,
            window_end_ns=UTC0 + 2 * HOUR + 41 * MINUTE,
            rollback_until_ns=UTC0 + 72 * MINUTE,
            operator="ana",
            recording=self.recording,
            seq=412,
            head="3c9d0f" * 8,
            steps=tuple(self._row(*step) for step in STEPS),
            hosts=tuple(self._host(i, name, now) for i, name in enumerate(self.hosts)),
            left_ns=70 * MINUTE,
            notices=self.notices,
            warnings=self.warnings,
            realm=self.realm,
        )

    def _row(
        self, step: str, phase: str, title: str, what: str, scope: str, mark: bool, expected: int
    ) -> StepRow:
        columns = ("*",) if scope == "wave" else self.hosts
        return StepRow(
            id=step,
            phase=phase,
            phase_title=title,
            title=what + self.hostile,
            scope=scope,
            mark=mark,
            expected_ns=expected * MINUTE,
            states=tuple((c, self.status.get((step, c), "todo")) for c in columns),
            gated=step not in self.ungated,
        )

    def _host(self, i: int, name: str, now: Instant) -> HostView:
        lost = name in self.lost
        offset = (4_120_000, 9_810_000_000, 212_000_000)[i % 3]
        bound = (2 * MS, 4 * MS, 9 * MS)[i % 3] if self.bound_ns == 3 * MS else self.bound_ns
        if self.scene == "calm":
            offset = (4_120_000, 2_060_000, -1_300_000)[i % 3]
        return HostView(
            name=name,
            address=f"{name}.corp.example",
            os="linux",
            role="member",
            link="lost" if lost else "up",
            link_detail=("connection reset by peer" + self.hostile) if lost else "",
            link_since=instant(-41) if lost else instant(-3600),
            platform="kvm",
            provider=None if i % 3 == 1 else "chronyd ← dc1 (stratum 3)" + self.hostile,
            offset_ns=None if lost or self.scene == "split" else offset,
            bound_ns=None if lost or self.scene == "split" else bound,
            sample_age_ns=(now.boottime_ns - instant(-41).boottime_ns) if lost else 400 * MS,
            marked=not self.arrived,
            arrived=self.arrived,
            no_way_back="Purge open-vm-tools" if name in self.broken else None,
        )

    def step(self, step: str, host: str) -> StepView:
        row = next(s for s in STEPS if s[0] == step)
        on = self.hosts[0] if host == "*" else host
        tools = step == "3.2"
        found = findings(on, removed=self.removed, soaked=self.soaked) if tools else findings(on)[:2]
        if step in self.ungated:
            found = ()
        elif self.domain_wrong:
            found = (*found, self._domain(on))
        if self.hostile:
            found = tuple(msgspec.structs.replace(f, reason=f.reason + self.hostile) for f in found)
        actions = (
            (
                ActionView(
                    id="purge",
                    title="Purge open-vm-tools",
                    key="a",
                    argv=("apt-get", "-y", "purge", "open-vm-tools"),
                    tier="D",
                    provocation=False,
                    elevate=True,
                    disturbs=(Family.TIME,),
                    touches=("snapshot quiescing until qemu-ga runs",),
                    breaks_rollback=self.owes is not None,
                    state="ended" if self.removed else "not run",
                    rc=0 if self.removed else None,
                    out_tail="",
                    ended=None,
                ),
                ActionView(
                    id="look",
                    title="Show chrony's sources",
                    key="d",  # a letter that is taken
                    argv=("chronyc", "-n", "sources", "-v; rm -rf /"),
                    tier="R",
                    provocation=False,
                    elevate=False,
                    disturbs=(),
                    touches=(),
                    breaks_rollback=False,
                    state="not run",
                    rc=None,
                    out_tail="",
                    ended=None,
                ),
            )
            if tools
            else ()
        )
        return StepView(
            step=step,
            host=host,
            phase_title=row[2],
            title=row[3] + self.hostile,
            instruction=INSTRUCTION + self.hostile,
            status=self.status.get((step, host), "todo"),
            mark=row[5],
            two_person=self.two_person,
            actions=actions,
            live=self.decision(step, host, found),
            since=tuple((f.check, f.host, instant(-1_085)) for f in found),
            unverified_since=None,
            position=[s[0] for s in STEPS].index(step) + 1,
            of=len(STEPS),
            lacks=self.lacks,
            objections=self.objections,
            gated=step not in self.ungated,
            arrived=((on, "kvm"),) if self.arrived else (),
        )

    def _domain(self, host: str) -> Finding:
        ticket = self.accepted.get(("time.reference", "domain-wrong"))
        return finding(
            "time.reference",
            "fail",
            "dc1, dc2 are +3.20 s ± 12 ms from ntp1, ntp2.",
            host,
            code="domain-wrong",
            origin="pre-existing",
            criterion=Criterion("references agree within 1.00 s", S, "ns"),
            measured=3_200 * MS,
            bound=12 * MS,
            remedy="Tell those who run the domain."
            + (
                " Or accept it with a problem ticket: it was there before the mark." if ticket is None else ""
            ),
            acknowledged=ticket,
            acknowledgeable=ticket is None,
        )

    def decision(
        self, step: str, host: str, found: tuple[Finding, ...], second: str | None = None
    ) -> Decision:
        missing = [
            Missing(f.check, f.verdict, f.reason, f.remedy)
            for f in found
            if f.verdict not in ("pass", "na") and f.acknowledged is None
        ]
        if self.two_person and not second:
            missing.insert(0, Missing("two-person", Verdict.UNKNOWN, "This step needs a second person."))
        if self.owes is not None and step == "3.2":
            missing.insert(0, Missing("step 3.1", Verdict.UNKNOWN, self.owes, "Do 3.1 first."))
        return Decision(
            step=step,
            host=host,
            at=instant(self.at()),
            upto=412,
            runbook="ab" * 32,
            mark=17,
            rules=tuple((f.check, 1) for f in found),
            findings=found,
            outcome="refused" if missing else "open",
            missing=tuple(missing),
        )

    def clock(
        self, hosts: tuple[str, ...], since_ns: int, points: int, until_ns: int | None = None
    ) -> ClockView:
        now = instant(self.at())
        end_ns = now.boottime_ns if until_ns is None else until_ns
        self.clock_asked.append((hosts, since_ns, until_ns))
        marks = (
            ClockMark(BOOT0 - 420 * S, "M", "mark", self.hosts[0]),
            ClockMark(BOOT0 - 200 * S, "T", "Tools removed", self.hosts[0]),
            *(ClockMark(BOOT0 - 600 * S, "S", "step +800 ms", h) for h in self.hosts[1:2]),
        )
        return ClockView(
            now=now,
            anchor=instant(-7_200),
            warn_ns=1 * S,
            fail_ns=5 * S,
            series=tuple(self._series(h, since_ns, end_ns, now) for h in hosts if h in self.hosts),
            marks=tuple(m for m in marks if since_ns <= m.mono_ns <= end_ns and m.host in hosts),
            references={
                "evening": ("dc1", "dc2", "ntp1"),
                "calm": ("dc1", "dc2", "ntp1", "ntp9"),
                "split": (),
            }[self.scene],
            dissenting=() if self.scene == "calm" else ("ntp9",),
            judged_by=None if self.scene == "split" else "references",
            clocks=tuple(self._clock(n, since_ns, end_ns) for n in ("dc1", "dc2", "ntp1", "ntp9")),
            since_ns=since_ns,
            until_ns=end_ns,
        )

    def _clock(self, server: str, since_ns: int, until_ns: int) -> ReferenceSeries:
        off = {"dc1": 2 * MS, "dc2": -MS, "ntp1": 6 * MS, "ntp9": 2_300 * MS}[server]
        if self.scene == "calm" and server == "ntp9":
            off = 3 * MS
        first = -(-since_ns // (16 * S))
        told = tuple(
            ClockPoint(n * 16 * S, off + n % 3 * MS, MS) for n in range(first, until_ns // (16 * S) + 1)
        )
        kind = "controller" if server.startswith("dc") else "reference"
        return ReferenceSeries(server, kind, () if self.scene == "split" else told)

    def _series(self, host: str, since_ns: int, until_ns: int, now: Instant) -> ClockSeries:
        i = self.hosts.index(host) % 3
        until = min(until_ns, instant(-41).boottime_ns if host in self.lost else now.boottime_ns)
        told = []
        for second in range(-(-since_ns // S), until // S + 1):
            if 499_700 <= second < 499_740 and i == 0:
                continue
            told.append(ClockPoint(second * S, self._offset(i, second), self.bound_ns))
        if self.scene == "split":
            told = [p for p in told if p.mono_ns < instant(-200).boottime_ns]
        gaps = tuple((a.mono_ns, b.mono_ns) for a, b in pairwise(told) if b.mono_ns - a.mono_ns > 2 * S)
        free = i == 1 and self.scene != "calm"
        ppb = (120, 15_000_000 if free else 30, -40)[i]
        rest_ns = 1_161 * 60 * S // 3
        rate = ClockRate(
            ppb=ppb,
            low_ppb=ppb - 3_000,
            high_ppb=ppb + 3_000,
            basis="statistics",
            n=60,
            span_ns=600 * S,
            regime="free-running" if free else "disciplined",
            earliest_ns=rest_ns - 60 * S if free else None,
            latest_ns=rest_ns + 60 * S if free else None,
            reaches=free,
            more_ns=None,
            step_count=1 if free else 0,
            steps=((BOOT0 - 600 * S, 800 * MS),) if free else (),
        )
        lost = host in self.lost
        return ClockSeries(
            host,
            tuple(told),
            ppb,
            None if free else "chronyd ← dc1 (stratum 3) 5 good, last 34 s ago" + self.hostile,
            gaps,
            rate,
            Verdict.FAIL if free else Verdict.PASS,
            None if lost else Soak((372 * S, 0, 600 * S)[i], 600 * S),
            (ClockLooks("waiting", 1, 760 * S), ClockLooks("none"), ClockLooks("passed", 2))[i],
            self.set_by,
        )

    def _offset(self, i: int, second: int) -> int:
        wave = round(12 * MS * math.sin(second / 40))
        if self.scene == "calm":
            return wave // (i + 2) + i * MS
        drifting = round((second - 499_400) * 15 * MS) if second > 499_400 else 0
        return (wave, drifting + 800 * MS, 212 * MS + wave)[i]

    def identity(self, host: str) -> IdentityView:
        return self.identities(host, instant(self.at()))

    def secrets(self) -> tuple[SecretRequest, ...]:
        return self.asked

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        self.listeners.append(changed)
        return lambda: self.listeners.remove(changed)

    # -- intents

    def _tell(self, *what: str | None) -> None:
        self.told.append(tuple(str(w) for w in what))
        if self.error is not None:
            raise self.error

    async def start_step(self, step: str, host: str, moved: bool = False) -> Refused | None:
        self._tell("start", step, host, *(["moved"] if moved else []))
        if self.refuse is None:
            self.status[step, host] = "started"
        self.changed()
        return self.refuse

    async def run_action(self, step: str, host: str, action: str) -> Refused | None:
        self._tell("run", step, host, action)
        if self.refuse is None and action == "purge":
            self.removed = True
        self.changed()
        return self.refuse

    async def mark_done(self, step: str, host: str, second: str | None = None) -> Decision | Refused:
        self._tell("done", step, host, second)
        if self.refuse is not None:
            return self.refuse
        decision = self.decision(step, host, self.step(step, host).live.findings, second)
        self.status[step, host] = "done" if decision.outcome == "open" else "refused"
        self.changed()
        return decision

    async def acknowledge(self, check: str, reason_code: str, host: str, ticket: str) -> Refused | None:
        self._tell("acknowledge", check, reason_code, host, ticket)
        if self.refuse is None:
            self.accepted[check, reason_code] = ticket
        self.changed()
        return self.refuse

    async def look_again(self, host: str) -> None:
        self._tell("look", host)

    def proof(self, host: str) -> ProofView:
        commands = () if self.unproven is not None else PROOF
        return ProofView(host, "exchange", commands, 3, host in self.proven, False, self.unproven)

    async def prove(self, host: str, shown: tuple[tuple[str, ...], ...]) -> Refused | None:
        self._tell("prove", host, str(len(shown)))
        self.proven.add(host)
        self.changed()
        return self.refuse

    async def read_clock(self, first: str, second: str, utc_ns: int) -> Refused | None:
        self._tell("read_clock", first, second, str(utc_ns))
        return self.refuse

    async def note(self, text: str, step: str | None, host: str | None) -> Refused | None:
        self._tell("note", text, step, host)
        return self.refuse

    async def answer(self, request: str, value: str | None) -> None:
        self.answers.append((request, value))
        self.asked = tuple(r for r in self.asked if r.id != request)
        self.changed()

    async def export(self, directory: str) -> str | Refused:
        self._tell("export", directory)
        return self.refuse if self.refuse is not None else "3c9d0f" * 8
