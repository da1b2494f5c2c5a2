"""Which tool stands behind a name on a guest."""

from __future__ import annotations

from collections.abc import Mapping

from cutover_tui.lab.guest import Guest
from cutover_tui.lab.tools import (
    apt,
    busctl,
    chronyc,
    coreutils,
    date,
    dpkg,
    files,
    power,
    process,
    timedatectl,
    vmtools,
)
from cutover_tui.lab.tools.call import Tool
from cutover_tui.lab.tools.systemctl import systemctl

_DIRECTORIES = ("/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/")

TOOLS: Mapping[str, Tool] = {
    "[": coreutils.test,
    "apt-get": apt.apt_get,
    "busctl": busctl.busctl,
    "cat": files.cat,
    "chronyc": chronyc.chronyc,
    "date": date.date,
    "dpkg-query": dpkg.dpkg_query,
    "echo": coreutils.echo,
    "env": coreutils.env,
    "false": coreutils.false,
    "hostname": coreutils.hostname,
    "id": coreutils.id_,
    "ls": files.ls,
    "poweroff": power.poweroff,
    "printf": coreutils.printf,
    "ps": process.ps,
    "reboot": power.reboot,
    "sleep": coreutils.sleep,
    "stty": coreutils.stty,
    "systemctl": systemctl,
    "systemd-detect-virt": process.detect_virt,
    "test": coreutils.test,
    "timedatectl": timedatectl.timedatectl,
    "true": coreutils.true,
    "uname": coreutils.uname,
    "vmware-toolbox-cmd": vmtools.toolbox_cmd,
    "whoami": coreutils.whoami,
}


def base(name: str) -> str | None:
    """The tool's bare name, None for a path that is not one of the system's directories."""
    if "/" not in name:
        return name
    directory, _, last = name.rpartition("/")
    return last if f"{directory}/" in _DIRECTORIES else None


def find(guest: Guest, name: str) -> Tool | None:
    """The tool of that name, None when this guest has none."""
    bare = base(name)
    if bare is None or guest.has_tool(bare) is False:
        return None
    return TOOLS.get(bare)
