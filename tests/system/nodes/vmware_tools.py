"""A real Debian package named open-vm-tools: installed by dpkg, purged by dpkg, running a daemon.

What is in it is the lab's (vmtoolsd.c, vmware_toolbox_cmd.sh); package database, init links,
process and DMI are real, and the daemon keeps the guest's clock the way the real one does.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.system.nodes.node import Node

VERSION = "2:12.2.0-1+deb12u3"
_HERE = Path(__file__).parent

_CONTROL = f"""\
Package: open-vm-tools
Version: {VERSION}
Architecture: all
Maintainer: The lab <lab@example.test>
Section: admin
Priority: extra
Description: Open VMware Tools for virtual machines hosted on VMware (CLI)
 The lab's stand-in with the same names, exit codes and effect on the clock.
"""
_INIT = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides:          open-vm-tools
# Required-Start:    $local_fs
# Required-Stop:     $local_fs
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: Runs the open-vm-tools services
### END INIT INFO
[ ! -r /etc/default/open-vm-tools ] || . /etc/default/open-vm-tools
case "$1" in
start) start-stop-daemon --start --quiet --oknodo --pidfile /run/vmtoolsd.pid \\
    --exec /usr/bin/vmtoolsd -- -p /run/vmtoolsd.pid ${VMTOOLSD_OPTS-} ;;
stop) start-stop-daemon --stop --quiet --oknodo --retry 5 --pidfile /run/vmtoolsd.pid --exec /usr/bin/vmtoolsd ;;
restart | force-reload) "$0" stop && "$0" start ;;
*) echo "Usage: $0 {start|stop|restart|force-reload}" >&2; exit 3 ;;
esac
"""
_UNIT = """\
[Unit]
Description=Service for virtual machines hosted on VMware
ConditionVirtualization=vmware
[Service]
ExecStart=/usr/bin/vmtoolsd
[Install]
WantedBy=multi-user.target
Alias=vmtoolsd.service
"""
_SCRIPTS = {
    "postinst": "update-rc.d open-vm-tools defaults\nsystemctl --quiet enable open-vm-tools.service\n",
    "prerm": '/etc/init.d/open-vm-tools stop\n[ "$1" = upgrade ] || systemctl --quiet disable open-vm-tools.service\n',
    "postrm": '[ "$1" != purge ] || { update-rc.d open-vm-tools remove; rm -rf /var/lib/vmware; }\n',
}


def build_package(directory: Path) -> Path:
    """Compile and pack open-vm-tools into `directory`; the path of the .deb."""
    root = directory / "open-vm-tools"
    files = {
        "DEBIAN/control": _CONTROL,
        "DEBIAN/conffiles": "/etc/vmware-tools/tools.conf\n/etc/init.d/open-vm-tools\n",
        "etc/init.d/open-vm-tools": _INIT,
        "etc/vmware-tools/tools.conf": "# Lines below show what may be set.\n#[timeSync]\n#disable-all=true\n",
        "lib/systemd/system/open-vm-tools.service": _UNIT,
        "usr/bin/vmware-toolbox-cmd": (_HERE / "vmware_toolbox_cmd.sh").read_text(),
        "var/lib/vmware/.keep": "",
        **{f"DEBIAN/{name}": f"#!/bin/sh\nset -e\n{body}" for name, body in _SCRIPTS.items()},
    }
    for name, text in files.items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(0o755 if text.startswith("#!") else 0o644)
    source, binary = str(_HERE / "vmtoolsd.c"), str(root / "usr/bin/vmtoolsd")
    subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", binary, source], check=True)
    package = directory / "open-vm-tools.deb"
    argv = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(root), str(package)]
    subprocess.run(argv, check=True, capture_output=True)
    return package


@dataclass
class VmwareTools:
    """VMware Tools of one guest."""

    node: Node
    package: Path

    def install(self, *, period_s: int = 60) -> None:
        """`dpkg -i`, periodic synchronisation on, daemon started: the source VM as it was for years."""
        with self.package.open("rb") as deb:
            self.node.path("/root/open-vm-tools.deb").write_bytes(deb.read())
        self.node.run("dpkg", "--force-unsafe-io", "-i", "/root/open-vm-tools.deb")
        self.node.write("/etc/default/open-vm-tools", f'VMTOOLSD_OPTS="-i {period_s}"\n')
        self.node.write("/var/lib/vmware/synctime", "")
        self.start()

    def start(self) -> None:
        """Start vmtoolsd; on VMware it sets the clock at once."""
        self.node.run("/etc/init.d/open-vm-tools", "start")

    def stop(self) -> None:
        """Stop vmtoolsd; the package stays."""
        self.node.run("/etc/init.d/open-vm-tools", "stop")

    def purge(self) -> None:
        """`dpkg --purge`: what the checklist calls "VMware Tools removed"."""
        self.node.run("dpkg", "--force-unsafe-io", "--purge", "open-vm-tools")

    @property
    def enabled(self) -> bool:
        """Whether the next boot starts it."""
        return any(self.node.path("/etc/rc2.d").glob("S??open-vm-tools"))
