"""A world as a file says it: what is there, what happens when, what the engineer does, what must come out.

`cutover_tui.lab.world_file.loading` reads it and reports every error with file and line. Times
are nanoseconds and rates parts per billion here, text such as `10min`, `-3200ms` and
`31400ppm` in the file. Names in `from`, `to`, `who` and `host` are those of guests and
references; `jump` is the jump host and `*` everybody.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from cutover_tui.core.runbook import HOUR, SECOND, Duration, Id, PlatformName
from cutover_tui.lab.world_file.amounts import Length, Rate, Span
from cutover_tui.lab.world_file.identity import (
    ComputerSpec,
    DnsName,
    DomainSpec,
    Enctypes,
    JoinedSpec,
    KdcSpec,
    Kvno,
    Service,
)
from cutover_tui.lab.world_file.play import Expect, Play
from cutover_tui.lab.world_file.struct import Struct, Who

SCHEMA = 1
DEFAULT_RUNBOOK = "linux-time.yaml"
Os = Literal["debian12", "rhel9", "alpine"]
ShellName = Literal["bash", "dash", "ash"]
AgentName = Literal["qemu-guest-agent", "ngt"]
ServiceName = Literal["chrony", "timesyncd", "ntpd", "open-vm-tools", "qemu-guest-agent", "ngt", "sssd"]
Leap = Literal["normal", "insert", "delete", "unsynchronised"]
Percent = Annotated[int, Meta(ge=0, le=100)]
Stratum = Annotated[int, Meta(ge=1, le=15)]
Poll = Annotated[int, Meta(ge=0, le=24)]


class ClockStep(Struct, frozen=True, kw_only=True):
    """A clock jumps by itself."""

    after: Duration
    by: Span


class ClockSpec(Struct, frozen=True, kw_only=True):
    """A clock at the start of the world, against true time."""

    offset: Span = Span(0)
    rate: Rate = Rate(0)
    noise: Length = Length(0)
    steps: tuple[ClockStep, ...] = ()


class RtcSpec(Struct, frozen=True, kw_only=True):
    """The virtual hardware clock a guest starts from, and how guest and platform read it."""

    guest: Literal["utc", "localtime"] = "utc"
    platform: Literal["utc", "localtime"] | None = None
    zone: Span = Span(0)
    offset: Span = Span(0)


class MakeStep(Struct, frozen=True, kw_only=True):
    """chrony's `makestep`: step when farther off than that, in the first `limit` updates only."""

    threshold: Duration = Duration(SECOND)
    limit: Annotated[int, Meta(ge=-1, le=1000)] = 3


class ChronySpec(Struct, frozen=True, kw_only=True):
    """chronyd on a guest."""

    sources: tuple[str, ...] | None = None
    iburst: bool = True
    minpoll: Poll = 6
    maxpoll: Poll = 10
    makestep: MakeStep = msgspec.field(default_factory=MakeStep)
    local: Stratum | None = None
    rtcsync: bool = True
    drift: Rate | None = None
    control: bool = True
    cmdport: bool = True
    running: bool = True
    enabled: bool = True


class TimesyncdSpec(Struct, frozen=True, kw_only=True):
    """systemd-timesyncd on a guest."""

    server: str | None = None
    running: bool = True
    enabled: bool = True


class NtpdSpec(Struct, frozen=True, kw_only=True):
    """A daemon nobody asked about: it shows as a process and a unit, and (with `acts`) keeps the time."""

    running: bool = True
    enabled: bool = True
    acts: bool = True


class TimeSpec(Struct, frozen=True, kw_only=True):
    """The time services of a guest; each that is named is installed."""

    chrony: ChronySpec | None = None
    timesyncd: TimesyncdSpec | None = None
    ntpd: NtpdSpec | None = None


class ToolsSpec(Struct, frozen=True, kw_only=True):
    """VMware Tools (open-vm-tools) of a guest."""

    installed: bool = True
    running: bool = True
    enabled: bool = True
    periodic: bool = False
    disable_all: bool = False
    disable_periodic: bool = False
    conf_readable: bool = True
    vendor_installer: bool = False


class IdentitySpec(Struct, frozen=True, kw_only=True):
    """What tells one machine from another; what is not given the world makes up, or keeps."""

    machine_id: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$", description="32 hex digits")] | None = None
    new_machine_id: bool = False
    new_host_key: bool = False
    vendor: str | None = None
    product: str | None = None
    clocksource: Id | None = None


