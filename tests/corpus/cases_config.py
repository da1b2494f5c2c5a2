"""Where time sources are configured, by whom, and what of it chronyd could resolve."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from tests.corpus.cases_clock import NOBODY, etc
from tests.corpus.recorder import COMMANDS, case, daemon, ntp_server, run, settled, write

CONF = """\
# pool 9.debian.pool.ntp.org iburst
confdir /etc/chrony/conf.d
Server 127.0.0.1 iburst minpoll 0 maxpoll 0
pool time.absent.example iburst maxsources 2
  peer 192.0.2.3
sourcedir /run/chrony-dhcp
refclock SHM 0 refid SHM0
local stratum 10
"""


@case("time-config/debian-12/chrony")
def _(where: Path) -> None:
    Path("/etc/chrony/chrony.conf").write_text(CONF)
    Path("/etc/chrony/chrony.conf.bak").write_text("server 198.51.100.7\n")
    Path("/etc/chrony/conf.d/site.conf").write_text("server ntp.site.example iburst\n")
    Path("/etc/chrony/chrony.keys").write_text("1 MD5 secret\n")
    Path("/run/chrony-dhcp").mkdir()
    Path("/run/chrony-dhcp/eth0.sources").write_text("server 127.0.0.2 iburst\n")
    facts = {
        "sources.0.name": "", "sources.0.kind": "local", "sources.1.name": "192.0.2.3", "sources.1.kind": "peer",
        "sources.2.name": "time.absent.example", "sources.2.kind": "pool", "sources.2.provenance": "static",
        "sources.3.name": "SHM 0", "sources.3.kind": "refclock", "sources.4.name": "127.0.0.1", "sources.4.provenance": "static",
        "sources.5.name": "ntp.site.example", "sources.5.file": "/etc/chrony/conf.d/site.conf",
        "sources.6.name": "127.0.0.2", "sources.6.provenance": "dhcp", "hidden": [], "unresolved": {"from": 1, "to": 10},
    }  # fmt: skip
    with (
        ntp_server("127.0.0.1", offset=0),
        daemon("chronyd", "-x", "-u", "root", "-d", "-f", "/etc/chrony/chrony.conf"),
    ):
        write(where, "time-config", "sources of several files; two names do not resolve", facts, settled("time-config", facts, after=3))  # fmt: skip


@case("time-config/debian-12/others")
def _(where: Path) -> None:
    Path("/run/systemd/netif").mkdir(parents=True)
    Path("/run/systemd/netif/state").write_text("OPER_STATE=routable\nNTP=192.0.2.42\n")
    etc({
        "/etc/systemd/timesyncd.conf": "[Time]\n#FallbackNTP=0.debian.pool.ntp.org\nNTP=ntp1.site.example ntp2.site.example\n",
        "/etc/ntp.conf": "driftfile /var/lib/ntp/ntp.drift\npool 2.debian.pool.ntp.org iburst\nserver 127.127.1.0\nserver -4 192.0.2.9\n",
    }, {})  # fmt: skip
    facts = {
        "sources.0.service": "chrony", "sources.0.kind": "pool", "sources.0.provenance": "default",
        "sources.1.name": "", "sources.1.kind": "local", "sources.1.service": "ntpd",
        "sources.2.name": "2.debian.pool.ntp.org", "sources.2.provenance": "default", "sources.3.name": "192.0.2.9",
        "sources.4.name": "ntp1.site.example", "sources.4.service": "timesyncd", "sources.5.name": "ntp2.site.example",
        "sources.6.name": "192.0.2.42", "sources.6.provenance": "dhcp", "following": None, "unresolved": None,
    }  # fmt: skip
    write(where, "time-config", "Debian's chrony.conf, a timesyncd.conf, what networkd got by DHCP, an ntp.conf; no chronyd runs", facts, [run(c) for c in COMMANDS["time-config"]])  # fmt: skip


@case("time-config/debian-12/unreadable")
def _(where: Path) -> None:
    Path("/etc/chrony/chrony.conf").write_text(CONF)
    Path("/etc/chrony/chrony.keys").write_text("1 MD5 secret\n")
    for name in ("chrony.conf", "chrony.keys"):
        Path("/etc/chrony", name).chmod(0o600)
    raws = [{**run([*NOBODY, *c]), "argv": c} for c in COMMANDS["time-config"]]
    facts = {"hidden": ["/etc/chrony/chrony.conf"], "following": None}
    write(where, "time-config", "an account that may not read chrony.conf and chrony.keys", facts, raws)


@case("time-config/debian-12/nothing")
def _(where: Path) -> None:
    facts: dict[str, object] = {"sources": [], "hidden": []}
    write(where, "time-config", "no file names a source", facts, [run(c) for c in COMMANDS["time-config"]])


CRONTAB = """\
# m h dom mon dow user command: 5 * * * * root ntpdate-debian
17 * * * * root cd / && run-parts --report /etc/cron.hourly
*/5 * * * * root /usr/sbin/ntpdate -u 192.0.2.1 >/dev/null
*/7 * * * * root ntpdate -q 192.0.2.1 | logger
1 1 * * * root hwclock --systohc; date -u +%s
"""
UNIT = "[Service]\nType=oneshot\nExecStart=/usr/sbin/chronyd -q 'server 192.0.2.1 iburst'\n"


@case("cron/debian-12/jobs")
def _(where: Path) -> None:
    files = {"/etc/crontab": CRONTAB, "/etc/cron.daily/clock": "#!/bin/sh\nhwclock -s --utc\n", "/etc/cron.d/clock.bak": "* * * * * root rdate 192.0.2.1\n", "/etc/systemd/system/clock.service": UNIT}  # fmt: skip
    etc(files, {})
    facts = {
        "jobs.0.file": "/etc/cron.daily/clock", "jobs.0.program": "hwclock", "jobs.1.file": "/etc/crontab", "jobs.1.program": "ntpdate",
        "jobs.2.file": "/etc/systemd/system/clock.service", "jobs.2.program": "chronyd -q", "hidden": [],
    }  # fmt: skip
    write(where, "cron", "three jobs that set the clock; a query, a comment and a file cron does not read", facts, [run(c) for c in COMMANDS["cron"]])  # fmt: skip


@case("cron/debian-12/unreadable")
def _(where: Path) -> None:
    etc({"/etc/crontab": CRONTAB, "/etc/cron.d/secret": "1 1 * * * root rdate 192.0.2.1\n"}, {})
    Path("/etc/cron.d/secret").chmod(0o600)
    raws = [{**run([*NOBODY, *c]), "argv": c} for c in COMMANDS["cron"]]
    facts: dict[str, object] = {"jobs.0.program": "ntpdate", "hidden.0": "/etc/cron.d/secret"}
    write(where, "cron", "an account that may not read a table", facts, raws)


@case("cron/debian-12/none")
def _(where: Path) -> None:
    etc({"/etc/crontab": "17 * * * * root cd / && run-parts --report /etc/cron.hourly\n"}, {})
    write(where, "cron", "no job sets the clock", {"jobs": []}, [run(c) for c in COMMANDS["cron"]])


@case("ptp/linux-6.18/none")
def _(where: Path) -> None:
    if Path("/sys/class/ptp").exists():  # this machine's are out of sight
        subprocess.run(shlex.split("mount -t tmpfs none /sys/class/ptp"), check=True)
    write(where, "ptp", "a machine without PTP clocks", {"clocks": []}, [run(c) for c in COMMANDS["ptp"]])
