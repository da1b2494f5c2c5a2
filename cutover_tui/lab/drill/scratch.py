"""Where sessions of drills live that nobody keeps."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory, on every Linux that has one


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory that is gone afterwards, in memory where there is such a file system.

    Every event of a session is synced to disk before it counts: of a session that nobody keeps,
    that is waiting for nothing.
    """
    usable = IN_MEMORY.is_dir() and os.access(IN_MEMORY, os.W_OK)
    with tempfile.TemporaryDirectory(prefix="cutover-drill-", dir=IN_MEMORY if usable else None) as made:
        yield Path(made)
