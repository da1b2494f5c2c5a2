"""Jobs that set the clock: cron tables, scripts below /etc/cron.*, units of /etc/systemd/system.

One grep finds the lines (comments apart) that name a program which can set a clock; each is looked at again for
the option that makes it do so, because `ntpdate -q`, `chronyd -Q`, `hwclock --systohc` and plain `date` set nothing.
Users' tables are readable by root and themselves only: what could not be read is named, never taken for none.
"""

from __future__ import annotations

import re

from probes.facts_writers import ClockJob, CronFacts
from probes.linux import grep
from probes.linux.text import Unparsed, unusable
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Reader

PATHS = (
    "/etc/crontab",
    "/etc/anacrontab",
    "/etc/cron.d",
    "/etc/cron.hourly",
    "/etc/cron.daily",
    "/etc/cron.weekly",
    "/etc/cron.monthly",
    "/etc/periodic",
    "/etc/crontabs",
    "/var/spool/cron",
    "/etc/systemd/system",
)
_PATTERN = (
    "^[^#]*(ntpdate|ntpdig|sntp|rdate|htpdate|tlsdate|chronyd|busybox ntpd|hwclock|date .*(-s|--set)|"
    "timedatectl .*set-time|vmware-toolbox-cmd .*timesync|guest-set-time)"
)
_WORD = r"(?:^|[\s;&|(=/\"'`])"
_PROGRAMS = tuple(
    (name, re.compile(_WORD + pattern))
    for name, pattern in (
        ("ntpdate", r"ntpdate(?![\w-])(?!(?:\s+\S+)*?\s+-\w*q)"),
        ("ntpdig", r"ntpdig\s(?=.*-\w*[Ssj])"),
        ("sntp", r"sntp\s(?=.*-\w*[Ssr])"),
        ("rdate", r"rdate\s(?!.*-\w*p)"),
        ("htpdate", r"htpdate\s(?=.*-\w*[asDd])"),
        ("tlsdate", r"tlsdated?(?![\w-])"),
        ("chronyd -q", r"chronyd\s(?=.*-q)"),
        ("ntpd of busybox", r"busybox\s+ntpd\s"),
        ("hwclock", r"hwclock\s(?=.*(?:-\w*s\b|--hctosys))"),
        ("date", r"date\s(?=[^|;&]*(?:\s|^)?(?:-\w*s\b|--set))"),
        ("timedatectl", r"timedatectl\s(?=.*set-time(?!zone))"),
        ("vmware-toolbox-cmd timesync", r"vmware-toolbox-cmd\s(?=.*timesync\s+enable)"),
        ("guest-set-time", r"\S*guest-set-time"),
    )
)


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from grep."""
    (found,) = raws
    failure = unusable(found)
    if failure is not None:
        return failure
    try:
        jobs = {
            ClockJob(name, file)
            for file, text in grep.lines(found)
            if not _residue(file)
            for name, pattern in _PROGRAMS
            if pattern.search(text)
        }
        return CronFacts(
            jobs=tuple(sorted(jobs, key=lambda job: (job.file, job.program))), hidden=grep.hidden(found)
        )
    except Unparsed as error:
        return Failure(FailureKind.NOT_UNDERSTOOD, f"cron: {error}")


def _residue(file: str) -> bool:
    """Names cron and run-parts pass over (cron(8), run-parts(8)): what packages and editors leave behind."""
    name = file.rsplit("/", 1)[1]
    return name.startswith(".") or name.endswith(
        ("~", ".bak", ".dpkg-old", ".dpkg-dist", ".rpmsave", ".rpmnew")
    )


READER = Reader(
    name="cron",
    version=1,
    family=Family.TIME,
    commands=(grep.command(_PATTERN, PATHS),),
    parse=parse,
    interval_s=60.0,
)
