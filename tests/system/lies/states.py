"""States of a guest's time, set on real daemons, and what the checks must say of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.system.nodes import network
from tests.system.nodes.lab import VMWARE, Guest, SystemLab
from tests.system.nodes.node import Node
from tests.system.nodes.systemd import Systemd
from tests.system.nodes.unpacked import NTPSEC, TIMESYNCD, GuestNtpd, GuestTimesyncd

NS = 1_000_000_000
CRYSTAL_PPM = 1200.0
"""A clocksource that was given up: Kerberos' 300 s are used up in 69.4 hours."""

POLL = (0, 1)
"""chronyd's polls, log2 s: 3 of 2 s leave room for a busy machine, 8 are soon over."""

STEP_S = 60
DOMAIN_WRONG_S = 187.0
QUARTER_NS = 900 * NS
JOB = 'while sleep 8; do date -s "@$(($(date +%s) - 2))"; done'
"""A forgotten job that sets the clock by another, wrong, source; every 8 s instead of every night."""

Verdicts = dict[str, tuple[str, str]]
PASS = ("pass", "ok")


@dataclass
class Place:
    """A guest with what is around it."""

    lab: SystemLab
    guest: Guest
    right: list[str]
    """Addresses of references that are right and stay."""
    own: Node
    """A reference of this guest alone, which may be unplugged."""
    wrong: list[str]
    """Addresses of the domain's controllers: wrong as one."""
    rtc_off_ns: int = 0
    """What the guest's hardware clock shows minus true time, where it has one."""

    @property
    def systemd(self) -> Systemd:
        assert self.guest.systemd is not None
        return self.guest.systemd

    @property
    def timesyncd(self) -> GuestTimesyncd:
        return GuestTimesyncd(self.guest.node, self.systemd)

    @property
    def ntpd(self) -> GuestNtpd:
        return GuestNtpd(self.guest.node, self.systemd)


@dataclass(frozen=True, eq=False)
class State:
    """A guest in a state, and the verdicts it has to get."""

    name: str
    words: str
    """What was set."""
    says: Verdicts
    unit: str = "chrony"
    """What a checklist calls the time service."""
    drift_ppm: float = 40
    vendor: str = "QEMU"
    tools: bool = False
    rtc: bool = False
    domain: bool = False
    """Judged by a domain's time, as its runbook names controllers."""
    needs: str | None = None
    """Variable that names an unpacked package."""
    changing: tuple[str, ...] = ()
    """Commands of a checklist whose answer depends on the moment."""
    before: Callable[[Place], None] = field(default=lambda _: None)
    """Sets it up, before the mark."""
    once: Verdicts = field(default_factory=dict)
    """What the gate must say before something happens."""
    after: Callable[[Place], None] = field(default=lambda _: None)
    """What happens after the mark, once that is so."""


def _chrony(
    *, lost: bool = False, wrong: bool = False, makestep: str | None = "1 3"
) -> Callable[[Place], None]:
    def before(at: Place) -> None:
        servers = [at.own.address] if lost else at.wrong if wrong else at.right
        at.guest.chrony.configure(servers, makestep=makestep, poll=POLL)
        at.guest.chrony.enable()
        at.guest.chrony.start()
        at.guest.chrony.wait_synchronised(within_s=20)

    return before


def _chrony_of(*lines: str) -> Callable[[Place], None]:
    def before(at: Place) -> None:
        at.guest.chrony.configure([], makestep="1 3", extra=lines)
        at.guest.chrony.enable()
        at.guest.chrony.start()

    return before


def _chrony_with(*extra: str) -> Callable[[Place], None]:
    def before(at: Place) -> None:
        at.guest.chrony.configure(at.right, makestep="1 3", poll=POLL, extra=extra)
        at.guest.chrony.enable()
        at.guest.chrony.start()
        at.guest.chrony.wait_synchronised(within_s=20)

    return before


def _without_control(at: Place) -> None:
    unit = at.guest.node.read("/etc/systemd/system/chrony.service")
    at.systemd.unit("chrony.service", unit.replace("-u root", "-u root -x"))
    at.systemd.systemctl("daemon-reload")
    at.guest.chrony.configure(at.right, makestep="1 3", poll=POLL)
    at.guest.chrony.enable()
    at.guest.chrony.start()


def _told_off(at: Place) -> None:
    at.guest.chrony.chronyc("offline")


def _not_enabled(at: Place) -> None:
    at.guest.chrony.configure(at.right, poll=POLL)
    at.guest.chrony.start()
    at.guest.chrony.wait_synchronised(within_s=20)


