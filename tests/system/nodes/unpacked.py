"""ntpd (ntpsec) and systemd-timesyncd of a guest, from packages that were unpacked and never installed.

Both conflict with chrony as Debian packages. They discipline the guest's fake clock as chronyd does:
ntpd as root, timesyncd as its own user, who owns the clock's file (the stand-in of CAP_SYS_TIME).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.system.nodes.node import Node
from tests.system.nodes.systemd import Systemd

NTPSEC = "NTPSEC_ROOT"
TIMESYNCD = "TIMESYNCD_ROOT"
"""Variables that name the directories of the unpacked packages (tests/corpus/README.md)."""

_BARE = "[Unit]\nDefaultDependencies=no\n"
_INSTALL = "[Install]\nWantedBy=multi-user.target\n"


def missing(variable: str) -> bool:
    """Whether this environment names no unpacked package."""
    return not os.environ.get(variable)


def _copy(variable: str, node: Node, directory: str) -> None:
    source = Path(os.environ[variable]) / directory.lstrip("/")
    subprocess.run(["cp", "-a", f"{source}/.", str(node.path(directory))], check=True)


@dataclass
class GuestNtpd:
    """ntpsec's ntpd."""

    node: Node
    systemd: Systemd

    def install(self) -> None:
        """Its files, ntpq included, and a unit that does not start at boot yet."""
        _copy(NTPSEC, self.node, "/usr")
        start = "ExecStart=/usr/sbin/ntpd -g -n -c /etc/ntpsec/ntp.conf\n"
        self.systemd.unit("ntpsec.service", f"{_BARE}[Service]\n{start}{_INSTALL}")

    def configure(self, servers: Sequence[str], *, drift_ppm: float, extra: Sequence[str] = ()) -> None:
        """Write ntp.conf, polls of 8 s.

        Args:
            servers: addresses of references.
            drift_ppm: what an earlier run learnt of the crystal; without it ntpd measures for 5 minutes first.
            extra: further lines.
        """
        lines = [f"server {s} iburst minpoll 3 maxpoll 3" for s in servers]
        lines += ["driftfile /var/lib/ntpsec/ntp.drift", "tos minclock 1 minsane 1"]
        # As Debian has it: without these nobody may ask it, ntpq included.
        lines += ["restrict 127.0.0.1", "restrict ::1", *extra]
        self.node.write("/etc/ntpsec/ntp.conf", "\n".join(lines) + "\n")
        self.node.write("/var/lib/ntpsec/ntp.drift", f"{-drift_ppm:.3f}\n")

    def enable_and_start(self) -> None:
        """`systemctl enable --now`."""
        self.systemd.systemctl("daemon-reload")
        self.systemd.systemctl("enable", "--now", "ntpsec.service")


@dataclass
class GuestTimesyncd:
    """systemd's own client."""

    node: Node
    systemd: Systemd

    def install(self) -> None:
        """Its binary, its user, and a unit that does not start at boot yet."""
        program = Path(os.environ[TIMESYNCD]) / "lib/systemd/systemd-timesyncd"
        subprocess.run(["cp", str(program), str(self.node.path("/usr/lib/systemd/"))], check=True)
        if self.node.run("id", "systemd-timesync", check=False).rc:
            self.node.run("useradd", "--system", "--no-create-home", "systemd-timesync")
        self.node.run("chown", "systemd-timesync", "/run/fakeclock")
        directories = "RuntimeDirectory=systemd/timesync\nStateDirectory=systemd/timesync\n"
        start = "User=systemd-timesync\nExecStart=/lib/systemd/systemd-timesyncd\n"
        bus = "Type=notify\n"
        self.systemd.unit(
            "systemd-timesyncd.service", f"{_BARE}[Service]\n{bus}{start}{directories}{_INSTALL}"
        )

    def configure(self, servers: Sequence[str]) -> None:
        """Write timesyncd.conf with its shortest poll, 16 s."""
        lines = ["[Time]", f"NTP={' '.join(servers)}", "FallbackNTP=", "PollIntervalMinSec=16"]
        lines += ["PollIntervalMaxSec=16", "ConnectionRetrySec=1"]
        self.node.write("/etc/systemd/timesyncd.conf", "\n".join(lines) + "\n")

    def enable_and_start(self) -> None:
        """`systemctl enable --now`."""
        self.systemd.systemctl("daemon-reload")
        self.systemd.systemctl("enable", "--now", "systemd-timesyncd.service")
