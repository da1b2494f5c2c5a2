"""The hardware clock and its zone, the kernel's clock and its log, ntpd on an interface of its own."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.corpus.cases_systemd import booted
from tests.corpus.recorder import COMMANDS, around, case, daemon, run, settled, write

CLOCKSOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
CLOCKLESS = ("setpriv", "--bounding-set=-sys_time", "--inh-caps=-sys_time")
"""Before a daemon that would set this machine's clock."""


def etc(files: dict[str, str], links: dict[str, str]) -> None:
    """Other files in /etc from here on; what was mounted below it is out of sight."""
    Path("/run/etc/top").mkdir(parents=True)
    Path("/run/etc/aside").mkdir()
    over = "mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/top,workdir=/run/etc/aside none /etc"
    subprocess.run(shlex.split(over), check=True)
    for path in (*files, *links):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).unlink(missing_ok=True)  # a link would lead out of the overlay
    for path, text in files.items():
        Path(path).write_text(text)
    for path, to in links.items():
        Path(path).symlink_to(to)


@case("rtc/linux-6.18/no-device")
def _(where: Path) -> None:
    local = {"/etc/adjtime": "0.000000 0 0.000000\n0\nLOCAL\n"}
    etc(local, {"/etc/localtime": "/usr/share/zoneinfo/Europe/Berlin"})
    facts = {"present": False, "shown_ns": None, "local": True, "zone": "Europe/Berlin", "before_utc_ns": around(time.time(), 2)}  # fmt: skip
    write(where, "rtc", "a microVM without an RTC; adjtime says LOCAL, Europe/Berlin", facts, [run(c) for c in COMMANDS["rtc"]])  # fmt: skip


@case("rtc/linux-6.18/defaults")
def _(where: Path) -> None:
    etc({"/etc/localtime": "TZif2"}, {})
    facts = {"present": False, "local": False, "zone": None, "utc_offset_ns": 0}
    write(where, "rtc", "no RTC, no /etc/adjtime; /etc/localtime is no link", facts, [run(c) for c in COMMANDS["rtc"]])  # fmt: skip


@contextmanager
def journal() -> Iterator[list[str]]:
    """A real systemd with its journal, which does not hear this machine's kernel; how to enter it."""
    Path("/run/systemd/journald.conf.d").mkdir(parents=True, exist_ok=True)
    Path("/run/systemd/journald.conf.d/x.conf").write_text("[Journal]\nReadKMsg=no\n")
    with booted() as enter:
        units = ("systemd-journald.socket", "systemd-journald.service")
        subprocess.run([*enter, "systemctl", "start", *units], check=True)
        yield enter


def asked(reader: str, enter: list[str], **extra: str) -> list[dict[str, object]]:
    """The reader's commands in there."""
    return [{**run([*enter, "sh", "-c", shlex.join(c)], **extra), "argv": c} for c in COMMANDS[reader]]


@case("kernel-clock/linux-6.18/adjtimex")
def _(where: Path) -> None:
    path = f"{os.environ['ADJTIMEX_ROOT']}/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
    with journal() as enter:
        facts: dict[str, object] = {"clocksource": CLOCKSOURCE.read_text().strip(), "tsc_unstable": False, "status": 64, "max_error_ns": 16 * 10**9}  # fmt: skip
        write(where, "kernel-clock", "nobody ever told the kernel that it is right; the journal holds no word of the TSC", facts, asked("kernel-clock", enter, PATH=path))  # fmt: skip


@case("kernel-clock/linux-6.18/unprivileged")
def _(where: Path) -> None:
    with journal() as enter:
        facts: dict[str, object] = {"tsc_unstable": None, "status": None, "max_error_ns": None}
        write(where, "kernel-clock", "an account that may not see the journal; no adjtimex", facts, asked("kernel-clock", [*enter, *NOBODY]))  # fmt: skip


def says(enter: list[str], *lines: tuple[str, str]) -> None:
    """Lines into that journal, each under the name of a program."""
    for name, text in lines:
        subprocess.run([*enter, "logger", "-t", name, text], check=True)
    subprocess.run([*enter, "journalctl", "--sync"], check=True)