class PrivilegesSpec(Struct, frozen=True, kw_only=True):
    """What the login on a guest may do."""

    sudo: Literal["none", "nopasswd", "password"] = "nopasswd"
    unreadable: tuple[str, ...] = ()
    journal: bool = False
    forwarding: bool = True


class MoveSpec(Struct, frozen=True, kw_only=True):
    """What a guest wakes up to on the target."""

    platform: PlatformName = "ahv"
    clock: ClockSpec | None = None
    rtc: RtcSpec | None = None
    agents: tuple[AgentName, ...] | None = None
    identity: IdentitySpec = msgspec.field(default_factory=IdentitySpec)
    removes_tools: bool = False


class GuestSpec(Struct, frozen=True, kw_only=True):
    """One guest at the start of the world."""

    name: Id
    address: str | None = None
    os: Os = "debian12"
    shell: ShellName | None = None
    platform: PlatformName = "vmware"
    up: Duration = Duration(24 * HOUR)
    clock: ClockSpec = msgspec.field(default_factory=ClockSpec)
    rtc: RtcSpec = msgspec.field(default_factory=RtcSpec)
    time: TimeSpec = msgspec.field(default_factory=TimeSpec)
    tools: ToolsSpec = msgspec.field(default_factory=ToolsSpec)
    agents: tuple[AgentName, ...] = ()
    identity: IdentitySpec = msgspec.field(default_factory=IdentitySpec)
    privileges: PrivilegesSpec = msgspec.field(default_factory=PrivilegesSpec)
    role: Literal["member", "standalone"] = "member"
    joined: JoinedSpec | None = msgspec.field(default_factory=JoinedSpec)
    move: MoveSpec | None = msgspec.field(default_factory=MoveSpec)


class ReferenceSpec(Struct, frozen=True, kw_only=True):
    """An NTP server; with `controller` a domain controller, whose time is the domain's."""

    name: Id
    address: str | None = None
    controller: bool = False
    clock: ClockSpec = msgspec.field(default_factory=ClockSpec)
    stratum: Stratum = 1
    refid: (
        Annotated[str, Meta(pattern=r"^[\x21-\x7e]{1,4}$", description="one to four ASCII characters")] | None
    ) = None
    root_delay: Duration | None = None
    root_dispersion: Duration | None = None
    leap: Leap = "normal"
    down: bool = False
    kdc: KdcSpec | None = msgspec.field(default_factory=KdcSpec)


class LinkSpec(Struct, frozen=True, kw_only=True):
    """The path between two parties, both ways; the last one that fits counts."""

    source: Who = msgspec.field(name="from", default="*")
    target: Who = msgspec.field(name="to", default="*")
    latency: Length = Length(200_000)
    asymmetry: Span = Span(0)
    jitter: Length = Length(0)
    loss: Percent = 0


class RuleSpec(Struct, frozen=True, kw_only=True):
    """What does not get through: from one party to another, one port or all of them."""

    source: Who = msgspec.field(name="from", default="*")
    target: Who = msgspec.field(name="to", default="*")
    port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    protocol: Literal["udp", "tcp"] | None = None


class NetworkSpec(Struct, frozen=True, kw_only=True):
    """The network at the start of the world."""

    latency: Length = Length(200_000)
    asymmetry: Span = Span(0)
    jitter: Length = Length(0)
    loss: Percent = 0
    links: tuple[LinkSpec, ...] = ()
    blocked: tuple[RuleSpec, ...] = ()


class ClockChange(Struct, frozen=True, kw_only=True):
    """A clock is set, stepped or runs at another rate from now on."""

    who: Who | None = None
    offset: Span | None = None
    by: Span | None = None
    rate: Rate | None = None


class StunChange(Struct, frozen=True, kw_only=True):
    """The guest stands still and is resumed (a backup's stun, a live migration, a pause)."""

    host: Who | None = None
    lasts: Duration


class ServiceChange(Struct, frozen=True, kw_only=True):
    """A service is started, stopped, restarted, enabled, disabled or masked, as by somebody else."""

    host: Who | None = None
    name: ServiceName
    act: Literal["start", "stop", "restart", "enable", "disable", "mask"]


class HostChange(Struct, frozen=True, kw_only=True):
    """Something that happens to a whole guest."""

    host: Who | None = None


