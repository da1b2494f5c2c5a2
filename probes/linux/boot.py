"""Since when this boot runs: the kernel's boot id and its uptime."""

from __future__ import annotations

import re

from probes.facts_identity import BootFacts
from probes.linux.text import Unparsed, broken, only_line, quoted, scaled
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Command, Reader

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z", re.ASCII)
_UPTIME = re.compile(r"(\d{1,12}\.\d\d) \d{1,15}\.\d\d\Z", re.ASCII)


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from random/boot_id and /proc/uptime."""
    boot, uptime = raws
    failure = broken(boot) or broken(uptime)
    if failure is not None:
        return failure
    if boot.rc != 0 or uptime.rc != 0:
        return Failure(FailureKind.DENIED, "the boot id or the uptime cannot be read from /proc")
    try:
        return BootFacts(boot_id=boot_id(boot.out), uptime_ns=_uptime_ns(only_line(uptime.out)))
    except Unparsed as error:
        return Failure(FailureKind.NOT_UNDERSTOOD, str(error))


def boot_id(text: str) -> str:
    """A boot id as /proc/sys/kernel/random/boot_id shows it.

    Raises:
        Unparsed: not a whole UUID line.
    """
    line = only_line(text)
    if not _UUID.match(line):
        raise Unparsed(f"not a boot id: {quoted(line)}")
    return line


def _uptime_ns(line: str) -> int:
    match = _UPTIME.match(line)
    if match is None:
        raise Unparsed(f"not an uptime: {quoted(line)}")
    return scaled(match.group(1), 9)


READER = Reader(
    name="boot",
    version=1,
    family=Family.IDENTITY,
    commands=(
        Command(("cat", "/proc/sys/kernel/random/boot_id")),
        Command(("cat", "/proc/uptime")),
    ),
    parse=parse,
    interval_s=10.0,
)
