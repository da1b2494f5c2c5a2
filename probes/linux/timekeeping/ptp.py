"""PTP clock devices by name, which tells a host's clock from a network card's (drivers/ptp/ptp_clock.c, `clock_name`).

Names: "KVM virtual PTP" (drivers/ptp/ptp_kvm_common.c), "hyperv" (drivers/hv/hv_util.c), "ptp_vmw"
(drivers/ptp/ptp_vmw.c). There is one file a device, so that the first eight are asked for.
"""

from __future__ import annotations

import re

from probes.facts_clock import PtpClock, PtpFacts
from probes.linux import grep
from probes.linux.text import Unparsed, quoted, unusable
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Reader

PATHS = tuple(f"/sys/class/ptp/ptp{number}/clock_name" for number in range(8))
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.:() -]{0,63}\Z", re.ASCII)


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from the files' lines."""
    (found,) = raws
    failure = unusable(found)
    if failure is not None:
        return failure
    try:
        if grep.hidden(found):
            return Failure(FailureKind.DENIED, f"{grep.hidden(found)[0]} may not be read")
        return PtpFacts(tuple(_clock(file, text) for file, text in grep.lines(found)))
    except Unparsed as error:
        return Failure(FailureKind.NOT_UNDERSTOOD, f"ptp: {error}")


def _clock(file: str, text: str) -> PtpClock:
    if file not in PATHS or not _NAME.match(text):
        raise Unparsed(f"{quoted(file)} holds {quoted(text)}")
    return PtpClock(PATHS.index(file), text)


READER = Reader(
    name="ptp",
    version=1,
    family=Family.TIME,
    commands=(grep.command("^.", PATHS),),
    parse=parse,
    interval_s=60.0,
)
