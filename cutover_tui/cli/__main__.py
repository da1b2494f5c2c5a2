"""`python -m cutover_tui.cli`: the same as `python -m cutover_tui`."""

from __future__ import annotations

import sys

from cutover_tui.cli import main

if __name__ == "__main__":
    sys.exit(main())
