"""Record what real tools print in states that were set: `sudo python tests/corpus/record.py [CASE…]`.

Everything runs in namespaces of its own (mount, network, pid) with private /run, /etc/chrony
and /var/lib; chronyd runs with -x and timesyncd without CAP_SYS_TIME, so that the clock of
this machine is never touched. The NTP servers are a few lines below, because their offset,
stratum and leap must be what the case says. Needs Debian 12's chrony, systemd, dbus,
busybox; timesyncd and open-vm-tools are unpacked from their packages (they need not be
installed) into the directories named by TIMESYNCD_ROOT and OPEN_VM_TOOLS_ROOT.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recorder import BUS, CASES, COMMANDS, HERE, around, case, daemon, ntp_server, run, write

FAST = "iburst minpoll 0 maxpoll 0\n"


def chrony(where: Path, conf: str, state: str, facts: dict[str, object], *, wait: float) -> None:
    """Run chronyd with that configuration for `wait` seconds and record its reader's commands."""
    Path("/etc/chrony/chrony.conf").write_text(conf)
    with daemon("chronyd", "-x", "-u", "root", "-d", "-f", "/etc/chrony/chrony.conf"):
        time.sleep(wait)
        write(where, "chrony", f"{state}; chrony.conf: {conf!r}", facts, [run(c) for c in COMMANDS["chrony"]])


@case("chrony/4.3/synchronised")
def _(where: Path) -> None:
    with ntp_server("127.0.0.1", offset=0):
        facts = {
            "running": True, "version": "4.3", "leap": "normal", "stratum": 3, "source": "127.0.0.1",
            "refid": "7F000001", "system_offset_ns": around(0, 0.01), "makestep": "1.0 3",
            "local_reference": False, "sources.0.state": "selected", "sources.0.reach": {"from": 7, "to": 255},
            "sources.0.poll": 0, "sources.0.stratum": 2, "sources.0.last_rx_s": {"from": 0, "to": 3},
        }  # fmt: skip
        chrony(where, f"server 127.0.0.1 {FAST}makestep 1.0 3\n", "a server at offset 0", facts, wait=9)


@case("chrony/4.3/guest-slow")
def _(where: Path) -> None:
    with ntp_server("127.0.0.1", offset=2.5):
        facts = {"running": True, "leap": "normal", "system_offset_ns": around(-2.5, 0.1), "makestep": None}  # fmt: skip
        chrony(where, f"server 127.0.0.1 {FAST}", "the guest is 2.5 s behind its server", facts, wait=6)


@case("chrony/4.3/guest-fast")
def _(where: Path) -> None:
    with ntp_server("127.0.0.1", offset=-2.5):
        facts = {"running": True, "leap": "normal", "system_offset_ns": around(2.5, 0.1)}  # fmt: skip
        chrony(where, f"server 127.0.0.1 {FAST}", "the guest is 2.5 s ahead of its server", facts, wait=6)


@case("chrony/4.3/unreachable")
def _(where: Path) -> None:
    facts = {"running": True, "leap": "unsynchronised", "refid": "00000000", "stratum": 0, "source": "", "ref_time_ns": None, "sources.0.reach": 0, "sources.0.last_rx_s": None, "sources.0.state": "unusable"}  # fmt: skip
    chrony(where, f"server 127.0.0.9 {FAST}", "the only server does not answer", facts, wait=4)


@case("chrony/4.3/no-sources")
def _(where: Path) -> None:
    facts = {"running": True, "leap": "unsynchronised", "sources": []}
    chrony(where, "driftfile /run/drift\n", "no source is configured", facts, wait=2)


@case("chrony/4.3/local")
def _(where: Path) -> None:
    facts = {"running": True, "refid": "7F7F0101", "stratum": 10, "leap": "normal", "local_reference": True}
    chrony(where, "local stratum 10\nallow\n", "only the local reference", facts, wait=3)


@case("chrony/4.3/falseticker")
def _(where: Path) -> None:
    with (
        ntp_server("127.0.0.1", offset=0),
        ntp_server("127.0.0.2", offset=0, stratum=1),
        ntp_server("127.0.0.3", offset=0),
        ntp_server("127.0.0.4", offset=40),
    ):
        servers = "".join(f"server 127.0.0.{n} {FAST}" for n in (1, 2, 3, 4))
        facts = {"running": True, "leap": "normal", "source": "127.0.0.2", "sources.3.state": "falseticker", "sources.3.offset_ns": around(-40, 0.5)}  # fmt: skip
        chrony(where, servers, "the fourth of four servers is 40 s ahead", facts, wait=9)


