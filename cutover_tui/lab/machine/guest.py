"""A simulated Linux guest: files, packages, services, users, clock. State only; true time is an argument."""

from __future__ import annotations

from dataclasses import dataclass, field

from cutover_tui.lab.kerberos.holder import Membership
from cutover_tui.lab.machine.chronyd import Chronyd
from cutover_tui.lab.machine.clocks import SimClock
from cutover_tui.lab.machine.packages import UnitFile
from cutover_tui.lab.machine.platforms import Platform
from cutover_tui.lab.machine.systems import DEBIAN12, System
from cutover_tui.lab.machine.timesyncd import Timesyncd
from cutover_tui.lab.machine.zones import zone_name

SECOND = 1_000_000_000
ALWAYS = ("bootmisc", "hostname", "networking", "syslog")
"""Services in OpenRC's boot runlevel on every Alpine."""

KERNEL_SYNC_NS = 32_000 * SECOND
"""The kernel's error estimate grows 500 ppm and counts as unsynchronised from 16 s on: 8.9 hours."""


@dataclass(frozen=True, slots=True)
class File:
    """A regular file; `owner` reads by the first digit of `mode`, everybody else by the last.

    Bytes that are no text are kept as Latin-1. A directory with nothing in it is one whose path ends with `/`.
    """

    text: str
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    written: int = 0  # by the guest's clock, UTC ns; 0 = long ago


@dataclass(frozen=True, slots=True)
class User:
    """An account of the guest."""

    name: str
    uid: int
    groups: tuple[tuple[int, str], ...]
    sudo: bool = False  # without a password
    password: str | None = None  # sudo asks for it where `sudo` is False
    shell: str = "sh"

    @property
    def home(self) -> str:
        return "/root" if self.uid == 0 else f"/home/{self.name}"

    def environment(self) -> dict[str, str]:
        """What sshd and PAM give a session."""
        return {
            "USER": self.name,
            "LOGNAME": self.name,
            "HOME": self.home,
            "SHELL": f"/bin/{self.shell}",
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "en_US.UTF-8",
        }


ROOT = User("root", 0, ((0, "root"),), sudo=True)


@dataclass(slots=True)
class Unit:
    """A service unit's state."""

    file: UnitFile
    package: str | None
    enabled: str
    active: str = "inactive"  # active, inactive, failed
    sub: str = "dead"
    condition: bool = False  # systemd's ConditionResult: "no" until the first start attempt
    checked: int = 0  # true time of that attempt
    pid: int = 0
    changed: int = 0  # true time of the last change of state


@dataclass(frozen=True, slots=True)
class Move:
    """What waits for a guest at its next power-on: another platform with another oscillator."""

    platform: Platform
    rate_ppb: int = 0
    offset_ns: int = 0  # error of the virtual RTC the guest starts from
    units: tuple[UnitFile, ...] = ()  # agents the migration tool puts in
    noise_ns: int = 0
    rtc: Rtc | None = None  # None = `offset_ns` off, basis as before
    machine_id: str | None = None
    new_host_key: bool = False
    removes_tools: bool = False


@dataclass(frozen=True, slots=True)
class Rtc:
    """The virtual hardware clock: how wrong the platform starts it, and who reads it as what."""

    offset_ns: int = 0
    zone_ns: int = 0  # local time less UTC
    guest_local: bool = False
    platform_local: bool = False

    @property
    def boot_error_ns(self) -> int:
        """How wrong a guest starts that was powered on just now."""
        basis = self.zone_ns * (int(self.platform_local) - int(self.guest_local))
        return self.offset_ns + basis


@dataclass(slots=True)
class LogLine:
    """One line of the journal of this boot."""

    at: int  # true time, less what the guest stood still since
    shown: int  # the guest's clock then
    name: str  # what its writer calls itself
    text: str
    uid: int = 0  # of the account it came from
    unit: str = ""  # the service it came from


@dataclass(slots=True)
class Suspension:
    """The guest stands still: not running, not gone."""

    since: int
    until: int


