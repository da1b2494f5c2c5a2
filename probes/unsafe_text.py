"""Characters that a terminal, an editor or a browser acts on, and text without them.

Terminals act on C0 and C1 control characters (ECMA-48); bidirectional controls reorder what
is read ("Trojan Source", CVE-2021-42574); invisible characters hide text. All of them become
U+FFFD, so that what was there stays visible as something, and nothing is silently dropped.
The set names code points, not Unicode properties: reports must not depend on Python's
Unicode version. Pure: records and reports ask it too.
"""

from __future__ import annotations

import re

REPLACEMENT = "\ufffd"

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


def without_controls(text: str) -> str:
    """The text with U+FFFD for each such character; newlines and tabs stay."""
    return _UNSAFE.sub(REPLACEMENT, text)
