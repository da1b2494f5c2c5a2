"""Which machine this is, and which agents are on it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from tests.corpus.recorder import COMMANDS, around, case, daemon, run, write


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