@case("steps/systemd-252/set")
def _(where: Path) -> None:
    lines = (
        ("chronyd", "System clock was stepped by -1.900123 seconds"), ("systemd-resolved", "Clock change detected. Flushing caches."),
        ("chronyd", "Selected source 192.0.2.1"), ("ntpdate", "step time server 192.0.2.1 offset 2.500000 sec"),
        ("systemd-journald", "Time jumped backwards, rotating."), ("ntpd", "CLOCK: time stepped by 0.300000"),
    )  # fmt: skip
    facts = {"sets.0.by": "ntpd", "sets.0.amount_ns": 300_000_000, "sets.0.utc_ns": around(time.time() + 10, 20), "sets.1.by": None, "sets.1.amount_ns": None, "sets.2.by": "ntpdate", "sets.2.amount_ns": 2_500_000_000, "sets.3.by": None, "sets.4.by": "chronyd", "sets.4.amount_ns": -1_900_123_000, "more": False}  # fmt: skip
    with journal() as enter:
        says(enter, *lines)
        write(where, "steps", "three programs and two witnesses said so; the words are those of their sources, no clock was set", facts, asked("steps", enter))  # fmt: skip


_SPEAKS = "(echo System clock was stepped by 0.750000 seconds; sleep 60) | logger -t chronyd"
"""It stays, as a daemon does: of a writer that is gone at once journald may not find out the service."""


@case("steps/systemd-252/whose")
def _(where: Path) -> None:
    unit = Path("/etc/systemd/system/chrony.service")
    unit.write_text(f'[Unit]\nDefaultDependencies=no\n[Service]\nUser=65534\nExecStart=/bin/sh -c "{_SPEAKS}"\n')  # fmt: skip
    with journal() as enter:
        subprocess.run([*enter, "systemctl", "start", "chrony.service"], check=True)
        time.sleep(1)
        subprocess.run([*enter, *NOBODY, "logger", "-t", "chronyd", "System clock was stepped by -9.000000 seconds"], check=True)  # fmt: skip
        says(enter, ("chronyd", "System clock was stepped by a great deal"))
        facts = {"sets.0.by": "chronyd", "sets.0.amount_ns": 750_000_000, "skipped": 1, "more": False}  # fmt: skip
        write(where, "steps", "chrony.service says 0.75 s under an account without rights, that account says -9 s outside of it, root says so in words nobody knows", facts, asked("steps", enter))  # fmt: skip
    unit.unlink()


@case("steps/systemd-252/more")
def _(where: Path) -> None:
    facts = {"more": True, "sets.0.amount_ns": 0, "sets.39.amount_ns": -39_000_000_000}
    with journal() as enter:
        says(enter, *(("chronyd", f"System clock was stepped by {number - 44}.000000 seconds") for number in range(45)))  # fmt: skip
        write(where, "steps", "45 steps, the newest of 0 s", facts, asked("steps", enter))


@case("steps/systemd-252/nothing-said")
def _(where: Path) -> None:
    with journal() as enter:
        says(enter, ("chronyd", "Selected source 192.0.2.1"))
        write(where, "steps", "no line is about a clock that was set", {"sets": [], "more": False}, asked("steps", enter))  # fmt: skip


@case("steps/systemd-252/unprivileged")
def _(where: Path) -> None:
    with journal() as enter:
        says(enter, ("chronyd", "System clock was stepped by -1.900123 seconds"))
        write(where, "steps", "an account that may not see the journal", {"sets": None}, asked("steps", [*enter, *NOBODY]))  # fmt: skip


def ntpsec() -> None:
    """The unpacked package where it belongs: ntpq looks for its library there."""
    over = f"mount -t overlay -o lowerdir={os.environ['NTPSEC_ROOT']}/usr:/usr none /usr"
    subprocess.run(shlex.split(over), check=True)


