"""The operating systems a guest of the lab can run: what is in their mirrors, who is process 1, where files are.

Versions, unit names and paths as Debian 12, Red Hat Enterprise Linux 9 and Alpine 3.20 ship them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cutover_tui.lab.machine import domain_packages
from cutover_tui.lab.machine.packages import MIRROR, TOOLS_CONF, Package, UnitFile


@dataclass(frozen=True, slots=True)
class System:
    """One operating system."""

    name: str
    os_release: str
    kernel: str
    init: Literal["systemd", "openrc"]
    manager: Literal["dpkg", "rpm", "apk"]
    userland: Literal["gnu", "busybox"]
    mirror: Mapping[str, Package]
    base: tuple[str, ...]  # packages every guest has
    chrony_conf: str
    chronyc: str  # chronyc's version line without its end
    systemd: str  # systemctl's version
    login_shell: str
    shells: Mapping[str, str]  # names of shells and what they speak as
    extra_files: Mapping[str, str]


_RHEL_CHRONY_CONF = """\
# Use public servers from the pool.ntp.org project.
# Please consider joining the pool (https://www.pool.ntp.org/join.html).
{servers}

# Use NTP servers from DHCP.
sourcedir /run/chrony-dhcp

# Record the rate at which the system clock gains/losses time.
driftfile /var/lib/chrony/drift

# Allow the system clock to be stepped in the first three updates
# if its offset is larger than 1 second.
makestep 1.0 3

# Enable kernel synchronization of the real-time clock (RTC).
rtcsync

# Specify file containing keys for NTP authentication.
keyfile /etc/chrony.keys

# Get TAI-UTC offset and leap seconds from the system tz database.
leapsectz right/UTC

# Specify directory for log files.
logdir /var/log/chrony
"""
_ALPINE_CHRONY_CONF = """\
# default config

{servers}
initstepslew 10 pool.ntp.org
driftfile /var/lib/chrony/chrony.drift
rtcsync
cmdport 0
makestep 1 3
"""

_RHEL = {
    package.name: package
    for package in (
        Package(
            "chrony",
            "4.5-1.el9",
            units=(
                UnitFile(
                    "chronyd.service",
                    "NTP client/server",
                    "chronyd",
                    kind="forking",
                    conflicts=("ntpd.service", "systemd-timesyncd.service"),
                ),
            ),
            tools=("chronyc",),
            files={
                "/etc/chrony.conf": (_RHEL_CHRONY_CONF, 0o644),
                "/etc/chrony.keys": ("", 0o640),
            },
            kilobytes=680,
        ),
        Package(
            "open-vm-tools",
            "12.3.5-2.el9",
            units=(
                UnitFile(
                    "vmtoolsd.service",
                    "Service for virtual machines hosted on VMware",
                    "vmtoolsd",
                    only_on="vmware",
                ),
                UnitFile(
                    "vgauthd.service",
                    "VGAuth Service for open-vm-tools",
                    "VGAuthService",
                    only_on="vmware",
                ),
            ),
            tools=("vmware-toolbox-cmd",),
            files={"/etc/vmware-tools/tools.conf": (TOOLS_CONF, 0o644)},
            kilobytes=2_900,
        ),
        Package(
            "qemu-guest-agent",
            "8.2.0-11.el9_4",
            units=(UnitFile("qemu-guest-agent.service", "QEMU Guest Agent", "qemu-ga"),),
            kilobytes=900,
        ),
        Package(
            "ntpsec",
            "1.2.2a-2.el9",
            units=(UnitFile("ntpd.service", "Network Time Service", "ntpd", kind="forking"),),
            tools=("ntpq",),
            conflicts=("chrony",),
            kilobytes=1_100,
        ),
        Package(
            "openssh-server",
            "8.7p1-38.el9_4.4",
            units=(UnitFile("sshd.service", "OpenSSH server daemon", "sshd", "notify"),),
            kilobytes=1_000,
        ),
        Package("systemd", "252-32.el9_4.7", kilobytes=10_000),
    )
}

_ALPINE = {
    package.name: package
    for package in (
        Package(
            "chrony",
            "4.5-r0",
            units=(UnitFile("chronyd.service", "chrony NTP daemon", "chronyd"),),
            tools=("chronyc",),
            files={"/etc/chrony/chrony.conf": (_ALPINE_CHRONY_CONF, 0o644)},
            kilobytes=400,
        ),
        Package(
            "open-vm-tools",
            "12.3.5-r0",
            units=(UnitFile("open-vm-tools.service", "Open VM Tools", "vmtoolsd", only_on="vmware"),),
            tools=("vmware-toolbox-cmd",),
            files={"/etc/vmware-tools/tools.conf": (TOOLS_CONF, 0o644)},
            kilobytes=1_500,
        ),
        Package(
            "qemu-guest-agent",
            "9.0.4-r0",
            units=(UnitFile("qemu-guest-agent.service", "QEMU Guest Agent", "qemu-ga"),),
            kilobytes=700,
        ),
        Package(
            "openntpd",
            "6.8_p1-r9",
            units=(UnitFile("openntpd.service", "OpenNTPD", "ntpd"),),
            conflicts=("chrony",),
            kilobytes=200,
        ),
        Package(
            "openssh-server",
            "9.7_p1-r5",
            units=(UnitFile("sshd.service", "OpenSSH server", "sshd"),),
            kilobytes=800,
        ),
        Package("apk-tools", "2.14.4-r1", kilobytes=300),
    )
}

DEBIAN12 = System(
    name="debian12",
    os_release="""\
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
SUPPORT_URL="https://www.debian.org/support"
BUG_REPORT_URL="https://bugs.debian.org/"
""",
    kernel="6.1.0-40-amd64",
    init="systemd",
    manager="dpkg",
    userland="gnu",
    mirror={**MIRROR, **{package.name: package for package in domain_packages.DEBIAN}},
    base=("systemd", "openssh-server"),
    chrony_conf="/etc/chrony/chrony.conf",
    chronyc="chronyc (chrony) version 4.3 (+READLINE +SECHASH +IPV6 -DEBUG)",
    systemd="systemd 252 (252.39-1~deb12u2)",
    login_shell="bash",
    shells={"sh": "sh", "dash": "sh", "bash": "bash", "rbash": "bash"},
    extra_files={"/etc/debian_version": "12.12\n"},
)
RHEL9 = System(
    name="rhel9",
    os_release="""\
