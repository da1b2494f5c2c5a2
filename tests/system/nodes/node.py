"""A node: one machine made of namespaces, with its own network, mounts, host name, pids and boot."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.system.nodes.fakeclock import FakeClock

_INIT = Path(__file__).with_name("node_init.sh")
_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}
"""What runs in a node starts from this and not from the environment of the test process."""

# What no node may do, whatever runs in it: set the machine's clock, reboot it, load modules.
_WITHHELD = "-sys_time,-sys_boot,-sys_module,-sys_rawio"


class NodeError(Exception):
    """A node did not come up, or a command in it that had to succeed did not."""


@dataclass(frozen=True)
class Ran:
    """A finished command."""

    argv: tuple[str, ...]
    rc: int
    out: str
    err: str


@dataclass
class Node:
    """One node. `state` (on the lab's tmpfs) outlives reboots: overlays, homes, clock, identity.

    It ends with `stop()` or with this process, however that ends: its init reads our pipe.
    """

    name: str
    holder_pid: int
    state: Path
    """Path of the state as the lab's mount namespace sees it."""
    own_homes: bool = True
    own_boot: bool = True
    """Uptime and CLOCK_BOOTTIME start at the node's boot (a time namespace), not the machine's."""
    shares: Sequence[str] = ()
    clock: FakeClock | None = None
    address: str = ""
    boot_id: str = ""
    _unshare: subprocess.Popen[str] | None = field(default=None, repr=False)
    _pid: int | None = None
    _manager: int | None = None
    _children: list[subprocess.Popen[bytes]] = field(default_factory=list, repr=False)

    @property
    def store(self) -> Path:
        """The state directory as this process can open it."""
        return Path(f"/proc/{self.holder_pid}/root{self.state}")

    @property
    def pid(self) -> int:
        """PID 1 of the node, as the machine numbers it."""
        if self._pid is None:
            raise NodeError(f"{self.name} is not running")
        return self._pid if self._manager is None else self._manager

    def take_over(self, manager: int) -> None:
        """From now on the node is what this process sees, until it stops: a service manager as its process 1."""
        self._manager = manager

    @property
    def running(self) -> bool:
        """Whether it was started and its PID 1 still lives."""
        return self._unshare is not None and self._unshare.poll() is None

    def install_clock(self, library: Path, *, offset_ns: int, drift_ppb: int) -> FakeClock:
        """Give the node a fake clock, preloaded into everything that runs in it. Before `start`."""
        self.store.mkdir(parents=True, exist_ok=True)
        self.clock = FakeClock.create(self.store / "clock", offset_ns=offset_ns, drift_ppb=drift_ppb)
        lib = self.store / "upper/usr/lib/fakeclock.so"
        lib.parent.mkdir(parents=True)
        lib.write_bytes(library.read_bytes())
        preload = self.store / "upper/etc/ld.so.preload"
        preload.parent.mkdir(parents=True)
        preload.write_text("/usr/lib/fakeclock.so\n")
        return self.clock

    def set_platform(self, *, vendor: str, product: str) -> None:
        """What /sys/class/dmi/id shows. Best between `stop` and `start`: a platform is not swapped live."""
        dmi = self.store / "dmi/dmi/id"
        dmi.mkdir(parents=True, exist_ok=True)
        (dmi / "sys_vendor").write_text(f"{vendor}\n")
        (dmi / "product_name").write_text(f"{product}\n")

    def set_rtc(self, off_ns: int = 0) -> None:
        """What the hardware clock shows now, off true time by `off_ns`: a file that somebody keeps ticking.

        The first time before `start`: the node sees a hardware clock, or none, from its boot on.
        """
        register = self.store / "dmi/rtc/rtc0/since_epoch"
        register.parent.mkdir(parents=True, exist_ok=True)
        register.write_text(f"{(time.time_ns() + off_ns) // 1_000_000_000}\n")

    def start(self) -> None:
        """Boot: a new boot id, no processes, the files of before.

        Raises:
            NodeError: it did not come up; carries what its init wrote.
        """
        self.store.mkdir(parents=True, exist_ok=True)
        self.boot_id = str(uuid.uuid4())
        (self.store / "boot_id").write_text(f"{self.boot_id}\n")
        argv = ["nsenter", f"--mount=/proc/{self.holder_pid}/ns/mnt", "unshare", "--net", "--mount", "--uts"]
        argv += ["--ipc", "--pid", "--fork", "--kill-child"]
        if self.own_boot:
            argv += ["--time", "--boottime", str(-int(time.clock_gettime(time.CLOCK_BOOTTIME)))]
            argv += ["--monotonic", str(-int(time.clock_gettime(time.CLOCK_MONOTONIC)))]
        argv += ["/bin/sh", str(_INIT), str(self.state), self.name, "own" if self.own_homes else "host"]
        self._unshare = subprocess.Popen(
            [*argv, *self.shares],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=ENVIRONMENT,
        )
        said = []
        for line in self._unshare.stdout or ():
            if line.strip().isdigit():
                self._pid = int(line)
                return
            said.append(line)
        self.stop()
        raise NodeError(f"{self.name} did not start: {''.join(said).strip() or 'no word from its init'}")

    def stop(self) -> None:
        """Kill PID 1 and with it everything in the node. Does nothing when it is not running."""
        if self._unshare is None:
            return
        if self._pid is not None and self.running:
            os.kill(self._pid, signal.SIGKILL)
        for pipe in (self._unshare.stdin, self._unshare.stdout):
            if pipe is not None:
                pipe.close()
        self._unshare.wait(10)
        for child in self._children:
            child.wait(10)
            if child.stdout is not None:
                child.stdout.close()
        self._children.clear()
        self._unshare = self._pid = self._manager = None

    def enter(self, argv: Sequence[str], *, user: str | None = None) -> list[str]:
        """The command line that runs `argv` in here from the machine."""
        namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", *(["--time"] if self.own_boot else [])]
        drop = ["setpriv", f"--bounding-set={_WITHHELD}"]
        if user is not None:
            drop += [f"--reuid={user}", f"--regid={user}", "--init-groups"]
        return ["nsenter", f"--target={self.pid}", *namespaces, "--wd=/", "--", *drop, *argv]

    def run(
        self,
        *argv: str,
        stdin: str = "",
        check: bool = True,
        timeout_s: float = 30,
        user: str | None = None,
        env: dict[str, str] | None = None,
    ) -> Ran:
        """Run a command in the node to its end.

        Raises:
            NodeError: it failed and `check` is set.
            subprocess.TimeoutExpired: it did not end in time.
        """
        done = subprocess.run(
            self.enter(argv, user=user),
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            env={**ENVIRONMENT, **(env or {})},
            check=False,
        )
        if check and done.returncode:
            raise NodeError(f"{self.name}: {' '.join(argv)}: {done.returncode}: {done.stdout}{done.stderr}")
        return Ran(argv, done.returncode, done.stdout, done.stderr)

    def popen(
        self,
        *argv: str,
        user: str | None = None,
        env: dict[str, str] | None = None,
        stdin: int | None = subprocess.DEVNULL,
        stdout: int | None = subprocess.PIPE,
        stderr: int | None = subprocess.STDOUT,
    ) -> subprocess.Popen[bytes]:
        """Start a command in the node; it ends with the node at the latest."""
        child = subprocess.Popen(
            self.enter(argv, user=user),
            env={**ENVIRONMENT, **(env or {})},
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
        )
        self._children.append(child)
        return child

    def path(self, inside: str) -> Path:
        """A file of the running node as this process can open it."""
        return Path(f"/proc/{self.pid}/root{inside}")

    def write(self, inside: str, text: str, *, mode: int = 0o644, owner: str | None = None) -> None:
        """Write a file in the node, with its directories."""
        target = self.path(inside)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)
        if owner is not None:
            self.run("chown", f"{owner}:", inside)

    def read(self, inside: str) -> str:
        """The text of a file in the node."""
        return self.path(inside).read_text()

    @contextmanager
    def in_network(self) -> Iterator[None]:
        """Within the block this *thread* lives in the node's network namespace.

        Sockets opened and threads or processes started in the block stay there; everything else
        of this process (files, host name, other threads) is untouched. A network namespace belongs
        to a thread (setns(2)), so an event loop of the calling thread is in, a thread pool made
        before is not.

        Raises:
            OSError: not root, or the node is gone.
        """
        with open("/proc/thread-self/ns/net") as back, open(f"/proc/{self.pid}/ns/net") as there:
            _setns(there.fileno())
            try:
                yield
            finally:
                _setns(back.fileno())


def _setns(fd: int) -> None:
    # os.setns came with Python 3.12.
    if _LIBC.setns(fd, _CLONE_NEWNET):
        errno = ctypes.get_errno()
        raise OSError(errno, f"setns: {os.strerror(errno)}")
