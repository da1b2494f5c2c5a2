"""The checks of a guest's time."""

from __future__ import annotations

from cutover_tui.core.checks.check import Check
from cutover_tui.core.checks.clocks import jump_host
from cutover_tui.core.checks.clocks.standing_line import GUEST_READERS, JUMP_READERS
from cutover_tui.core.checks.entries.bounds import FRESH
from cutover_tui.core.checks.provider import time_provider
from cutover_tui.core.checks.spec import Bound, CheckSpec, Param
from cutover_tui.core.checks.timekeeping import (
    time_master,
    time_offset,
    time_projection,
    time_reboot,
    time_reference,
    time_rtc,
)
from cutover_tui.core.runbook import HOUR, MINUTE, SECOND
from probes.observation import Family

SILENT = Param(
    "duration",
    2 * HOUR,
    1 * MINUTE,
    12 * HOUR,
    doc="how long ago a provider's last update may be, however long its polls are",
)

DISTANCE = Param(
    "duration",
    1 * SECOND,
    1,
    5 * SECOND,
    doc="how far off its source may say that it is itself (root distance)",
)

CHECKS = (
    Check(
        spec=CheckSpec(
            id="time.jump-host",
            version=5,
            family=Family.TIME,
            max_age=FRESH,
            params={
                "agree": Param("duration", 1 * SECOND, 1, 1 * SECOND, doc="how far two witnesses may differ")
            },
        ),
        judge=jump_host.run,
        criterion=jump_host.criterion,
        jump_readers=JUMP_READERS,
        witnesses=GUEST_READERS,
        looks_back=jump_host.looks_back,
        of_no_guest=True,
        naive="`date` on the jump host looks right",
    ),
    Check(
        spec=CheckSpec(
            id="time.provider",
            version=13,
            family=Family.TIME,
            max_age=FRESH,
            params={"silent": SILENT, "distance": DISTANCE},
        ),
        judge=time_provider.run,
        criterion=time_provider.criterion,
        readers=("chrony", "timesyncd", "ntpq", "services", "time-config", "ptp"),
        jump_readers=("ntp",),
        naive="the time service is active; `timedatectl` says synchronized: yes (for 8.9 h after the last update)",
    ),
    Check(
        spec=CheckSpec(
            id="time.single-master",
            version=6,
            family=Family.TIME,
            max_age=FRESH,
        ),
        judge=time_master.run,
        criterion=time_master.criterion,
        readers=("services", "platform", "vmtools", "time-config", "cron", "steps", "chrony"),
        jump_readers=JUMP_READERS,
        witnesses=GUEST_READERS,
        looks_back=time_master.looks_back,
        naive="`vmware-toolbox-cmd timesync status` says Disabled, while Tools sets the clock at every resume",
    ),
    Check(
        spec=CheckSpec(
            id="time.offset",
            version=4,
            family=Family.TIME,
            soak=Bound(default=10 * MINUTE, lowest=1 * MINUTE, highest=None),
            max_age=FRESH,
            params={
                "warn": Param(
                    "duration", 1 * SECOND, 1, 30 * SECOND, doc="pass, but say so above this", at_most="fail"
                ),
                "fail": Param("duration", 5 * SECOND, 1, 30 * SECOND, doc="never farther off than this"),
            },
        ),
        judge=time_offset.run,
        criterion=time_offset.criterion,
        jump_readers=JUMP_READERS,
        witnesses=GUEST_READERS,
        looks_back=time_offset.looks_back,
        naive="`date` agrees with the wall clock to the second, now",
    ),
    Check(
        spec=CheckSpec(
            id="time.projection",
            version=6,
            family=Family.TIME,
            soak=Bound(default=10 * MINUTE, lowest=1 * MINUTE, highest=None),
            max_age=FRESH,
            params={
                "horizon": Param(
                    "duration", 72 * HOUR, 24 * HOUR, 720 * HOUR, doc="how far ahead the clock must be right"
                ),
                "within": Param(
                    "duration", 5 * SECOND, 1, 30 * SECOND, doc="a kept clock is never farther off than this"
                ),
                "silent": SILENT,
                "distance": DISTANCE,
            },
        ),
        judge=time_projection.run,
        criterion=time_projection.criterion,
        readers=("chrony", "timesyncd", "ntpq", "services"),
        jump_readers=JUMP_READERS,
        witnesses=GUEST_READERS,
        looks_back=time_projection.looks_back,
        naive="the offset is small now, so it will be small next week",
    ),
    Check(
        spec=CheckSpec(
            id="time.reboot",
            version=5,
            family=Family.TIME,
            max_age=FRESH,
            params={
                "first": Param("duration", 5 * MINUTE, 10 * SECOND, 5 * MINUTE, doc="first look until"),
                "second": Param("duration", 20 * MINUTE, 20 * MINUTE, None, doc="second look from"),
            },
            needs_mark=True,
        ),
        judge=time_reboot.run,
        criterion=time_reboot.criterion,
        readers=("boot", "steps"),
        compares=("boot",),
        jump_readers=JUMP_READERS,
        witnesses=GUEST_READERS,
        looks_back=time_reboot.looks_back,
        naive="it rebooted and came back",
    ),
    Check(
        spec=CheckSpec(
            id="time.reference",
            version=4,
            family=Family.TIME,
            max_age=FRESH,
            params={
                "domain": Param(
                    "duration",
                    1 * SECOND,
                    1,
                    1 * SECOND,
                    doc="how far a controller may be off the independent references",
                )
            },
            acknowledge=60 * SECOND,
        ),
        judge=time_reference.run,
        criterion=time_reference.criterion,
        jump_readers=JUMP_READERS,
        witnesses=GUEST_READERS,
        looks_back=time_reference.looks_back,
        of_no_guest=True,
        naive="every guest agrees with its domain controller; `w32tm /monitor` is all within milliseconds",
    ),
    Check(
        spec=CheckSpec(
            id="time.rtc",
            version=1,
            family=Family.TIME,
            max_age=FRESH,
            params={
                "off": Param(
                    "duration", 1 * MINUTE, 5 * SECOND, 5 * MINUTE, doc="how far beside the guest's clock"
                )
            },
            needs_mark=True,
        ),
        judge=time_rtc.run,
        criterion=time_rtc.criterion,
        readers=("rtc",),
        compares=("rtc",),
        naive="`date` is right after the move, so the hour is right",
    ),
)
