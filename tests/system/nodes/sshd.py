"""Real OpenSSH in a node: host keys of its own, one user, key login, sudo or doas."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.system.nodes.node import Node, NodeError

Shell = Literal["bash", "dash", "busybox"]
Escalation = Literal["sudo-nopasswd", "sudo-password", "doas-nopasswd", "none"]

USER = "engineer"
PASSWORD = "correct horse battery staple"
"""What `sudo-password` asks for."""

_SHELLS: dict[Shell, str] = {"bash": "/bin/bash", "dash": "/bin/dash", "busybox": "/usr/local/bin/ash"}

_CONFIG = """\
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM yes
PrintMotd no
PrintLastLog no
MaxStartups 200
Subsystem sftp internal-sftp
PidFile /run/sshd.pid
"""


def make_key(path: Path, comment: str) -> str:
    """Make an Ed25519 key pair at `path` and return the public line."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return path.with_name(f"{path.name}.pub").read_text().strip()


@dataclass
class SshServer:
    """The node's sshd, kept in the foreground with its log on a pipe: the log tells when it listens."""

    node: Node
    options: Sequence[str] = ()
    """Further sshd_config lines; the first value of a keyword wins, so these stand in front."""
    host_key: str = ""
    """The public host key: type and base64."""
    log: list[str] = field(default_factory=list)
    """What sshd said, all boots."""
    _process: subprocess.Popen[bytes] | None = None

    def install(self, *, user_key: str, shell: Shell, escalation: Escalation) -> None:
        """Host key, user and escalation, once after the node's first boot."""
        node = self.node
        node.run("find", "/etc/ssh", "-name", "ssh_host_*", "-delete")
        line = make_key(node.path("/etc/ssh/ssh_host_ed25519_key"), f"root@{node.name}")
        self.host_key = " ".join(line.split()[:2])
        if shell == "busybox":
            node.run("ln", "-s", shutil.which("busybox") or "/bin/busybox", _SHELLS[shell])
        node.run("useradd", "--create-home", "--skel", "/nonexistent", "--shell", _SHELLS[shell], USER)
        node.run("chpasswd", stdin=f"{USER}:{PASSWORD}\n")
        node.write(f"/home/{USER}/.ssh/authorized_keys", f"{user_key}\n", mode=0o600)
        node.run("chown", "-R", f"{USER}:", f"/home/{USER}")
        # The machine's own shell setup is not the guest's.
        for noise in ("/etc/bash.bashrc", "/etc/environment", "/etc/motd"):
            node.write(noise, "")
        node.run("find", "/etc/profile.d", "/etc/update-motd.d", "-type", "f", "-delete", check=False)
        self._escalate(escalation)

    def _escalate(self, how: Escalation) -> None:
        tag = {"sudo-nopasswd": "NOPASSWD: ", "sudo-password": ""}.get(how)
        if tag is not None:
            self.node.write(f"/etc/sudoers.d/{USER}", f"{USER} ALL=(ALL) {tag}ALL\n", mode=0o440)
        if how == "doas-nopasswd":
            self.node.write("/etc/doas.conf", f"permit nopass {USER} as root\n", mode=0o400)

    def start(self) -> None:
        """Start sshd; returns when it listens.

        Raises:
            NodeError: it ended instead; carries its log.
        """
        self.node.write("/etc/ssh/sshd_config", "".join(f"{line}\n" for line in self.options) + _CONFIG)
        listening = threading.Event()
        self._process = process = self.node.popen("/usr/sbin/sshd", "-D", "-e")

        def follow() -> None:
            with process.stdout or open("/dev/null", "rb") as lines:
                for raw in lines:
                    self.log.append(raw.decode(errors="replace").rstrip())
                    if "Server listening on" in self.log[-1]:
                        listening.set()
            listening.set()

        threading.Thread(target=follow, name=f"sshd of {self.node.name}", daemon=True).start()
        if not listening.wait(20) or process.poll() is not None:
            raise NodeError(f"{self.node.name}: sshd does not listen: {self.log[-5:]}")

    def stop(self) -> None:
        """End the listener; open sessions live on, as with a restart of the service."""
        if self._process is not None:
            self.node.run("kill", self.node.read("/run/sshd.pid").strip())
            self._process.wait(10)
            self._process = None
