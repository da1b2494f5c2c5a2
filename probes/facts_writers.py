"""Facts about who else may have set, or may set, the clock. Times are nanoseconds; None means "not visible", never "no"."""

from __future__ import annotations

import msgspec


class ClockSet(msgspec.Struct, frozen=True):
    """One line of the guest's log that says that the clock was set."""

    by: str | None  # the program that says it did so; None = a witness, who does not know who did
    mono_ns: int  # CLOCK_MONOTONIC of the guest when it was logged
    utc_ns: int  # the guest's clock then
    amount_ns: int | None  # forwards is positive; None = not said


class ClockJob(msgspec.Struct, frozen=True):
    """One line of a cron table, a script below /etc/cron.* or a unit that runs what sets the clock."""

    program: str  # "ntpdate", "date", "hwclock" …
    file: str


class CronFacts(msgspec.Struct, frozen=True, tag="cron"):
    """Jobs that set the clock, as far as this account may read them."""

    jobs: tuple[ClockJob, ...]
    hidden: tuple[str, ...]  # files and directories that may not be read: what stands there is not known


class StepsFacts(msgspec.Struct, frozen=True, tag="steps"):
    """What the guest's log of this boot says of its clock being set, newest first.

    No line proves that nobody set the clock: `date` and rdate log nothing, systemd-timesyncd
    neither, and a log keeps what it has room for.
    """

    sets: tuple[ClockSet, ...] | None
    more: bool  # older ones were left out
    up_ns: int | None  # uptime when this was read, to age `mono_ns`
    skipped: int = (
        0  # lines about the clock that are in unknown words, or of a writer who is not to be believed
    )
