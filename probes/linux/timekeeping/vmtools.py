"""open-vm-tools / VMware Tools and what the guest can see of both its clock mechanisms.

`vmware-toolbox-cmd timesync status` shows the flag of the *periodic* loop only: "Enabled"
with 0, "Disabled" with EX_UNAVAILABLE = 69 (open-vm-tools, toolbox/toolboxcmd-time.c).
"Disabled" does not mean that Tools does not set the clock: the one-time mechanism is off
only with `[timeSync] disable-all` (lib/include/conf.h), by default it is on.
"""

from __future__ import annotations

import re

from probes.facts_time import VmToolsFacts
from probes.linux import packages, processes
from probes.linux.keyfile import boolean, keyfile
from probes.linux.text import Unparsed, broken, no_such_file, only_line, quoted
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Command, Reader

PACKAGES = ("open-vm-tools", "vmware-tools")
CONFIGURATION = "/etc/vmware-tools/tools.conf"

_GROUP = "timeSync"
_STATUS = {(0, "Enabled"): True, (69, "Disabled"): False}
_VERSION = re.compile(r"\d+(?:\.\d+){2,3}(?: \(build-\d+\))?\Z", re.ASCII)


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from the package tools, `timesync status`, `-v`, tools.conf and the process list."""
    *managers, status, version, conf = raws[:6]
    failure = broken(status) or broken(conf)
    if failure is not None:
        return failure
    try:
        known = packages.installed(managers, PACKAGES)
        running = processes.runs(processes.names(raws[6:]), "vmtoolsd")
        disable_all, disable_periodic = _switches(conf)
        return VmToolsFacts(
            package=_package(known, version),
            running=running,
            periodic=_periodic(status),
            disable_all=disable_all,
            disable_periodic=disable_periodic,
            conf_visible=disable_all is not None,
        )
    except Unparsed as error:
        return Failure(FailureKind.NOT_UNDERSTOOD, str(error))


def _package(known: packages.Packages | None, version: Raw) -> str | None:
    if known is not None:
        for name, installed in known[1].items():
            return f"{name} {installed}"
    # VMware's own installer leaves no package behind, only the programs.
    if broken(version) is None and version.rc == 0:
        line = only_line(version.out)
        if not _VERSION.match(line):
            raise Unparsed(f"vmware-toolbox-cmd -v: {quoted(line)}")
        return f"VMware Tools {line}"
    return None


def _periodic(status: Raw) -> bool | None:
    if status.rc not in (0, 69):
        return None
    said = only_line(status.out)
    if (status.rc, said) not in _STATUS:
        raise Unparsed(f"timesync status: {quoted(said)} with exit status {status.rc}")
    return _STATUS[status.rc, said]


def _switches(conf: Raw) -> tuple[bool | None, bool | None]:
    if conf.rc != 0:
        # Without the file Tools run on their defaults; a file that may not be read says nothing.
        return (False, False) if no_such_file(conf) else (None, None)
    values = keyfile(conf.out).get(_GROUP, {})
    return boolean(values.get("disable-all", "false")), boolean(values.get("disable-periodic", "false"))


READER = Reader(
    name="vmtools",
    version=1,
    family=Family.TIME,
    commands=(
        *packages.commands(PACKAGES),
        Command(("vmware-toolbox-cmd", "timesync", "status")),
        Command(("vmware-toolbox-cmd", "-v")),
        Command(("cat", CONFIGURATION)),
        *processes.COMMANDS,
    ),
    parse=parse,
    interval_s=30.0,
)
