"""The interface's own theme: few colours, far apart, each one of the 256 a terminal of this trade has."""

from __future__ import annotations

from textual.theme import Theme

CUTOVER = Theme(
    name="cutover",
    primary="#5f87d7",
    secondary="#5fafff",
    accent="#5fd7d7",
    success="#87d787",
    warning="#ffaf5f",
    error="#ff5f5f",
    foreground="#dadada",
    background="#121212",
    surface="#1c1c1c",
    panel="#262626",
    dark=True,
)
PLAIN = "ansi-dark"
"""Only the terminal's own sixteen colours, its background left alone."""
