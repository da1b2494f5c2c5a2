"""Facts about which machine this is, on what platform, since which boot, with which agents."""

from __future__ import annotations

import msgspec


class PlatformFacts(msgspec.Struct, frozen=True, tag="platform"):
    """What the guest shows of its platform and of itself; None = not visible."""

    os_id: str | None  # os-release ID
    os_version: str | None  # os-release VERSION_ID
    os_name: str | None  # os-release PRETTY_NAME
    kernel: str | None  # uname -r
    hostname: str | None
    machine_id: str | None
    dmi_vendor: str | None  # /sys/class/dmi/id/sys_vendor
    dmi_product: str | None  # /sys/class/dmi/id/product_name
    virt: str | None  # systemd-detect-virt
    platform: str  # vmware, kvm, ahv, hyperv, xen, aws, gcp, physical, unknown
    clocksource: str | None
    clocksources: tuple[str, ...]  # available ones
    host_keys: tuple[str, ...]  # SHA256:… of the public host keys on disk, sorted
    privileged: bool  # read as root


class BootFacts(msgspec.Struct, frozen=True, tag="boot"):
    """Since when this boot runs. `uptime_ns` counts suspend (/proc/uptime)."""

    boot_id: str
    uptime_ns: int


class Agent(msgspec.Struct, frozen=True):
    """One guest agent: installed package and running process."""

    name: str  # open-vm-tools, vmware-tools, qemu-guest-agent, nutanix-guest-tools
    package: str | None  # version; None = not installed
    running: bool | None  # None = not visible


class AgentsFacts(msgspec.Struct, frozen=True, tag="agents"):
    """The guest agents of the old and the new platform. `package_tool` None: packages not visible."""

    package_tool: str | None  # dpkg, rpm, apk
    agents: tuple[Agent, ...]

    def get(self, name: str) -> Agent | None:
        """The agent of that name, or None when it was not looked for."""
        return next((a for a in self.agents if a.name == name), None)
