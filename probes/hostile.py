"""Makes bytes from a machine we do not trust safe to keep, print and export.

Terminals act on C0 and C1 control characters (ECMA-48); bidirectional controls reorder what
is read ("Trojan Source", CVE-2021-42574); invisible characters hide text. All of them become
U+FFFD, so that what was there stays visible as something, and nothing is silently dropped.
"""

from __future__ import annotations

import codecs
import os
import re

REPLACEMENT = "\ufffd"

_ERRNO = re.compile(r"\[Errno -?\d+\] ", re.ASCII)

_UNSAFE = re.compile(
    "["
    "\x00-\x08\x0b-\x1f"  # C0 but \t and \n
    "\x7f-\x9f"  # DEL and C1
    "\u00ad\u034f\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2"  # invisible or prepended format characters
    "\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"  # bidi and zero-width
    "\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0"  # fillers that print as nothing
    "\u2028\u2029"  # line and paragraph separators
    "\ud800-\udfff\ufe00-\ufe0f\ufff0-\ufffb"  # surrogates, variation selectors, interlinear
    "\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"  # tags, variation selectors supplement
    "]"
)


def clean(data: bytes, limit: int) -> tuple[str, bool]:
    """Decode at most `limit` bytes leniently and replace everything a terminal might act on.

    Returns the text and whether bytes were cut off. Invalid UTF-8 becomes U+FFFD; a character
    cut in two by the limit is left out instead.
    """
    truncated = len(data) > limit
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    text = decoder.decode(data[:limit], final=not truncated)
    return _UNSAFE.sub(REPLACEMENT, text), truncated


def error_text(error: BaseException, limit: int = 300) -> str:
    """What an error says, cleaned, without the number of an OSError; it may quote the other side."""
    # asyncio words a refused connection as "Connect call failed (address)"; gaierror has numbers of its own, below 0.
    said = _ERRNO.sub("", str(error))
    if isinstance(error, OSError) and error.filename is None and error.errno and error.errno > 0:
        said = os.strerror(error.errno)
    return clean_text(said)[:limit]


def clean_text(text: str) -> str:
    """The same for text a library decoded already (a server's prompt, a reason for a refusal)."""
    return _UNSAFE.sub(REPLACEMENT, text)
