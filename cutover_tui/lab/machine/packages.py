"""The packages the lab's Debian mirror has: versions of Debian 12, their units, files and conflicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class UnitFile:
    """A unit as its package ships it."""

    name: str
    description: str
    process: str  # comm of its main process
    kind: str = "simple"  # the Type= line
    enabled: str = "enabled"  # after installation
    alias: str | None = None
    only_on: str | None = None  # ConditionVirtualization=
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Package:
    """One installable package."""

    name: str
    version: str
    units: tuple[UnitFile, ...] = ()
    tools: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    depends: tuple[str, ...] = ()
    files: Mapping[str, tuple[str, int]] = field(default_factory=dict)  # path → text, mode
    kilobytes: int = 500


CHRONY_CONF = """\
# Welcome to the chrony configuration file. See chrony.conf(5) for more
# information about usable directives.

# Include configuration files found in /etc/chrony/conf.d.
confdir /etc/chrony/conf.d

# Time servers of the site.
{servers}

# Use NTP sources found in /etc/chrony/sources.d.
sourcedir /etc/chrony/sources.d

# This directive specify the file into which chronyd will store the rate
# information.
driftfile /var/lib/chrony/chrony.drift

# Stop bad estimates upsetting machine clock.
maxupdateskew 100.0

# This directive enables kernel synchronisation (every 11 minutes) of the
# real-time clock. Note that it can't be used along with the 'rtcfile' directive.
rtcsync

# Step the system clock instead of slewing it if the adjustment is larger than
# one second, but only in the first three clock updates.
makestep 1 3
"""
"""Debian's file with the site's servers in the place of the vendor pool; `{servers}` is filled in."""

TOOLS_CONF = """\
# CONFIGURATION for open-vm-tools; see /usr/share/doc/open-vm-tools for all of it.

[logging]
#vmtoolsd.level = info

[timeSync]
#disable-all=false
#disable-periodic=false
"""

CHRONY_UNIT = UnitFile(
    "chrony.service",
    "chrony, an NTP client/server",
    "chronyd",
    kind="forking",
    alias="chronyd.service",
    conflicts=("openntpd.service", "ntp.service", "ntpsec.service", "systemd-timesyncd.service"),
)
TIMESYNCD_UNIT = UnitFile(
    "systemd-timesyncd.service", "Network Time Synchronization", "systemd-timesyncd", kind="notify"
)
NTPD_UNIT = UnitFile("ntpsec.service", "Network Time Service", "ntpd", kind="forking", alias="ntp.service")
_TOOLS = UnitFile(
    "open-vm-tools.service",
    "Service for virtual machines hosted on VMware",
    "vmtoolsd",
    alias="vmtoolsd.service",
    only_on="vmware",
)
_VGAUTH = UnitFile(
    "vgauth.service",
    "Authentication service for virtual machines hosted on VMware",
    "VGAuthService",
    only_on="vmware",
)

MIRROR: Mapping[str, Package] = {
    package.name: package
    for package in (
        Package(
            "chrony",
            "4.3-2+deb12u3",
            units=(CHRONY_UNIT,),
            tools=("chronyc",),
            conflicts=("systemd-timesyncd",),
            files={
                "/etc/chrony/chrony.conf": (CHRONY_CONF, 0o644),
                "/etc/chrony/chrony.keys": ("", 0o640),
                "/etc/chrony/conf.d/README": ("", 0o644),
                "/etc/chrony/sources.d/README": ("", 0o644),
            },
            kilobytes=646,
        ),
        Package(
            "open-vm-tools",
            "2:12.2.0-1+deb12u4",
            units=(_TOOLS, _VGAUTH),
            tools=("vmware-toolbox-cmd",),
            files={"/etc/vmware-tools/tools.conf": (TOOLS_CONF, 0o644)},
            kilobytes=2_732,
        ),
        Package(
            "qemu-guest-agent",
            "1:7.2+dfsg-7+deb12u18",
            units=(UnitFile("qemu-guest-agent.service", "QEMU Guest Agent", "qemu-ga", enabled="static"),),
            kilobytes=1_045,
        ),
        Package(
            "openssh-server",
            "1:9.2p1-2+deb12u9",
            units=(UnitFile("ssh.service", "OpenBSD Secure Shell server", "sshd", "notify", alias="sshd.service"),),
            kilobytes=1_900,
        ),
        Package(
            "systemd-timesyncd",
            "252.39-1~deb12u2",
            units=(TIMESYNCD_UNIT,),
            conflicts=("chrony", "ntpsec"),
            files={"/etc/systemd/timesyncd.conf": ("[Time]\n", 0o644)},
            kilobytes=180,
        ),
        Package(
            "ntpsec",
            "1.2.2+dfsg1-1+deb12u1",
            units=(NTPD_UNIT,),
            tools=("ntpq",),
            conflicts=("chrony", "systemd-timesyncd"),
            kilobytes=900,
        ),
        Package("systemd", "252.39-1~deb12u2", kilobytes=10_000),
    )
}  # fmt: skip

NGT_UNIT = UnitFile("ngt_guest_agent.service", "Nutanix Guest Agent", "ngt_guest_agent")
"""Nutanix Guest Tools come from an ISO image or by Nutanix Move, not as a package."""
