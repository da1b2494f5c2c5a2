"""Which tool stands behind a name on a guest."""

from __future__ import annotations

from collections.abc import Mapping

from cutover_tui.lab.machine.guest import Guest
from cutover_tui.lab.tools import (
    apk,
    apt,
    busctl,
    busybox,
    chronyc,
    coreutils,
    date,
    dpkg,
    files,
    journalctl,
    ntpq,
    openrc,
    power,
    process,
    rpm,
    timedatectl,
    vmtools,
)
from cutover_tui.lab.tools.call import Tool
from cutover_tui.lab.tools.systemctl import systemctl

_DIRECTORIES = ("/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/")

TOOLS: Mapping[str, Tool] = {
    "[": coreutils.test,
    "apk": apk.apk,
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
    "journalctl": journalctl.journalctl,
    "ls": files.ls,
    "ntpq": ntpq.ntpq,
    "poweroff": power.poweroff,
    "printf": coreutils.printf,
    "ps": process.ps,
    "rc-service": openrc.rc_service,
    "rc-update": openrc.rc_update,
    "readlink": files.readlink,
    "reboot": power.reboot,
    "rpm": rpm.rpm,
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


_BUSYBOX: Mapping[str, Tool] = {"cat": busybox.cat, "ls": busybox.ls, "ps": busybox.ps}
_ONLY_ON: Mapping[str, str] = {
    "apk": "apk",
    "apt-get": "dpkg",
    "busctl": "systemd",
    "journalctl": "systemd",
    "dpkg-query": "dpkg",
    "rc-service": "openrc",
    "rc-update": "openrc",
    "rpm": "rpm",
    "systemctl": "systemd",
    "systemd-detect-virt": "systemd",
    "timedatectl": "systemd",
}
"""Tools that come with one package manager or one init."""


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
    system = guest.system
    if _ONLY_ON.get(bare, system.init) not in (system.init, system.manager):
        return None
    if system.userland == "busybox" and bare in _BUSYBOX:
        return _BUSYBOX[bare]
    return TOOLS.get(bare)
