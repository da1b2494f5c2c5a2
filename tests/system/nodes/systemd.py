"""A real systemd for a guest: its units, its bus and timedated, so that `systemctl` and `timedatectl` answer.

The script that holds a node stays; systemd is process 1 of a pid namespace inside, over the same files,
and everything that runs in the guest from then on is entered there: sshd too. What it needs of kernel and hardware is left out:
its `multi-user.target` pulls in what was enabled and nothing else, and nobody in it may set the
machine's clock (a node withholds CAP_SYS_TIME).
"""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from tests.system.nodes.node import Node, NodeError

_BARE = "[Unit]\nDefaultDependencies=no\n"
_UNITS = {
    # What every unit of a package requires. The machine's writes /run/nologin, and nothing here would end its boot.
    "sysinit.target": _BARE,
    "multi-user.target": f"{_BARE}Wants=dbus.service systemd-timedated.service\n",
    "dbus.socket": f"{_BARE}[Socket]\nListenStream=/run/dbus/system_bus_socket\n",
    "dbus.service": f"{_BARE}Requires=dbus.socket\n[Service]\n"
    "ExecStart=/usr/bin/dbus-daemon --config-file=/etc/dbus-1/guest.conf --nofork --address=systemd:\n",
    # It leaves when nobody asked for half a minute, and is not started by the bus here.
    "systemd-timedated.service": f"{_BARE}Requires=dbus.service\nAfter=dbus.service\n[Service]\nType=dbus\n"
    "BusName=org.freedesktop.timedate1\nExecStart=/lib/systemd/systemd-timedated\nRestart=always\nRestartSec=0\n",
    # Debian's, without the sandbox and the conditions that namespaces cannot meet.
    "chrony.service": f"{_BARE}[Service]\nType=forking\nPIDFile=/run/chrony/chronyd.pid\n"
    "ExecStart=/usr/sbin/chronyd -u root\n[Install]\nWantedBy=multi-user.target\nAlias=chronyd.service\n",
}
_BUS = """<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/>
<allow receive_sender="*"/></policy></busconfig>
"""
# Every systemd manages the control group it finds itself in: this one gets a group of its own.
_BOOT = """\
mkdir -p /run/groups /run/dbus && mount -t cgroup2 none /run/groups && mkdir -p /run/groups/$1 || exit 1
echo 0 > /run/groups/$1/cgroup.procs
cat /proc/sys/kernel/random/boot_id > /run/boot_id
exec unshare --pid --mount --cgroup --fork --kill-child sh -c '
    mount -t proc proc /proc && mount --bind /run/boot_id /proc/sys/kernel/random/boot_id || exit 1
    umount -l -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup || exit 1
    exec env -i container=node PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
        /lib/systemd/systemd --unit=multi-user.target --log-target=null --show-status=0'
"""
_REMOVE = """\
mount -t cgroup2 none /mnt && cd /mnt || exit 1
[ ! -e "$1" ] || find "$1" -depth -type d -exec rmdir {} +
"""


@dataclass
class Systemd:
    """systemd of one guest."""

    node: Node
    group: str = field(default_factory=lambda: f"node.{uuid4()}")
    """Its control group, below the root of the machine's."""

    def prepare(self) -> None:
        """Once: units of this guest, and nothing enabled that the machine under it has."""
        for links in ("/etc/systemd/system", "/usr/lib/systemd/system"):
            self.node.run("rm", "-rf", f"{links}/multi-user.target.wants", f"{links}/sysinit.target.wants")
        # A package with an init script and no unit (slapd) would be started too, and with it what a whole machine needs.
        self.node.run("/bin/sh", "-c", "rm -f /etc/rc[2-5].d/S*")
        self.node.write("/etc/dbus-1/guest.conf", _BUS)
        for name, text in _UNITS.items():
            self.unit(name, text)

    def unit(self, name: str, text: str) -> None:
        """Write a unit; a running systemd reads it with `daemon-reload`."""
        self.node.run("rm", "-f", f"/etc/systemd/system/{name}")  # a link would lead elsewhere
        self.node.write(f"/etc/systemd/system/{name}", text)

    def boot(self, *, within_s: float = 20) -> None:
        """Start systemd and what is enabled, before anything else; returns when timedated answers on the bus.

        Raises:
            NodeError: it did not come to that.
        """
        holder = self.node.popen("/bin/sh", "-c", _BOOT, "sh", self.group, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + within_s
        manager = None
        while manager is None or self.node.run("timedatectl", "show", check=False).rc:
            if time.monotonic() > deadline:
                raise NodeError(f"{self.node.name}: systemd and its bus did not come up")
            if manager is None and (manager := _below(holder.pid, "systemd")) is not None:
                self.node.take_over(manager)
            time.sleep(0.05)

    def systemctl(self, *argv: str) -> None:
        """A verb that has to succeed."""
        self.node.run("systemctl", *argv)

    def remove_group(self, *, within_s: float = 5) -> None:
        """Once the node has ended: a killed process leaves its control group a moment later."""
        deadline = time.monotonic() + within_s
        argv = ["unshare", "--mount", "/bin/sh", "-c", _REMOVE, "sh", self.group]
        while subprocess.run(argv, capture_output=True, check=False).returncode:
            if time.monotonic() > deadline:
                raise NodeError(f"the control group {self.group} is still in use")
            time.sleep(0.05)


def _below(ancestor: int, name: str) -> int | None:
    """The process of that name which the other one started, over any number of others."""
    for child in subprocess.run(
        ["pgrep", "-P", str(ancestor)], capture_output=True, text=True, check=False
    ).stdout.split():
        try:
            comm = Path(f"/proc/{child}/comm").read_text().strip()
        except FileNotFoundError:
            continue
        found = int(child) if comm == name else _below(int(child), name)
        if found is not None:
            return found
    return None