@case("chrony/4.3/peer-and-refclock")
def _(where: Path) -> None:
    facts = {
        "running": True,
        "leap": "unsynchronised",
        "sources.0.mode": "refclock",
        "sources.1.mode": "peer",
    }
    chrony(
        where,
        "refclock SHM 0 refid VMW\npeer 127.0.0.9\n",
        "a silent refclock and a silent peer",
        facts,
        wait=3,
    )


@case("chrony/4.3/lost-source")
def _(where: Path) -> None:
    Path("/etc/chrony/chrony.conf").write_text(f"server 127.0.0.1 {FAST}confdir /etc/chrony/conf.d\n")
    Path("/etc/chrony/conf.d/site.conf").write_text("makestep 1 -1\n")
    with daemon("chronyd", "-x", "-u", "root", "-d", "-f", "/etc/chrony/chrony.conf"):
        with ntp_server("127.0.0.1", offset=0):
            time.sleep(6)
        time.sleep(14)
        facts = {"running": True, "leap": "normal", "refid": "7F000001", "sources.0.reach": 0, "sources.0.last_rx_s": {"from": 8, "to": 30}, "local_reference": None}  # fmt: skip
        state = "the server went silent 14 s ago, at one poll a second; a fragment in conf.d"
        write(where, "chrony", state, facts, [run(c) for c in COMMANDS["chrony"]])
    Path("/etc/chrony/conf.d/site.conf").unlink()


@case("chrony/4.3/not-running")
def _(where: Path) -> None:
    Path("/etc/chrony/chrony.conf").write_text("pool pool.ntp.org iburst\nmakestep 1 3\n")
    write(where, "chrony", "chronyd does not run", {"running": False, "version": "4.3", "makestep": "1 3"}, [run(c) for c in COMMANDS["chrony"]])  # fmt: skip


@case("chrony/none/not-installed")
def _(where: Path) -> None:
    raws = [run(c, PATH="/nonexistent") for c in COMMANDS["chrony"]]
    write(where, "chrony", "no tools on PATH", None, raws, failure="tool-absent")


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
        time.sleep(0.5)
        running = (
            daemon(*unprivileged, str(root / "lib/systemd/systemd-timesyncd"))
            if servers
            else daemon("sleep", "99")
        )
        with running:
            time.sleep(wait)
            write(where, "timesyncd", state, facts, [run(c) for c in COMMANDS["timesyncd"]])
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


@contextmanager
def booted() -> Iterator[list[str]]:
    """A real systemd as process 1 of namespaces of its own, with a target that pulls in nothing; how to enter it."""
    (Path("/etc/systemd/system") / "corpus.target").write_text("[Unit]\nDefaultDependencies=no\n")
    boot = (
        "mount -t proc proc /proc; umount -l -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; "
        "exec env -i container=corpus PATH=/usr/sbin:/usr/bin:/sbin:/bin "
        "/lib/systemd/systemd --unit=corpus.target --log-target=null --show-status=0"
    )
    separate = ("--uts", "--pid", "--mount", "--ipc", "--cgroup", "--fork", "--kill-child")
    with daemon("unshare", *separate, "sh", "-c", boot):
        time.sleep(3)
        listed = subprocess.run(["pgrep", "-x", "systemd"], capture_output=True, text=True, check=True)
        yield ["nsenter", "-t", listed.stdout.split()[0], "--mount", "--pid", "--ipc"]
    (Path("/etc/systemd/system") / "corpus.target").unlink()


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
    subprocess.run(["rm", "-rf", "/run/dbus"], check=True)
    raws = [run(c) for c in COMMANDS["timedatectl"]]
    write(where, "timedatectl", "no system bus", None, raws, failure="tool-absent")


@case("boot/linux-6.18/plain")
def _(where: Path) -> None:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    up = time.clock_gettime(time.CLOCK_BOOTTIME)
    write(where, "boot", "read directly beside it", {"boot_id": boot, "uptime_ns": around(up, 1)}, [run(c) for c in COMMANDS["boot"]])  # fmt: skip


