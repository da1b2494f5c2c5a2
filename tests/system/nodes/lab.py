"""The system tier's lab: a jump node, references, guests. The way into this package.

    with SystemLab() as lab:
        lab.reference("ntp1"), lab.reference("ntp2")
        guest = lab.guest("app01", offset_s=301, drift_ppm=200, tools=True)
        with lab.jump.in_network():
            ...                      # sockets of this thread reach guest.address
        lab.jump.run("cutover", ...) # or a whole process on the jump host
        guest.chrony.configure(lab.references); guest.chrony.start()

Two ways to be the jump host: `lab.jump.in_network()` puts this thread into its network (paths and
names stay the machine's: use `lab.ssh_config`, `lab.known_hosts`, `lab.user_key`), and
`lab.jump.run/popen` run a process wholly inside, where names resolve and ~/.ssh is set up.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.system.nodes import chronyd
from tests.system.nodes.chronyd import GuestChrony
from tests.system.nodes.fakeclock import FakeClock, build_library
from tests.system.nodes.network import Segment, unplug
from tests.system.nodes.node import ENVIRONMENT, Node, NodeError
from tests.system.nodes.sshd import USER, Escalation, Shell, SshServer, make_key
from tests.system.nodes.systemd import Systemd
from tests.system.nodes.vmware_tools import VmwareTools, build_package

VMWARE = "VMware, Inc."
TARGETS = {"QEMU": "Standard PC (Q35 + ICH9, 2009)", "Nutanix": "AHV", VMWARE: "VMware Virtual Platform"}
"""DMI product names that go with a vendor."""

# The real one asks CPUID, which no namespace can change, and would name the machine under the lab.
_DETECT_VIRT = """\
#!/bin/sh
case $(cat /sys/class/dmi/id/sys_vendor) in VMware*) echo vmware ;; *) echo kvm ;; esac
"""

_REPOSITORY = Path(__file__).parents[3]
_PRIVATE = ("/tmp", "/run", "/dev/shm")


@dataclass
class Guest:
    """A virtual machine: Debian with sshd, chrony installed but off, a clock of its own."""

    node: Node
    ssh: SshServer
    chrony: GuestChrony
    tools: VmwareTools
    clock: FakeClock
    segment: Segment
    systemd: Systemd | None = None
    """None: services start by init scripts, and `systemctl` answers as on a machine without systemd."""

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def address(self) -> str:
        return self.node.address

    def boot(self) -> None:
        """Start the node, connect it, and start sshd and what has a start link for runlevel 2."""
        self.node.start()
        self.segment.plug(self.node)
        if self.systemd is not None:
            self.systemd.boot()
        self.ssh.start()
        for enabled, service in ((self.chrony.enabled, self.chrony), (self.tools.enabled, self.tools)):
            if enabled:
                service.start()

    def power_off(self) -> None:
        """The plug is pulled: every process is gone at once, and nobody hears a farewell."""
        unplug(self.node)
        self.node.stop()

    def reboot(self, *, vendor: str | None = None) -> None:
        """Shut down and boot, on another platform if a vendor is given: the move itself.

        New boot id, uptime from zero, files and address as before; the clock goes on drifting and
        forgets its discipline.
        """
        self.node.stop()
        if vendor is not None:
            self.node.set_platform(vendor=vendor, product=TARGETS.get(vendor, "Virtual Machine"))
        self.clock.forget_discipline()
        self.boot()


class SystemLab:
    """Nodes on one segment; leaves nothing behind when it is closed or this process dies.

    Args:
        shares: further directories of the machine the jump node sees under the same path, writable.

    Raises:
        NodeError: something did not come up.
    """

    def __init__(self, *, shares: Sequence[Path] = ()) -> None:
        self._ends = ExitStack()
        self.directory = Path(self._ends.enter_context(tempfile.TemporaryDirectory(prefix="nodes-")))
        """On the machine: keys and files for clients that run outside of the nodes."""
        self.guests: dict[str, Guest] = {}
        self.servers: dict[str, Node] = {}
        self._package: Path | None = None
        try:
            self._state = self.directory / "state"
            self._state.mkdir()
            self._holder = self._hold()
            self._library = build_library(self.directory)
            self.user_key = self.directory / "id_ed25519"
            """Private key of the engineer, accepted by every guest."""
            self._user_public = make_key(self.user_key, USER)
            self.known_hosts = self.directory / "known_hosts"
            self.ssh_config = self.directory / "ssh_config"
            self.jump = self._start_jump(shares)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all nodes. Safe to call twice."""
        self._ends.close()

    @property
    def references(self) -> list[str]:
        """Addresses of all references, in the order they were made."""
        return [node.address for node in self.servers.values()]

    def reference(self, name: str, *, wrong_by_s: float = 0, drift_ppm: float = 0, stratum: int = 8) -> Node:
        """An NTP server: the machine's time, or its own wrong one."""
        node = self._node(name)
        if wrong_by_s or drift_ppm:
            node.install_clock(self._library, offset_ns=_ns(wrong_by_s), drift_ppb=_ppb(drift_ppm))
        self._start(node)
        chronyd.serve(node, stratum=stratum)
        self.servers[name] = node
        self._tell_jump()
        return node

    def server(self, name: str, *, offset_s: float = 0) -> Node:
        """A node with a clock of its own for somebody to put services on; known by name to the jump node."""
        node = self._node(name)
        node.install_clock(self._library, offset_ns=_ns(offset_s), drift_ppb=0)
        self._start(node)
        self.servers[name] = node
        self._tell_jump()
        return node

    def guest(
        self,
        name: str,
        *,
        offset_s: float = 0,
        drift_ppm: float = 0,
        tools: bool = False,
        vendor: str = VMWARE,
        shell: Shell = "bash",
        escalation: Escalation = "sudo-nopasswd",
        sshd_options: Sequence[str] = (),
        tools_period_s: int = 60,
        rtc: bool = False,
        systemd: bool = False,
    ) -> Guest:
        """A guest, booted and reachable over ssh as `engineer` with `user_key`.

        Args:
            offset_s: how far its clock is off once it is up (after the one-time sync of Tools too).
            drift_ppm: rate error of its crystal, positive = fast.
            tools: the open-vm-tools package is installed and its daemon runs.
            vendor: DMI system vendor.
            shell: login shell of the engineer.
            escalation: how the engineer becomes root.
            sshd_options: further sshd_config lines, e.g. "MaxSessions 1".
            tools_period_s: interval of Tools' periodic synchronisation.
            rtc: it has a hardware clock, which shows what `Node.set_rtc` last wrote.
            systemd: a real systemd with bus and timedated keeps the guest's services.
        """
        node = self._node(name)
        manager = Systemd(node) if systemd else None
        if manager is not None:
            self._ends.callback(manager.remove_group)
        clock = node.install_clock(self._library, offset_ns=_ns(offset_s), drift_ppb=_ppb(drift_ppm))
        node.set_platform(vendor=vendor, product=TARGETS.get(vendor, "Virtual Machine"))
        if rtc:
            node.set_rtc()
        self._start(node)
        ssh = SshServer(node, options=sshd_options)
        ssh.install(user_key=self._user_public, shell=shell, escalation=escalation)
        guest = Guest(
            node,
            ssh,
            GuestChrony(node),
            VmwareTools(node, self._tools_package()),
            clock,
            self._segment,
            manager,
        )
        guest.chrony.prepare()
        node.write("/usr/bin/systemd-detect-virt", _DETECT_VIRT, mode=0o755)
        node.write("/etc/machine-id", node.run("cat", "/proc/sys/kernel/random/uuid").out.replace("-", ""))
        if manager is not None:
            manager.prepare()
            manager.boot()
        ssh.start()
        if tools:
            guest.tools.install(period_s=tools_period_s)
            clock.set_offset(_ns(offset_s))
        self.guests[name] = guest
        self._tell_jump()
        return guest

    def _hold(self) -> int:
        """A mount namespace with one tmpfs: overlays need an upper layer that is not itself an overlay."""
        script = (
            'mount --make-rprivate / && mount -t tmpfs -o mode=0755 tmpfs "$1" && echo up && cat > /dev/null'
        )
        holder = subprocess.Popen(
            ["unshare", "--mount", "/bin/sh", "-c", script, "sh", str(self._state)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=ENVIRONMENT,
        )
        assert holder.stdin is not None
        assert holder.stdout is not None
        self._ends.callback(holder.wait, 10)
        self._ends.callback(holder.stdout.close)
        self._ends.callback(holder.stdin.close)
        said = holder.stdout.readline()
        if said != "up\n":
            raise NodeError(f"no tmpfs for the nodes: {said.strip()}")
        return holder.pid

    def _node(self, name: str, *, jump: bool = False, shares: Sequence[str] = ()) -> Node:
        return Node(
            name, self._holder, self._state / name, own_homes=not jump, own_boot=not jump, shares=shares
        )

    def _start(self, node: Node) -> None:
        self._ends.callback(node.stop)
        node.start()
        self._segment.plug(node)
        self._names(node)

    def _start_jump(self, shares: Sequence[Path]) -> Node:
        # A clone or an environment under /tmp would be hidden by the node's own /tmp.
        needed = [
            f"{p}:ro" for p in dict.fromkeys((_REPOSITORY, Path(sys.prefix))) if str(p).startswith(_PRIVATE)
        ]
        node = self._node("jump", jump=True, shares=[*needed, *map(str, shares)])
        self._ends.callback(node.stop)
        node.start()
        self._segment = Segment(node)
        self._segment.raise_hub()
        node.run("rm", "-rf", "/root/.ssh")
        node.write("/root/.ssh/id_ed25519", self.user_key.read_text(), mode=0o600)
        node.path("/root/.ssh").chmod(0o700)
        return node

    def _tools_package(self) -> Path:
        if self._package is None:
            self._package = build_package(self.directory)
        return self._package

    def _names(self, node: Node) -> None:
        node.write("/etc/hosts", f"127.0.0.1 localhost\n{node.address} {node.name}\n")
        node.write("/etc/hostname", f"{node.name}\n")

    def _tell_jump(self) -> None:
        """known_hosts, ssh configuration and names, outside and in the jump node."""
        guests = self.guests.values()
        known = "".join(f"{g.name},{g.address} {g.ssh.host_key}\n" for g in guests)
        self.known_hosts.write_text(known)
        rest = f"  User {USER}\n  StrictHostKeyChecking yes\n  IdentitiesOnly yes\n"
        outside = f"  IdentityFile {self.user_key}\n  UserKnownHostsFile {self.known_hosts}\n"
        each = "".join(f"Host {g.name}\n  HostName {g.address}\n" for g in guests)
        self.ssh_config.write_text(f"{each}Host *\n{rest}{outside}")
        self.jump.write("/root/.ssh/config", f"Host *\n{rest}", mode=0o600)
        self.jump.write("/root/.ssh/known_hosts", known, mode=0o600)
        nodes = [self.jump, *self.servers.values(), *(g.node for g in guests)]
        self.jump.write(
            "/etc/hosts", "127.0.0.1 localhost\n" + "".join(f"{n.address} {n.name}\n" for n in nodes)
        )


def _ns(seconds: float) -> int:
    return round(seconds * 1_000_000_000)


def _ppb(ppm: float) -> int:
    return round(ppm * 1000)