class SnapshotChange(Struct, frozen=True, kw_only=True):
    """A snapshot with memory is taken of a guest, or the guest is reverted to it."""

    host: Who | None = None
    name: Id = "snapshot"


class IdentityChange(Struct, frozen=True, kw_only=True):
    """A guest becomes another machine to look at."""

    host: Who | None = None
    identity: IdentitySpec


class ReferenceChange(Struct, frozen=True, kw_only=True):
    """A reference goes down, comes back, or announces something else."""

    name: Who
    down: bool | None = None
    leap: Leap | None = None
    stratum: Stratum | None = None
    kdc_down: bool | None = None


class FileChange(Struct, frozen=True, kw_only=True):
    """A file of a guest is written, or removed where `text` is not given."""

    host: Who | None = None
    path: Annotated[str, Meta(pattern=r"^/", description="an absolute path")]
    text: str | None = None
    mode: Annotated[str, Meta(pattern=r"^0[0-7]{3}$", description="four octal digits such as 0644")] = "0644"


class PrivilegesChange(Struct, frozen=True, kw_only=True):
    """What the login may do changes."""

    host: Who | None = None
    privileges: PrivilegesSpec


class AccountChange(Struct, frozen=True, kw_only=True):
    """A guest's machine account becomes another in the directory."""

    host: Who | None = None
    kvno: Kvno | None = None
    state: Literal["enabled", "disabled", "deleted"] | None = None
    password_age: Duration | None = None
    enctypes: Enctypes | None = None
    dns_name: DnsName | None = None
    spns: tuple[Service, ...] | None = None
    keytab: bool = False


class RecordsChange(Struct, frozen=True, kw_only=True):
    """What the domain's name servers say of a guest."""

    host: Who | None = None
    addresses: tuple[str, ...] | None = None
    pointers: tuple[DnsName, ...] | None = None


class HostnameChange(Struct, frozen=True, kw_only=True):
    """A guest gets another name, as from cloud-init."""

    host: Who | None = None
    name: Id


class Change(Struct, frozen=True, kw_only=True):
    """One change of the world: exactly one of these keys. Without `host` or `who`: the event's own host."""

    clock: ClockChange | None = None
    stun: StunChange | None = None
    service: ServiceChange | None = None
    block: RuleSpec | None = None
    unblock: RuleSpec | None = None
    link: LinkSpec | None = None
    migrate: HostChange | None = None
    reboot: HostChange | None = None
    power_off: HostChange | None = None
    power_on: HostChange | None = None
    old_vm: HostChange | None = None
    snapshot: SnapshotChange | None = None
    revert: SnapshotChange | None = None
    identity: IdentityChange | None = None
    reference: ReferenceChange | None = None
    file: FileChange | None = None
    privileges: PrivilegesChange | None = None
    account: AccountChange | None = None
    hostname: HostnameChange | None = None
    records: RecordsChange | None = None
    computer: ComputerSpec | None = None


Trigger = Literal["action", "provocation", "step", "mark", "time", "boot"]


class Event(Struct, frozen=True, kw_only=True):
    """When something happens, something else does."""

    on: Trigger
    id: Id | None = None
    host: Who = "*"
    when: Literal["started", "done"] = "done"
    after: Length = Length(0)
    every: Duration | None = None
    times: Annotated[int, Meta(ge=2, le=1000)] | None = None
    nth: Annotated[int, Meta(ge=1, le=1000)] | None = None
    do: Annotated[tuple[Change, ...], Meta(min_length=1)]


class WorldFile(Struct, frozen=True, kw_only=True):
    """A whole world."""

    world: Literal[1]
    title: str
    scenario: str | None = None
    twin_of: str | None = None
    pending: str | None = None
    seed: Annotated[int, Meta(ge=0, le=10**9)] = 1
    jump: ClockSpec = msgspec.field(default_factory=ClockSpec)
    domain: DomainSpec | None = None
    references: Annotated[tuple[ReferenceSpec, ...], Meta(min_length=1)]
    guests: Annotated[tuple[GuestSpec, ...], Meta(min_length=1)]
    network: NetworkSpec = msgspec.field(default_factory=NetworkSpec)
    events: tuple[Event, ...] = ()
    runbook: str = DEFAULT_RUNBOOK
    play: Play = msgspec.field(default_factory=Play)
    aftermath: Duration = Duration(72 * HOUR)
    expect: Expect
    naive: Expect | None = None