def _timesyncd(which: str) -> Callable[[Place], None]:
    def before(at: Place) -> None:
        servers = {"right": at.right[:1], "lost": [at.own.address], "nobody": [NOBODY]}[which]
        at.timesyncd.install()
        at.timesyncd.configure(servers)
        at.timesyncd.enable_and_start()

    return before


def _ntpd(which: str, *extra: str) -> Callable[[Place], None]:
    def before(at: Place) -> None:
        servers = {"right": at.right, "lost": [at.own.address], "nobody": [NOBODY], "none": []}[which]
        at.ntpd.install()
        at.ntpd.configure(servers, drift_ppm=at.guest.clock.drift_ppb / 1000, extra=extra)
        at.ntpd.enable_and_start()

    return before


def _unplug(at: Place) -> None:
    network.unplug(at.own)


def _step(at: Place) -> None:
    at.guest.clock.step(-STEP_S * NS)


def _job(at: Place) -> None:
    at.guest.node.popen("/bin/sh", "-c", JOB)


def _reboot(at: Place) -> None:
    at.guest.reboot()


def _disable_periodic(at: Place) -> None:
    at.guest.node.run("vmware-toolbox-cmd", "timesync", "disable")


def _rtc_in_another_zone(at: Place) -> None:
    at.rtc_off_ns = QUARTER_NS


def _another_zone(at: Place) -> None:
    at.guest.node.run("ln", "-sf", "/usr/share/zoneinfo/Asia/Kathmandu", "/etc/localtime")


NOBODY = f"{network.PREFIX}.250"
KEPT: Verdicts = {"time.provider": PASS}
NO_CHRONY: Verdicts = {"time.provider": ("fail", "no-provider"), "time.single-master": ("fail", "no-writer")}
HEALTHY: Verdicts = {
    "time.provider": PASS,
    "time.single-master": PASS,
    "time.offset": PASS,
    "time.projection": PASS,
}


def _fails(code: str, *, projection: tuple[str, str] | None = None) -> Verdicts:
    """A provider that does not keep the clock, which is right so far."""
    says = {"time.provider": ("fail", code), "time.single-master": PASS, "time.offset": PASS}
    return says | ({"time.projection": projection} if projection else {})