@dataclass(slots=True)
class Guest:
    """One virtual machine."""

    name: str
    platform: Platform
    clock: SimClock
    machine_id: str
    boot_id: str
    booted: int  # true time
    host_key: str = ""  # private, OpenSSH PEM
    host_key_public: str = ""  # "ssh-ed25519 AAAA…"
    domain: str = "lab.example"
    address: str = ""  # as everybody else knows it
    hostname: str = ""  # where it is another than `name`
    membership: Membership | None = None
    users: dict[str, User] = field(default_factory=lambda: {"root": ROOT})
    files: dict[str, File] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)  # seen before, so dpkg still knows the name
    units: dict[str, Unit] = field(default_factory=dict)
    system: System = DEBIAN12
    chronyd: Chronyd | None = None
    chrony_controls: bool = True  # not started with -x
    chrony_for_root: bool = False  # `cmdport 0`
    timesyncd: Timesyncd | None = None
    ntpd: Chronyd | None = None
    drift_ppb: int | None = None  # /var/lib/chrony/chrony.drift
    disciplined: int | None = None  # true time the kernel was last told that it is synchronised
    ntpd_acts: bool = True
    tools_periodic: bool = False
    next_periodic: int = 0
    rtc: Rtc = Rtc()
    rtc_written_ns: int | None = None  # error of what the kernel wrote into the RTC, until the next power-off
    cold: bool = False  # whether the shutdown under way ends in a power-off
    boots: int = 0  # since the world began
    connections: int = 0  # those made when this was another number are dead
    suspended: Suspension | None = None
    move: Move | None = None
    old: Guest | None = None  # the VM that was left behind on the source
    loose_tools: tuple[str, ...] = ()  # programs that no package brought
    unreadable: tuple[str, ...] = ()  # paths only root may read, whatever their mode says
    forwarding: bool = True  # sshd carries connections elsewhere for the login
    snapshots: dict[str, tuple[int, Guest]] = field(default_factory=dict)
    stays_off: bool = False
    stop_at: int | None = None  # true time at which a shutdown under way is over
    down_until: int | None = None  # true time at which it answers again
    next_pid: int = 400
    log: list[LogLine] = field(default_factory=list)

    @property
    def host(self) -> str:
        """What it calls itself."""
        return self.hostname or self.name

    def utc(self, true_ns: int) -> int:
        """What the guest's clock shows."""
        return self.clock.read(true_ns)

    def say(self, true_ns: int, name: str, text: str, *, uid: int = 0, unit: str = "") -> None:
        """A line into the journal; who asks for older than `true_ns` afterwards gets it in its place."""
        shown = self.clock.read(max(true_ns, self.clock.since))
        self.log.append(LogLine(true_ns, shown, name, text, uid, unit))

    def up(self, true_ns: int) -> bool:
        """Whether it answers: not between the end of a shutdown and the end of the boot."""
        if self.stop_at is not None and true_ns >= self.stop_at:
            return False
        return not self.stays_off and (self.down_until is None or true_ns >= self.down_until)

    def registers(self, true_ns: int) -> int:
        """What the virtual RTC's registers show, taken as UTC."""
        written = self.rtc_written_ns
        wrong = written if written is not None else self.rtc.boot_error_ns
        return true_ns + wrong + (self.rtc.zone_ns if self.rtc.guest_local else 0)

    def links(self) -> dict[str, str]:
        """Symbolic links, as far as anybody asks for one."""
        zone = zone_name(self.rtc.zone_ns)
        return {} if zone is None else {"/etc/localtime": f"/usr/share/zoneinfo/{zone}"}

    def frozen_until(self, true_ns: int) -> int | None:
        """Until when the guest does nothing and answers nobody, without being gone; None = it runs."""
        stands = self.suspended
        return stands.until if stands is not None and stands.since <= true_ns < stands.until else None

    def kernel_synchronised(self, true_ns: int) -> bool:
        """What adjtimex says: true for hours after the last discipline."""
        return self.disciplined is not None and true_ns - self.disciplined < KERNEL_SYNC_NS

    def has_tool(self, name: str) -> bool | None:
        """Whether the package that ships this tool is installed; None: no package of the mirror does."""
        owner = next((p for p in self.system.mirror.values() if name in p.tools), None)
        return None if owner is None else owner.name in self.packages or name in self.loose_tools

    def unit(self, name: str) -> Unit | None:
        """A unit by name or alias, with or without `.service`."""
        full = name if "." in name else f"{name}.service"
        found = self.units.get(full)
        if found is not None:
            return found
        return next((u for u in self.units.values() if u.file.alias == full), None)

    def processes(self) -> list[tuple[int, str, int]]:
        """(pid, comm, uid) of what runs, besides the caller's own."""
        base = [(1, "systemd", 0), (2, "kthreadd", 0), (251, "systemd-journal", 0), (279, "systemd-udevd", 0)]
        if self.system.init == "openrc":
            base = [(1, "init", 0), (2, "kthreadd", 0), (1_912, "syslogd", 0)]
        rest = [(u.pid, u.file.process[:15], 0) for u in self.units.values() if u.active == "active"]
        return sorted(base + rest)

    def pid(self) -> int:
        """A new process id."""
        self.next_pid += 7
        return self.next_pid
