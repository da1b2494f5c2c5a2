"""A connection to a guest's service: straight, or by a local socket that leads there. For the worker only."""

from __future__ import annotations

import socket

from probes.exchange.ended import CONNECT_S


def dial(address: str, port: int, way: str | None) -> socket.socket:
    """Connected, with a timeout of CONNECT_S for what comes next.

    Args:
        way: path of a Unix socket whose other end is already led to that address and port.

    Raises:
        OSError: nobody listens, or not in time.
    """
    if way is None:
        return socket.create_connection((address, port), timeout=CONNECT_S)
    made = socket.socket(socket.AF_UNIX)
    try:
        made.settimeout(CONNECT_S)
        made.connect(way)
    except OSError:
        made.close()
        raise
    return made
