"""Which tool stands behind a name on a guest."""

from __future__ import annotations

from collections.abc import Mapping

from cutover_tui.lab.machine.guest import Guest
from cutover_tui.lab.tools import (
    busctl,
    busybox,
    coreutils,
    files,
    ip,
    journalctl,
    od,
    openrc,
    power,
    process,
    vmtools,
)
from cutover_tui.lab.tools.call import Tool
from cutover_tui.lab.tools.domain import joins, krb5
from cutover_tui.lab.tools.domain.klist import klist
from cutover_tui.lab.tools.domain.ldapsearch import ldapsearch
from cutover_tui.lab.tools.domain.sssctl import sssctl
from cutover_tui.lab.tools.filetools import looking, making
from cutover_tui.lab.tools.filetools.find import find as find_
from cutover_tui.lab.tools.filetools.timeout import timeout
from cutover_tui.lab.tools.packaging import apk, apt, dpkg, rpm
from cutover_tui.lab.tools.systemctl import systemctl
from cutover_tui.lab.tools.timekeeping import chronyc, date, ntpq, timedatectl

_DIRECTORIES = ("/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/")

TOOLS: Mapping[str, Tool] = {
    "[": coreutils.test,
    "adcli": joins.adcli,
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
    "find": find_,
    "grep": looking.grep,
    "hostname": coreutils.hostname,
    "id": coreutils.id_,
    "install": making.install,
    "ip": ip.ip,
    "journalctl": journalctl.journalctl,
    "kdestroy": krb5.kdestroy,
    "kinit": krb5.kinit,
    "klist": klist,
    "kvno": krb5.kvno,
    "ldapsearch": ldapsearch,
    "ls": files.ls,
    "mkdir": making.mkdir,
    "net": joins.net,
    "ntpq": ntpq.ntpq,
    "od": od.od,
    "poweroff": power.poweroff,
    "printf": coreutils.printf,
    "pgrep": process.pgrep,
    "ps": process.ps,
    "rc-service": openrc.rc_service,
    "rc-update": openrc.rc_update,
    "readlink": files.readlink,
    "realm": joins.realm,
    "reboot": power.reboot,
    "rm": making.rm,
    "rpm": rpm.rpm,
    "sleep": coreutils.sleep,
    "sssctl": sssctl,
    "stat": looking.stat,
    "stty": coreutils.stty,
    "systemctl": systemctl,
    "systemd-detect-virt": process.detect_virt,
    "test": coreutils.test,
    "timedatectl": timedatectl.timedatectl,
    "timeout": timeout,
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
    "ip": "systemd",
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
