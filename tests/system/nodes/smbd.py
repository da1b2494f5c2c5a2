"""Samba's file server on a joined guest, with the winbindd that a member's needs: by its secrets and its keytab."""

from __future__ import annotations

import socket
import time

from tests.system.nodes.node import Node, NodeError

PORT = 445
FIRST_UID = 10000
"""Of the range in `Domain.join`: what winbindd gives the first account that comes."""

_UP_WITHIN_S = 20.0
_LOG = "/var/log/samba/log.stdout"


def serve(node: Node, account: str, *options: str) -> None:
    """Start them; a smbd that runs there is ended first.

    Args:
        account: the account of the domain that comes first, and is a user of the guest: smbd refuses those that are
            none with the number of any refusal. (Debian's libnss-winbind would make users of all.)
        options: of smb.conf, as `server min protocol=SMB3_11`.

    Raises:
        NodeError: one of them does not come up; carries what it printed.
    """
    stop(node)
    if f":{FIRST_UID}:" not in node.read("/etc/passwd"):
        line = f"{account.lower()}:x:{FIRST_UID}:{FIRST_UID}::/:/bin/false\n"
        node.write("/etc/passwd", node.read("/etc/passwd") + line)
    # Each ends all of its process group as it ends, so each gets one of its own.
    common = ("-F", "--no-process-group", "-d3", "--debug-stdout")
    if node.run("wbinfo", "-p", check=False).rc:
        with node.path("/var/log/samba/log.winbindd").open("wb") as said:
            node.popen("setsid", "winbindd", *common, stdout=said.fileno())
    with node.path(_LOG).open("wb") as said:
        server = node.popen(
            "setsid", "smbd", *common, *(f"--option={o}" for o in options), stdout=said.fileno()
        )
    until = time.monotonic() + _UP_WITHIN_S
    with node.in_network():
        while node.run("wbinfo", "-p", check=False).rc or not _listens(node):
            if server.poll() is not None or time.monotonic() > until:
                raise NodeError(f"{node.name}: smbd or winbindd does not come up: {node.read(_LOG)[-2000:]}")
            time.sleep(0.1)  # polled: the kernel tells nobody when somebody starts to listen


def stop(node: Node) -> None:
    """End smbd, all of its processes."""
    node.run("sh", "-c", "pkill -TERM -x smbd; while pgrep -x smbd; do sleep 0.1; done", timeout_s=30)


def forget(node: Node, account: str) -> None:
    """The account is no user of the guest any more."""
    lines = node.read("/etc/passwd").splitlines(keepends=True)
    node.write("/etc/passwd", "".join(x for x in lines if not x.startswith(f"{account.lower()}:")))


def _listens(node: Node) -> bool:
    try:
        socket.create_connection((node.address, PORT), timeout=1).close()
    except OSError:
        return False
    return True
