"""Bounds that many checks share."""

from __future__ import annotations

from cutover_tui.core.checks.spec import Bound
from cutover_tui.core.runbook import MINUTE, SECOND

FRESH = Bound(default=2 * MINUTE, lowest=30 * SECOND, highest=10 * MINUTE)
"""How old an observation may be at `mark_done`: the cheap readers run every 15 s."""

SLOW = Bound(default=10 * MINUTE, lowest=1 * MINUTE, highest=30 * MINUTE)
"""Directories are asked every 5 min, and when somebody asks to look."""

TRIES = Bound(default=3, lowest=3, highest=20)
"""Fresh attempts in a row: one success proves nothing about what fails sometimes."""

PROVEN = Bound(default=20 * MINUTE, lowest=5 * MINUTE, highest=50 * MINUTE)
"""How old attempts may be: each leaves a ticket, so they are not made all the time."""
