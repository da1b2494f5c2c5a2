"""systemd: what starts and runs, timesyncd and timedated on a bus of their own."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.corpus.recorder import BUS, COMMANDS, around, case, daemon, ntp_server, run, settled, until, write


def timesyncd(where: Path, state: str, facts: dict[str, object], *, servers: str, wait: float) -> None:
    """Run timesyncd without the right to set clocks, on a bus of its own."""
    root = Path(os.environ["TIMESYNCD_ROOT"])
    for folder in ("/run/systemd/system", "/run/systemd/timesync", "/run/systemd/timesyncd.conf.d", "/var/lib/systemd/timesync", "/run/dbus"):  # fmt: skip
        Path(folder).mkdir(parents=True, exist_ok=True)
    Path("/run/systemd/timesyncd.conf.d/x.conf").write_text(
        f"[Time]\nNTP={servers}\nFallbackNTP=\nPollIntervalMinSec=16\nConnectionRetrySec=1\n"
    )
    Path("/run/bus.conf").write_text(BUS)
    subprocess.run(["chown", "-R", "nobody", "/run/systemd/timesync", "/var/lib/systemd"], check=True)
    unprivileged = (
        "setpriv",
        "--reuid",
        "nobody",
        "--clear-groups",
        "--bounding-set=-sys_time",
        "--inh-caps=-all",
    )
    with daemon("dbus-daemon", "--config-file=/run/bus.conf", "--nofork"):
        until(Path("/run/dbus/system_bus_socket").exists)
        running = (
            daemon(*unprivileged, str(root / "lib/systemd/systemd-timesyncd"))
            if servers
            else daemon("sleep", "99")
        )
        with running:
            write(where, "timesyncd", state, facts, settled("timesyncd", facts, after=wait))
            shown = run(["timedatectl", "show-timesync", "--all"])
            (where / "show-timesync.txt").write_text(str(shown["out"]))


@case("timesyncd/252/answered")
def _(where: Path) -> None:
    with ntp_server("127.0.0.1", offset=0.25):
        facts = {"running": True, "server_name": "127.0.0.1", "server_address": "127.0.0.1", "packet_count": 1, "stratum": 2, "leap": "normal", "offset_ns": around(0.25, 0.01), "ignored": False, "root_distance_ns": around(0.004, 0.0005), "poll_interval_ns": around(16, 0.1)}  # fmt: skip
        timesyncd(where, "one answer from a server 0.25 s ahead; poll interval at least 16 s", facts, servers="127.0.0.1", wait=4)  # fmt: skip


@case("timesyncd/252/unanswered")
def _(where: Path) -> None:
    facts = {"running": True, "packet_count": 0, "stratum": None, "leap": None, "offset_ns": None, "last_answer_utc_ns": None}  # fmt: skip
    timesyncd(where, "the only server does not answer", facts, servers="127.0.0.9", wait=3)


@case("timesyncd/252/leap-insert")
def _(where: Path) -> None:
    with ntp_server("127.0.0.1", offset=-1.5, stratum=5, leap=1):
        facts = {
            "running": True,
            "packet_count": 1,
            "stratum": 5,
            "leap": "insert",
            "offset_ns": around(-1.5, 0.01),
        }
        timesyncd(where, "a server 1.5 s behind, leap second announced", facts, servers="127.0.0.1", wait=4)


@case("timesyncd/252/not-running")
def _(where: Path) -> None:
    facts = {"running": False, "packet_count": 0}
    timesyncd(where, "a system bus, no timesyncd on it", facts, servers="", wait=0.2)


@case("timesyncd/none/no-bus")
def _(where: Path) -> None:
    subprocess.run(["rm", "-rf", "/run/systemd", "/run/dbus"], check=True)
    raws = [run(c) for c in COMMANDS["timesyncd"]]
    write(where, "timesyncd", "neither systemd nor a system bus", None, raws, failure="tool-absent")


@case("services/systemd-252/not-booted")
def _(where: Path) -> None:
    facts = {"init": "other", "units.chrony.service.enabled": "enabled", "units.chrony.service.active": None}
    write(where, "services", "chrony installed and enabled; process 1 is not systemd", facts, [run(c) for c in COMMANDS["services"]])  # fmt: skip


@case("services/systemd-252/unit-states")
def _(where: Path) -> None:
    raws = [run(c) for c in COMMANDS["services"]]
    Path("/etc/systemd/system/ntp.service").unlink(missing_ok=True)
    names = {"ntp.service": None, "qemu-guest-agent.service": "[Service]\nExecStart=/bin/true\n", "ntpd.service": "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"}  # fmt: skip
    for name, text in names.items():
        path = Path("/etc/systemd/system") / name
        path.symlink_to("/dev/null") if text is None else path.write_text(text)
    raws = [run(c) for c in COMMANDS["services"]]
    facts = {"init": "other", "units.ntp.service.enabled": "masked", "units.qemu-guest-agent.service.enabled": "static", "units.ntpd.service.enabled": "disabled", "units.chrony.service.enabled": "enabled"}  # fmt: skip
    write(where, "services", "ntp masked, qemu-guest-agent without [Install], ntpd disabled, chrony enabled", facts, raws)  # fmt: skip
    for name in names:
        (Path("/etc/systemd/system") / name).unlink()


# Every systemd manages the control group it finds itself in: this one gets a group of its own.
_GROUPS = "/run/groups"
_BOOT = """
mkdir {groups} && mount -t cgroup2 none {groups} && mkdir {group} && echo 0 > {group}/cgroup.procs
exec unshare --uts --pid --mount --ipc --cgroup --fork --kill-child sh -c '
    mount -t proc proc /proc; umount -l -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
    exec env -i container=corpus PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
        /lib/systemd/systemd --unit=corpus.target --log-target=null --show-status=0'