@contextmanager
def ntpd(conf: str, servers: str) -> Iterator[None]:
    """ntpsec's ntpd; `servers` are ntp_server() calls at the other end of a cable.

    ntpd takes no address of its own machine for a server.
    """
    ntpsec()
    ours = "disable ntp\nrestrict 127.0.0.1\nrestrict ::1\ntos minsane 1 minclock 1\n"
    Path("/run/ntp.conf").write_text(ours + conf)
    with daemon("unshare", "--net", "sleep", "99"):
        time.sleep(0.5)
        listed = subprocess.run(["pgrep", "-n", "-x", "sleep"], capture_output=True, text=True, check=True)
        far = f"nsenter -t {listed.stdout.strip()} --net"
        for command in (
            f"ip link add v0 type veth peer name v1 netns {listed.stdout.strip()}", "ip addr add 192.0.2.10/24 dev v0", "ip link set v0 up",
            f"{far} ip addr add 192.0.2.1/24 dev v1", f"{far} ip addr add 192.0.2.2/24 dev v1", f"{far} ip link set v1 up",
        ):  # fmt: skip
            subprocess.run(shlex.split(command), check=True)
        serve = f"import time; from tests.corpus.recorder import ntp_server\nwith {servers}: time.sleep(99)"
        with (
            daemon(*far.split(), sys.executable, "-c", serve),
            daemon(*CLOCKLESS, "ntpd", "-n", "-c", "/run/ntp.conf"),
        ):
            yield


NEAR = "iburst minpoll 3 maxpoll 3"
ONE = "ntp_server('192.0.2.1', offset=0)"


@case("ntpq/ntpsec-1.2.2/synchronised")
def _(where: Path) -> None:
    facts = {"running": True, "version": "ntpd ntpsec-1.2.2", "peers.0.name": "192.0.2.1", "peers.0.state": "selected", "peers.0.stratum": 2, "peers.0.poll_s": 8, "peers.0.reach": {"from": 7, "to": 255}, "peers.0.offset_ns": around(0, 0.01), "peers.1.reach": 0, "peers.1.last_rx_s": None, "guest_utc_ns": around(time.time() + 30, 60)}  # fmt: skip
    with ntpd(f"server 192.0.2.1 {NEAR}\nserver 192.0.2.9 {NEAR}\n", ONE):
        state = "a server at offset 0, another that is silent; ntpd may not set the clock"
        write(where, "ntpq", state, facts, settled("ntpq", facts, after=20))


@case("ntpq/ntpsec-1.2.2/guest-behind")
def _(where: Path) -> None:
    facts = {"running": True, "leap": "unsynchronised", "peers.1.stratum": 2, "peers.1.offset_ns": around(-0.25, 0.03)}  # fmt: skip
    with ntpd(
        f"server 192.0.2.1 {NEAR}\nserver 192.0.2.2 {NEAR}\n", f"{ONE}, ntp_server('192.0.2.2', offset=0.25)"
    ):
        write(where, "ntpq", "of two servers the second is 0.25 s ahead", facts, settled("ntpq", facts, after=10))  # fmt: skip


@case("ntpq/ntpsec-1.2.2/local-clock")
def _(where: Path) -> None:
    facts: dict[str, object] = {"running": True, "leap": "unsynchronised", "peers.0.kind": "l", "peers.0.stratum": 10, "peers.0.poll_s": 64}  # fmt: skip
    with ntpd("refclock local stratum 10\n", ONE):
        write(where, "ntpq", "only the local clock driver", facts, settled("ntpq", facts, after=5))


@case("ntpq/ntpsec-1.2.2/no-peers")
def _(where: Path) -> None:
    facts: dict[str, object] = {"running": True, "leap": "unsynchronised", "peers": [], "ref_time_ns": None}
    with ntpd("", ONE):
        write(where, "ntpq", "no server is configured", facts, settled("ntpq", facts, after=3))


@case("ntpq/ntpsec-1.2.2/noquery")
def _(where: Path) -> None:
    with ntpd("restrict 127.0.0.1 noquery\nrestrict ::1 noquery\n", ONE):
        time.sleep(3)
        raws = [run(c) for c in COMMANDS["ntpq"]]
        write(where, "ntpq", "ntpd may not be asked", None, raws, failure="denied")


@case("ntpq/ntpsec-1.2.2/not-running")
def _(where: Path) -> None:
    ntpsec()
    write(where, "ntpq", "ntpd does not run", {"running": False}, [run(c) for c in COMMANDS["ntpq"]])


@case("ntpq/none/not-installed")
def _(where: Path) -> None:
    write(where, "ntpq", "no ntpq", None, [run(c) for c in COMMANDS["ntpq"]], failure="tool-absent")