STATES = (
    State(
        "nobody",
        "Moved off VMware, Tools still installed; the clock's source was given up: it runs 1200 ppm fast",
        NO_CHRONY | {"time.offset": PASS, "time.projection": ("fail", "reaches-tolerance")},
        drift_ppm=CRYSTAL_PPM,
        tools=True,
    ),
    State(
        "tools-disabled",
        "Still on VMware: Tools' periodic synchronisation is off, they still set the clock at resume; nothing else",
        {"time.provider": ("fail", "no-provider"), "time.single-master": PASS, "time.offset": PASS},
        vendor=VMWARE,
        tools=True,
        before=_disable_periodic,
    ),
    State("chronyd", "chronyd with two servers", HEALTHY, before=_chrony()),
    State(
        "chronyd-fast",
        "chronyd holds a clock that runs 1200 ppm fast",
        HEALTHY | {"time.projection": ("pass", "warn")},
        drift_ppm=CRYSTAL_PPM,
        before=_chrony(),
    ),
    State(
        "chronyd-without-control",
        "chronyd was started with -x, as where VMware Tools kept the clock: it reports all and sets nothing",
        {
            "time.provider": ("fail", "no-control"),
            "time.single-master": ("fail", "no-writer"),
            "time.offset": PASS,
        },
        before=_without_control,
    ),
    State(
        "chronyd-for-root",
        "chronyd as hardening guides want it (`cmdport 0`): it answers nobody but root",
        HEALTHY,
        before=_chrony_with("cmdport 0"),
    ),
    State(
        "chronyd-offline",
        "chronyd was told to ask nobody after the mark, as a hook of the network does without a default route",
        _fails("offline"),
        before=_chrony(),
        once=KEPT,
        after=_told_off,
    ),
    State("chronyd-none", "chronyd without a server", _fails("no-sources"), before=_chrony_of()),
    State(
        "chronyd-unreachable",
        "chronyd whose only server never answered",
        _fails("no-reachable-source"),
        before=_chrony_of(f"server {NOBODY} iburst minpoll 0 maxpoll 0"),
    ),
    State(
        "chronyd-lost",
        "chronyd whose only server fell silent after the mark",
        _fails("no-reachable-source"),
        before=_chrony(lost=True),
        once=KEPT,
        after=_unplug,
    ),
    State(
        "chronyd-local",
        "chronyd that follows its own `local` reference",
        _fails("local-reference"),
        before=_chrony_of("local stratum 10", "allow"),
    ),
    State(
        "chronyd-stepped",
        f"chronyd with `makestep 1 3`; {STEP_S} s were lost after the mark (a pause), and it may only slew",
        {"time.provider": PASS, "time.single-master": PASS, "time.offset": ("fail", "offset")},
        before=_chrony(),
        after=_step,
    ),
    State(
        "chronyd-not-enabled",
        "chronyd was started by hand, then the guest was booted",
        NO_CHRONY | {"time.reboot": ("unknown", "waiting")},
        before=_not_enabled,
        after=_reboot,
    ),
    State(
        "chronyd-and-tools",
        "On VMware: chronyd and Tools' periodic synchronisation",
        {"time.provider": PASS, "time.single-master": ("fail", "several-writers")},
        vendor=VMWARE,
        tools=True,
        before=_chrony(),
    ),
    State(
        "chronyd-and-a-job",
        "chronyd may step at any time, and a job sets the clock 2 s back by `date -s`",
        {"time.projection": ("fail", "steps")},
        # chronyd drops its measurements at a foreign step and is unsynchronised until the next ones.
        changing=("timedatectl", "date", "chronyc waitsync 1", "chronyc tracking"),
        before=_chrony(makestep="1 -1"),
        after=_job,
    ),
    State(
        "domain-wrong",
        "chronyd follows the domain's controllers, which are 187 s ahead as one",
        {"time.reference": ("fail", "domain-wrong"), "time.provider": PASS, "time.offset": PASS},
        domain=True,
        before=_chrony(wrong=True),
    ),
    State(
        "rtc-quarter",
        "chronyd with two servers; the target keeps the hardware clock in a zone 15 min away",
        HEALTHY | {"time.rtc": ("fail", "whole-quarter-hours")},
        rtc=True,
        before=_chrony(),
        after=_rtc_in_another_zone,
    ),
    State(
        "zone-quarter",
        "chronyd with two servers; the guest's zone is another one since the move, 5 h 45 min away",
        HEALTHY | {"time.rtc": ("fail", "zone-changed")},
        rtc=True,
        before=_chrony(),
        after=_another_zone,
    ),
    State(
        "timesyncd",
        "systemd-timesyncd with a server",
        HEALTHY,
        unit="systemd-timesyncd",
        needs=TIMESYNCD,
        before=_timesyncd("right"),
    ),
    State(
        "timesyncd-unreachable",
        "systemd-timesyncd whose only server never answered",
        _fails("no-reachable-source"),
        unit="systemd-timesyncd",
        needs=TIMESYNCD,
        before=_timesyncd("nobody"),
    ),
    State(
        "timesyncd-lost",
        "systemd-timesyncd whose only server fell silent after the mark",
        _fails("stale-update"),
        unit="systemd-timesyncd",
        needs=TIMESYNCD,
        before=_timesyncd("lost"),
        once=KEPT,
        after=_unplug,
    ),
    State("ntpd", "ntpd with two servers", HEALTHY, unit="ntpsec", needs=NTPSEC, before=_ntpd("right")),
    State(
        "ntpd-none",
        "ntpd without a server",
        _fails("no-sources"),
        unit="ntpsec",
        needs=NTPSEC,
        before=_ntpd("none"),
    ),
    State(
        "ntpd-unreachable",
        "ntpd whose only server never answered",
        _fails("no-reachable-source"),
        unit="ntpsec",
        needs=NTPSEC,
        before=_ntpd("nobody"),
    ),
    State(
        "ntpd-lost",
        "ntpd whose only server fell silent after the mark",
        _fails("no-reachable-source"),
        unit="ntpsec",
        needs=NTPSEC,
        before=_ntpd("lost"),
        once=KEPT,
        after=_unplug,
    ),
    State(
        "ntpd-local",
        "ntpd that follows its local clock driver",
        _fails("local-reference"),
        unit="ntpsec",
        needs=NTPSEC,
        before=_ntpd("none", "refclock local stratum 10", "tos orphanwait 1"),
        # With ntpd's `srchost` ntpq prints LOCAL(0) and l, without it 127.127.1.0 and u. It stands at the end of an
        # answer of more than one packet, and is there or not by the length of the figures before it.
        changing=("ntpq -pn",),
    ),
)
