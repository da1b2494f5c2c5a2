"""What systemd-timedated says of the clock: `NTPSynchronized`, the line every checklist looks at.

It is the kernel's word (a maximum error below 16 s in `adjtimex`, which grows by 500 ppm
while nobody updates the clock: systemd's src/shared/clock-util `ntp_synced`), true for about nine hours after the last update of
anybody who told the kernel that it is right, VMware Tools included. Only the naive checks
read this; nothing else believes it. `CanNTP` says whether a unit of ntp-units.d is
installed, `NTP` whether one of them runs (org.freedesktop.timedate1(5)).
"""

from __future__ import annotations

from probes.facts_time import KernelSyncFacts
from probes.linux.text import Unparsed, quoted, unusable, whole_lines
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Command, Reader

_KEYS = ("CanNTP", "NTP", "NTPSynchronized")
_WORDS = {"yes": True, "no": False}
_NO_BUS = "Failed to connect to bus"


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from `timedatectl show`."""
    (show,) = raws
    failure = unusable(show)
    if failure is not None:
        return failure
    said = show.err or show.out
    if show.rc != 0 and _NO_BUS in said:
        return Failure(FailureKind.TOOL_ABSENT, "no system bus to ask for timedated")
    try:
        if show.rc != 0:
            raise Unparsed(quoted(said))
        return _facts(show.out)
    except Unparsed as error:
        return Failure(FailureKind.NOT_UNDERSTOOD, f"timedatectl: {error}")


def _facts(text: str) -> KernelSyncFacts:
    found: dict[str, bool] = {}
    for line in whole_lines(text):
        key, _, value = line.partition("=")
        if key not in _KEYS or key in found or value not in _WORDS:
            raise Unparsed(quoted(line))
        found[key] = _WORDS[value]
    if len(found) != len(_KEYS):
        raise Unparsed(f"{len(found)} properties, asked for {len(_KEYS)}")
    return KernelSyncFacts(
        synchronized=found["NTPSynchronized"], can_ntp=found["CanNTP"], ntp_runs=found["NTP"]
    )


READER = Reader(
    name="timedatectl",
    version=1,
    family=Family.TIME,
    commands=(Command(("timedatectl", "show", *(word for key in _KEYS for word in ("-p", key)))),),
    parse=parse,
    interval_s=15.0,
)
