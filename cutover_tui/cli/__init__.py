"""The command line. Headless commands import no Textual; `run`, `resume` and `demo` do, late."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence

from cutover_tui.cli.arguments import Command, parse
from cutover_tui.cli.outcome import BAD_INPUT, BadInput

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code (0 fine, 1 refused, 2 bad input, 3 unknown)."""
    arguments = parse(sys.argv[1:] if argv is None else argv)
    # What `cryptography` tells developers of the certificate that Samba makes itself; nobody can mend it at night.
    warnings.filterwarnings("ignore", "Parsed a serial number which wasn't positive")
    try:
        command: Command = arguments.command
        return command(arguments)
    except BadInput as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away; nothing to add
        return 141
