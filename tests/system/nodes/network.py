"""One Ethernet segment between nodes: a bridge in the first node, a veth pair to each other one."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field

from tests.system.nodes.node import Node, NodeError

PREFIX = "10.77.0"
"""Addresses exist inside the namespaces of the run only."""


@dataclass
class Segment:
    """The lab's network. `hub` holds the bridge and has address .1."""

    hub: Node
    _next_host: int = 10
    _cables: int = 0
    _ports: dict[str, str] = field(default_factory=dict)

    def raise_hub(self) -> None:
        """Make the bridge in the hub, which must be running."""
        self.hub.address = f"{PREFIX}.1"
        _ip(
            self.hub,
            "link set lo up",
            "link add br0 type bridge",
            f"addr add {self.hub.address}/24 dev br0",
            "link set br0 up",
        )

    def plug(self, node: Node) -> None:
        """Connect a running node as eth0; a node keeps its address and MAC over reboots."""
        if not node.address:
            node.address = f"{PREFIX}.{self._next_host}"
            self._next_host += 1
        if node.name in self._ports:
            # A dead namespace loses its interfaces some time later; until then the bridge may send there.
            _ip(self.hub, f"link del {self._ports[node.name]}", check=False)
        self._cables += 1
        port = self._ports[node.name] = f"port{self._cables}"
        mac = "02:00:" + ":".join(f"{int(part):02x}" for part in node.address.split("."))
        _ip(
            self.hub,
            f"link add {port} type veth peer name eth0 address {mac} netns {node.pid}",
            f"link set {port} master br0",
            f"link set {port} up",
        )
        _ip(node, "link set lo up", f"addr add {node.address}/24 dev eth0", "link set eth0 up")


def unplug(node: Node) -> None:
    """Take the cable out: the address stays, nothing answers. `replug` undoes it."""
    _ip(node, "link set eth0 down")


def replug(node: Node) -> None:
    """Put the cable back in."""
    _ip(node, "link set eth0 up")


def _ip(node: Node, *commands: str, check: bool = True) -> None:
    # Only the network namespace is entered: `netns PID` is read in the caller's pid namespace.
    done = subprocess.run(
        ["nsenter", f"--net=/proc/{node.pid}/ns/net", "ip", "-batch", "-"],
        input="\n".join(commands),
        capture_output=True,
        text=True,
        check=False,
    )
    if check and done.returncode:
        raise NodeError(f"{node.name}: ip {'; '.join(commands)}: {done.stderr.strip()}")
