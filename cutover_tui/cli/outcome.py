"""Exit codes, and the one error every command may end with."""

from __future__ import annotations

OPEN = 0
REFUSED = 1
BAD_INPUT = 2
UNKNOWN = 3


class BadInput(Exception):  # noqa: N818 - it is what the engineer gave us
    """What was given cannot be used; `str()` says what is wrong and what to do, a line each."""
