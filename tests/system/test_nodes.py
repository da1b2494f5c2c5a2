"""A node is a machine of its own: what happens in it stays in it, and ends with it."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.system.nodes.lab import SystemLab
from tests.system.nodes.network import replug, unplug
from tests.system.nodes.sshd import PASSWORD, USER

WATCHED = ("/etc", "/etc/ssh", "/root", "/home", "/var/lib/dpkg", "/usr/bin", "/usr/lib", "/run")


def _listing() -> dict[str, list[str]]:
    return {place: sorted(os.listdir(place)) for place in WATCHED}


def test_nothing_of_the_machine_is_written():
    files, passwd, links = _listing(), Path("/etc/passwd").read_bytes(), socket.if_nameindex()
    mounts = Path("/proc/self/mountinfo").read_text()
    with SystemLab() as lab:
        guest = lab.guest("app01", tools=True)
        guest.node.write("/etc/scratch", "x")
        assert _listing() == files
        assert socket.if_nameindex() == links
        assert Path("/proc/self/mountinfo").read_text() == mounts
        directory = lab.directory
    assert Path("/etc/passwd").read_bytes() == passwd
    assert not directory.exists()


def test_a_reboot_is_a_new_boot_with_the_same_disk(lab: SystemLab):
    guest = lab.guest("app01")
    host_key, address, first = guest.ssh.host_key, guest.address, guest.node.boot_id
    guest.node.write("/etc/scratch", "kept")
    guest.node.write("/run/scratch", "lost")
    guest.reboot(vendor="Nutanix")
    assert guest.node.read("/proc/sys/kernel/random/boot_id").strip() == guest.node.boot_id != first
    assert float(guest.node.run("cat", "/proc/uptime").out.split()[0]) < 10
    assert guest.node.read("/etc/scratch") == "kept"
    assert guest.node.run("ls", "/run/scratch", check=False).rc == 2
    assert guest.node.read("/sys/class/dmi/id/sys_vendor") == "Nutanix\n"
    assert (guest.ssh.host_key, guest.address) == (host_key, address)
    assert lab.jump.run("ssh", "app01", "hostname").out == "app01\n"


def _control_groups() -> list[str]:
    argv = ["unshare", "--mount", "sh", "-c", "mount -t cgroup2 none /mnt && ls /mnt"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()


def test_a_guest_with_systemd_keeps_its_services_over_a_reboot_and_leaves_nothing(lab: SystemLab):
    guest = lab.guest("app01", systemd=True)
    assert guest.systemd is not None
    assert lab.jump.run("ssh", "app01", "systemctl is-active chrony", check=False).out == "inactive\n"
    guest.chrony.configure([])
    guest.chrony.enable()
    guest.reboot()
    assert lab.jump.run("ssh", "app01", "systemctl is-active chrony").out == "active\n"
    assert guest.node.run("ps", "-p", "1", "-o", "comm=").out == "systemd\n"
    assert guest.node.read("/proc/sys/kernel/random/boot_id").strip() == guest.node.boot_id
    shown = lab.jump.run("ssh", "app01", "timedatectl show -p CanNTP -p NTP -p NTPSynchronized").out
    assert shown.splitlines() == ["CanNTP=yes", "NTP=yes", "NTPSynchronized=no"]
    assert guest.systemd.group in _control_groups()
    lab.close()
    assert guest.systemd.group not in _control_groups()


@pytest.mark.parametrize(
    ("shell", "word"), [("bash", "bash"), ("dash", "dash"), ("busybox", "busybox")], ids=lambda v: v
)
def test_login_shells(lab: SystemLab, shell: str, word: str):
    lab.guest("app01", shell=shell)
    assert word in lab.jump.run("ssh", "app01", "readlink /proc/$$/exe; true").out


def test_escalation_by_sudo_password_and_by_doas(lab: SystemLab):
    lab.guest("app01", escalation="sudo-password")
    lab.guest("app02", escalation="doas-nopasswd")
    assert lab.jump.run("ssh", "app01", "sudo -n id -u", check=False).rc == 1
    assert lab.jump.run("ssh", "app01", "sudo -S -p '' id -u", stdin=f"{PASSWORD}\n").out == "0\n"
    assert lab.jump.run("ssh", "app02", "doas -n id -u").out == "0\n"


def test_one_thread_is_on_the_jump_network_and_the_others_are_not(lab: SystemLab):
    guest = lab.guest("app01")
    outside: list[list[tuple[int, str]]] = []
    other = threading.Thread(target=lambda: outside.append(socket.if_nameindex()))
    with lab.jump.in_network():
        with socket.create_connection((guest.address, 22), timeout=5) as link:
            assert link.recv(8) == b"SSH-2.0-"
        inside = socket.if_nameindex()
    other.start()
    other.join()
    assert "br0" in [name for _, name in inside]
    assert socket.if_nameindex() == outside[0] != inside


def test_a_pulled_cable_is_silence_until_it_is_back(jump_network: SystemLab):
    guest = jump_network.guest("app01")
    unplug(guest.node)
    with pytest.raises(OSError, match=r"timed out|No route"):
        socket.create_connection((guest.address, 22), timeout=0.3)
    replug(guest.node)
    with socket.create_connection((guest.address, 22), timeout=5) as link:
        assert link.recv(4) == b"SSH-"


def test_ssh_from_outside_of_the_node_with_the_labs_files(jump_network: SystemLab):
    jump_network.guest("app01")
    argv = ["ssh", "-F", str(jump_network.ssh_config), "app01", "id -un"]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == f"{USER}\n"


def test_the_code_under_test_runs_inside_the_jump_node(lab: SystemLab):
    guest = lab.guest("app01")
    python = str(Path(sys.executable))
    code = "import cutover_tui, socket; print(socket.gethostname(), socket.gethostbyname('app01'))"
    assert lab.jump.run(python, "-c", code).out == f"jump {guest.address}\n"


def test_nodes_do_not_outlive_the_process_that_made_them(tmp_path: Path):
    code = "import sys; from tests.system.nodes.lab import SystemLab; lab = SystemLab(); print(lab.jump.pid, flush=True); sys.stdin.read()"
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        node = os.pidfd_open(int(child.stdout.readline()))
        child.kill()
    ended = threading.Event()

    def wait() -> None:
        select.select([node], [], [])
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    assert ended.wait(10)
    os.close(node)
