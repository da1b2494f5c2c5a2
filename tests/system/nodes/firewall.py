"""What a node hears, filtered without a word: nftables in its own network namespace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.system.nodes.node import Node


@contextmanager
def deaf(node: Node, to: str = "") -> Iterator[None]:
    """Within the block the node drops what comes in, all of it or what matches (`udp dport 88`)."""
    node.run("nft", "add table inet deaf")
    try:
        node.run("nft", "add chain inet deaf ears { type filter hook input priority 0 ; }")
        node.run("nft", f"add rule inet deaf ears {to} drop")
        yield
    finally:
        node.run("nft", "delete table inet deaf")
