"""Where things are on this machine, and the runbook or session an argument names."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cutover_tui.cli.outcome import BadInput
from cutover_tui.core.loading import BadRunbook, Loaded, load
from cutover_tui.core.timestamps import utc_ns, utc_text
from cutover_tui.core.yaml_model.problem import safe
from cutover_tui.engine.operator import Operator
from cutover_tui.engine.sessions import SessionDirectory, find_session, state_directory
from cutover_tui.record.files import RecordError

if TYPE_CHECKING:
    from cutover_tui.engine.assembly import Surroundings


NAME_LENGTH = 80


def root() -> Path:
    """The directory of sessions and pinned keys."""
    return state_directory(os.environ)


def known_hosts() -> Path:
    """Our own known_hosts, beside the user's."""
    return root() / "known_hosts"


def surroundings(arguments: argparse.Namespace) -> Surroundings:
    """What this machine lends to connections."""
    # Imported late: it brings the transports, which commands over a record alone do not need.
    from cutover_tui.engine.assembly import Surroundings

    config: str | None = arguments.ssh_config
    if config is not None and not Path(config).is_file():
        raise BadInput(f"{config}: there is no such ssh configuration; give a readable file")
    return Surroundings(known_hosts(), None if config is None else (Path(config),))


def runbook(path: str) -> Loaded:
    """The runbook of that file.

    Raises:
        BadInput: every error of the file, one a line.
    """
    try:
        return load(path)
    except BadRunbook as error:
        raise BadInput(str(error)) from None


def warn(loaded: Loaded) -> None:
    """Say on stderr what is probably not meant in a runbook that is used all the same."""
    for warning in loaded.warnings:
        print(f"warning: {warning}", file=sys.stderr)


def warn_of_window(loaded: Loaded, now_ns: int) -> None:
    """Say on stderr that the change's window is over; before it begins is the time to prepare.

    Args:
        now_ns: UTC.
    """
    change = loaded.runbook.change
    end_ns = utc_ns(change.window.end)
    if now_ns > end_ns:
        print(f"warning: the window of {safe(change.id)} ended {utc_text(end_ns)}", file=sys.stderr)


def operator(arguments: argparse.Namespace) -> Operator:
    """Who works here: as given, the account, or of root who became it; where nobody knows, root is asked."""
    name: str | None = arguments.operator
    if name is None and getpass.getuser() == "root":
        became = os.environ.get("SUDO_USER", "root")
        name = became if became != "root" else _asked_name()
    return Operator.current(name)


def _asked_name() -> str | None:
    """A person's name from the terminal; None when none is given."""
    sys.stderr.write("The record says who did what, and root names nobody. Your name: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip()[:NAME_LENGTH] or None


def session(name: str) -> SessionDirectory:
    """The session of that name, its beginning, or its directory.

    Raises:
        BadInput: there is none, or more than one begins so.
    """
    try:
        found = find_session(root(), name)
    except RecordError as error:
        raise BadInput(str(error)) from None
    if not found:
        raise BadInput(f"{name}: there is no such session; `cutover sessions` lists them")
    if len(found) > 1:
        names = ", ".join(d.name for d in found[-3:])
        raise BadInput(
            f"{name}: {len(found)} sessions begin so, the newest are {names}; give more of the name"
        )
    return found[0]