"""


@contextmanager
def booted() -> Iterator[list[str]]:
    """A real systemd as process 1 of namespaces of its own, with a target that pulls in nothing; how to enter it."""
    (Path("/etc/systemd/system") / "corpus.target").write_text("[Unit]\nDefaultDependencies=no\n")
    group = f"{_GROUPS}/corpus.{Path('/proc/sys/kernel/random/uuid').read_text().strip()}"
    script = _BOOT.format(groups=_GROUPS, group=group)
    try:
        with daemon("unshare", "--mount", "--propagation", "unchanged", "sh", "-c", script):
            yield _entered()
    finally:
        subprocess.run(["mount", "-t", "cgroup2", "none", "/mnt"], check=True)
        inside = f"/mnt/{Path(group).name}"
        until(lambda: _removed(inside))
        subprocess.run(["umount", "/mnt"], check=True)


def _removed(group: str) -> bool:
    """Whether the group is gone with those below it; a killed process leaves its group a moment later."""
    done = subprocess.run(
        ["find", group, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"], capture_output=True
    )
    return done.returncode == 0


def _entered() -> list[str]:
    """The command that enters the systemd of this pid namespace, once it answers."""
    found: list[list[str]] = []

    def answers() -> bool:
        listed = subprocess.run(["pgrep", "-x", "systemd"], capture_output=True, text=True, check=False)
        pids = listed.stdout.split()
        if not pids:
            return False
        enter = ["nsenter", "-t", pids[0], "--mount", "--pid", "--ipc"]
        asked = subprocess.run(
            [*enter, "systemctl", "show", "-p", "Version"], capture_output=True, check=False
        )
        found[:] = [enter]
        return asked.returncode == 0

    until(answers)
    return found[0]


@case("services/systemd-252/booted")
def _(where: Path) -> None:
    service = "[Unit]\nDefaultDependencies=no\n{unit}[Service]\nExecStart={start}\n{install}"
    install = "[Install]\nWantedBy=multi-user.target\n"
    units = {
        "chrony.service": service.format(unit="", start="/bin/sleep 600", install=install + "Alias=chronyd.service\n"),
        "ntpd.service": service.format(unit="", start="/bin/false", install=install),
        "open-vm-tools.service": service.format(unit="ConditionVirtualization=vmware\n", start="/bin/true", install=install),
        "qemu-guest-agent.service": service.format(unit="", start="/bin/true", install=""),
    }  # fmt: skip
    for name, text in units.items():
        (Path("/etc/systemd/system") / name).write_text(text)
    (Path("/etc/systemd/system") / "ntp.service").symlink_to("/dev/null")
    with booted() as enter:
        for action in ("enable chrony ntpd open-vm-tools", "start chrony ntpd open-vm-tools"):
            subprocess.run([*enter, "systemctl", *action.split()], capture_output=True, check=False)
        time.sleep(1)
        raws = [{**run([*enter, "sh", "-c", shlex.join(c)]), "argv": c} for c in COMMANDS["services"]]
    facts = {
        "init": "systemd",
        "units.chrony.service.active": "active", "units.chrony.service.enabled": "enabled", "units.chrony.service.condition": True,
        "units.ntp.service.load": "masked", "units.ntp.service.active": "inactive",
        "units.ntpd.service.active": "failed", "units.ntpd.service.enabled": "enabled",
        "units.open-vm-tools.service.active": "inactive", "units.open-vm-tools.service.condition": False,
        "units.qemu-guest-agent.service.enabled": "static", "units.qemu-guest-agent.service.condition": None,
    }  # fmt: skip
    state = "chrony runs, enabled, alias chronyd; ntp masked; ntpd failed; open-vm-tools skipped (ConditionVirtualization=vmware); qemu-guest-agent static, never started"  # fmt: skip
    write(where, "services", state, facts, raws)
    for name in (*units, "ntp.service"):
        (Path("/etc/systemd/system") / name).unlink()


@case("services/systemd-252/pulled-in")
def _(where: Path) -> None:
    bare = "[Unit]\nDefaultDependencies=no\n"
    units = {
        "ntpsec.service": f"{bare}[Service]\nExecStart=/bin/sleep 600\n",
        "openntpd.service": f"{bare}[Service]\nExecStart=/bin/sleep 600\n",
        "ntpdate.service": f"{bare}[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
        "ntpdate.timer": f"{bare}[Timer]\nOnBootSec=1h\n[Install]\nWantedBy=corpus.target\n",
        "corpus.target.d/wants.conf": "[Unit]\nWants=ntpsec.service\n",
    }
    (Path("/etc/systemd/system") / "corpus.target.d").mkdir()
    for name, text in units.items():
        (Path("/etc/systemd/system") / name).write_text(text)
    with booted() as enter:
        for action in ("enable ntpdate.timer", "start ntpdate.timer"):
            subprocess.run([*enter, "systemctl", *action.split()], capture_output=True, check=True)
        raws = [{**run([*enter, "sh", "-c", shlex.join(c)]), "argv": c} for c in COMMANDS["services"]]
    facts = {
        "units.ntpsec.service.enabled": "static", "units.ntpsec.service.pulled_by": [{"name": "corpus.target", "enabled": None}],
        "units.openntpd.service.enabled": "static", "units.openntpd.service.pulled_by": [], "units.openntpd.service.triggered_by": [],
        "units.ntpdate.service.enabled": "disabled", "units.ntpdate.service.triggered_by": [{"name": "ntpdate.timer", "enabled": "enabled"}],
    }  # fmt: skip
    write(where, "services", "ntpsec static, wanted by corpus.target; openntpd static, wanted by nobody; ntpdate disabled, its timer enabled", facts, raws)  # fmt: skip
    for name in (*units, "corpus.target.wants/ntpdate.timer"):
        (Path("/etc/systemd/system") / name).unlink()
    (Path("/etc/systemd/system") / "corpus.target.d").rmdir()


@case("timedatectl/252/not-synchronised")
def _(where: Path) -> None:
    """systemd, its bus and systemd-timedated; only what the kernel says by itself: nothing here sets a clock."""
    Path("/run/bus.conf").write_text(BUS)
    bare = "[Unit]\nDefaultDependencies=no\n"
    units = {
        "dbus.socket": f"{bare}[Socket]\nListenStream=/run/dbus/system_bus_socket\n",
        "dbus.service": f"{bare}Requires=dbus.socket\n[Service]\nExecStart=/usr/bin/dbus-daemon --config-file=/run/bus.conf --nofork --address=systemd:\n",
    }
    for name, text in units.items():
        (Path("/etc/systemd/system") / name).write_text(text)
    with booted() as enter:
        subprocess.run([*enter, "systemctl", "start", "dbus.service"], check=True)
        time.sleep(1)
        with daemon(*enter, "/lib/systemd/systemd-timedated"):
            time.sleep(0.5)
            raws = [{**run([*enter, "sh", "-c", shlex.join(c)]), "argv": c} for c in COMMANDS["timedatectl"]]
    for name in units:
        (Path("/etc/systemd/system") / name).unlink()
    facts = {"synchronized": False, "can_ntp": True, "ntp_runs": False}
    write(where, "timedatectl", "chrony installed, it does not run; nobody told the kernel that it is right", facts, raws)  # fmt: skip


@case("timedatectl/252/no-bus")
def _(where: Path) -> None:
    Path("/run/systemd/system").mkdir(parents=True)  # the mark of a machine that was booted with systemd
    raws = [run(c) for c in COMMANDS["timedatectl"]]
    write(where, "timedatectl", "booted with systemd, no system bus", None, raws, failure="tool-absent")


@case("timedatectl/252/not-booted")
def _(where: Path) -> None:
    raws = [run(c) for c in COMMANDS["timedatectl"]]
    write(where, "timedatectl", "neither systemd as process 1 nor a system bus", None, raws, failure="tool-absent")  # fmt: skip
