"""Real chronyd: as a reference that only serves, and as the provider of a guest's time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.system.nodes.node import Node, Ran

_CONF = "/etc/chrony/chrony.conf"
_PID = "/run/chrony/chronyd.pid"


def serve(node: Node, *, stratum: int) -> None:
    """Serve the node's own reading to all, setting no clock; returns when it answers (-x, LAB.md)."""
    node.write(_CONF, f"local stratum {stratum}\nallow\ncmdport 0\npidfile {_PID}\n")
    node.run("chronyd", "-x", "-u", "root", "-f", _CONF)


@dataclass
class GuestChrony:
    """The guest's chronyd under Debian's init script, disciplining the guest's fake clock."""

    node: Node

    def prepare(self) -> None:
        """Once: not started at boot, and root when it runs.

        chronyd's own user cannot write the fake clock, and its system call filter (-F) does not
        know what the preload needs.
        """
        self.node.write("/etc/default/chrony", 'DAEMON_OPTS="-u root"\n')
        self.disable()

    def configure(
        self,
        servers: Sequence[str],
        *,
        makestep: str | None = "1 -1",
        poll: tuple[int, int] = (-2, 0),
        options: str = "iburst",
        extra: Sequence[str] = (),
    ) -> None:
        """Write chrony.conf.

        Args:
            servers: addresses of references.
            makestep: threshold in seconds and number of updates (-1 = always); None = only slew.
            poll: log2 seconds of the shortest and the longest interval.
            options: further options of every server line.
            extra: further lines.
        """
        low, high = poll
        lines = [f"server {s} {options} minpoll {low} maxpoll {high}" for s in servers]
        lines += [f"makestep {makestep}"] if makestep else []
        lines += ["rtcsync", "driftfile /var/lib/chrony/chrony.drift", f"pidfile {_PID}", *extra]
        self.node.write(_CONF, "\n".join(lines) + "\n")

    def start(self) -> None:
        """`/etc/init.d/chrony start`; returns when it serves requests."""
        self.node.run("/etc/init.d/chrony", "start")

    def stop(self) -> None:
        """`/etc/init.d/chrony stop`; the clock keeps the frequency it was last given."""
        self.node.run("/etc/init.d/chrony", "stop")

    def enable(self) -> None:
        """Start at boot: rc links and the unit's wants."""
        self.node.run("update-rc.d", "chrony", "defaults")
        self.node.run("update-rc.d", "chrony", "enable")
        self.node.run("systemctl", "enable", "chrony.service")

    def disable(self) -> None:
        """Do not start at boot."""
        self.node.run("update-rc.d", "chrony", "disable")
        self.node.run("systemctl", "disable", "chrony.service")

    @property
    def enabled(self) -> bool:
        """Whether the next boot starts it (a start link for runlevel 2)."""
        return any(self.node.path("/etc/rc2.d").glob("S??chrony"))

    def chronyc(self, *argv: str, check: bool = True) -> Ran:
        """Ask the guest's own chronyd."""
        return self.node.run("chronyc", *argv, check=check)

    def wait_synchronised(self, *, within_s: int, tries_per_s: int = 10) -> None:
        """Return when chrony itself says that the remaining correction is below 1 ms.

        Raises:
            NodeError: it did not come to that in time; carries chronyc's last word.
        """
        self.chronyc("waitsync", str(within_s * tries_per_s), "0.001", "0", str(1 / tries_per_s))
