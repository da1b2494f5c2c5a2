"""A small shell for simulated guests, speaking as dash, bash or busybox's ash."""

from cutover_tui.lab.shell.shell import Shell

__all__ = ["Shell"]