@case("platform/debian-12/no-dmi")
def _(where: Path) -> None:
    keys = {}
    for kind in ("ed25519", "ecdsa", "rsa"):
        subprocess.run(
            ["rm", "-f", f"/etc/ssh/ssh_host_{kind}_key", f"/etc/ssh/ssh_host_{kind}_key.pub"], check=True
        )
        subprocess.run(["ssh-keygen", "-q", "-N", "", "-C", "root@guest", "-t", kind, "-f", f"/etc/ssh/ssh_host_{kind}_key"], check=True)  # fmt: skip
        listed = subprocess.run(["ssh-keygen", "-lf", f"/etc/ssh/ssh_host_{kind}_key.pub"], capture_output=True, text=True, check=True)  # fmt: skip
        keys[kind] = listed.stdout.split()[1]
    Path("/run/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    subprocess.run(["mount", "--bind", "/run/machine-id", "/etc/machine-id"], check=True)
    facts = {"os_id": "debian", "os_version": "12", "machine_id": "0123456789abcdef0123456789abcdef", "dmi_vendor": None, "platform": "unknown", "host_keys": sorted(keys.values()), "privileged": True, "hostname": "guest"}  # fmt: skip
    write(where, "platform", "host keys as ssh-keygen -l lists them; a microVM without DMI", facts, [run(c) for c in COMMANDS["platform"]])  # fmt: skip


@case("agents/debian-12/none-installed")
def _(where: Path) -> None:
    facts = {
        "package_tool": "dpkg",
        "agents.open-vm-tools.package": None,
        "agents.qemu-guest-agent.running": False,
    }
    write(where, "agents", "no agent installed, none runs", facts, [run(c) for c in COMMANDS["agents"]])


@case("agents/debian-12/busybox-ps")
def _(where: Path) -> None:
    raws = [run(c) for c in COMMANDS["agents"][:3]]
    with daemon("sh", "-c", "exec -a qemu-ga sleep 99"), daemon("/run/qemu-ga", "99"):
        time.sleep(0.3)
        raws += [{**run(["busybox", *c]), "argv": c} for c in COMMANDS["agents"][3:]]
    facts = {"agents.qemu-guest-agent.running": True, "agents.open-vm-tools.running": False}
    write(where, "agents", "a process named qemu-ga; ps is busybox 1.35", facts, raws)


@case("vmtools/12.2.0/off-vmware")
def _(where: Path) -> None:
    root = os.environ["OPEN_VM_TOOLS_ROOT"]
    libraries = f"{root}/usr/lib:{root}/usr/lib/x86_64-linux-gnu"
    extra = {"LD_LIBRARY_PATH": libraries, "PATH": f"{root}/usr/bin:/usr/bin:/bin"}
    raws = [run(c, **extra) if c[0].startswith("vmware") else run(c) for c in COMMANDS["vmtools"]]
    facts = {"package": None, "periodic": None, "running": False, "disable_all": False, "conf_visible": True}
    write(where, "vmtools", "the real vmware-toolbox-cmd on a machine that is not VMware's", facts, raws)


def inside(wanted: list[str]) -> None:
    """In the namespaces: private directories, then the cases."""
    for command in (
        "ip link set lo up", "hostname guest", "mount -t tmpfs none /run", "mount -t tmpfs none /var/lib/systemd",
        "mount -t tmpfs none /etc/chrony", "mkdir -p /etc/chrony/conf.d /run/chrony /run/over/top /run/over/aside /run/ssh/top /run/ssh/aside",
        "chmod 750 /run/chrony", "mount -t overlay -o lowerdir=/etc/systemd/system,upperdir=/run/over/top,workdir=/run/over/aside none /etc/systemd/system",
        "mount -t overlay -o lowerdir=/etc/ssh,upperdir=/run/ssh/top,workdir=/run/ssh/aside none /etc/ssh",
        "mount -t proc proc /proc", "cp /bin/sleep /run/qemu-ga",
    ):  # fmt: skip
        subprocess.run(shlex.split(command), check=True)
    for where, record in CASES.items():
        if not wanted or any(where.startswith(word) for word in wanted):
            record(HERE / where)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2:])
    else:
        namespaces = ["unshare", "--mount", "--net", "--uts", "--pid", "--fork", "--kill-child"]
        sys.exit(
            subprocess.run([*namespaces, sys.executable, __file__, "--inside", *sys.argv[1:]]).returncode
        )