NAME="Red Hat Enterprise Linux"
VERSION="9.4 (Plow)"
ID="rhel"
ID_LIKE="fedora"
VERSION_ID="9.4"
PLATFORM_ID="platform:el9"
PRETTY_NAME="Red Hat Enterprise Linux 9.4 (Plow)"
ANSI_COLOR="0;31"
CPE_NAME="cpe:/o:redhat:enterprise_linux:9::baseos"
HOME_URL="https://www.redhat.com/"
""",
    kernel="5.14.0-427.42.1.el9_4.x86_64",
    init="systemd",
    manager="rpm",
    userland="gnu",
    mirror={**_RHEL, **{package.name: package for package in domain_packages.RHEL}},
    base=("systemd", "openssh-server"),
    chrony_conf="/etc/chrony.conf",
    chronyc="chronyc (chrony) version 4.5 (+READLINE +SECHASH +IPV6 +DEBUG)",
    systemd="systemd 252 (252-32.el9_4.7)",
    login_shell="bash",
    shells={"sh": "bash", "bash": "bash"},
    extra_files={"/etc/redhat-release": "Red Hat Enterprise Linux release 9.4 (Plow)\n"},
)
ALPINE = System(
    name="alpine",
    os_release="""\
NAME="Alpine Linux"
ID=alpine
VERSION_ID=3.20.3
PRETTY_NAME="Alpine Linux v3.20"
HOME_URL="https://alpinelinux.org/"
BUG_REPORT_URL="https://gitlab.alpinelinux.org/alpine/aports/-/issues"
""",
    kernel="6.6.54-0-virt",
    init="openrc",
    manager="apk",
    userland="busybox",
    mirror=_ALPINE,
    base=("apk-tools", "openssh-server"),
    chrony_conf="/etc/chrony/chrony.conf",
    chronyc="chronyc (chrony) version 4.5 (-READLINE +SECHASH +IPV6 -DEBUG)",
    systemd="",
    login_shell="ash",
    shells={"sh": "ash", "ash": "ash"},
    extra_files={"/etc/alpine-release": "3.20.3\n"},
)
SYSTEMS: Mapping[str, System] = {system.name: system for system in (DEBIAN12, RHEL9, ALPINE)}
