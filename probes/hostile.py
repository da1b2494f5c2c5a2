"""Makes bytes from a machine we do not trust safe to keep, print and export: bounded, decoded leniently, cleaned."""

from __future__ import annotations

import codecs
import os
import re

from probes.unsafe_text import without_controls

_ERRNO = re.compile(r"\[Errno -?\d+\] ", re.ASCII)


def clean(data: bytes, limit: int) -> tuple[str, bool]:
    """Decode at most `limit` bytes leniently and replace everything a terminal might act on.

    Returns the text and whether bytes were cut off. Invalid UTF-8 becomes U+FFFD; a character
    cut in two by the limit is left out instead.
    """
    truncated = len(data) > limit
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    text = decoder.decode(data[:limit], final=not truncated)
    return without_controls(text), truncated


def error_text(error: BaseException, limit: int = 300) -> str:
    """What an error says, cleaned, without the number of an OSError; it may quote the other side."""
    # asyncio words a refused connection as "Connect call failed (address)"; gaierror has numbers of its own, below 0.
    said = _ERRNO.sub("", str(error))
    if isinstance(error, OSError) and error.filename is None and error.errno and error.errno > 0:
        said = os.strerror(error.errno)
    return without_controls(said)[:limit]
