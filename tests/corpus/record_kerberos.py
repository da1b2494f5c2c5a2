"""How cases of a domain are recorded: on one guest that really joined one real controller.

Samba's controller is on a node with a clock of its own, and so is the guest (tests/system/nodes). All
cases share them, one after another: each finds both clocks right and leaves the rest as it found it.
Needs what the system tier needs.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.system.nodes.domain import REALM, Domain
from tests.system.nodes.lab import Guest, SystemLab
from tests.system.nodes.node import NodeError

MACHINE = f"APP01$@{REALM}"
SOURCE = (
    "recorded: Debian 12, MIT krb5 1.20.1, OpenLDAP 2.5, Samba 4.17 as controller, "
    "tests/corpus/record_kerberos.py as root"
)
Recording = Callable[[Domain, Guest, Path], None]
OF_A_DOMAIN: dict[str, Recording] = {}
"""In the order in which they are recorded."""


def case(where: str) -> Callable[[Recording], Recording]:
    """Register a recording under tests/corpus/WHERE."""

    def register(function: Recording) -> Recording:
        OF_A_DOMAIN[where] = function
        return function

    return register


def run(guest: Guest, argv: list[str], *, user: str | None = None) -> dict[str, object]:
    """As the kept root shell runs it, or somebody else's."""
    ran = guest.node.run(
        "sh", "-c", shlex.join(argv), check=False, timeout_s=60, user=user, env={"LC_ALL": "C"}
    )
    return {"argv": argv, "rc": ran.rc, "out": ran.out, "err": ran.err}


def record(cases: Iterable[str], into: Path) -> dict[str, str]:
    """Record each of these cases below `into`; case → what went wrong, for those that could not be recorded."""
    wanted = set(cases)
    wrong: dict[str, str] = {}
    if not wanted:
        return wrong
    try:
        with SystemLab() as lab:
            domain = Domain.provision(lab)
            guest = domain.join(lab.guest("app01", vendor="QEMU"))
            for where in (where for where in OF_A_DOMAIN if where in wanted):
                guest.clock.set_offset(0)
                domain.controller.set_offset(0)
                try:
                    OF_A_DOMAIN[where](domain, guest, into / where)
                except (NodeError, subprocess.TimeoutExpired, OSError) as error:
                    wrong[where] = str(error)
    except NodeError as error:
        return {where: wrong.get(where, f"no domain: {error}") for where in wanted}
    return wrong
